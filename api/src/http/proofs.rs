//! `/proofs/verify`: whoever is shown an attendance proof has it checked here. The proof comes in a body and never in an address, which ends
//! up in logs; nothing of it is kept or logged.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Payload},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    ErrorCode,
    caller::{Refused, address, credentials, text},
    graphql::{body, refuse},
    media::{self, Media},
    routes::Doors,
};
use crate::access::attendance_proof::{Checked, Flaw};

/// A page with a form and no script.
const PAGE: &str = include_str!("../../assets/proofs/verify.html");

/// Nothing is loaded, and the form goes nowhere but here.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The longest body: a proof, and a name.
const MOST_BYTES: usize = 16 * 1024;

/// What is sent to be checked. Has no `Debug`, so that no log shows it.
#[derive(Default, Deserialize)]
struct Shown {
    #[serde(default)]
    token: String,
    name: Option<String>,
}

/// The page.
pub(super) async fn page() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_SECURITY_POLICY, POLICY)).content_type("text/html; charset=utf-8").body(PAGE)
}

/// What the proof proves.
pub(super) async fn verify(request: HttpRequest, payload: Payload, doors: web::Data<Doors>) -> HttpResponse {
    match answer(&request, payload, &doors).await {
        Ok(answer) => answer,
        Err(refused) => refuse(refused, Media::Json),
    }
}

async fn answer(request: &HttpRequest, payload: Payload, doors: &Doors) -> Result<HttpResponse, Refused> {
    let (_, headers) = doors.admit(credentials(request)?, address(request, doors.settings.trust_forwarded)).await?;
    let shown = read(request, payload, doors).await.map_err(|refused| Refused { headers: headers.clone(), ..refused })?;
    let name = shown.name.as_deref().filter(|name| !name.trim().is_empty());
    let mut reply = HttpResponse::Ok().json(told(&doors.engine.check_proof(&shown.token, name)));
    for (name, value) in headers {
        reply.headers_mut().insert(name, value);
    }
    Ok(reply)
}

async fn read(request: &HttpRequest, payload: Payload, doors: &Doors) -> Result<Shown, Refused> {
    let bad = |sentence: &str| Refused::bad(ErrorCode::BadUserInput.error(sentence));
    if !request.query_string().is_empty() {
        return Err(bad("A proof does not stand in an address, which ends up in logs: send `token` in the body."));
    }
    let form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !form && !media::is_json(text(request, header::CONTENT_TYPE)) {
        let error = ErrorCode::BadUserInput.error("Send `token`, and `name` if you were told one, as a form or as JSON.");
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
    }
    let body = body(request, payload, &doors.settings, MOST_BYTES).await?;
    let shown = if form {
        let last = |shown: Shown, (name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| match name.as_ref() {
            "token" => Shown { token: value.into_owned(), ..shown },
            "name" => Shown { name: Some(value.into_owned()), ..shown },
            _ => shown,
        };
        url::form_urlencoded::parse(&body).fold(Shown::default(), last)
    } else {
        // What the library says of it could quote it.
        serde_json::from_slice(&body).map_err(|_| bad("Send an object with the texts `token` and, if you were told one, `name`."))?
    };
    if shown.token.trim().is_empty() { Err(bad("Give `token`: the proof that you were shown.")) } else { Ok(shown) }
}

/// What whoever asks is told: of a proof that is not good nothing but why.
fn told(checked: &Result<Checked, Flaw>) -> Json {
    match checked {
        Ok(Checked { verified, name_fits }) => json!({
            "valid": true,
            "reason": null,
            "hours": verified.proven.hours.to_string(),
            "sessions": verified.proven.sessions,
            "range": verified.proven.range(),
            "expiresAt": verified.expires_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            "nameFits": name_fits,
        }),
        Err(flaw) => json!({ "valid": false, "reason": flaw.as_str() }),
    }
}
