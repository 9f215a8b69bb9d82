//! The parameters of a request: a form in the body, each parameter once (RFC 6749 §3.2 and appendix B).

use std::collections::BTreeMap;

use actix_web::{HttpMessage, HttpRequest, error::PayloadError, web};
use url::form_urlencoded;

use super::error::OAuthError;

/// An assertion of 8 KB and the rest.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// The parameters by name. What is sent without a value counts as not sent (RFC 6749 §3.2).
#[derive(Debug)]
pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads the body. The address carries no parameters: addresses end up in logs.
    pub(super) fn read(request: &HttpRequest, body: Result<web::Bytes, actix_web::Error>) -> Result<Self, OAuthError> {
        if request.content_type() != "application/x-www-form-urlencoded" {
            return Err(OAuthError::InvalidRequest("send the parameters as application/x-www-form-urlencoded"));
        }
        if !request.query_string().is_empty() {
            return Err(OAuthError::InvalidRequest("send the parameters in the body, not in the address"));
        }
        let body = body.map_err(|error| match error.as_error::<PayloadError>() {
            Some(PayloadError::Overflow) => OAuthError::TooLarge,
            _ => OAuthError::InvalidRequest("the body could not be read"),
        })?;
        Self::parse(&body)
    }

    fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(body) {
            if !value.is_empty() && parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(OAuthError::InvalidRequest("send each parameter once"));
            }
        }
        Ok(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or(OAuthError::InvalidRequest(match name {
            "grant_type" => "give grant_type",
            "token" => "give token",
            "code" => "give code",
            "refresh_token" => "give refresh_token",
            _ => "a parameter is missing",
        }))
    }
}
