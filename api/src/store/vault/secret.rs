//! 256 bits that must not be seen.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use data_encoding::HEXLOWER;
use zeroize::Zeroize;

use crate::error::{Error, Result};

/// A key of 256 bits. It lives on the heap, so that moving it leaves no copy behind, and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Box<[u8; 32]>);

impl Secret {
    /// A new random key.
    ///
    /// # Errors
    /// `Sealing` when the system has no randomness to give.
    pub fn random() -> Result<Self> {
        Self::fill(|bytes| rand::fill(bytes).map_err(|_| Error::Sealing("no randomness")))
    }

    /// A key that is written in place.
    pub(super) fn fill(write: impl FnOnce(&mut [u8; 32]) -> Result<()>) -> Result<Self> {
        let mut secret = Self(Box::new([0; 32]));
        write(&mut secret.0)?;
        Ok(secret)
    }

    /// The key itself, for the function that uses it.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Names the key without giving it away: a keyed hash of a fixed text, 64 bits of it as hexadecimal digits.
    pub(super) fn fingerprint(&self) -> String {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.bytes()), b"aftercare fingerprint v1");
        HEXLOWER.encode(&tag.as_ref()[..8])
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
