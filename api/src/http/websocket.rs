//! `/graphql` upgraded: the subprotocol `graphql-transport-ws`.
//!
//! One task per connection reads and writes; each operation runs in a task of its own and hands its messages over.

use std::{collections::HashMap, net::IpAddr, pin::pin, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session};
use async_graphql_parser::types::OperationType;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

use super::{
    Credentials, ErrorCode, NotLetIn,
    answer::Answer,
    caller::{address, bearer, keyed, request_id},
    parameters::Parameters,
    routes::Doors,
};

const PROTOCOL: &str = "graphql-transport-ws";
/// Most bytes of an operation's id, which a client chooses and the connection keeps.
const MOST_ID: usize = 256;

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Incoming {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Ping { payload: Option<Map<String, Value>> },
    Pong {},
    Subscribe { id: String, payload: Map<String, Value> },
    Complete { id: String },
}

/// What the server sends.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Outgoing<'m> {
    ConnectionAck,
    Ping,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Value>>,
    },
    Next {
        id: &'m str,
        payload: &'m Answer,
    },
    Error {
        id: &'m str,
        payload: &'m [async_graphql::ServerError],
    },
    Complete {
        id: &'m str,
    },
}

/// Why a connection ends.
enum End {
    /// With a code and a sentence.
    Close(u16, String),
    /// The other end said goodbye, and is told the same: clients take another code for a failure.
    Goodbye(Option<CloseReason>),
    /// The other end is gone or does not read; nothing more can be said.
    Gone,
}

fn close(code: u16, why: impl Into<String>) -> End {
    End::Close(code, why.into())
}

/// Upgrades. Without our subprotocol the connection opens only to say so: browsers hide a refused upgrade's status, and the
/// code of a connection on which none of the offered subprotocols was taken.
pub(super) fn open(request: &HttpRequest, payload: web::Payload, doors: web::Data<Doors>) -> HttpResponse {
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offered: Vec<_> = offered.filter_map(|names| names.to_str().ok()).flat_map(|names| names.split(',')).map(str::trim).collect();
    let agreed = offered.contains(&PROTOCOL);
    let taken = if agreed { &[PROTOCOL] } else { offered.get(..1).unwrap_or_default() };
    let (answer, session, messages) = match actix_ws::handle_with_protocols(request, payload, taken) {
        Ok(opened) => opened,
        Err(refusal) => return refusal.into(),
    };
    let most = doors.settings.body_bytes;
    let messages = messages.max_frame_size(most).aggregate_continuations().max_continuation_size(most);
    let (outbox, inbox) = mpsc::channel(64);
    let connection = Connection {
        request_id: request_id(request),
        address: address(request, doors.settings.trust_forwarded),
        doors,
        session,
        credentials: None,
        open: HashMap::new(),
        opened: 0,
        outbox,
        heard: Instant::now(),
    };
    actix_web::rt::spawn(connection.run(messages, inbox, agreed));
    answer
}

/// An operation that is running.
struct Open {
    /// Tells it from an earlier one with the same id.
    number: u64,
    task: AbortHandle,
}

/// A message of an operation on its way to the client.
struct Parcel {
    number: u64,
    id: String,
    kind: Kind,
}

enum Kind {
    Next(Answer),
    Error(Answer),
    Complete,
}

struct Connection {
    doors: web::Data<Doors>,
    session: Session,
    request_id: String,
    address: IpAddr,
    /// What was shown at `connection_init`; none before it.
    credentials: Option<Credentials>,
    open: HashMap<String, Open>,
    opened: u64,
    outbox: mpsc::Sender<Parcel>,
    /// When the client was last heard of.
    heard: Instant,
}

impl Connection {
    async fn run(mut self, messages: AggregatedMessageStream, inbox: mpsc::Receiver<Parcel>, agreed: bool) {
        let _counted = self.doors.settings.metrics.open_websocket();
        let end = if agreed { self.serve(messages, inbox).await } else { close(4406, "Subprotocol not acceptable") };
        for operation in self.open.values() {
            operation.task.abort();
        }
        let code = match &end {
            End::Close(code, _) => *code,
            End::Goodbye(reason) => reason.as_ref().map_or(1005, |reason| reason.code.into()),
            End::Gone => 1006,
        };
        tracing::info!(request.id = %self.request_id, websocket.close = code, operations = self.opened, "websocket closed");
        let reason = match end {
            End::Close(code, why) => Some(CloseReason::from((CloseCode::from(code), why))),
            End::Goodbye(reason) => reason,
            End::Gone => return,
        };
        let _ = timeout(self.doors.settings.send_timeout, self.session.close(reason)).await;
    }

    async fn serve(&mut self, mut messages: AggregatedMessageStream, mut inbox: mpsc::Receiver<Parcel>) -> End {
        let settings = self.doors.settings.clone();
        let mut shutdown = settings.shutdown.clone();
        let mut keep_alive = interval(settings.keep_alive);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive.reset();
        let mut late = pin!(sleep_until(Instant::now() + settings.init_timeout));
        loop {
            let step = tokio::select! {
                message = messages.recv() => self.receive(message).await,
                Some(parcel) = inbox.recv() => self.deliver(parcel).await,
                _ = keep_alive.tick() => self.keep_alive(settings.keep_alive).await,
                () = &mut late, if self.credentials.is_none() => Err(close(4408, "Connection initialisation timeout")),
                () = shutdown.wait() => Err(close(1001, "The server is going down: connect again")),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn receive(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Result<(), End> {
        self.heard = Instant::now();
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => self.handle(&text).await,
            Some(Ok(AggregatedMessage::Binary(_))) => Err(close(4400, "Invalid message: send text")),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                let sent = timeout(self.doors.settings.send_timeout, self.session.pong(&bytes)).await;
                if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(End::Gone) }
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Close(reason))) => Err(End::Goodbye(reason)),
            Some(Err(ProtocolError::Overflow)) => Err(close(1009, "Message too big")),
            // The library has no other name for a message that came to too much in parts.
            Some(Err(ProtocolError::Io(error))) if error.to_string().contains("continuation size") => Err(close(1009, "Message too big")),
            Some(Err(ProtocolError::Io(error))) if error.kind() == std::io::ErrorKind::InvalidData => Err(close(1007, "Not UTF-8")),
            Some(Err(ProtocolError::Io(_))) | None => Err(End::Gone),
            Some(Err(_)) => Err(close(1002, "Protocol error")),
        }
    }

    async fn handle(&mut self, text: &str) -> Result<(), End> {
        let message = serde_json::from_str(text).map_err(|_| close(4400, "Invalid message"))?;
        match message {
            Incoming::ConnectionInit { payload } => self.initialise(payload.unwrap_or_default()).await,
            Incoming::Ping { payload } => self.send(&Outgoing::Pong { payload }).await,
            Incoming::Pong {} => Ok(()),
            Incoming::Subscribe { id, payload } => self.subscribe(id, payload).await,
            Incoming::Complete { id } => {
                if let Some(operation) = self.open.remove(&id) {
                    operation.task.abort();
                }
                Ok(())
            }
        }
    }

    async fn initialise(&mut self, payload: Map<String, Value>) -> Result<(), End> {
        if self.credentials.is_some() {
            return Err(close(4429, "Too many initialisation requests"));
        }
        let credentials = self.shown(&payload)?;
        self.doors.engine.sign_in(credentials.clone()).await.map_err(|why| match why {
            NotLetIn::InvalidToken | NotLetIn::PurposeNotAllowed => close(4403, "Forbidden"),
            NotLetIn::Unavailable => close(1013, "Sign-in is not available just now: try again"),
        })?;
        self.credentials = Some(credentials);
        self.send(&Outgoing::ConnectionAck).await
    }

    fn shown(&self, payload: &Map<String, Value>) -> Result<Credentials, End> {
        let text = |name: &str| {
            let found = payload.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null());
            found
                .map(|(_, value)| value.as_str().ok_or_else(|| close(4400, format!("Invalid message: `{name}` must be a string"))))
                .transpose()
        };
        let purpose = match text("purposeOfUse")? {
            None => None,
            Some(purpose) => Some(purpose.parse().map_err(|_| close(4400, "Invalid message: `purposeOfUse` is no value of PurposeOfUse"))?),
        };
        Ok(Credentials { bearer: text("authorization")?.map(bearer), purpose, request_id: self.request_id.clone() })
    }

    async fn subscribe(&mut self, id: String, payload: Map<String, Value>) -> Result<(), End> {
        let Some(shown) = &self.credentials else {
            return Err(close(4401, "Unauthorized"));
        };
        if id.is_empty() || id.len() > MOST_ID {
            return Err(close(4400, format!("Invalid message: an id has 1 to {MOST_ID} bytes")));
        }
        if self.open.contains_key(&id) {
            return Err(close(4409, format!("Subscriber for {id} already exists")));
        }
        let parameters =
            Parameters::from_json(Value::Object(payload)).map_err(|error| close(4400, format!("Invalid message: {}", error.message)))?;
        if self.open.len() >= self.doors.settings.operations_per_connection {
            let error = ErrorCode::CostLimitExceeded.error("Too many operations are open on this connection: complete one first.");
            return self.send(&Outgoing::Error { id: &id, payload: &[error] }).await;
        }
        self.opened += 1;
        let number = self.opened;
        let credentials =
            Credentials { request_id: format!("{}.{number}", self.request_id.get(..40).unwrap_or(&self.request_id)), ..shown.clone() };
        let way = Way { number, id: id.clone(), outbox: self.outbox.clone() };
        let task = tokio::spawn(operate(self.doors.clone(), credentials, self.address, parameters, way)).abort_handle();
        self.open.insert(id, Open { number, task });
        Ok(())
    }

    /// Passes a message on, unless its operation was completed by the client meanwhile.
    async fn deliver(&mut self, parcel: Parcel) -> Result<(), End> {
        let Parcel { number, id, kind } = parcel;
        if self.open.get(&id).is_none_or(|open| open.number != number) {
            return Ok(());
        }
        if !matches!(kind, Kind::Next(_)) {
            self.open.remove(&id);
        }
        let id = id.as_str();
        match &kind {
            Kind::Next(answer) => self.send(&Outgoing::Next { id, payload: answer }).await,
            Kind::Error(answer) => self.send(&Outgoing::Error { id, payload: &answer.errors }).await,
            Kind::Complete => self.send(&Outgoing::Complete { id }).await,
        }
    }

    /// A ping of the WebSocket, which finds out dead peers, and one of the protocol, which scripts in browsers can see.
    async fn keep_alive(&mut self, apart: Duration) -> Result<(), End> {
        if self.heard.elapsed() > apart * 2 + apart / 2 {
            return Err(End::Gone);
        }
        let sent = timeout(self.doors.settings.send_timeout, self.session.ping(b"")).await;
        if !matches!(sent, Ok(Ok(()))) {
            return Err(End::Gone);
        }
        if self.credentials.is_some() { self.send(&Outgoing::Ping).await } else { Ok(()) }
    }

    async fn send(&mut self, message: &Outgoing<'_>) -> Result<(), End> {
        let text = serde_json::to_string(message).map_err(|_| close(4500, "Internal server error"))?;
        match timeout(self.doors.settings.send_timeout, self.session.text(text)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// How an operation's messages get to the connection.
struct Way {
    number: u64,
    id: String,
    outbox: mpsc::Sender<Parcel>,
}

impl Way {
    /// Hands a message over; waits while the client is slow. Whether the connection still is there shows at the next one.
    async fn send(&self, kind: Kind) {
        let (number, id) = (self.number, self.id.clone());
        let _ = self.outbox.send(Parcel { number, id, kind }).await;
    }
}

/// Runs one operation to its end. Roles are looked up for each, so that one taken away counts from the next operation on.
async fn operate(doors: web::Data<Doors>, credentials: Credentials, address: IpAddr, parameters: Parameters, way: Way) {
    let key = parameters.extensions.get("idempotencyKey").map(|key| key.as_str().unwrap_or_default().to_owned());
    let mut access = match doors.admit(credentials, address).await {
        Ok((access, _)) => access,
        Err(refused) => return way.send(Kind::Error(Answer::refusal(vec![*refused.error]))).await,
    };
    let prepared = doors.prepare(parameters).and_then(|operation| {
        keyed(&mut access, &operation, key.as_deref())?;
        Ok(operation)
    });
    let operation = match prepared {
        Ok(operation) => operation,
        Err(error) => return way.send(Kind::Error(Answer::refusal(vec![error]))).await,
    };
    doors.settings.metrics.operation(match operation.kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    });
    if operation.kind != OperationType::Subscription {
        let answer = doors.run(access, operation).await.answer;
        return if answer.is_refusal() {
            way.send(Kind::Error(answer)).await
        } else {
            way.send(Kind::Next(answer)).await;
            way.send(Kind::Complete).await;
        };
    }
    let (has_variables, cost, request_id) = (operation.has_variables, operation.cost, access.request_id.clone());
    let mut items = doors.engine.subscribe(access, operation.request);
    while let Some(item) = items.next().await {
        let answer = Answer::of_stream(item, has_variables, &request_id).costing(cost);
        if answer.is_refusal() {
            return way.send(Kind::Error(answer)).await;
        }
        way.send(Kind::Next(answer)).await;
    }
    way.send(Kind::Complete).await;
}
