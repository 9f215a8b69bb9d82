//! Answers: the closed list of error codes, which of them a library error is, and how much of errors is told.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};
use serde::Serialize;

/// Most errors in one answer (contract.md, "Answers").
const MOST_ERRORS: usize = 25;
/// Most bytes of error text in one answer.
const MOST_ERROR_TEXT: usize = 64 * 1024;
/// Most bytes of one message, so that the last errors also fit.
const MOST_MESSAGE: usize = 2 * 1024;

/// The codes of top-level errors (contract.md, "Answers"). A code is never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// No token where one is needed, or one that is not valid.
    Unauthenticated,
    /// The token is not good for this.
    Forbidden,
    /// The request or a value in it was not understood.
    BadUserInput,
    /// The document is not GraphQL.
    ParseFailed,
    /// The document does not fit the schema.
    ValidationFailed,
    /// The document asks for too much.
    CostLimitExceeded,
    /// The document is nested too deeply.
    DepthLimitExceeded,
    /// Too many requests.
    RateLimited,
    /// Only a document's hash was sent, and the document is not known here.
    PersistedQueryNotFound,
    /// It took too long.
    Timeout,
    /// Not now.
    Unavailable,
    /// Our fault.
    Internal,
}

impl ErrorCode {
    /// The code as answers write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::CostLimitExceeded => "COST_LIMIT_EXCEEDED",
            Self::DepthLimitExceeded => "DEPTH_LIMIT_EXCEEDED",
            Self::RateLimited => "RATE_LIMITED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }

    /// An error with this code.
    pub fn error(self, message: impl Into<String>) -> ServerError {
        let mut error = ServerError::new(message, None);
        set_code(&mut error, self);
        error
    }
}

fn set_code(error: &mut ServerError, code: ErrorCode) {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        Value::Enum(code) => Some(code),
        _ => None,
    }
}

/// An answer as it is written: `data` is missing when nothing was executed.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<ServerError>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extensions: BTreeMap<String, Value>,
}

impl Answer {
    /// An answer to a request that was not executed.
    pub(super) fn refusal(errors: impl Into<Vec<ServerError>>) -> Self {
        Self { data: None, errors: errors.into(), extensions: BTreeMap::new() }
    }

    /// What the engine answered, with a code on every error and no more of them than is allowed.
    pub(super) fn of(response: Response, has_variables: bool, request_id: &str) -> Self {
        let executed =
            response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty()) || response.errors.is_empty();
        let errors = bounded(response.errors).into_iter().map(|error| classified(error, has_variables, request_id)).collect();
        Self { data: executed.then_some(response.data), errors, extensions: response.extensions }
    }

    /// An item of a subscription, or why it could not be begun: an error of the request then, with no place in the data.
    pub(super) fn of_stream(item: Result<Response, Response>, has_variables: bool, request_id: &str) -> Self {
        match item {
            Ok(response) => Self::of(response, has_variables, request_id),
            Err(response) => Self::of(response, has_variables, request_id).into_refusal(),
        }
    }

    fn into_refusal(mut self) -> Self {
        self.errors.iter_mut().for_each(|error| error.path.clear());
        Self { data: None, ..self }
    }

    /// The same, with what it cost.
    pub(super) fn costing(mut self, cost: usize) -> Self {
        self.extensions.insert("cost".to_owned(), cost.into());
        self
    }

    /// Whether the request was refused before anything was executed.
    pub(super) const fn is_refusal(&self) -> bool {
        self.data.is_none()
    }

    /// The HTTP status under `application/graphql-response+json`; anything executed is 200, errors of fields included.
    pub(super) fn status(&self) -> StatusCode {
        if !self.is_refusal() {
            return StatusCode::OK;
        }
        match self.errors.first().and_then(code_of) {
            Some("UNAUTHENTICATED") => StatusCode::UNAUTHORIZED,
            Some("FORBIDDEN") => StatusCode::FORBIDDEN,
            Some("RATE_LIMITED") => StatusCode::TOO_MANY_REQUESTS,
            Some("UNAVAILABLE") => StatusCode::SERVICE_UNAVAILABLE,
            Some("TIMEOUT") => StatusCode::GATEWAY_TIMEOUT,
            Some("INTERNAL") => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer as JSON.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| {
            r#"{"errors":[{"message":"The answer could not be written.","extensions":{"code":"INTERNAL"}}]}"#.to_owned()
        })
    }
}

/// At most 25 errors and 64 KB of text: validation of a hostile document would otherwise answer with a megabyte.
fn bounded(mut errors: Vec<ServerError>) -> Vec<ServerError> {
    errors.truncate(MOST_ERRORS);
    let mut left = MOST_ERROR_TEXT;
    for error in &mut errors {
        let most = MOST_MESSAGE.min(left);
        if error.message.len() > most {
            let end = (0..=most).rev().find(|at| error.message.is_char_boundary(*at)).unwrap_or(0);
            error.message.truncate(end);
            error.message.push('…');
        }
        left = left.saturating_sub(error.message.len());
        error.locations.truncate(8);
    }
    errors
}

/// Gives an error its code, where the library gave none. What is not known to be the caller's mistake is ours, and hidden.
fn classified(mut error: ServerError, has_variables: bool, request_id: &str) -> ServerError {
    if code_of(&error).is_some() {
        return error;
    }
    let text = error.message.as_str();
    let code = if text.starts_with("Failed to parse \"") || text.starts_with("Expected input type \"") {
        ErrorCode::BadUserInput
    } else if text.starts_with("The recursion depth of the query") || text == "Query is nested too deep." {
        ErrorCode::DepthLimitExceeded
    } else if text == "Query is too complex." {
        ErrorCode::CostLimitExceeded
    } else if !error.path.is_empty() {
        ErrorCode::Internal
    } else if has_variables && (text.starts_with("Invalid value for argument") || text.starts_with("Variable ")) {
        ErrorCode::BadUserInput
    } else {
        ErrorCode::ValidationFailed
    };
    if code == ErrorCode::Internal {
        tracing::error!(request.id = request_id, "a field failed without a code");
        error.message = format!("Something went wrong here. Tell us the request id: {request_id}");
        error.extensions = None;
    }
    set_code(&mut error, code);
    error
}

#[cfg(test)]
mod tests {
    use async_graphql::PathSegment;

    use super::*;

    #[test]
    fn many_long_errors_become_few_and_short() {
        let response = Response::from_errors((0..2_000).map(|_| ServerError::new("é".repeat(9_999), None)).collect());
        let answer = Answer::of(response, false, "r1");
        assert_eq!(answer.errors.len(), 25);
        assert!(answer.to_json().len() < 66 * 1024);
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code_of(&answer.errors[0]), Some("GRAPHQL_VALIDATION_FAILED"));
    }

    #[test]
    fn a_fault_of_ours_is_hidden() {
        let fault = ServerError::new("connection to 10.0.0.5 refused", None).with_path(vec![PathSegment::Field("me".into())]);
        let answer = Answer::of(Response::from_errors(vec![fault]), false, "r1");
        assert_eq!(code_of(&answer.errors[0]), Some("INTERNAL"));
        assert!(!answer.to_json().contains("10.0.0.5"));
        assert!(answer.to_json().contains("\"data\":null"));
        assert_eq!(answer.status(), StatusCode::OK);
    }

    #[test]
    fn why_a_stream_could_not_be_begun_has_no_data_and_hides_our_faults() {
        let fault = || ServerError::new("connection to 10.0.0.5 refused", None).with_path(vec![PathSegment::Field("events".into())]);
        let begun = Answer::of_stream(Ok(Response::from_errors(vec![fault()])), false, "r1");
        assert!(!begun.is_refusal() && begun.to_json().contains("\"path\":[\"events\"]"), "{}", begun.to_json());
        let not_begun = Answer::of_stream(Err(Response::from_errors(vec![fault()])), false, "r1");
        assert!(not_begun.is_refusal() && !not_begun.to_json().contains("path"), "{}", not_begun.to_json());
        assert_eq!(code_of(&not_begun.errors[0]), Some("INTERNAL"));
        assert!(!not_begun.to_json().contains("10.0.0.5"));
    }

    #[test]
    fn codes_of_the_engine_are_kept() {
        let answer = Answer::of(Response::from_errors(vec![ErrorCode::Forbidden.error("no")]), false, "r1");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
}
