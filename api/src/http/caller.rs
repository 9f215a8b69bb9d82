//! Who knocks: credentials from headers, sign-in, and the caller's share of requests.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    HttpMessage, HttpRequest,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use async_graphql::ServerError;
use async_graphql_parser::types::OperationType;

use super::{
    Credentials, ErrorCode, NotLetIn, frame::RequestId, operation::Operation, parameters::Parameters, rate::Bucket, routes::Doors,
};
use crate::access::{Access, IdempotencyKey};

/// Why a request goes no further, before GraphQL has a say.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// Boxed: it is large, and refusals are rare.
    pub(super) error: Box<ServerError>,
    pub(super) headers: HeaderMap,
}

impl Refused {
    /// A refusal with a status.
    pub(super) fn new(status: StatusCode, error: ServerError) -> Self {
        Self { status, error: Box::new(error), headers: HeaderMap::new() }
    }

    /// The request was not understood.
    pub(super) fn bad(error: ServerError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// The same with a header.
    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }
}

impl From<NotLetIn> for Refused {
    fn from(why: NotLetIn) -> Self {
        let message = why.to_string();
        match why {
            NotLetIn::InvalidToken => Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated.error(message))
                .with(header::WWW_AUTHENTICATE, "Bearer realm=\"aftercare\", error=\"invalid_token\""),
            NotLetIn::PurposeNotAllowed => Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden.error(message)),
            NotLetIn::Unavailable => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable.error(message)).with(header::RETRY_AFTER, "5")
            }
        }
    }
}

/// One header as text.
pub(super) fn text(request: &HttpRequest, name: impl header::AsHeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// All values of `Accept` as one.
pub(super) fn accept(request: &HttpRequest) -> Option<String> {
    let values: Vec<_> = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The token of `Bearer …`; an empty one, which is never valid, when it is another scheme.
pub(super) fn bearer(authorization: &str) -> String {
    match authorization.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim().to_owned(),
        _ => String::new(),
    }
}

/// The id that the frame gave this request.
pub(super) fn request_id(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// What the headers show.
pub(super) fn credentials(request: &HttpRequest) -> Result<Credentials, Refused> {
    let purpose = match request.headers().get("x-purpose-of-use") {
        None => None,
        Some(value) => {
            let known = value.to_str().ok().and_then(|value| value.trim().parse().ok());
            Some(known.ok_or_else(|| Refused::bad(ErrorCode::BadUserInput.error("`X-Purpose-Of-Use` is no value of PurposeOfUse.")))?)
        }
    };
    let authorization = request.headers().get(header::AUTHORIZATION);
    Ok(Credentials {
        bearer: authorization.map(|value| bearer(value.to_str().unwrap_or_default())),
        purpose,
        request_id: request_id(request),
    })
}

/// Where the request comes from: what a trusted proxy says, else the other end of the connection.
pub(super) fn address(request: &HttpRequest, trust_forwarded: bool) -> IpAddr {
    let told = trust_forwarded.then(|| request.connection_info().realip_remote_addr()?.parse().ok()).flatten();
    told.or_else(|| request.peer_addr().map(|peer| peer.ip())).unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

impl Doors {
    /// Signs in and takes one request of the caller's share. A token that is not valid costs its address one, so that guessing is slow.
    pub(super) async fn admit(&self, credentials: Credentials, address: IpAddr) -> Result<(Access, HeaderMap), Refused> {
        let mut signed_in = self.engine.sign_in(credentials).await;
        let bucket = signed_in.as_ref().map_or(Bucket::Address(address), |access| Bucket::of(access.actor, address));
        let mut headers = HeaderMap::new();
        if let Some(standing) = self.limiter.take(bucket) {
            standing.write(&mut headers);
            if let Some(seconds) = standing.retry_after {
                let mut error = ErrorCode::RateLimited.error(format!("Too many requests: come back in {seconds} s."));
                error.extensions.get_or_insert_default().set("retryAfter", seconds);
                let mut refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, error);
                refused.headers = headers;
                return Err(refused);
            }
            if let Ok(access) = &mut signed_in {
                access.share = Some(standing.share(access.now));
            }
        }
        Ok((signed_in?, headers))
    }
}

impl Doors {
    /// From parameters to an operation that may run, by its document or by the document's hash.
    pub(super) fn prepare(&self, mut parameters: Parameters) -> Result<Operation, ServerError> {
        let document = self.persisted.complete(&mut parameters)?;
        let operation = Operation::prepare(&parameters, &self.settings.limits)?;
        self.persisted.keep(document);
        Ok(operation)
    }
}

/// Puts an idempotency key into the access. A request with one holds exactly one mutation field (contract.md, "Idempotency").
pub(super) fn keyed(access: &mut Access, operation: &Operation, key: Option<&str>) -> Result<(), ServerError> {
    let Some(key) = key else { return Ok(()) };
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(ErrorCode::BadUserInput.error("An idempotency key is 1 to 255 printable characters."));
    }
    if operation.kind != OperationType::Mutation || operation.root_fields != 1 {
        return Err(ErrorCode::BadUserInput.error("A request with an idempotency key holds exactly one mutation field."));
    }
    access.idempotency = Some(IdempotencyKey { key: key.to_owned(), body_hash: operation.hash.clone() });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_is_a_token() {
        assert_eq!(bearer("bearer  abc "), "abc");
        assert_eq!(bearer("Basic abc"), "");
        assert_eq!(bearer("abc"), "");
    }
}
