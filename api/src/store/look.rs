//! What a command reads: rows as its caller sees them, or as a rule must know them.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, Condition, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::LockType};
use uuid::Uuid;

use super::{
    Action, Part, Protected, ReadLog, Tx, Visible, connection, key_of,
    protected::{Fetched, scoped, select_by_ids},
};
use crate::{
    access::Access,
    error::{Error, Result},
};

/// How many rows a look gives at the most.
const LOOK: u64 = 100;

impl Tx {
    /// The row with this id, if it exists for the caller and they may do this to it.
    ///
    /// # Errors
    /// `NotFound` when it does not exist for the caller, `NotPermitted` when they see it but may not do this; refused when it is over.
    pub async fn fetch_for<E: Protected>(&self, id: E::Id, action: Action) -> Result<Visible<E>> {
        let row = select_by_ids::<E, _>(&self.transaction, &self.access, &[id], &self.reads).await?.pop().ok_or(Error::NotFound)?;
        if self.access.is_system() {
            return Ok(row);
        }
        if !E::allows(&self.access, action, row.model()) {
            return Err(Error::NotPermitted);
        }
        match E::over(row.model()) {
            Some(refusal) if action != Action::Read => Err(refusal.into()),
            _ => Ok(row),
        }
    }

    /// The row with this id for a rule that must know it, whoever set the rule off; the reason can be searched for.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn known<E: Protected>(&self, id: E::Id, reason: &'static str) -> Result<Option<Visible<E>>> {
        let system = Access::system(reason, self.access.now);
        Ok(select_by_ids::<E, _>(&self.transaction, &system, &[id], &ReadLog::default()).await?.pop())
    }

    /// The row with this id for an action, or nothing to do when no id was given.
    ///
    /// # Errors
    /// As [`Tx::fetch_for`].
    pub async fn fetch_each<E: Protected>(&self, ids: &[E::Id], action: Action) -> Result<Vec<Visible<E>>> {
        let rows = select_by_ids::<E, _>(&self.transaction, &self.access, ids, &self.reads).await?;
        if rows.len() < ids.iter().collect::<HashSet<_>>().len() {
            return Err(Error::NotFound);
        }
        let allowed = self.access.is_system() || rows.iter().all(|row| E::allows(&self.access, action, row.model()));
        if allowed { Ok(rows) } else { Err(Error::NotPermitted) }
    }

    /// The rows that exist for somebody and meet a condition, at most a hundred. For the caller, or for the system where a rule must
    /// know what the caller must not.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn look<E: Protected>(&self, access: &Access, condition: Condition) -> Result<Vec<Visible<E>>> {
        let reads = if access.is_system() { ReadLog::default() } else { self.reads.clone() };
        let rows = scoped::<E>(access).filter(condition).order_by_asc(E::id_column()).limit(LOOK);
        Ok(Fetched::all_visible(rows.into_model::<Fetched<E>>().all(&self.transaction).await?, access, &reads))
    }

    /// All rows that meet a condition, for a rule that must know them, whoever set the rule off; the reason can be searched for.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn every<E: Protected>(&self, of: Condition, reason: &'static str) -> Result<Vec<Visible<E>>> {
        let system = Access::system(reason, self.access.now);
        let mut all: Vec<Visible<E>> = Vec::new();
        loop {
            let after = all.last().map(|last| E::id_column().gt::<Uuid>(last.id().into()));
            let page = self.look::<E>(&system, Condition::all().add(of.clone()).add_option(after)).await?;
            let last = (page.len() as u64) < LOOK;
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }

    /// The first so many rows of those that meet a condition, in the order of a column, likewise.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn first<E: Protected>(
        &self,
        of: Condition,
        (by, order): (E::Column, Order),
        most: u64,
        reason: &'static str,
    ) -> Result<Vec<Visible<E>>> {
        let system = Access::system(reason, self.access.now);
        let rows = scoped::<E>(&system).filter(of).order_by(by, order.clone()).order_by(E::id_column(), order);
        let rows = rows.limit(most.min(i64::MAX.unsigned_abs()));
        Ok(Fetched::all_visible(rows.into_model::<Fetched<E>>().all(&self.transaction).await?, &system, &ReadLog::default()))
    }

    /// How many rows meet a condition, likewise.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn how_many<E: Protected>(&self, of: Condition, reason: &'static str) -> Result<usize> {
        let system = Access::system(reason, self.access.now);
        let of = scoped::<E>(&system).filter(of).select_only().column(E::id_column());
        Ok(usize::try_from(PaginatorTrait::count(of, &self.transaction).await?).unwrap_or(usize::MAX))
    }

    /// Parts of rows that the caller was shown to see.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn parts<P: Part>(&self, of: Condition) -> Result<Vec<P::Model>> {
        self.first_parts::<P>(of, 10_000).await
    }

    /// Likewise, so many of them at the most.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn first_parts<P: Part>(&self, of: Condition, most: u64) -> Result<Vec<P::Model>> {
        Ok(connection::select::<P>().filter(of).limit(most).all(&self.transaction).await?)
    }

    /// Waits for whoever is erasing this row, and has them wait for this command: what is written about a person is there before the
    /// erasure looks at what there is, or is refused after it. SQLite has one writer anyway.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn hold<E: Protected>(&self, id: E::Id) -> Result<()> {
        self.locked::<E>(id, LockType::Share).await
    }

    /// Likewise, and has everybody else wait who would hold it: for a command that will write the row, since two that hold it together
    /// could not.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn hold_alone<E: Protected>(&self, id: E::Id) -> Result<()> {
        self.locked::<E>(id, LockType::NoKeyUpdate).await
    }

    async fn locked<E: Protected>(&self, id: E::Id, lock: LockType) -> Result<()> {
        let this = connection::select::<E>().select_only().column(E::id_column()).filter(E::id_column().eq(key_of::<E>(id)));
        this.lock(lock).into_tuple::<(Uuid,)>().one(&self.transaction).await?;
        Ok(())
    }
}
