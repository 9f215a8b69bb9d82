//! Documents by their hash (automatic persisted queries): a caller sends the hash alone, and the document with it only when it is
//! not known here. Kept in memory, on each replica by itself: whoever meets another replica sends it once more.

use std::sync::Arc;

use async_graphql::ServerError;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use moka::sync::Cache;
use serde_json::{Map, Value};

use super::{ErrorCode, parameters::Parameters};

/// Bytes of documents that are kept at most. What is asked for often stays.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The hash of a document: SHA-256 of its text.
type Hash = [u8; 32];

/// Documents that someone sent together with their hash.
#[derive(Clone)]
pub(super) struct Persisted(Cache<Hash, Arc<str>>);

/// A document to keep once it is known to be one.
pub(super) struct ToKeep(Option<(Hash, Arc<str>)>);

impl Persisted {
    /// None yet.
    pub(super) fn new() -> Self {
        let weight = |_: &Hash, document: &Arc<str>| u32::try_from(document.len()).unwrap_or(u32::MAX);
        Self(Cache::builder().weigher(weight).max_capacity(MOST_BYTES).build())
    }

    /// Puts the document in its place when only its hash was sent; gives it back to be kept when both were.
    pub(super) fn complete(&self, parameters: &mut Parameters) -> Result<ToKeep, ServerError> {
        let Some(hash) = named(&parameters.extensions)? else { return Ok(ToKeep(None)) };
        let Some(query) = &parameters.query else {
            // Clients of two families know it by this very message, others by its code.
            let unknown = || ErrorCode::PersistedQueryNotFound.error("PersistedQueryNotFound");
            parameters.query = Some(self.0.get(&hash).ok_or_else(unknown)?.to_string());
            return Ok(ToKeep(None));
        };
        if digest(&SHA256, query.as_bytes()).as_ref() != hash {
            return Err(ErrorCode::BadUserInput.error("`persistedQuery.sha256Hash` is not the hash of `query`."));
        }
        Ok(ToKeep(Some((hash, query.as_str().into()))))
    }

    /// Keeps a document that was found to be within the limits.
    pub(super) fn keep(&self, document: ToKeep) {
        if let Some((hash, document)) = document.0 {
            self.0.insert(hash, document);
        }
    }
}

/// The hash that was sent, if one was.
fn named(extensions: &Map<String, Value>) -> Result<Option<Hash>, ServerError> {
    let Some(sent) = extensions.get("persistedQuery").filter(|sent| !sent.is_null()) else { return Ok(None) };
    if sent["version"] != 1 {
        return Err(ErrorCode::BadUserInput.error("`persistedQuery.version` is 1."));
    }
    let hash = sent["sha256Hash"].as_str().and_then(|text| HEXLOWER.decode(text.to_ascii_lowercase().as_bytes()).ok()?.try_into().ok());
    hash.map(Some).ok_or_else(|| {
        ErrorCode::BadUserInput.error("`persistedQuery.sha256Hash` is the SHA-256 of the document in 64 hexadecimal digits.")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The hash of `{a}`.
    fn hash() -> String {
        HEXLOWER.encode(digest(&SHA256, b"{a}").as_ref())
    }

    fn complete(persisted: &Persisted, query: Option<&str>, sent: Value) -> Result<Option<String>, String> {
        let mut parameters = Parameters { query: query.map(str::to_owned), ..Parameters::default() };
        parameters.extensions.insert("persistedQuery".to_owned(), sent);
        let kept = persisted.complete(&mut parameters).map_err(|error| format!("{error:?}"))?;
        persisted.keep(kept);
        Ok(parameters.query)
    }

    #[test]
    fn a_document_is_found_once_it_came_with_its_hash() {
        let persisted = Persisted::new();
        let sent = || json!({ "version": 1, "sha256Hash": hash() });
        assert!(complete(&persisted, None, sent()).is_err_and(|error| error.contains("PERSISTED_QUERY_NOT_FOUND")));
        assert_eq!(complete(&persisted, Some("{a}"), sent()), Ok(Some("{a}".to_owned())));
        assert_eq!(complete(&persisted, None, sent()), Ok(Some("{a}".to_owned())));
        assert_eq!(complete(&persisted, None, json!({ "version": 1, "sha256Hash": hash().to_uppercase() })), Ok(Some("{a}".to_owned())));
        assert_eq!(complete(&persisted, None, Value::Null), Ok(None));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let persisted = Persisted::new();
        for wrong in [
            json!({ "version": 2, "sha256Hash": hash() }),
            json!({ "sha256Hash": hash() }),
            json!({ "version": 1 }),
            json!({ "version": 1, "sha256Hash": &hash()[1..] }),
            json!({ "version": 1, "sha256Hash": "é".repeat(32) }),
            json!("x"),
        ] {
            for query in [None, Some("{a}")] {
                assert!(complete(&persisted, query, wrong.clone()).is_err_and(|error| error.contains("BAD_USER_INPUT")), "{wrong}");
            }
        }
        let other = json!({ "version": 1, "sha256Hash": hash() });
        assert!(complete(&persisted, Some("{b}"), other).is_err_and(|error| error.contains("BAD_USER_INPUT")));
    }
}
