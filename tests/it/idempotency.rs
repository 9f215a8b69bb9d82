//! A request sent twice has one effect, and both are told the same.

use aftercare::access::{Scope, token::Subject};
use chrono::TimeDelta;
use entity::vocabulary::{OrganizationKind, Role};
use futures_util::future::join_all;
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    on_both,
};
use serde_json::{Value, json};

const PROGRAM: &str =
    "mutation($name: String!) { programCreate(input: { name: $name }) { program { id name } userErrors { code message path } } }";
const CLIENT: &str = "mutation($name: String!) { apiClientCreate(input: { name: $name, scopes: [], roles: [ADMINISTRATOR] }) {
    apiClient { id name } clientSecret userErrors { code message path } } }";

async fn administrator(app: &TestApp, name: &str) -> (Home, Caller) {
    let home = app.home(name, OrganizationKind::RecoveryCommunityOrganization).await;
    let caller = app.staff(&home, &[Role::Administrator]).await;
    (home, caller)
}

async fn keyed(caller: &Caller, key: &str, mutation: &str, name: &str) -> Answer {
    caller.send(json!({ "query": mutation, "variables": { "name": name } }), &[("Idempotency-Key", key)]).await
}

/// Fifty at once, each over a connection of its own: over HTTP/1.1 a connection carries one request at a time.
async fn fifty(caller: &Caller, mutation: &str, name: &str) -> Vec<Answer> {
    join_all((0..50).map(|_| keyed(caller, "a key", mutation, name))).await
}

fn replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

on_both! {
    async fn fifty_at_once_have_one_effect_and_one_answer(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = administrator(&app, "Open Door").await;
        let before = app.database.count("FROM event").await;

        let answers = fifty(&administrator, PROGRAM, "Evenings").await;

        let first = answers.iter().find(|answer| !replayed(answer)).unwrap();
        assert_eq!(first.text("/programCreate/program/name"), "Evenings");
        for answer in &answers {
            assert_eq!(answer.body["data"], first.body["data"], "{}", answer.raw);
        }
        assert_eq!(answers.iter().filter(|answer| replayed(answer)).count(), 49);
        assert_eq!(app.database.count("FROM program WHERE name = 'Evenings'").await, 1);
        assert_eq!(app.database.count("FROM event").await, before + 1);
    }

    async fn a_secret_is_shown_once_and_never_kept(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = administrator(&app, "Open Door").await;

        let mut answers = fifty(&administrator, CLIENT, "Finder").await;

        let secrets: Vec<String> = answers.iter().filter_map(|answer| answer.data("/apiClientCreate/clientSecret").as_str().map(Into::into)).collect();
        assert_eq!(secrets.len(), 1);
        for answer in &mut answers {
            assert_eq!(replayed(answer), answer.data("/apiClientCreate/clientSecret").is_null(), "{}", answer.raw);
            answer.body["data"]["apiClientCreate"]["clientSecret"] = Value::Null;
        }
        assert!(answers.iter().all(|answer| answer.body["data"] == answers[0].body["data"]));
        assert_eq!(app.database.count("FROM api_client").await, 1);
        let kept = app.database.texts("SELECT CAST(kept AS TEXT) FROM idempotency").await;
        assert_eq!(kept.len(), 1);
        assert!(!kept[0].contains(&secrets[0]) && !kept[0].contains("Finder"), "only ids are kept: {}", kept[0]);
    }

    async fn the_same_key_with_another_body_is_refused(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = administrator(&app, "Open Door").await;
        keyed(&administrator, "a key", PROGRAM, "Evenings").await;

        let other = keyed(&administrator, "a key", PROGRAM, "Mornings").await;

        assert_eq!(other.error_codes(), ["IDEMPOTENCY_KEY_REUSED"], "{}", other.raw);
        assert_eq!(app.database.count("FROM program WHERE name = 'Mornings'").await, 0);
    }

    async fn a_refusal_is_replayed_even_when_it_would_succeed_now(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = administrator(&app, "Open Door").await;
        let taken = keyed(&administrator, "a key", PROGRAM, "Open Door program").await;
        assert_eq!(taken.user_error_codes(), ["ALREADY_EXISTS"], "{}", taken.raw);
        app.database.tamper("UPDATE program SET name = 'Renamed'").await;

        let again = keyed(&administrator, "a key", PROGRAM, "Open Door program").await;

        assert_eq!((&again.body["data"], replayed(&taken), replayed(&again)), (&taken.body["data"], false, true), "{}", again.raw);
        assert_eq!(app.database.count("FROM program").await, 1);
        assert_eq!(app.database.count("FROM audit_event WHERE action = 'REFUSED:programCreate'").await, 1);
        let other = keyed(&administrator, "a key", PROGRAM, "Mornings").await;
        assert_eq!(other.error_codes(), ["IDEMPOTENCY_KEY_REUSED"], "{}", other.raw);
    }

    async fn callers_do_not_meet_in_a_key(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, first) = administrator(&app, "Open Door").await;
        let (colleague, stranger) = (app.staff(&home, &[Role::Administrator]).await, administrator(&app, "Riverbend").await.1);

        let mut made = Vec::new();
        for (caller, name) in [(&first, "Evenings"), (&colleague, "Mornings"), (&stranger, "Evenings")] {
            let answer = keyed(caller, "a key", PROGRAM, name).await;
            assert!(!replayed(&answer));
            made.push(answer.text("/programCreate/program/id").to_owned());
        }

        made.dedup();
        assert_eq!(made.len(), 3);
    }

    async fn after_a_day_the_key_is_free(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
        let id = app.staff_member(&home, &[Role::Administrator]).await;
        let signed_in = || app.caller(Subject::Staff(id), &home, &[Role::Administrator], &[Scope::Admin]);
        let first = keyed(&signed_in(), "a key", PROGRAM, "Evenings").await;

        app.clock().advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        let same_day = keyed(&signed_in(), "a key", PROGRAM, "Evenings").await;
        app.clock().advance(TimeDelta::seconds(2));
        let next_day = keyed(&signed_in(), "a key", PROGRAM, "Mornings").await;

        assert_eq!((replayed(&same_day), &same_day.body["data"]), (true, &first.body["data"]));
        assert_eq!((replayed(&next_day), next_day.text("/programCreate/program/name")), (false, "Mornings"));
    }

    async fn a_key_is_for_one_mutation(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = administrator(&app, "Open Door").await;
        let two = "mutation($name: String!) { a: programCreate(input: { name: $name }) { program { id } }
            b: programCreate(input: { name: \"Mornings\" }) { program { id } } }";

        let answer = keyed(&administrator, "a key", two, "Evenings").await;

        assert_eq!(answer.error_codes(), ["BAD_USER_INPUT"], "{}", answer.raw);
        assert_eq!(app.database.count("FROM program").await, 1);
    }
}
