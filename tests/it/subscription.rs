//! Following what happens, over a WebSocket.

use std::time::Duration;

use aftercare::access::token::Subject;
use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::{Home, TestApp},
    caller::Caller,
    databases::{Kind, TestDatabase, say_skipped},
    follower::Follower,
    on_both,
};
use serde_json::{Value, json};
use tokio::time::sleep;

async fn home(app: &TestApp, name: &str) -> (Home, Caller) {
    let home = app.home(name, OrganizationKind::RecoveryCommunityOrganization).await;
    let administrator = app.staff(&home, &[Role::Administrator]).await;
    app.sealed().await;
    (home, administrator)
}

/// Where the log stands for them.
async fn cursor(caller: &Caller) -> String {
    caller.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned()
}

async fn program(caller: &Caller, name: &str) -> String {
    let create = "mutation($name: String!) { programCreate(input: { name: $name }) { program { id } userErrors { code } } }";
    caller.ask_with(create, json!({ "name": name })).await.text("/programCreate/program/id").to_owned()
}

on_both! {
    async fn an_event_arrives_after_a_mutation(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = home(&app, "Open Door").await;
        let now = cursor(&administrator).await;
        let mut follower = Follower::after(&administrator, &app.url, Some(&now)).await;

        let id = program(&administrator, "Evenings").await;

        let event = follower.event().await;
        assert_eq!((&event["kind"], &event["subjectId"]), (&json!("PROGRAM_CHANGED"), &json!(id)));
        assert!(follower.hears_nothing().await);
    }

    async fn without_a_cursor_it_begins_now(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = home(&app, "Open Door").await;
        let mut follower = Follower::after(&administrator, &app.url, None).await;
        assert!(follower.hears_nothing().await, "what was before is not told");

        let id = program(&administrator, "Evenings").await;

        assert_eq!(follower.event().await["subjectId"], id);
    }

    async fn who_comes_back_gets_what_they_missed_once_and_in_order(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = home(&app, "Open Door").await;
        let mut follower = Follower::after(&administrator, &app.url, Some(&cursor(&administrator).await)).await;
        program(&administrator, "Seen").await;
        let seen = follower.event().await["cursor"].as_str().unwrap().to_owned();
        drop(follower);
        let mut missed = Vec::new();
        for n in 0..5 {
            missed.push(program(&administrator, &format!("Missed {n}")).await);
            app.sealed().await;
        }

        let mut again = Follower::after(&administrator, &app.url, Some(&seen)).await;
        missed.push(program(&administrator, "Live").await);

        for id in missed {
            assert_eq!(again.event().await["subjectId"], id);
        }
        assert!(again.hears_nothing().await);
    }

    async fn a_cursor_of_another_organization_is_refused(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = home(&app, "Open Door").await;
        let (_, stranger) = home(&app, "Riverbend").await;
        let theirs = cursor(&stranger).await;

        for wrong in [theirs.as_str(), "nonsense", ""] {
            let mut follower = Follower::after(&administrator, &app.url, Some(wrong)).await;
            let refused = follower.next().await.unwrap();
            assert_eq!(refused["type"], "error", "a stream that cannot be begun has no items: {refused}");
            assert_eq!(refused["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED", "{refused}");
            assert_eq!(refused["payload"][0]["path"], Value::Null);
            assert!(follower.hears_nothing().await, "an error is the last message");
            let document = format!("subscription {{ events(after: \"{wrong}\") {{ id }} }}");
            let streamed = administrator.follow(&document, Duration::from_millis(500)).await;
            let events: Vec<_> = streamed.raw.split("\n\n").filter(|event| event.starts_with("event")).collect();
            let [refused, "event: complete\ndata:"] = events[..] else { panic!("{}", streamed.raw) };
            assert!(refused.starts_with("event: next\ndata: {\"errors\":") && refused.contains("CURSOR_EXPIRED"), "{refused}");
            assert!(!refused.contains("\"data\":") && !refused.contains("\"path\""), "{refused}");
        }
    }

    async fn a_replica_that_never_seals_is_told_by_the_one_that_does(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = home(&app, "Open Door").await;
        let mut replica = app.replica().await;
        if app.database.kind == Kind::Postgresql {
            // It neither seals nor polls from here on. On SQLite nobody listens, and it finds by polling what another process sealed.
            replica.only_listen().await;
        }
        let now = cursor(&administrator).await;
        let mut follower = Follower::after(&administrator, &replica.url, Some(&now)).await;

        for n in 0..5 {
            let id = program(&administrator, &format!("Number {n}")).await;
            assert_eq!(follower.event().await["subjectId"], id);
        }
    }

    async fn what_either_replica_commits_is_heard_at_the_other(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = home(&app, "Open Door").await;
        let replica = app.replica().await;
        let there = Caller::with_token(&replica.url, administrator.token.as_deref().unwrap());
        let now = cursor(&administrator).await;
        let mut followers = [Follower::after(&there, &replica.url, Some(&now)).await, Follower::after(&administrator, &app.url, Some(&now)).await];

        for n in 0..10 {
            let caller = if n % 2 == 0 { &administrator } else { &there };
            let id = program(caller, &format!("Number {n}")).await;
            for follower in &mut followers {
                assert_eq!(follower.event().await["subjectId"], id);
            }
        }
    }

    async fn who_may_not_follow_is_told_so_and_nothing_more(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, _) = home(&app, "Open Door").await;
        let id = app.staff_member(&home, &[Role::Coordinator]).await;
        let without_scope = app.caller(Subject::Staff(id), &home, &[Role::Coordinator], &[]);

        let mut follower = Follower::after(&without_scope, &app.url, None).await;

        let refused = follower.next().await.unwrap();
        assert_eq!((&refused["type"], &refused["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("FORBIDDEN")), "{refused}");
        assert!(follower.hears_nothing().await);
    }

    async fn another_organization_hears_nothing(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (_, administrator) = home(&app, "Open Door").await;
        let (_, stranger) = home(&app, "Riverbend").await;
        let mut follower = Follower::after(&stranger, &app.url, Some(&cursor(&stranger).await)).await;

        program(&administrator, "Evenings").await;
        app.sealed().await;

        assert!(follower.hears_nothing().await);
        let own = program(&stranger, "Mornings").await;
        assert_eq!(follower.event().await["subjectId"], own);
    }
}

#[tokio::test]
async fn a_listener_whose_connection_is_cut_listens_again() {
    let Some(db) = TestDatabase::postgresql() else { return say_skipped() };
    let app = TestApp::start(db).await;
    let (_, administrator) = home(&app, "Open Door").await;
    let mut replica = app.replica().await;
    replica.only_listen().await;
    let mut follower = Follower::after(&administrator, &replica.url, Some(&cursor(&administrator).await)).await;
    let listening = "pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'";
    while app.database.count(&format!("FROM {listening}")).await < 2 {
        sleep(Duration::from_millis(10)).await;
    }

    app.database.tamper(&format!("SELECT pg_terminate_backend(pid) FROM {listening}")).await;
    let id = program(&administrator, "Evenings").await;

    assert_eq!(follower.event().await["subjectId"], id);
}
