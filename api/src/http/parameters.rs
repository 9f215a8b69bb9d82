//! The parameters of a request: `query`, `operationName`, `variables`, `extensions`, from a body, an address or a message.

use async_graphql::{ServerError, Variables};
use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Map, Value};

use super::ErrorCode;

/// What a request asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// None when only its hash was sent.
    pub(super) query: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Map<String, Value>,
    pub(super) extensions: Map<String, Value>,
}

fn wrong(message: impl Into<String>) -> ServerError {
    ErrorCode::BadUserInput.error(message)
}

impl Parameters {
    /// Reads a POST body.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, ServerError> {
        let value = serde_json::from_slice(body).map_err(|_| wrong("The body is not well-formed JSON."))?;
        Self::from_json(value)
    }

    /// Reads a JSON object, of a body or of a WebSocket message.
    pub(super) fn from_json(value: Value) -> Result<Self, ServerError> {
        let mut fields = match value {
            Value::Object(fields) => fields,
            Value::Array(_) => return Err(wrong("Send one operation at a time: an array of them is not taken.")),
            _ => return Err(wrong("The body must be a JSON object with `query`.")),
        };
        let extensions = object(fields.remove("extensions"), "extensions")?;
        let query = match fields.remove("query") {
            Some(Value::String(query)) => Some(query),
            None | Some(Value::Null) if extensions.get("persistedQuery").is_some_and(|hash| !hash.is_null()) => None,
            Some(_) => return Err(wrong("`query` must be a string.")),
            None => return Err(wrong("Give `query`, the document.")),
        };
        Ok(Self {
            query,
            operation_name: match fields.remove("operationName") {
                Some(Value::String(name)) => Some(name),
                Some(Value::Null) | None => None,
                Some(_) => return Err(wrong("`operationName` must be a string.")),
            },
            variables: object(fields.remove("variables"), "variables")?,
            extensions,
        })
    }

    /// Reads an address; `variables` and `extensions` are JSON in it.
    pub(super) fn from_address(query_string: &str) -> Result<Self, ServerError> {
        let mut fields = Map::new();
        for (name, value) in url::form_urlencoded::parse(query_string.as_bytes()) {
            let value = match name.as_ref() {
                "query" => Value::String(value.into_owned()),
                "operationName" if value.is_empty() => Value::Null,
                "operationName" => Value::String(value.into_owned()),
                "variables" | "extensions" if value.is_empty() => Value::Null,
                "variables" | "extensions" => {
                    serde_json::from_str(&value).map_err(|_| wrong(format!("`{name}` must be a JSON object.")))?
                }
                _ => continue,
            };
            if fields.insert(name.into_owned(), value).is_some() {
                return Err(wrong("Give each parameter once."));
            }
        }
        Self::from_json(Value::Object(fields))
    }

    /// The variables, as the library wants them.
    pub(super) fn variables(&self) -> Variables {
        Variables::from_json(Value::Object(self.variables.clone()))
    }

    /// What an idempotency key stands for: a hash of document, operation and variables, whatever the order of their keys.
    pub(super) fn hash(&self) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        let operation = Value::from(self.operation_name.clone());
        for part in [Value::from(self.query.clone()), operation, sorted(&Value::Object(self.variables.clone()))] {
            context.update(part.to_string().as_bytes());
            context.update(b"\0");
        }
        context.finish().as_ref().to_vec()
    }
}

fn object(value: Option<Value>, name: &str) -> Result<Map<String, Value>, ServerError> {
    match value {
        Some(Value::Object(fields)) => Ok(fields),
        Some(Value::Null) | None => Ok(Map::new()),
        Some(_) => Err(wrong(format!("`{name}` must be an object."))),
    }
}

/// The same value with the keys of its objects in order. The JSON reader bounds how deep it goes.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_request_is_refused() {
        for body in [
            "",
            "{",
            "[]",
            "[{\"query\":\"{a}\"}]",
            "1",
            "{}",
            "{\"query\":1}",
            "{\"query\":\"{a}\",\"variables\":[]}",
            "{\"query\":\"{a}\",\"operationName\":{}}",
        ] {
            assert!(Parameters::from_body(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Parameters::from_body("[".repeat(1_000_000).as_bytes()).is_err());
        assert!(Parameters::from_address("query={a}&query={b}").is_err());
    }

    #[test]
    fn an_address_says_the_same_as_a_body() {
        let address = Parameters::from_address("query=%7Ba%7D&variables=%7B%22x%22%3A1%7D&operationName=A&other=1").unwrap();
        let body = Parameters::from_json(json!({"query": "{a}", "variables": {"x": 1}, "operationName": "A", "extensions": null})).unwrap();
        assert_eq!(address, body);
    }

    #[test]
    fn the_order_of_keys_does_not_change_the_hash() {
        let hash = |variables| Parameters::from_json(json!({"query": "{a}", "variables": variables})).unwrap().hash();
        assert_eq!(hash(json!({"a": {"b": 1, "c": 2}, "d": 3})), hash(json!({"d": 3, "a": {"c": 2, "b": 1}})));
        assert_ne!(hash(json!({"a": [1, 2]})), hash(json!({"a": [2, 1]})));
    }
}
