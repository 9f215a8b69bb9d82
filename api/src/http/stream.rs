//! `POST /graphql/stream`: operations as server-sent events (GraphQL over SSE, distinct connections mode).

use std::convert::Infallible;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    web::{self, Bytes, Payload},
};
use async_graphql_parser::types::OperationType;
use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::mpsc,
    time::{interval, timeout},
};

use super::{
    ErrorCode,
    answer::Answer,
    caller::{Refused, accept, address, credentials, keyed, text},
    graphql::{read, refuse},
    media::{self, Media},
    operation::Operation,
    routes::Doors,
};
use crate::access::Access;

/// Opens a stream. What is wrong with the request itself is an HTTP status; what is wrong with the document is an event.
pub(super) async fn post(request: HttpRequest, payload: Payload, doors: web::Data<Doors>) -> HttpResponse {
    if !media::accepts(accept(&request).as_deref(), "text/event-stream") {
        let error = ErrorCode::BadUserInput.error("Answers are events here: accept text/event-stream.");
        return refuse(Refused::new(StatusCode::NOT_ACCEPTABLE, error), Media::Json);
    }
    match open(&request, payload, doors).await {
        Ok(answer) => answer,
        Err(refused) => refuse(refused, Media::Json),
    }
}

async fn open(request: &HttpRequest, payload: Payload, doors: web::Data<Doors>) -> Result<HttpResponse, Refused> {
    let parameters = read(request, payload, &doors.settings).await?;
    let (mut access, headers) = doors.admit(credentials(request)?, address(request, doors.settings.trust_forwarded)).await?;
    let prepared = doors.prepare(parameters).and_then(|operation| {
        keyed(&mut access, &operation, text(request, "idempotency-key"))?;
        Ok(operation)
    });

    let (events, mut received) = mpsc::channel(16);
    match prepared {
        Ok(operation) => drop(tokio::spawn(feed(doors, access, operation, events))),
        Err(error) => {
            let refusal = Answer::refusal(vec![error]);
            // The channel is new and has room for both.
            let _ = events.try_send(next(&refusal));
            let _ = events.try_send(complete());
        }
    }
    let body = stream::poll_fn(move |context| received.poll_recv(context)).map(Ok::<_, Infallible>);
    Ok(streaming(headers).streaming(body))
}

fn streaming(headers: HeaderMap) -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    for header in headers {
        answer.insert_header(header);
    }
    answer.content_type("text/event-stream; charset=utf-8");
    // Proxies that gather answers before they pass them on would hold events back.
    answer.insert_header((header::HeaderName::from_static("x-accel-buffering"), "no"));
    answer
}

/// Writes events until the operation ends, the reader is gone or too slow, or the server goes down.
async fn feed(doors: web::Data<Doors>, access: Access, operation: Operation, events: mpsc::Sender<Bytes>) {
    let mut answers = answers(&doors, access, operation);
    let mut shutdown = doors.settings.shutdown.clone();
    let mut keep_alive = interval(doors.settings.keep_alive);
    loop {
        let event = tokio::select! {
            answer = answers.next() => answer.map(|answer| next(&answer)),
            _ = keep_alive.tick() => Some(Bytes::from_static(b":\n\n")),
            () = events.closed() => return,
            () = shutdown.wait() => return,
        };
        let last = event.is_none();
        let sent = timeout(doors.settings.send_timeout, events.send(event.unwrap_or_else(complete))).await;
        if last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

/// The answers of any operation: a subscription's items, or the one of a query or mutation.
fn answers(doors: &web::Data<Doors>, access: Access, operation: Operation) -> stream::BoxStream<'static, Answer> {
    if operation.kind == OperationType::Subscription {
        let (has_variables, cost, request_id) = (operation.has_variables, operation.cost, access.request_id.clone());
        let items = doors.engine.subscribe(access, operation.request);
        return items.map(move |item| Answer::of_stream(item, has_variables, &request_id).costing(cost)).boxed();
    }
    let doors = doors.clone().into_inner();
    stream::once(async move { doors.run(access, operation).await.answer }).boxed()
}

fn next(answer: &Answer) -> Bytes {
    format!("event: next\ndata: {}\n\n", answer.to_json()).into()
}

fn complete() -> Bytes {
    Bytes::from_static(b"event: complete\ndata:\n\n")
}
