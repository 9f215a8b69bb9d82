//! Keys, and what they seal, hash and forget.

mod cipher;
pub mod client_keys;
mod derive;
pub mod journal;
mod kek;
mod key_database;
mod key_file;
mod keyring;
pub mod seal;
pub mod search;
mod secret;
mod words;

pub(crate) use words::words as folded_words;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

pub use client_keys::ClientKeys;
pub use derive::Label;
pub use journal::Journal;
pub use kek::Kek;
pub(in crate::store) use key_file::{failed, refused, sync_folder};
pub use keyring::{Keyring, Recognised};
pub use seal::{ClientKey, SealContext};
pub use search::{SearchHash, SearchKey};
pub use secret::Secret;

use crate::clock::Clock;
use crate::error::Result;

/// The keys of an installation, the store of client keys, and the journal of what must stay forgotten. Copies share them.
#[derive(Clone, Debug)]
pub struct Vault {
    keyring: Arc<Keyring>,
    client_keys: Arc<ClientKeys>,
    journal: Journal,
}

impl Vault {
    /// Opens all three. Makes no keys: `Keyring::generate` does, for an empty database.
    ///
    /// # Errors
    /// `Internal` or `Database`, when one of them is missing, unsafe or damaged.
    pub async fn open(keys_folder: &Path, client_keys_url: &str, journal: &Path, clock: Clock) -> Result<Self> {
        let keyring = Arc::new(Keyring::open(keys_folder)?);
        let client_keys = Arc::new(ClientKeys::open(client_keys_url, keyring.clone(), clock).await?);
        Ok(Self { keyring, client_keys, journal: Journal::open(journal)? })
    }

    /// The keys of these subjects; an erased one has none.
    ///
    /// # Errors
    /// As [`ClientKeys::many`].
    pub async fn keys_for(&self, subjects: &[Uuid]) -> Result<HashMap<Uuid, ClientKey>> {
        self.client_keys.many(subjects).await
    }

    /// The key of a new subject, durable before its rows are written; calling it again gives the same key.
    ///
    /// # Errors
    /// As [`ClientKeys::create`].
    pub async fn new_key(&self, subject: Uuid, organization: Uuid) -> Result<ClientKey> {
        self.client_keys.create(subject, organization).await
    }

    /// Destroys a subject's key: the last step of an erasure, after the journal and the rows (`store/erasure.rs`).
    ///
    /// # Errors
    /// As [`ClientKeys::destroy`].
    pub(in crate::store) async fn erase(&self, subject: Uuid) -> Result<()> {
        self.client_keys.destroy(subject).await
    }

    /// A key for this purpose and context; no rotation changes it.
    ///
    /// # Errors
    /// `Sealing`, should the derivation fail.
    pub fn derive(&self, label: Label, context: &[u8]) -> Result<Secret> {
        derive::derive(self.keyring.root(), label, context)
    }

    /// Makes the search hashes of an organization.
    ///
    /// # Errors
    /// As [`Self::derive`].
    pub fn search(&self, organization: Uuid) -> Result<SearchKey> {
        Ok(SearchKey::new(&self.derive(Label::Search, organization.as_bytes())?))
    }

    /// The key that seals what is an organization's own: the details of its guests, and why it erased somebody.
    ///
    /// # Errors
    /// As [`Self::derive`].
    pub fn guests_key(&self, organization: Uuid) -> Result<ClientKey> {
        Ok(ClientKey::new(organization, self.derive(Label::Guests, organization.as_bytes())?))
    }

    /// The journal of erasures and revocations.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The keys folder, as it was read.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The store of client keys, for what only the commands do: bulk creation, wrapping anew.
    pub fn client_keys(&self) -> &ClientKeys {
        &self.client_keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_derived_survives_a_rotation_and_debug_shows_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let url = format!("sqlite://{}", folder.path().join("client-keys.db").display());
        let journal = folder.path().join("journal.jsonl");
        let open = || Vault::open(&keys, &url, &journal, Clock::system());
        open().await.unwrap_err();
        Keyring::generate(&keys).unwrap();
        let (vault, organization, subject) = (open().await.unwrap(), Uuid::new_v4(), Uuid::new_v4());
        let key = vault.new_key(subject, organization).await.unwrap();

        Keyring::rotate(&keys).unwrap();
        let rotated = open().await.unwrap();

        let hash = |vault: &Vault| vault.search(organization).unwrap().email("ada@example.org");
        assert_eq!(hash(&vault), hash(&rotated));
        assert_eq!(rotated.keys_for(&[subject]).await.unwrap().len(), 1);
        let secret = vault.derive(Label::Cursor, b"").unwrap();
        let shown = format!("{vault:?} {key:?} {secret:?} {:?}", vault.guests_key(organization).unwrap());
        for form in [format!("{:?}", secret.bytes()), data_encoding::HEXLOWER.encode(secret.bytes())] {
            assert!(!shown.contains(&form));
        }
        assert!(shown.contains("Secret(…)"));

        rotated.erase(subject).await.unwrap();
        assert!(rotated.keys_for(&[subject]).await.unwrap().is_empty());
    }
}
