//! `/graphql` over HTTP (the GraphQL-over-HTTP specification).

use std::{future::Future, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web::{self, Bytes, BytesMut, Payload},
};
use async_graphql::{Response, ServerError};
use async_graphql_parser::types::OperationType;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{
    DoorSettings, Edition, ErrorCode, Executed,
    answer::Answer,
    answers::{Question, Whole},
    caller::{Refused, accept, address, credentials, keyed, text},
    frame::ToldAgain,
    graphiql,
    media::{self, Media},
    operation::Operation,
    parameters::Parameters,
    routes::Doors,
    tagged::{Telling, tagged},
    websocket,
};
use crate::{access::Access, clock::Instant};

/// Who asks again within this may be told what they know, by whoever stands between.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// POST: any query or mutation.
pub(super) async fn post(request: HttpRequest, payload: Payload, doors: web::Data<Doors>) -> HttpResponse {
    let Some(media) = Media::accepted(accept(&request).as_deref()) else {
        return not_acceptable();
    };
    match answer_post(&request, payload, &doors, media).await {
        Ok(answer) => answer,
        Err(refused) => refuse(refused, media),
    }
}

async fn answer_post(request: &HttpRequest, payload: Payload, doors: &Doors, media: Media) -> Result<HttpResponse, Refused> {
    let body = json(request, payload, &doors.settings).await?;
    let shown = credentials(request)?;
    let caller = address(request, doors.settings.trust_forwarded);
    // What a token shows is for its holder alone.
    let public = shown.bearer.is_none() && key_header(request).is_ok_and(|key| key.is_none());
    let question = public.then(|| Question::in_body(media, body.clone())).flatten();
    if let Some(kept) = question.as_ref().and_then(|question| doors.kept(question)) {
        let (_, headers) = doors.admit(shown, caller).await?;
        return Ok(told_again(written(media, StatusCode::OK, [headers], kept.body)));
    }
    let parameters = Parameters::from_body(&body).map_err(Refused::bad)?;
    let (mut access, headers) = doors.admit(shown, caller).await?;
    let prepared = doors.prepare(parameters).and_then(|operation| {
        if operation.kind == OperationType::Subscription {
            return Err(ErrorCode::BadUserInput.error("Subscribe over a WebSocket at /graphql, or by POST to /graphql/stream."));
        }
        keyed(&mut access, &operation, key_header(request)?)?;
        Ok(operation)
    });
    let ran = match prepared {
        Ok(operation) => doors.run(access, operation).await,
        Err(error) => return Ok(reply(&Answer::refusal(vec![error]), media, None, [headers])),
    };
    match question.and_then(|question| doors.keep(&question, &ran)) {
        Some(kept) => Ok(written(media, StatusCode::OK, [headers], kept.body)),
        None => Ok(reply(&ran.answer, media, None, [headers, ran.headers])),
    }
}

/// GET: a WebSocket, the page for a browser, or a query of what is public.
pub(super) async fn get(request: HttpRequest, payload: Payload, doors: web::Data<Doors>) -> HttpResponse {
    if text(&request, header::UPGRADE).is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        return websocket::open(&request, payload, doors);
    }
    let accept = accept(&request);
    let asks = url::form_urlencoded::parse(request.query_string().as_bytes()).any(|(name, _)| name == "query" || name == "extensions");
    if !asks && doors.settings.graphiql && media::names(accept.as_deref(), "text/html") {
        return graphiql::page();
    }
    let Some(media) = Media::accepted(accept.as_deref()) else {
        return not_acceptable();
    };
    match answer_get(&request, &doors, media).await {
        Ok(answer) => answer,
        Err(refused) => refuse(refused, media),
    }
}

/// A GET can be made by a link on any site and ends up in logs: it runs as nobody, and changes nothing.
async fn answer_get(request: &HttpRequest, doors: &Doors, media: Media) -> Result<HttpResponse, Refused> {
    let mut shown = credentials(request)?;
    shown.bearer = None;
    shown.purpose = None;
    let caller = address(request, doors.settings.trust_forwarded);
    let question = Question::in_address(media, request.query_string());
    if let Some(kept) = question.as_ref().and_then(|question| doors.kept(question)) {
        let (access, _) = doors.admit(shown, caller).await?;
        return Ok(told_again(shared(request, media, kept, access.now)));
    }
    let parameters = Parameters::from_address(request.query_string()).map_err(Refused::bad)?;
    let (access, headers) = doors.admit(shown, caller).await?;
    let operation = match doors.prepare(parameters) {
        Ok(operation) => operation,
        Err(error) => return Ok(reply(&Answer::refusal(vec![error]), media, None, [headers])),
    };
    if operation.kind != OperationType::Query {
        let error = ErrorCode::BadUserInput.error("GET serves queries only: send this by POST.");
        return Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, error).with(header::ALLOW, "POST"));
    }
    if let Some(name) = operation.unfit_for_address {
        let error = format!("`{name}` must not stand in an address, which ends up in logs: send this by POST.");
        return Err(Refused::bad(ErrorCode::BadUserInput.error(error)));
    }
    let now = access.now;
    let ran = doors.run(access, operation).await;
    match question.and_then(|question| doors.keep(&question, &ran)) {
        Some(kept) => Ok(shared(request, media, kept, now)),
        None => Ok(reply(&ran.answer, media, None, [headers, ran.headers])),
    }
}

fn told_again(mut answer: HttpResponse) -> HttpResponse {
    answer.extensions_mut().insert(ToldAgain);
    answer
}

/// An answer of an edition, which others between may keep as well, until time changes it and not for long: what is left of one caller's
/// share is nobody else's.
fn shared(request: &HttpRequest, media: Media, kept: Whole, now: Instant) -> HttpResponse {
    let left = kept.edition.ends.map_or(FRESH, |ends| ends - now);
    let fresh = format!("public, max-age={}", left.clamp(TimeDelta::zero(), FRESH).num_seconds());
    let telling = Telling { kind: media.content_type(), fresh: &fresh, vary: "Accept" };
    tagged(request, &kept.hash.unwrap_or_default(), telling, kept.body)
}

/// Any other method.
pub(super) async fn other(request: HttpRequest) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::METHOD_NOT_ALLOWED);
    answer.insert_header((header::ALLOW, "GET, POST"));
    if request.method() == Method::OPTIONS {
        answer.status(StatusCode::NO_CONTENT);
    }
    answer.finish()
}

fn key_header(request: &HttpRequest) -> Result<Option<&str>, ServerError> {
    let unreadable = || ErrorCode::BadUserInput.error("An idempotency key is 1 to 255 printable characters.");
    request.headers().get("idempotency-key").map(|key| key.to_str().map_err(|_| unreadable())).transpose()
}

/// Reads parameters from a JSON body.
pub(super) async fn read(request: &HttpRequest, payload: Payload, settings: &DoorSettings) -> Result<Parameters, Refused> {
    Parameters::from_body(&json(request, payload, settings).await?).map_err(Refused::bad)
}

/// Reads a JSON body, which is not looked into. One that says it is too large is not read at all.
async fn json(request: &HttpRequest, payload: Payload, settings: &DoorSettings) -> Result<Bytes, Refused> {
    if !media::is_json(text(request, header::CONTENT_TYPE)) {
        let error = ErrorCode::BadUserInput.error("Send JSON, as `content-type: application/json`.");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error).with(header::ACCEPT, "application/json"));
    }
    body(request, payload, settings, settings.body_bytes).await
}

/// Reads a body of at most so many bytes.
pub(super) async fn body(request: &HttpRequest, payload: Payload, settings: &DoorSettings, most: usize) -> Result<Bytes, Refused> {
    let told = text(request, header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    let body = timeout(settings.body_timeout, collect(payload, told.unwrap_or(0), most)).await;
    let late = || Refused::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout.error("The body took too long to arrive."));
    body.map_err(|_| late())?
}

async fn collect(mut payload: Payload, told: usize, most: usize) -> Result<Bytes, Refused> {
    let too_large = || {
        let error = ErrorCode::BadUserInput.error(format!("The body is too large: at most {most} bytes are taken."));
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, error)
    };
    if told > most {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(told);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Refused::bad(ErrorCode::BadUserInput.error("The body broke off.")))?;
        if body.len() + chunk.len() > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl Doors {
    /// The answer to this question that is kept, if it is one of now.
    fn kept(&self, question: &Question) -> Option<Whole> {
        self.answers.of(question, self.engine.edition())
    }

    /// Keeps what is public alone and without an error, and gives it as it is written.
    fn keep(&self, question: &Question, ran: &Ran) -> Option<Whole> {
        let kept = Whole::of(ran.edition.filter(|_| ran.answer.errors.is_empty())?, question, ran.answer.to_json());
        self.answers.keep(question, kept.clone());
        Some(kept)
    }

    /// Runs a query or a mutation.
    pub(super) async fn run(&self, access: Access, operation: Operation) -> Ran {
        let (has_variables, cost, request_id) = (operation.has_variables, operation.cost, access.request_id.clone());
        let engine = self.engine.clone();
        let (request, mutation) = (operation.request, operation.kind == OperationType::Mutation);
        let work = async move { engine.execute(access, request).await };
        let most = self.settings.request_timeout;
        let Executed { response, edition } = if mutation {
            // In a task of its own, so that a caller who hangs up does not stop it half-way.
            let task = tokio::spawn(work);
            let message =
                "This takes too long to wait for, and may still succeed: send it again with the same idempotency key to learn how it went.";
            in_time(most, async { task.await.unwrap_or_else(|_| internal(&request_id).into()) }, message).await
        } else {
            in_time(most, work, "This took too long: ask for less.").await
        };
        let headers = HeaderMap::from_iter(response.http_headers.iter().filter_map(|(name, value)| {
            let name = header::HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
            Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
        }));
        let edition = edition.filter(|_| !mutation);
        Ran { answer: Answer::of(response, has_variables, &request_id).costing(cost), headers, edition }
    }
}

/// What came of an operation.
pub(super) struct Ran {
    pub(super) answer: Answer,
    /// The headers that the engine wants to have told.
    pub(super) headers: HeaderMap,
    /// The edition that all of it comes from, if one.
    edition: Option<Edition>,
}

async fn in_time(most: Duration, work: impl Future<Output = Executed>, message: &str) -> Executed {
    match timeout(most, work).await {
        Ok(executed) => executed,
        Err(_) => Response::from_errors(vec![ErrorCode::Timeout.error(message)]).into(),
    }
}

fn internal(request_id: &str) -> Response {
    tracing::error!(request.id = request_id, "a mutation panicked");
    let message = format!("Something went wrong here. Tell us the request id: {request_id}");
    Response::from_errors(vec![ErrorCode::Internal.error(message)])
}

/// Writes an answer. Under `application/json` what was understood as a request is 200, unless a status is given.
pub(super) fn reply<const N: usize>(answer: &Answer, media: Media, status: Option<StatusCode>, headers: [HeaderMap; N]) -> HttpResponse {
    let status = status.unwrap_or_else(|| match (media, answer.status()) {
        // Nothing of the document is at fault: intermediaries and clients act on these.
        (Media::Json, status) if status.is_server_error() || matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS) => {
            status
        }
        (Media::Json, _) => StatusCode::OK,
        (Media::GraphqlResponse, status) => status,
    });
    written(media, status, headers, answer.to_json())
}

fn written<const N: usize>(media: Media, status: StatusCode, headers: [HeaderMap; N], body: impl MessageBody + 'static) -> HttpResponse {
    let mut reply = HttpResponse::build(status);
    reply.insert_header((header::VARY, "Accept, Authorization"));
    for (name, value) in headers.into_iter().flatten() {
        reply.insert_header((name, value));
    }
    if status == StatusCode::UNAUTHORIZED {
        reply.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"aftercare\""));
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE || status == StatusCode::REQUEST_TIMEOUT {
        // What is left of the body is not read: the connection cannot serve another request.
        reply.force_close();
    }
    reply.content_type(media.content_type()).body(body)
}

/// Writes a refusal that GraphQL had no say in: its status stands whatever the media type.
pub(super) fn refuse(refused: Refused, media: Media) -> HttpResponse {
    reply(&Answer::refusal(vec![*refused.error]), media, Some(refused.status), [refused.headers])
}

fn not_acceptable() -> HttpResponse {
    let error = ErrorCode::BadUserInput.error("Answers are application/graphql-response+json or application/json: accept one of them.");
    refuse(Refused::new(StatusCode::NOT_ACCEPTABLE, error), Media::Json)
}
