//! What every request gets, whichever door it came to: an id, security headers, one line of log, and a place in the counts.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use uuid::Uuid;

use super::routes::Doors;

/// The header of request ids.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: the caller's own, when it is well formed.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        match sent {
            Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(safe) => Self(id.to_owned()),
            _ => Self(Uuid::new_v4().simple().to_string()),
        }
    }
}

/// A middleware for `actix_web::middleware::from_fn`. Around the whole application and around our own routes, it works once.
///
/// # Errors
/// Those of what it wraps.
pub async fn frame<B: MessageBody + 'static>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    if request.extensions().contains::<RequestId>() {
        return next.call(request).await;
    }
    let began = Instant::now();
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let metrics = request.app_data::<web::Data<Doors>>().map(|doors| doors.settings.metrics.clone());

    let mut answer = next.call(request).await?;
    let (status, took) = (answer.status(), began.elapsed());
    write_headers(answer.headers_mut(), status, &id);
    // The pattern of the route, never the address: addresses hold what people looked for.
    let door = answer.request().match_pattern().unwrap_or_else(|| "other".to_owned());
    let method = answer.request().method().as_str();
    tracing::info!(request.id = %id.0, http.method = method, http.door = %door, http.status = status.as_u16(), duration_ms = took.as_secs_f64() * 1e3, "request");
    if let Some(metrics) = metrics {
        metrics.request(&door, status, took);
    }
    Ok(answer)
}

/// Headers of every answer; what a door set itself stays.
fn write_headers(headers: &mut HeaderMap, status: StatusCode, id: &RequestId) {
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        headers.insert(X_REQUEST_ID, id);
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let defaults = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in defaults {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_safe_id_is_taken_over() {
        let id = |sent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_static(sent));
            RequestId::of(&headers).0
        };
        assert_eq!(id("abc-1.2_3"), "abc-1.2_3");
        for bad in ["", "a b", "a\"b", "<x>", "0123456789012345678901234567890123456789012345678901234567890123456789"] {
            assert_ne!(id(bad), bad);
            assert_eq!(id(bad).len(), 32);
        }
    }
}
