//! What is answered when a request is refused: RFC 6749 §5.2, to the letter.

use actix_web::{HttpResponse, ResponseError, http::StatusCode, http::header};
use serde_json::json;

use super::{Unavailable, no_store};

/// Why a request is refused. The sentences are fixed: they repeat nothing that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OAuthError {
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// Unknown client, wrong secret, bad assertion: one answer for all.
    #[error("the client could not be authenticated")]
    InvalidClient,
    #[error("the token was not issued to this client")]
    UnauthorizedClient,
    #[error("the grant type has to be client_credentials, or a client's own: urn:aftercare:grant:invitation or refresh_token")]
    UnsupportedGrantType,
    /// Unknown, used, replaced, expired, revoked: one answer for all.
    #[error("the code or the refresh token is not good any more: ask for a new invitation")]
    InvalidGrant,
    #[error("a requested scope is unknown or not granted to this client")]
    InvalidScope,
    #[error("the request is too large")]
    TooLarge,
    #[error("try again")]
    Unavailable,
    /// From this address, for so many seconds.
    #[error("too many requests: come back in {0} s")]
    TooMany(u64),
}

impl From<Unavailable> for OAuthError {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl OAuthError {
    const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::TooLarge => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidScope => "invalid_scope",
            Self::Unavailable | Self::TooMany(_) => "temporarily_unavailable",
        }
    }
}

impl ResponseError for OAuthError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = no_store(HttpResponse::build(self.status_code()));
        match self {
            Self::InvalidClient => {
                response.insert_header((header::WWW_AUTHENTICATE, r#"Basic realm="aftercare", charset="UTF-8""#));
            }
            Self::Unavailable => {
                response.insert_header((header::RETRY_AFTER, "5"));
            }
            _ => {}
        }
        response.json(json!({"error": self.code(), "error_description": self.to_string()}))
    }
}
