//! Key-encryption keys, which wrap the keys of clients and nothing else.

use uuid::Uuid;

use super::cipher;
use super::secret::Secret;
use crate::error::{Error, Result};

/// One key-encryption key.
#[derive(Debug)]
pub struct Kek {
    /// Its place in the order of keys and its fingerprint: `0002-1f2e3d4c5b6a7988`. The higher number is the newer key, with no
    /// clock or file date to trust, and a file whose contents do not match its name is noticed.
    pub id: String,
    secret: Secret,
}

impl Kek {
    pub(super) fn new(number: u32, secret: Secret) -> Self {
        Self { id: format!("{number:04}-{}", secret.fingerprint()), secret }
    }

    /// The part of the name that tells which key it is.
    pub(super) fn fingerprint(&self) -> &str {
        self.id.split_once('-').map_or("", |(_, fingerprint)| fingerprint)
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Wraps a client's key for its subject and organization.
    pub(super) fn wrap(&self, subject: Uuid, organization: Uuid, key: &Secret) -> Result<Vec<u8>> {
        cipher::seal(&self.secret, &bound(subject, organization), key.bytes())
    }

    /// Unwraps it; under another subject or organization it does not.
    pub(super) fn unwrap(&self, subject: Uuid, organization: Uuid, wrapped: &[u8]) -> Result<Secret> {
        let key = cipher::open(&self.secret, &bound(subject, organization), wrapped)?;
        Secret::fill(|bytes| {
            if key.len() != bytes.len() {
                return Err(Error::Sealing("the wrapped key has another length"));
            }
            bytes.copy_from_slice(&key);
            Ok(())
        })
    }
}

fn bound(subject: Uuid, organization: Uuid) -> Vec<u8> {
    [b"aftercare client key v1".as_slice(), subject.as_bytes(), organization.as_bytes()].concat()
}
