//! Equality search over sealed values: keyed hashes of what was normalized, with a key per organization.
//!
//! A hash finds rows and tells nothing else; whoever has the database but not the root key can only see that two rows of one
//! organization share a word. 16 bytes are enough: a chance match among a billion words has odds of one in 10^20.

use std::collections::BTreeSet;
use std::fmt;

use aws_lc_rs::hmac;
use chrono::NaiveDate;

use super::secret::Secret;
use super::words::words;

/// What a hash is of: the same text as a name and as an identifier has two hashes. A text is never renamed.
#[derive(Clone, Copy)]
enum Term {
    Name,
    Date,
    Phone,
    Email,
    Identifier,
}

impl Term {
    const fn text(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Date => "date",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Identifier => "identifier",
        }
    }
}

/// A hash that is stored with a row and looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchHash(pub [u8; 16]);

/// Makes the search hashes of one organization.
#[derive(Clone)]
pub struct SearchKey(hmac::Key);

impl SearchKey {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.bytes()))
    }

    /// One hash for each whole word of a name, given, family or chosen alike, in no order. A row matches a query when it has all
    /// hashes of the query; a query without a word matches nothing.
    pub fn name(&self, name: &str) -> BTreeSet<SearchHash> {
        words(name).iter().map(|word| self.hash(Term::Name, &[word])).collect()
    }

    /// A date such as the birth date, as `YYYY-MM-DD`.
    pub fn date(&self, date: NaiveDate) -> SearchHash {
        self.hash(Term::Date, &[&date.format("%Y-%m-%d").to_string()])
    }

    /// A phone number in international form (ITU-T E.164), however it is grouped; none when it is not one. To complete a national
    /// number takes a country, which the caller knows.
    pub fn phone(&self, number: &str) -> Option<SearchHash> {
        let digits: String = number.trim().strip_prefix('+')?.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
        let valid = digits.len() <= 15 && !digits.starts_with('0') && !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
        valid.then(|| self.hash(Term::Phone, &[&digits]))
    }

    /// An e-mail address, in lower case as a whole: nobody tells two people apart by the case of their address.
    pub fn email(&self, address: &str) -> SearchHash {
        self.hash(Term::Email, &[&address.trim().to_lowercase()])
    }

    /// An identifier of another system, trimmed and otherwise exact.
    pub fn identifier(&self, system: &str, value: &str) -> SearchHash {
        self.hash(Term::Identifier, &[system.trim(), value.trim()])
    }

    /// Each part goes in with its length, so that no two lists of parts are the same bytes.
    fn hash(&self, term: Term, parts: &[&str]) -> SearchHash {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [term.text()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&context.sign().as_ref()[..16]);
        SearchHash(hash)
    }
}

impl fmt::Debug for SearchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SearchKey {
        let secret = Secret::fill(|bytes| {
            bytes.fill(7);
            Ok(())
        });
        SearchKey::new(&secret.unwrap())
    }

    #[test]
    fn the_same_value_however_it_is_written() {
        let key = key();
        assert_eq!(key.name("José  O'Neill"), key.name("ONEILL, jose"));
        assert!(key.name("Jose").is_subset(&key.name("José O'Neill")));
        assert!(key.name("Jos").is_disjoint(&key.name("José")), "whole words only");
        for same in ["+1 (555) 010-2345", " +1.555.010.2345", "+15550102345"] {
            assert_eq!(key.phone(same), key.phone("+15550102345"), "{same}");
        }
        assert_eq!(key.email(" Ada@Example.ORG"), key.email("ada@example.org"));
        assert_eq!(key.identifier("mrn", " A1 "), key.identifier("mrn", "A1"));
    }

    #[test]
    fn other_values_kinds_and_organizations_differ() {
        let key = key();
        assert_ne!(key.identifier("mrn", "A1"), key.identifier("mrn", "a1"));
        assert_ne!(key.identifier("ab", "c"), key.identifier("a", "bc"));
        assert!(!key.name("ada").contains(&key.email("ada")));
        let other = SearchKey::new(&Secret::random().unwrap());
        assert_ne!(key.name("Ada"), other.name("Ada"));
        let date = NaiveDate::from_ymd_opt(1990, 1, 2).unwrap();
        assert_ne!(key.date(date), key.date(date.succ_opt().unwrap()));
        for none in ["", "+", "5550102345", "+0123", "+1234567890123456", "+1555x"] {
            assert_eq!(key.phone(none), None, "{none}");
        }
    }

    #[test]
    fn a_stored_hash_stays_what_it_is() {
        assert_eq!(data_encoding::HEXLOWER.encode(&key().email("ada@example.org").0), "e446af212128c9f101c70a6a114f6ba3");
    }
}
