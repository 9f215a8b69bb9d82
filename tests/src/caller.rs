//! Someone who calls the server over HTTP, and what they are answered.

use std::time::Duration;

use entity::vocabulary::PurposeOfUse;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::timeout;

/// How long something that must come is waited for: on a busy machine that may be long, and is no finding.
pub(crate) const BUSY: Duration = Duration::from_secs(60);

/// Someone who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    client: reqwest::Client,
    url: String,
    /// Their token; none for the anonymous.
    pub token: Option<String>,
    /// The purpose of use that they name, if any.
    pub purpose: Option<PurposeOfUse>,
}

/// What they were answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub raw: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    /// What is at a JSON pointer within `data`.
    ///
    /// # Panics
    /// When nothing is there.
    pub fn data(&self, pointer: &str) -> &Value {
        self.body.pointer(&format!("/data{pointer}")).unwrap_or_else(|| panic!("no {pointer} in {}", self.raw))
    }

    /// The text at a JSON pointer within `data`.
    ///
    /// # Panics
    /// When there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.data(pointer).as_str().unwrap_or_else(|| panic!("no text at {pointer} in {}", self.raw))
    }

    /// What a subscription sent, item by item, of its one field.
    pub fn items(&self, field: &str) -> Vec<Value> {
        let items = self.raw.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data:")?).ok());
        items.map(|item| item["data"][field].clone()).collect()
    }

    /// The codes of the top-level errors.
    pub fn error_codes(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or("none")).collect()
    }

    /// The codes of the `userErrors` of the one mutation that was asked for.
    pub fn user_error_codes(&self) -> Vec<&str> {
        let payload = self.body["data"].as_object().and_then(|data| data.values().next());
        let errors = payload.and_then(|payload| payload["userErrors"].as_array()).map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["code"].as_str().unwrap_or("none")).collect()
    }
}

impl Caller {
    /// Someone without a token.
    pub fn anonymous(url: &str) -> Self {
        // No connection is kept: the server closes an idle one after a few seconds, maybe just when it is used again.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client can be made");
        Self { client, url: url.to_owned(), token: None, purpose: None }
    }

    /// Someone with a token.
    pub fn with_token(url: &str, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::anonymous(url) }
    }

    /// The same, who names a purpose of use.
    #[must_use]
    pub fn naming(&self, purpose: PurposeOfUse) -> Self {
        Self { purpose: Some(purpose), ..self.clone() }
    }

    /// The same, who names TREATMENT as their purpose of use.
    #[must_use]
    pub fn treating(&self) -> Self {
        self.naming(PurposeOfUse::Treatment)
    }

    /// Asks with a document and nothing else.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn ask(&self, query: &str) -> Answer {
        self.ask_with(query, json!({})).await
    }

    /// Asks with variables.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn ask_with(&self, query: &str, variables: Value) -> Answer {
        self.send(json!({ "query": query, "variables": variables }), &[]).await
    }

    /// Follows a subscription (`POST /graphql/stream`) until nothing more has come for this long: all events as one raw text. The first
    /// is waited for.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn follow(&self, query: &str, patience: Duration) -> Answer {
        self.follow_with(json!({ "query": query }), patience).await
    }

    /// Likewise with a body of one's own.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn follow_with(&self, body: Value, patience: Duration) -> Answer {
        let request = self.client.post(format!("{}/graphql/stream", self.url)).header("accept", "text/event-stream");
        let request = request.json(&body);
        let request = if let Some(token) = &self.token { request.bearer_auth(token) } else { request };
        let request = if let Some(purpose) = self.purpose { request.header("x-purpose-of-use", purpose.as_str()) } else { request };
        let mut response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut raw = String::new();
        let mut wait = BUSY;
        while let Ok(Ok(Some(chunk))) = timeout(wait, response.chunk()).await {
            raw.push_str(&String::from_utf8_lossy(&chunk));
            wait = patience;
        }
        Answer { status, headers, raw, body: Value::Null }
    }

    /// Asks in the address (`GET /graphql?…`), whose parameters these are.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn get(&self, parameters: &[(&str, &str)]) -> Answer {
        let mut address: url::Url = format!("{}/graphql", self.url).parse().expect("it is an address");
        address.query_pairs_mut().extend_pairs(parameters);
        let response = self.client.get(address).send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let raw = response.text().await.expect("the answer is text");
        let body = serde_json::from_str(&raw).unwrap_or_default();
        Answer { status, headers, raw, body }
    }

    /// Gets a file that the doors have, by its path or its whole address.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn download(&self, path: &str) -> Answer {
        let path = path.strip_prefix(&self.url).unwrap_or(path);
        let request = self.client.get(format!("{}{path}", self.url));
        let request = if let Some(token) = &self.token { request.bearer_auth(token) } else { request };
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let raw = response.text().await.expect("the answer is text");
        let body = serde_json::from_str(&raw).unwrap_or_default();
        Answer { status, headers, raw, body }
    }

    /// Asks with a body and headers of one's own.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn send(&self, body: Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.post(format!("{}/graphql", self.url)).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(purpose) = self.purpose {
            request = request.header("x-purpose-of-use", purpose.as_str());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let raw = response.text().await.expect("the answer is text");
        let body = serde_json::from_str(&raw).unwrap_or_default();
        Answer { status, headers, raw, body }
    }
}
