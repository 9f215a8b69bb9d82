//! Many who want the same at once: one gets it.

use std::time::Duration;

use aftercare::domain::{
    client,
    gathering::{self, NewGathering},
};
use chrono::TimeDelta;
use entity::{ClientId, SessionId, session, vocabulary::Role};
use futures_util::future::join_all;
use kit::{
    app::{Home, TestApp, new_workshop, somebody},
    caller::{Answer, Caller},
    on_both,
};
use serde_json::{Value, json};

/// Each over a connection of its own: over HTTP/1.1 a connection carries one request at a time.
async fn fifty(caller: &Caller, mutation: &str, variables: Value) -> Vec<Answer> {
    join_all((0..50).map(|_| caller.ask_with(mutation, variables.clone()))).await
}

/// How many were refused with this code, and how many with nothing.
fn outcome(answers: &[Answer], code: &str) -> (usize, usize) {
    let refused = answers.iter().filter(|answer| answer.user_error_codes() == [code]).count();
    let done = answers.iter().filter(|answer| answer.error_codes().is_empty() && answer.user_error_codes().is_empty()).count();
    (done, refused)
}

/// A session with twenty seats, and two hundred clients who want one.
async fn twenty_seats(app: &TestApp, home: &Home) -> (SessionId, Vec<ClientId>) {
    let mut tx = app.store.begin(&app.system()).await.unwrap();
    let draft = gathering::create_in(&mut tx, NewGathering { capacity_in_person: Some(20), waitlist_size: Some(0), ..new_workshop(home) })
        .await
        .unwrap();
    let published = gathering::publish_in(&mut tx, &draft).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(client::create_in(&mut tx, home.organization, somebody(home)).await.unwrap().id);
    }
    tx.commit(published).await.unwrap();
    let system = app.system();
    let sessions = app.store.find::<session::Entity>(&system).first(1).await.unwrap();
    (sessions[0].id, clients)
}

on_both! {
    async fn one_of_fifty_revokes_a_client(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, administrator) = app.open_door(&[Role::Administrator]).await;
        let client = app.api_client(&home, &[Role::Coordinator], &[], &[]).await;
        let revoke = "mutation($id: ID!) { apiClientRevoke(id: $id) { apiClient { id revokedAt } userErrors { code } } }";
        let before = app.database.count("FROM event").await;

        let answers = fifty(&administrator, revoke, json!({ "id": client.id.to_string() })).await;

        assert_eq!(outcome(&answers, "IMMUTABLE"), (1, 49), "{}", answers[0].raw);
        assert_eq!(app.database.count("FROM event").await, before + 1);
        assert_eq!(app.database.count("FROM api_client WHERE version = 2").await, 1);
        assert_eq!(app.database.count("FROM audit_event WHERE action = 'REFUSED:apiClientRevoke' AND NOT allowed").await, 49);
    }

    async fn one_of_fifty_gets_a_name(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_home, administrator) = app.open_door(&[Role::Administrator]).await;
        let create = "mutation($name: String!) { programCreate(input: { name: $name }) { program { id } userErrors { code } } }";
        let before = app.database.count("FROM event").await;

        let answers = fifty(&administrator, create, json!({ "name": "Evenings" })).await;

        assert_eq!(outcome(&answers, "ALREADY_EXISTS"), (1, 49), "{}", answers[0].raw);
        assert_eq!(app.database.count("FROM program WHERE name = 'Evenings'").await, 1);
        assert_eq!(app.database.count("FROM event").await, before + 1);
    }

    async fn two_hundred_people_take_twenty_seats(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let (session, clients) = twenty_seats(&app, &home).await;
        let register = "mutation($session: ID!, $client: ID!) { registrationCreate(input: {
            sessionId: $session, registrant: { clientId: $client } }) { registration { id } userErrors { code } } }";
        let before = app.database.count("FROM event").await;

        let all = clients.iter().map(|client| json!({ "session": session, "client": client }));
        let answers = join_all(all.map(|variables| coordinator.ask_with(register, variables))).await;

        assert_eq!(outcome(&answers, "SESSION_FULL"), (20, 180), "{}", answers[0].raw);
        assert_eq!(app.database.count("FROM registration").await, 20);
        assert_eq!(app.database.count("FROM session WHERE registered_in_person = 20 AND registered_online = 0").await, 1);
        assert_eq!(app.database.count("FROM event").await, before + 20);

        let cancel = "mutation($id: ID!) { registrationCancel(id: $id) { registration { id } userErrors { code } } }";
        let ids = answers.iter().filter_map(|answer| answer.body["data"]["registrationCreate"]["registration"]["id"].as_str());
        // Everyone cancels twice at once: each seat is freed once.
        let twice = ids.flat_map(|id| [id, id]).map(|id| coordinator.ask_with(cancel, json!({ "id": id })));
        let answers = join_all(twice).await;
        assert_eq!(answers.iter().filter(|answer| answer.user_error_codes().is_empty() && answer.error_codes().is_empty()).count(), 20);
        assert_eq!(app.database.count("FROM session WHERE registered_in_person = 0").await, 1);
    }

    async fn one_of_twenty_uses_up_an_assertion(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let until = app.clock().now() + TimeDelta::minutes(1);

        let first = join_all((0..20).map(|_| app.store.refuse_jti("a name", until))).await;

        assert_eq!(first.into_iter().filter(|first| *first.as_ref().unwrap()).count(), 1);
        assert!(!app.store.refuse_jti("a name", until).await.unwrap());
        assert!(app.store.refuse_jti("another", until).await.unwrap());
        app.clock().advance(TimeDelta::minutes(2));
        assert!(app.store.refuse_jti("a name", until).await.unwrap(), "it ended by itself, and was forgotten");
    }
    async fn who_gives_up_waiting_for_a_transaction_leaves_none_open(db: TestDatabase) {
        let mut app = TestApp::start(db).await;
        app.stop_sealer().await;

        for microseconds in 0..200 {
            let begun = tokio::time::timeout(Duration::from_micros(5 * microseconds), app.store.begin(&app.system())).await;
            drop(begun);
        }

        // A connection with an open transaction could not begin one that sees one moment.
        let system = app.system();
        for verified in join_all((0..16).map(|_| app.store.verify(&system))).await {
            verified.unwrap().unwrap();
        }
    }
}
