//! Keys that are derived from the root, one for each purpose and context (HKDF-SHA256, RFC 5869).

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

use super::secret::Secret;
use crate::error::{Error, Result};

/// What a derived key is for. A label is never renamed: what was hashed or sealed under it would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Search hashes; the context is the organization.
    Search,
    /// Guests' details; the context is the organization.
    Guests,
    /// Cursors that leave the house.
    Cursor,
    /// Hashes of bodies kept with idempotency keys.
    IdempotencyBody,
    /// Hashes of client secrets.
    ClientSecret,
}

impl Label {
    const fn text(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Guests => "guests",
            Self::Cursor => "cursor",
            Self::IdempotencyBody => "idempotency body",
            Self::ClientSecret => "client secret",
        }
    }
}

/// The root's key for this purpose and context; the zero byte keeps the two apart.
pub(super) fn derive(root: &Secret, label: Label, context: &[u8]) -> Result<Secret> {
    let info = [label.text().as_bytes(), b"\0", context];
    let prk = Salt::new(HKDF_SHA256, b"aftercare root v1").extract(root.bytes());
    Secret::fill(|bytes| {
        let okm = prk.expand(&info, HKDF_SHA256);
        okm.and_then(|okm| okm.fill(bytes)).map_err(|_| Error::Sealing("no key can be derived"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_for_the_same_purpose_and_context_only() {
        let root = Secret::random().unwrap();
        let key = |label, context: &[u8]| *derive(&root, label, context).unwrap().bytes();
        assert_eq!(key(Label::Search, b"a"), key(Label::Search, b"a"));
        assert_ne!(key(Label::Search, b"a"), key(Label::Search, b"b"));
        assert_ne!(key(Label::Search, b"a"), key(Label::Guests, b"a"));
        let other = Secret::random().unwrap();
        assert_ne!(key(Label::Search, b"a"), *derive(&other, Label::Search, b"a").unwrap().bytes());
    }
}
