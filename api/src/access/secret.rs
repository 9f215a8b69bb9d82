//! Secrets of API clients: 256 random bits, shown once, kept as a keyed hash.
//! No slow hash, since nobody guesses 256 random bits; a keyed one, so that a stolen table verifies nothing.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// Keeps a hash of ours from being one of the same key's other uses.
const PURPOSE: &[u8] = b"aftercare client secret v1\0";

/// What is stored of a secret.
pub type SecretHash = [u8; 32];

/// A new secret: 43 URL-safe characters, which nothing on the way has to escape.
pub fn generate() -> Zeroizing<String> {
    let bits = Zeroizing::new(rand::random::<[u8; 32]>());
    Zeroizing::new(BASE64URL_NOPAD.encode(bits.as_slice()))
}

/// Hashes and verifies secrets with one key.
#[derive(Clone)]
pub struct Secrets(hmac::Key);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// With a key of at least 32 random bytes, kept outside the database.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// What to store.
    pub fn hash(&self, secret: &str) -> SecretHash {
        let mut keyed = hmac::Context::with_key(&self.0);
        keyed.update(PURPOSE);
        keyed.update(secret.as_bytes());
        let tag = keyed.sign();
        let mut hash = SecretHash::default();
        hash.copy_from_slice(tag.as_ref());
        hash
    }

    /// Whether this is the secret. Where there is none to compare with, because there is no such client, it does the
    /// same work: the time it takes tells nobody which clients exist.
    pub fn verify(&self, secret: &str, stored: Option<&SecretHash>) -> bool {
        let given = self.hash(secret);
        let same = constant_time::verify_slices_are_equal(&given, stored.unwrap_or(&SecretHash::default())).is_ok();
        same & stored.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_verifies_against_its_own_hash_and_key_alone() {
        let (secrets, others) = (Secrets::new(&[1; 32]), Secrets::new(&[2; 32]));
        let secret = generate();
        let stored = secrets.hash(&secret);
        assert!(secrets.verify(&secret, Some(&stored)));
        assert!(!secrets.verify(&generate(), Some(&stored)));
        assert!(!secrets.verify("", Some(&stored)));
        assert!(!secrets.verify(&secret, None));
        assert!(!others.verify(&secret, Some(&stored)));
    }

    #[test]
    fn a_secret_is_256_bits_in_characters_that_need_no_escaping() {
        let secret = generate();
        assert_eq!(secret.len(), 43);
        assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(*secret, *generate());
    }
}
