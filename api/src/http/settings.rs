//! What can be set about the doors. The configuration fills it; the defaults are those of the contract.

use std::{future::pending, time::Duration};

use tokio::sync::watch;

use super::{Limits, Metrics, Rate};

/// The doors' settings.
#[derive(Clone, Debug)]
pub struct DoorSettings {
    /// Most bytes of a request's body or of a WebSocket message; more is 413, or close code 1009.
    pub body_bytes: usize,
    /// How long a body may take to arrive; slower is 408.
    pub body_timeout: Duration,
    /// How long a query or mutation may run; longer is `TIMEOUT`. A mutation still finishes.
    pub request_timeout: Duration,
    /// Bounds of documents and variables.
    pub limits: Limits,
    /// Most bytes of whole answers that are kept to be told again; 0 is none.
    pub answers_bytes: usize,
    /// How often one caller may ask; none is no limit.
    pub rate: Option<Rate>,
    /// Whether a proxy in front sets `Forwarded` or `X-Forwarded-For`. Off, they are not believed: anyone can write them.
    pub trust_forwarded: bool,
    /// How long a WebSocket waits for `connection_init` before 4408.
    pub init_timeout: Duration,
    /// How far apart keep-alive pings are, and half of the silence after which a peer is taken for gone.
    pub keep_alive: Duration,
    /// How long a slow client may hold up one message before its connection ends.
    pub send_timeout: Duration,
    /// Most operations open at once on one WebSocket.
    pub operations_per_connection: usize,
    /// Whether a browser at `/graphql` is served GraphiQL.
    pub graphiql: bool,
    /// What is counted; give the same one to [`super::metrics_routes`].
    pub metrics: Metrics,
    /// Says when to close what stays open.
    pub shutdown: Shutdown,
}

impl Default for DoorSettings {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(30),
            limits: Limits::default(),
            answers_bytes: 64 * 1024 * 1024,
            rate: Some(Rate::default()),
            trust_forwarded: false,
            init_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(20),
            send_timeout: Duration::from_secs(10),
            operations_per_connection: 100,
            graphiql: true,
            metrics: Metrics::default(),
            shutdown: Shutdown::never(),
        }
    }
}

/// The signal that the server is going down.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A signal and its trigger: send `true` to close open streams.
    pub fn channel() -> (watch::Sender<bool>, Self) {
        let (trigger, signal) = watch::channel(false);
        (trigger, Self(signal))
    }

    /// A signal that never comes.
    pub fn never() -> Self {
        Self::channel().1
    }

    /// Waits for the signal; forever, when its trigger is gone without having been pulled.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|down| *down).await.is_err() {
            pending::<()>().await;
        }
    }
}
