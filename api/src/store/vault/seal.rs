//! Values of columns that only a key opens, each bound to the one place where it stands.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use entity::Sealed;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cipher;
use super::secret::Secret;
use crate::error::{Error, Result};

/// The key of one subject (a client or the snapshot of a referral) or of an organization's guests. Wiped with its last copy.
#[derive(Clone)]
pub struct ClientKey {
    /// Whose rows it seals. It seals and opens no other organization's.
    pub organization: Uuid,
    secret: Arc<Secret>,
}

impl ClientKey {
    pub(super) fn new(organization: Uuid, secret: Secret) -> Self {
        Self { organization, secret: Arc::new(secret) }
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey(of {})", self.organization)
    }
}

/// Where a sealed value stands. Elsewhere it does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealContext {
    /// The organization that the row belongs to.
    pub organization: Uuid,
    /// The table's name.
    pub table: &'static str,
    /// The column's name.
    pub column: &'static str,
    /// The row's id.
    pub row: Uuid,
}

impl SealContext {
    /// The ids have a fixed length and names no zero byte: no two places have the same bytes.
    fn bound(&self) -> Vec<u8> {
        let names = [self.table.as_bytes(), b"\0", self.column.as_bytes()].concat();
        [b"aftercare column v1".as_slice(), self.organization.as_bytes(), self.row.as_bytes(), &names].concat()
    }
}

/// Seals a value for its place.
///
/// # Errors
/// `Sealing` when the key is another organization's.
pub fn seal(key: &ClientKey, place: &SealContext, plain: &[u8]) -> Result<Sealed> {
    own(key, place)?;
    cipher::seal(&key.secret, &place.bound(), plain).map(Sealed)
}

/// Opens a value in its place; the bytes are wiped when dropped.
///
/// # Errors
/// `Sealing` when it was changed, moved here from elsewhere, or sealed with another key.
pub fn open(key: &ClientKey, place: &SealContext, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
    own(key, place)?;
    cipher::open(&key.secret, &place.bound(), &sealed.0)
}

/// Seals a value as JSON.
///
/// # Errors
/// As [`seal`]; also when the value has no JSON form.
pub fn seal_json<T: Serialize>(key: &ClientKey, place: &SealContext, value: &T) -> Result<Sealed> {
    let mut plain = Wiped(Zeroizing::new(Vec::with_capacity(256)));
    serde_json::to_writer(&mut plain, value).map_err(|_| Error::Sealing("the value has no JSON form"))?;
    seal(key, place, &plain.0)
}

/// Opens a value that was sealed as JSON.
///
/// # Errors
/// As [`open`]; also when it is not a `T`. What serde says of it is dropped, for it quotes the value.
pub fn open_json<T: DeserializeOwned>(key: &ClientKey, place: &SealContext, sealed: &Sealed) -> Result<T> {
    let plain = open(key, place, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| Error::Sealing("the value is not of the expected type"))
}

fn own(key: &ClientKey, place: &SealContext) -> Result<()> {
    match key.organization == place.organization {
        true => Ok(()),
        false => Err(Error::Sealing("the key is another organization's")),
    }
}

/// A buffer that wipes what it leaves behind when it grows, which `Vec` does not.
struct Wiped(Zeroizing<Vec<u8>>);

impl Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(needed * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> SealContext {
        SealContext { organization: Uuid::from_u128(1), table: "client", column: "name", row: Uuid::from_u128(2) }
    }

    fn key() -> ClientKey {
        ClientKey::new(place().organization, Secret::random().unwrap())
    }

    #[test]
    fn what_is_moved_does_not_open() {
        let (key, here) = (key(), place());
        let sealed = seal(&key, &here, b"Ada").unwrap();
        assert_eq!(*open(&key, &here, &sealed).unwrap(), b"Ada");

        let other = Uuid::from_u128(9);
        let foreign = ClientKey { organization: other, secret: key.secret.clone() };
        open(&key, &SealContext { row: other, ..here }, &sealed).unwrap_err();
        open(&key, &SealContext { column: "phone", ..here }, &sealed).unwrap_err();
        open(&key, &SealContext { table: "note", ..here }, &sealed).unwrap_err();
        open(&key, &SealContext { table: "clientn", column: "ame", ..here }, &sealed).unwrap_err();
        open(&key, &SealContext { organization: other, ..here }, &sealed).unwrap_err();
        open(&foreign, &SealContext { organization: other, ..here }, &sealed).unwrap_err();
        open(&self::key(), &here, &sealed).unwrap_err();
        seal(&foreign, &here, b"Ada").unwrap_err();
    }

    #[test]
    fn errors_and_debug_say_nothing_of_values_and_keys() {
        let (key, here) = (key(), place());
        let sealed = seal_json(&key, &here, &"Ada").unwrap();
        let error = open_json::<u32>(&key, &here, &sealed).unwrap_err();
        assert_eq!(
            format!("{error} {key:?}"),
            format!("sealing: the value is not of the expected type ClientKey(of {})", here.organization)
        );
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_again(plain: Vec<u8>) {
            let key = key();
            let sealed = seal(&key, &place(), &plain).unwrap();
            prop_assert_eq!(sealed.0.len(), plain.len() + 29);
            prop_assert_eq!(&*open(&key, &place(), &sealed).unwrap(), &plain);
        }

        #[test]
        fn json_comes_back(value: Vec<(String, Option<i64>)>) {
            let key = key();
            let sealed = seal_json(&key, &place(), &value).unwrap();
            prop_assert_eq!(open_json::<Vec<(String, Option<i64>)>>(&key, &place(), &sealed).unwrap(), value);
        }

        #[test]
        fn a_changed_or_missing_byte_does_not_open(plain: Vec<u8>, at: prop::sample::Index, flip in 1..=255_u8) {
            let key = key();
            let sealed = seal(&key, &place(), &plain).unwrap();
            let mut changed = sealed.clone();
            let at = at.index(changed.0.len());
            changed.0[at] ^= flip;
            prop_assert!(open(&key, &place(), &changed).is_err());
            prop_assert!(open(&key, &place(), &Sealed(sealed.0[..at].to_vec())).is_err());
        }
    }
}
