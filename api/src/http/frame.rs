//! What every request gets, whichever door it came to: an id, security headers, a line of log, and a place in the counts.

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
            _ => Self(format!("{:032x}", rand::random::<u128>())),
        }
    }
}

/// Marks an answer that was told before. Many thousands of them go out in a second, none to anybody whom we know: they are counted, and
/// logged only where `RUST_LOG` asks for `debug`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToldAgain;

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
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(request.id = %id.0, http.method = method, http.door = %door, http.status = status.as_u16(), duration_ms = took.as_secs_f64() * 1e3, "request")
        };
    }
    if answer.response().extensions().contains::<ToldAgain>() {
        log!(debug)
    } else {
        log!(info)
    }
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
    use std::{fs::File, sync::Arc};

    use actix_web::{
        App, HttpResponse,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
    };

    use super::*;

    /// The addresses of two requests, of which the second is told again, in a log of this level.
    async fn logged(level: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = tracing_subscriber::fmt().with_env_filter(level).with_writer(Arc::new(File::create(file.path()).unwrap()));
        let _log = tracing::subscriber::set_default(lines.finish());
        let again = || async {
            let mut answer = HttpResponse::Ok().finish();
            answer.extensions_mut().insert(ToldAgain);
            answer
        };
        let app = App::new().wrap(from_fn(frame)).route("/first", web::get().to(HttpResponse::Ok)).route("/again", web::get().to(again));
        let app = init_service(app).await;
        for address in ["/first", "/again"] {
            assert_eq!(call_service(&app, TestRequest::get().uri(address).to_request()).await.status(), 200);
        }
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[actix_web::test]
    async fn what_is_told_again_is_logged_where_somebody_asks_for_it() {
        let (few, all) = (logged("aftercare=info").await, logged("aftercare=debug").await);
        assert!(few.contains("/first") && !few.contains("/again"), "{few}");
        assert!(all.contains("/first") && all.contains("/again"), "{all}");
    }

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
