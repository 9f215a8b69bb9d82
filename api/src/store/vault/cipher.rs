//! The one cipher of the vault: AES-256-GCM-SIV (RFC 8452), which forgives a repeated nonce.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use super::secret::Secret;
use crate::error::{Error, Result};

/// The form of what is sealed: this byte, the nonce, the ciphertext, the tag. Another form takes another byte.
const VERSION: u8 = 1;
const HEADER: usize = 1 + NONCE_LEN;
const TAG: usize = 16;

/// Seals a value; `bound` must be the same when it is opened.
pub(super) fn seal(secret: &Secret, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    const FAILED: Error = Error::Sealing("the value cannot be sealed");
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| Error::Sealing("no randomness"))?;

    // Wiped if encrypting in place fails, and large enough that it never moves.
    let mut sealed = Zeroizing::new(Vec::with_capacity(HEADER + plain.len() + TAG));
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = key(secret)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut sealed[HEADER..])
        .map_err(|_| FAILED)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(std::mem::take(&mut *sealed))
}

/// Opens what was sealed with the same key and bound to the same place.
pub(super) fn open(secret: &Secret, bound: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    const FOREIGN: Error = Error::Sealing("the value does not open: changed, moved, or of another key");
    let (&version, rest) = sealed.split_first().ok_or(Error::Sealing("the value is empty"))?;
    if version != VERSION {
        return Err(Error::Sealing("the value has an unknown form"));
    }
    let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(FOREIGN)?;
    let mut plain = Zeroizing::new(rest.to_vec());
    let length = key(secret)?.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound), &mut plain).map_err(|_| FOREIGN)?.len();
    plain.truncate(length);
    Ok(plain)
}

fn key(secret: &Secret) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM_SIV, secret.bytes()).map_err(|_| Error::Sealing("the key is unusable"))?;
    Ok(LessSafeKey::new(key))
}
