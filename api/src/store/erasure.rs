//! Erasing a person: the journal, then the rows, then the keys, in this order and in no other, for each step takes what only the one
//! before it gives. Every step can be repeated: what a crash left undone is done at the next start, or by the loop of timers.

use entity::{ClientId, OrganizationId, ReferralId, class, client, erasure};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, TransactionSession, sea_query::OnConflict};
use uuid::Uuid;

use super::{
    Kept, Opened, Store, Tx, connection,
    sealed::{SubjectKey, open_with},
    vault::journal::{Entry, What},
    write::actor,
};
use crate::{clock::Instant, error::Result};

/// How many keys are destroyed at once.
const BATCH: u64 = 100;

/// Whose keys are to go, and on whose word.
pub struct Forgotten {
    /// Who erases.
    pub organization: OrganizationId,
    /// The record that stands for the person.
    pub client: ClientId,
    /// All records of the person, with the one that stands.
    pub clients: Vec<ClientId>,
    /// Referrals whose snapshot nobody holds any more.
    pub referrals: Vec<ReferralId>,
    /// When it was decided.
    pub at: Instant,
    /// Why; nothing where a restore repeats what the journal knows without a reason.
    pub reason: Option<String>,
}

impl Forgotten {
    fn subjects(&self) -> Vec<Uuid> {
        self.clients.iter().copied().map(Uuid::from).chain(self.referrals.iter().copied().map(Uuid::from)).collect()
    }
}

/// An erasure that the journal knows. Its rows are being written; [`Tx::commit_erasure`] takes it.
#[must_use = "what the journal knows is committed"]
pub struct Erasing(Vec<Uuid>);

/// An erasure that the rows tell of. Its keys can be destroyed now; [`Store::destroy_keys`] takes it.
#[must_use = "the keys are destroyed last"]
pub struct Erased(Vec<Uuid>);

impl Tx {
    /// Enters an erasure in the journal, where it is durable when this returns, and then among the rows.
    ///
    /// # Errors
    /// As the journal's, `Database` when the rows cannot be written.
    pub async fn begin_erasure(&self, whom: &Forgotten) -> Result<Erasing> {
        for subject in whom.subjects() {
            let entry = Entry { at: whom.at, organization: whom.organization.into(), what: What::Erasure { subject } };
            self.vault().journal().append(entry).await?;
        }
        self.repeat_erasure(whom).await
    }

    /// Enters an erasure that the journal knows already among the rows.
    ///
    /// # Errors
    /// `Database` when they cannot be written.
    pub async fn repeat_erasure(&self, whom: &Forgotten) -> Result<Erasing> {
        let key = SubjectKey::of_organization(self.vault(), whom.organization)?;
        let mut rows = Vec::new();
        for subject in whom.subjects() {
            let reason = whom.reason.as_ref().filter(|_| subject == Uuid::from(whom.client));
            let reason = reason.map(|reason| key.seal::<erasure::Entity, _, _>(subject, erasure::Column::Reason, reason)).transpose()?;
            rows.push(erasure::ActiveModel {
                subject_id: Set(subject),
                organization_id: Set(whom.organization),
                client_id: Set(whom.client),
                erased_at: Set(whom.at),
                erased_by: Set(actor(&self.access)),
                reason: Set(reason),
                key_destroyed_at: Set(None),
            });
        }
        let again = OnConflict::column(erasure::Column::SubjectId).update_column(erasure::Column::KeyDestroyedAt).to_owned();
        erasure::Entity::insert_many(rows).on_conflict(again).exec_without_returning(&self.transaction).await?;
        Ok(Erasing(whom.subjects()))
    }

    /// Commits an erasure, after which its keys can be destroyed.
    ///
    /// # Errors
    /// As [`Tx::commit`].
    pub async fn commit_erasure<T: Kept>(self, erasing: Erasing, result: T) -> Result<(T, Erased)> {
        Ok((self.commit(result).await?, Erased(erasing.0)))
    }
}

impl Store {
    /// Destroys the keys of an erasure.
    ///
    /// # Errors
    /// `Database` when the store of keys or the database does not answer: [`Store::destroy_pending_keys`] does the rest.
    pub async fn destroy_keys(&self, erased: Erased) -> Result<()> {
        self.destroy(&erased.0).await
    }

    /// Destroys keys of which the rows say that they are to be destroyed and not that they were: a crash came between, or the store of
    /// keys did not answer. Gives how many.
    ///
    /// # Errors
    /// As [`Store::destroy_keys`].
    pub async fn destroy_pending_keys(&self) -> Result<usize> {
        let pending = connection::select::<erasure::Entity>().filter(erasure::Column::KeyDestroyedAt.is_null()).limit(BATCH);
        let subjects: Vec<_> = pending.all(self.reader()).await?.into_iter().map(|row| row.subject_id).collect();
        if !subjects.is_empty() {
            self.destroy(&subjects).await?;
        }
        Ok(subjects.len())
    }

    async fn destroy(&self, subjects: &[Uuid]) -> Result<()> {
        for subject in subjects {
            self.shared.vault.erase(*subject).await?;
        }
        let done = erasure::ActiveModel { key_destroyed_at: Set(Some(self.clock().now())), ..Default::default() };
        let these = erasure::Entity::update_many().set(done).filter(erasure::Column::SubjectId.is_in(subjects.iter().copied()));
        let tx = self.transaction().await?;
        these.filter(erasure::Column::KeyDestroyedAt.is_null()).exec(&tx).await?;
        Ok(TransactionSession::commit(tx).await?)
    }

    /// Why a person was erased; nothing where the row does not say so.
    ///
    /// # Errors
    /// `Sealing` when the value is not of this place.
    pub fn reason_of(&self, opened: &Opened<'_, client::Entity, class::Privacy>, row: &erasure::Model) -> Result<Option<String>> {
        let key = SubjectKey::of_organization(&self.shared.vault, row.organization_id)?;
        let open = |sealed| open_with::<erasure::Entity, _, _, _>(&key, opened, row.subject_id, erasure::Column::Reason, sealed);
        row.reason.as_ref().map(open).transpose()
    }
}
