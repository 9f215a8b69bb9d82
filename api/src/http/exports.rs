//! `/exports/{id}.ndjson`: results of bulk operations.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};

use super::{
    ErrorCode, Export,
    caller::{Refused, address, credentials},
    graphql::refuse,
    media::Media,
    routes::Doors,
};

/// The file, to whom the operation is there. Absent, foreign and not written yet are all 404.
pub(super) async fn file(request: HttpRequest, name: web::Path<String>, doors: web::Data<Doors>) -> HttpResponse {
    match answer(&request, &name, &doors).await {
        Ok(answer) => answer,
        Err(refused) => refuse(refused, Media::Json),
    }
}

async fn answer(request: &HttpRequest, name: &str, doors: &Doors) -> Result<HttpResponse, Refused> {
    let (access, headers) = doors.admit(credentials(request)?, address(request, doors.settings.trust_forwarded)).await?;
    let refused =
        |status, code: ErrorCode, sentence: &str| Refused { headers: headers.clone(), ..Refused::new(status, code.error(sentence)) };
    let mut reply = match doors.engine.export(access, name).await {
        Export::Nobody => {
            return Err(refused(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, "This needs a token: get one at /oauth/token."));
        }
        Export::Absent => {
            return Err(refused(StatusCode::NOT_FOUND, ErrorCode::BadUserInput, "There is no such file for you: check the address."));
        }
        Export::Gone => {
            let sentence = "This file was removed, for its time is over: have it made again.";
            return Err(refused(StatusCode::GONE, ErrorCode::BadUserInput, sentence));
        }
        Export::Unavailable => {
            let sentence = "The file cannot be read just now: try again.";
            let refused = refused(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, sentence);
            return Err(refused.with(header::RETRY_AFTER, "5"));
        }
        Export::File(file) => {
            let mut reply = HttpResponse::Ok();
            reply.content_type("application/x-ndjson; charset=utf-8");
            // The name is an id, as the address is: neither names anybody.
            reply.insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")));
            reply.body(file)
        }
    };
    for (name, value) in headers {
        reply.headers_mut().insert(name, value);
    }
    reply.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    reply.headers_mut().insert(header::VARY, header::HeaderValue::from_static("Authorization"));
    Ok(reply)
}
