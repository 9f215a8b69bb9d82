//! Following what happens, over a WebSocket.

use std::time::Duration;

use aftercare::access::token::Subject;
use entity::vocabulary::{OrganizationKind, Role};
use futures_util::{SinkExt, StreamExt};
use kit::{
    app::{Home, TestApp},
    caller::Caller,
    on_both,
};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// Somebody who follows the events of their organization.
pub(crate) struct Follower(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Follower {
    async fn after(caller: &Caller, url: &str, cursor: Option<&str>) -> Self {
        let query = "subscription($after: String) { events(after: $after) { cursor kind subjectId } }";
        Self::asking(caller, url, json!({ "query": query, "variables": { "after": cursor } })).await
    }

    /// Somebody who asks for anything over a WebSocket.
    pub(crate) async fn asking(caller: &Caller, url: &str, payload: Value) -> Self {
        let mut request = format!("{}/graphql", url.replace("http:", "ws:")).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let mut follower = Self(connect_async(request).await.unwrap().0);
        let token = format!("Bearer {}", caller.token.as_deref().unwrap());
        follower.send(json!({ "type": "connection_init", "payload": { "authorization": token } })).await;
        assert_eq!(follower.next().await.unwrap()["type"], "connection_ack");
        follower.send(json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
        follower
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message of the protocol that is no ping; nothing when none comes for five seconds.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = timeout(Duration::from_secs(5), self.0.next()).await.ok()?.unwrap().unwrap();
            if let Message::Text(text) = message {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] != "ping" {
                    return Some(message);
                }
            }
        }
    }

    /// The next event.
    async fn event(&mut self) -> Value {
        let message = self.next().await.expect("an event comes");
        assert_eq!(message["type"], "next", "{message}");
        message["payload"]["data"]["events"].clone()
    }

    /// Whether nothing comes for a while.
    async fn hears_nothing(&mut self) -> bool {
        timeout(Duration::from_millis(700), self.next()).await.is_err()
    }
}

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
