//! Documents by their hash.

use std::time::Duration;

use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    follower::Follower,
    on_both,
};
use serde_json::{Value, json};

const DOCUMENT: &str = "{ programs { totalCount } }";
/// What `sha256sum` says of it.
const HASH: &str = "46a786a36c937a20bd432bc5fa47db853cb118d34239741f19b3a7a8f9dfdccf";
const MUTATION: &str = "mutation { programCreate(input: { name: \"By hash\" }) { program { name } userErrors { code } } }";
const MUTATION_HASH: &str = "0ee3ba26266bef9cc2b28725126156de25100734901dd327770863c253dd6b35";

fn by(hash: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } })
}

fn with(query: &str, hash: &str) -> Value {
    json!({ "query": query, "extensions": by(hash)["extensions"] })
}

async fn administrator(app: &TestApp) -> Caller {
    let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
    app.staff(&home, &[Role::Administrator]).await
}

fn assert_unknown(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.error_codes()), (status, vec!["PERSISTED_QUERY_NOT_FOUND"]), "{}", answer.raw);
    assert!(answer.body.get("data").is_none(), "{}", answer.raw);
}

on_both! {
    async fn a_hash_is_enough_once_its_document_was_sent(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let caller = administrator(&app).await;
        assert_unknown(&caller.send(by(HASH), &[]).await, 200);
        assert_unknown(&caller.send(by(HASH), &[("accept", "application/graphql-response+json")]).await, 400);

        let first = caller.send(with(DOCUMENT, HASH), &[]).await;
        let again = caller.send(by(HASH), &[]).await;

        assert_eq!((first.data("/programs/totalCount"), &first.raw), (&json!(1), &again.raw));
        assert_eq!(app.anyone().send(by(HASH), &[]).await.raw, first.raw, "a document is nobody's");
        let wrong = caller.send(with("{ viewer { roles } }", HASH), &[]).await;
        assert_eq!((wrong.status, wrong.error_codes()), (200, vec!["BAD_USER_INPUT"]), "{}", wrong.raw);
        assert_eq!(caller.send(by(HASH), &[]).await.raw, first.raw, "a wrong hash changes nothing");
    }

    async fn a_hash_stands_in_an_address(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let caller = administrator(&app).await;
        let hash = by(HASH)["extensions"].to_string();
        assert_unknown(&app.anyone().get(&[("extensions", &hash)]).await, 200);

        let first = app.anyone().get(&[("query", DOCUMENT), ("extensions", &hash)]).await;
        let again = app.anyone().get(&[("extensions", &hash)]).await;

        assert_eq!((first.status, first.data("/programs/totalCount"), &first.raw), (200, &json!(1), &again.raw));
        assert_eq!(caller.send(by(HASH), &[]).await.raw, first.raw);
        caller.send(with(MUTATION, MUTATION_HASH), &[]).await;
        let change = app.anyone().get(&[("extensions", &by(MUTATION_HASH)["extensions"].to_string())]).await;
        assert_eq!(change.status, 405, "a link changes nothing, by hash neither: {}", change.raw);
    }

    async fn a_hash_is_enough_for_a_stream_and_a_socket(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let caller = administrator(&app).await;
        let mut unknown = Follower::asking(&caller, &app.url, by(HASH)).await;
        let refused = unknown.next().await.unwrap();
        assert_eq!((&refused["type"], &refused["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("PERSISTED_QUERY_NOT_FOUND")));
        caller.send(with(DOCUMENT, HASH), &[]).await;

        let mut known = Follower::asking(&caller, &app.url, by(HASH)).await;
        assert_eq!(known.next().await.unwrap()["payload"]["data"]["programs"]["totalCount"], 1);
        let streamed = caller.follow_with(by(HASH), Duration::from_millis(500)).await;
        assert!(streamed.raw.contains("\"totalCount\":1"), "{}", streamed.raw);
    }

    async fn a_document_that_is_refused_is_not_kept(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let caller = administrator(&app).await;
        let half = "{";
        // What `sha256sum` says of it.
        let hash = "021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96";
        assert_eq!(caller.send(with(half, hash), &[]).await.error_codes(), ["GRAPHQL_PARSE_FAILED"]);
        assert_unknown(&caller.send(by(hash), &[]).await, 200);
    }
}
