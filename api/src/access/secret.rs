//! Secrets of API clients, codes of invitations and refresh tokens: 256 random bits, shown once, kept as a keyed hash.
//! No slow hash, since nobody guesses 256 random bits; a keyed one, so that a stolen table verifies nothing.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

/// What a secret is for. It keeps the hash of one from being that of another. Never renamed: what was hashed would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The secret of an API client.
    ApiClient,
    /// The code of an invitation.
    Invitation,
    /// The second half of a refresh token.
    Refresh,
    /// The code that a guest's contact confirms with.
    GuestCode,
    /// The proof in a guest's ticket.
    Ticket,
    /// The key in the link to a client's calendar.
    PrivateCalendar,
    /// No secret: what a client's calendar calls an appointment, of which nobody else makes anything.
    CalendarEvent,
}

impl Purpose {
    const fn text(self) -> &'static [u8] {
        match self {
            Self::ApiClient => b"aftercare client secret v1\0",
            Self::Invitation => b"aftercare invitation v1\0",
            Self::Refresh => b"aftercare refresh token v1\0",
            Self::GuestCode => b"aftercare guest code v1\0",
            Self::Ticket => b"aftercare ticket v1\0",
            Self::PrivateCalendar => b"aftercare private calendar v1\0",
            Self::CalendarEvent => b"aftercare calendar event v1\0",
        }
    }
}

/// What is stored of a secret.
pub type SecretHash = [u8; 32];

/// A new secret: 43 URL-safe characters, which nothing on the way has to escape.
pub fn generate() -> Zeroizing<String> {
    let bits = Zeroizing::new(rand::random::<[u8; 32]>());
    Zeroizing::new(BASE64URL_NOPAD.encode(bits.as_slice()))
}

/// Hashes and verifies secrets of one purpose with one key.
#[derive(Clone)]
pub struct Secrets {
    key: hmac::Key,
    purpose: Purpose,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Those of API clients, with a key of at least 32 random bytes that is kept outside the database.
    pub fn new(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), purpose: Purpose::ApiClient }
    }

    /// Those of another purpose, with the same key.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> Self {
        Self { purpose, ..self.clone() }
    }

    /// What to store.
    pub fn hash(&self, secret: &str) -> SecretHash {
        let mut keyed = hmac::Context::with_key(&self.key);
        keyed.update(self.purpose.text());
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
        assert!(!secrets.of(Purpose::Refresh).verify(&secret, Some(&stored)), "a secret is good for what it was made for");
    }

    #[test]
    fn a_secret_is_256_bits_in_characters_that_need_no_escaping() {
        let secret = generate();
        assert_eq!(secret.len(), 43);
        assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_ne!(*secret, *generate());
    }
}
