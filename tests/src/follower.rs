//! Someone who follows the events of their organization over a WebSocket.

use std::{fmt, time::Duration};

use futures_util::{SinkExt, StreamExt};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::caller::{BUSY, Caller};

/// Somebody who follows the events of their organization.
pub struct Follower(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Follower {
    /// Follows from a cursor on, or from now.
    ///
    /// # Panics
    /// When the server does not let them.
    pub async fn after(caller: &Caller, url: &str, cursor: Option<&str>) -> Self {
        let query = "subscription($after: String) { events(after: $after) { cursor kind subjectId } }";
        Self::asking(caller, url, json!({ "query": query, "variables": { "after": cursor } })).await
    }

    /// Asks for anything over a WebSocket, for treatment.
    ///
    /// # Panics
    /// When the server does not let them.
    pub async fn asking(caller: &Caller, url: &str, payload: Value) -> Self {
        let mut request = format!("{}/graphql", url.replace("http:", "ws:")).into_client_request().expect("it is a URL");
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        let mut follower = Self(connect_async(request).await.expect("it connects").0);
        let token = format!("Bearer {}", caller.token.as_deref().expect("they have a token"));
        let init = json!({ "authorization": token, "purposeOfUse": "TREATMENT" });
        follower.send(json!({ "type": "connection_init", "payload": init })).await;
        assert_eq!(follower.next().await.expect("it answers")["type"], "connection_ack");
        follower.send(json!({ "type": "subscribe", "id": "1", "payload": payload })).await;
        follower
    }

    async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    /// The next message of the protocol that is no ping; nothing when none comes for long.
    ///
    /// # Panics
    /// When the connection ends.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let message = timeout(BUSY, self.0.next()).await.ok()?.expect("it stays open").expect("it is a message");
            if let Message::Text(text) = message {
                let message: Value = serde_json::from_str(&text).expect("it is JSON");
                if message["type"] != "ping" {
                    return Some(message);
                }
            }
        }
    }

    /// The next event.
    ///
    /// # Panics
    /// When none comes.
    pub async fn event(&mut self) -> Value {
        self.item("events").await
    }

    /// The next item of a subscription.
    ///
    /// # Panics
    /// When none comes.
    pub async fn item(&mut self, field: &str) -> Value {
        let message = self.next().await.expect("an item comes");
        assert!(message["type"] == "next" && message["payload"]["errors"].is_null(), "{message}");
        message["payload"]["data"][field].clone()
    }

    /// Whether nothing comes for a while.
    pub async fn hears_nothing(&mut self) -> bool {
        timeout(Duration::from_millis(700), self.next()).await.is_err()
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Follower")
    }
}
