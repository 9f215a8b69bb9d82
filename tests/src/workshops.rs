//! Workshops as a coordinator makes them, and their sessions as anybody reads them.

use serde_json::{Value, json};

use crate::caller::Caller;

const CREATE: &str = "mutation($input: WorkshopCreateInput!) { workshopCreate(input: $input) { workshop { id } userErrors { message } } }";
const PUBLISH: &str = "mutation($id: ID!) { workshopPublish(id: $id) { userErrors { message } } }";
const SESSIONS: &str = "query($id: ID!, $after: String) { node(id: $id) { ... on Workshop { sessions(first: 100, after: $after) {
    nodes { id status startsAt endsAt localStart note } pageInfo { hasNextPage endCursor } } } } }";

/// A draft of this input, with these fields in place of its own.
///
/// # Panics
/// When it is refused.
pub async fn draft(coordinator: &Caller, mut input: Value, change: &Value) -> String {
    for (field, value) in change.as_object().expect("a change is an object") {
        input[field] = value.clone();
    }
    let made = coordinator.ask_with(CREATE, json!({ "input": input })).await;
    assert_eq!(made.data("/workshopCreate/userErrors"), &json!([]), "{}", made.raw);
    made.text("/workshopCreate/workshop/id").to_owned()
}

/// Likewise, published.
///
/// # Panics
/// When it is refused.
pub async fn published(coordinator: &Caller, input: Value, change: &Value) -> String {
    let id = draft(coordinator, input, change).await;
    publish(coordinator, &id).await;
    id
}

/// Publishes a draft.
///
/// # Panics
/// When it is refused.
pub async fn publish(coordinator: &Caller, id: &str) {
    let published = coordinator.ask_with(PUBLISH, json!({ "id": id })).await;
    assert_eq!(published.data("/workshopPublish/userErrors"), &json!([]), "{}", published.raw);
}

/// All sessions of a workshop in the order of their time, page by page.
///
/// # Panics
/// When the caller does not see it.
pub async fn sessions(caller: &Caller, workshop: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = caller.ask_with(SESSIONS, json!({ "id": workshop, "after": after })).await;
        let sessions = page.data("/node/sessions");
        all.extend(sessions["nodes"].as_array().expect("sessions are a list").iter().cloned());
        if sessions["pageInfo"]["hasNextPage"] == false {
            return all;
        }
        after = sessions["pageInfo"]["endCursor"].clone();
    }
}
