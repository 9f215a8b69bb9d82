//! Cursors of pages: encrypted, and bound to the caller's organization, the list, its filter and its order. They tell nobody
//! what they hold, and none of them fits another list. One place of one list has one cursor, wherever and whenever it is written: an answer
//! that says the same is the same.

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use data_encoding::BASE64URL_NOPAD;

use super::{Store, sha256};
use crate::{
    access::Access,
    error::{Code, Error, Refusal, Result},
};

/// The key that cursors are encrypted with.
pub(in crate::store) struct CursorKey {
    seal: LessSafeKey,
    /// Makes the nonce of what is sealed and what it is bound to: only the same has the same.
    nonce: hmac::Key,
}

impl CursorKey {
    /// A key from 256 derived bits.
    ///
    /// # Errors
    /// `Sealing` when the cryptographic library refuses it, which it does not for a key of this length.
    pub(in crate::store) fn new(bits: &[u8; 32]) -> Result<Self> {
        let seal = UnboundKey::new(&AES_256_GCM_SIV, bits).map(LessSafeKey::new).map_err(|_| Error::Sealing("cursor key"))?;
        // Another use of the same bits, told apart by its own label.
        let label = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bits), b"nonces of cursors");
        Ok(Self { seal, nonce: hmac::Key::new(hmac::HMAC_SHA256, label.as_ref()) })
    }

    pub(in crate::store) fn write(&self, bound_to: &[u8], plain: &[u8]) -> Result<String> {
        let mut sealed = plain.to_vec();
        let tag = hmac::sign(&self.nonce, &sha256(&[bound_to, plain]));
        let (nonce, _) = tag.as_ref().split_at(NONCE_LEN);
        let once = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Sealing("cursor"))?;
        self.seal.seal_in_place_append_tag(once, Aad::from(bound_to), &mut sealed).map_err(|_| Error::Sealing("cursor"))?;
        Ok(BASE64URL_NOPAD.encode(&[nonce, &sealed].concat()))
    }

    /// What a cursor holds; nothing for one that is not of this list.
    pub(in crate::store) fn read(&self, bound_to: &[u8], cursor: &str) -> Option<Vec<u8>> {
        let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        self.seal.open_in_place(nonce, Aad::from(bound_to), &mut sealed).ok().map(|plain| plain.to_vec())
    }
}

impl Store {
    /// The cursor of a place in the log: encrypted and bound to the organization, so that nobody learns how much others do.
    ///
    /// # Errors
    /// `Sealing` when it cannot be encrypted.
    pub fn event_cursor(&self, access: &Access, position: i64) -> Result<String> {
        self.shared.cursor_key.write(&event_place(access), &position.to_be_bytes())
    }

    /// The place in the log that a cursor names.
    ///
    /// # Errors
    /// Refused with `CURSOR_EXPIRED` when it is not one of the caller's organization.
    pub fn event_position(&self, access: &Access, cursor: &str) -> Result<i64> {
        let plain = self.shared.cursor_key.read(&event_place(access), cursor);
        let position = plain.and_then(|plain| plain.try_into().ok()).map(i64::from_be_bytes);
        position.ok_or_else(|| {
            let sentence = "This cursor is not one of your organization's events: begin again with `viewer { eventCursor }`.";
            Error::from(Refusal { code: Code::CursorExpired, ..Refusal::invalid(sentence) }.at(["after"]))
        })
    }
}

fn event_place(access: &Access) -> Vec<u8> {
    sha256(&[b"events", access.organization.map(|id| id.to_string()).unwrap_or_default().as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_fits_its_own_list_only() {
        let key = CursorKey::new(&[7; 32]).unwrap();
        let cursor = key.write(b"org|clients|name", b"place").unwrap();
        assert_eq!(key.read(b"org|clients|name", &cursor).as_deref(), Some(b"place".as_slice()));
        assert_eq!(key.write(b"org|clients|name", b"place").unwrap(), cursor, "the same place has the same cursor");
        let others = [key.write(b"org|clients|name", b"another"), key.write(b"org|clients|date", b"place")];
        assert!(others.iter().all(|other| other.as_ref().unwrap()[..16] != cursor[..16]), "and another one shares no nonce");
        assert_eq!(key.read(b"other|clients|name", &cursor), None);
        for wrong in ["", "AAAA", "not base64!", &cursor[1..]] {
            assert_eq!(key.read(b"org|clients|name", wrong), None, "{wrong}");
        }
    }
}
