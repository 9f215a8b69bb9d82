//! `/calendar/…`, `/meetings.json` and `/hsds/…`: the public schedule as documents, for everyone, with entity tags (RFC 9110, 8.8.3).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web,
};
use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::timeout;

use super::{
    Document, ErrorCode, Publication,
    caller::{Refused, address, credentials},
    graphql::refuse,
    media::Media,
    routes::Doors,
    tagged::{Telling, tagged},
};

/// Who asks again within this, in seconds, may be told what they know: seats move no faster either.
const FRESH: &str = "public, max-age=300";

/// The calendar of workshops.
pub(super) async fn workshops(request: HttpRequest, doors: web::Data<Doors>) -> HttpResponse {
    let document = Document::Workshops(parameters(&request));
    answer(&request, &doors, document).await
}

fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect()
}

/// The calendar of one workshop.
pub(super) async fn workshop(request: HttpRequest, id: web::Path<String>, doors: web::Data<Doors>) -> HttpResponse {
    answer(&request, &doors, Document::Workshop(id.into_inner())).await
}

/// One workshop as JSON-LD.
pub(super) async fn event(request: HttpRequest, id: web::Path<String>, doors: web::Data<Doors>) -> HttpResponse {
    answer(&request, &doors, Document::Event(id.into_inner())).await
}

/// What comes again each week.
pub(super) async fn meetings(request: HttpRequest, doors: web::Data<Doors>) -> HttpResponse {
    answer(&request, &doors, Document::Meetings).await
}

/// A list of Open Referral HSDS.
pub(super) async fn hsds(request: HttpRequest, list: web::Path<String>, doors: web::Data<Doors>) -> HttpResponse {
    let document = Document::Hsds(list.into_inner(), parameters(&request));
    answer(&request, &doors, document).await
}

async fn answer(request: &HttpRequest, doors: &Doors, document: Document) -> HttpResponse {
    match published(request, doors, document).await {
        Ok(answer) => answer,
        Err(refused) => refuse(refused, Media::Json),
    }
}

async fn published(request: &HttpRequest, doors: &Doors, document: Document) -> Result<HttpResponse, Refused> {
    // A token buys a share of its own and shows nothing more.
    let (_, headers) = doors.admit(credentials(request)?, address(request, doors.settings.trust_forwarded)).await?;
    let kind = match document {
        Document::Workshops(_) | Document::Workshop(_) => "text/calendar; charset=utf-8",
        Document::Event(_) => "application/ld+json",
        Document::Meetings | Document::Hsds(..) => "application/json; charset=utf-8",
    };
    let beside = beside(request, &document);
    let body = text_of(doors, &headers, doors.engine.publication(document)).await?;
    let hash = digest(&SHA256, body.as_bytes());
    let mut reply = tagged(request, hash.as_ref(), Telling { kind, fresh: FRESH, vary: "Accept-Encoding" }, body);
    for (name, value) in headers.into_iter().chain(beside.map(|link| (header::LINK, link))) {
        reply.headers_mut().insert(name, value);
    }
    Ok(reply)
}

/// The text of what there is, within the time that a request may take; refused, with these headers, when there is none.
pub(super) async fn text_of(doors: &Doors, headers: &HeaderMap, there_is: impl Future<Output = Publication>) -> Result<String, Refused> {
    let refused =
        |status, code: ErrorCode, sentence: &str| Refused { headers: headers.clone(), ..Refused::new(status, code.error(sentence)) };
    match timeout(doors.settings.request_timeout, there_is).await.unwrap_or(Publication::Unavailable) {
        Publication::Document(text) => Ok(text),
        Publication::Wrong(sentence) => Err(refused(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, &sentence)),
        Publication::Absent => {
            Err(refused(StatusCode::NOT_FOUND, ErrorCode::BadUserInput, "Nothing is published here: check the address."))
        }
        Publication::Unavailable => {
            let sentence = "The schedule cannot be read just now: try again.";
            Err(refused(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, sentence).with(header::RETRY_AFTER, "5"))
        }
    }
}

/// The same thing in another format, whose address differs in how it ends (RFC 8288).
fn beside(request: &HttpRequest, document: &Document) -> Option<HeaderValue> {
    let (ending, other, kind) = match document {
        Document::Workshop(_) => (".ics", ".jsonld", "application/ld+json"),
        Document::Event(_) => (".jsonld", ".ics", "text/calendar"),
        _ => return None,
    };
    let path = request.path().strip_suffix(ending)?;
    HeaderValue::from_str(&format!("<{path}{other}>; rel=\"alternate\"; type=\"{kind}\"")).ok()
}
