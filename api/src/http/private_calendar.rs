//! `/calendar/private/{key}.ics`: one client's calendar, for the calendar programs that they gave its link. The key is all that they show; no
//! log and no counter has it, for those know the pattern of a route alone.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};

use super::{
    Credentials,
    caller::{Refused, address, request_id},
    graphql::refuse,
    media::Media,
    publication::text_of,
    routes::Doors,
};

/// The calendar.
pub(super) async fn calendar(request: HttpRequest, key: web::Path<String>, doors: web::Data<Doors>) -> HttpResponse {
    match answer(&request, &key, &doors).await {
        Ok(answer) => answer,
        Err(refused) => refuse(refused, Media::Json),
    }
}

async fn answer(request: &HttpRequest, key: &str, doors: &Doors) -> Result<HttpResponse, Refused> {
    // Whoever comes without a token has the share of their address: guessing is slow.
    let credentials = Credentials { request_id: request_id(request), ..Credentials::default() };
    let (access, headers) = doors.admit(credentials, address(request, doors.settings.trust_forwarded)).await?;
    let body = text_of(doors, &headers, doors.engine.private_calendar(&access.request_id, key)).await?;
    let mut reply = HttpResponse::Ok().content_type("text/calendar; charset=utf-8").body(body);
    for (name, value) in headers {
        reply.headers_mut().insert(name, value);
    }
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(reply)
}
