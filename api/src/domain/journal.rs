//! What the journal knows and the database does not is done again: after a restore of an older copy, and after a crash between the two.

use std::collections::HashSet;

use entity::{ClientId, ConsentId, client, consent};
use sea_orm::ColumnTrait;
use uuid::Uuid;

use super::{client_erase, consent as consents};
use crate::{
    access::Access,
    error::Result,
    store::{
        Store,
        vault::journal::{Entry, What},
    },
};

/// How many are asked for at once.
const BATCH: usize = 100;

/// What was done again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeated {
    /// How many people were erased.
    pub erased: usize,
    /// How many consents were revoked.
    pub revoked: usize,
}

/// Everything that is to be forgotten, people and the snapshots of referrals.
pub fn erased(entries: &[Entry]) -> HashSet<Uuid> {
    entries.iter().filter_map(|entry| if let What::Erasure { subject } = entry.what { Some(subject) } else { None }).collect()
}

/// Repeats the erasures and revocations that the database does not know of. Each can be repeated again when it does not come to its end.
///
/// # Errors
/// `Database` when they cannot be written.
pub async fn repeat(store: &Store, entries: &[Entry], reason: &'static str) -> Result<Repeated> {
    let system = Access::system(reason, store.clock().now());
    let (known, missing) = (erased(entries), unknown(store, &system, entries).await?);
    let mut repeated = Repeated::default();
    for entry in entries {
        match entry.what {
            What::Erasure { subject } if missing.contains(&subject) => {
                let done = client_erase::erase_again(store, &system, ClientId::from(subject), entry.at, &known).await?;
                repeated.erased += usize::from(done);
            }
            What::Revocation { consent } if missing.contains(&consent) => {
                let done = consents::revoke_again(store, &system, ConsentId::from(consent), entry.at).await?;
                repeated.revoked += usize::from(done);
            }
            What::Erasure { .. } | What::Revocation { .. } => {}
        }
    }
    Ok(repeated)
}

/// Clients that are not erased and consents that are not revoked, of those that the journal names.
async fn unknown(store: &Store, system: &Access, entries: &[Entry]) -> Result<HashSet<Uuid>> {
    let mut unknown = HashSet::new();
    for batch in entries.chunks(BATCH) {
        let ids = || batch.iter().map(|entry| entry.what.of());
        let here = store.find::<client::Entity>(system).by(client::Column::Id, |column| column.is_in(ids()));
        let here = here.by(client::Column::ErasedAt, |column| column.is_null()).first(BATCH as u64).await?;
        unknown.extend(here.iter().map(|client| Uuid::from(client.id)));
        let given = store.find::<consent::Entity>(system).by(consent::Column::Id, |column| column.is_in(ids()));
        let given = given.by(consent::Column::RevokedAt, |column| column.is_null()).first(BATCH as u64).await?;
        unknown.extend(given.iter().map(|consent| Uuid::from(consent.id)));
    }
    Ok(unknown)
}
