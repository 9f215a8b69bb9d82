//! The sealer: gives committed events their dense position and chains events and audit entries by hash. One runs over all
//! replicas; commands never wait for it, and no reader of the log can skip an event that commits late.

use std::{collections::BTreeMap, time::Duration};

use entity::{audit_event, chain_head, event};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use tokio::time;

use super::{Store, chain::Link, connection};
use crate::error::Result;

/// How many rows are sealed in one transaction.
const BATCH: u64 = 500;
/// How often it looks without being woken: other replicas' commits do not wake this one.
const POLL: Duration = Duration::from_millis(250);

/// The ends of the chains that a batch touches.
struct Heads<'a> {
    tx: &'a DatabaseTransaction,
    ends: BTreeMap<String, (i64, Vec<u8>)>,
}

impl Heads<'_> {
    async fn end(&mut self, chain: &str) -> Result<&mut (i64, Vec<u8>)> {
        if !self.ends.contains_key(chain) {
            let head = connection::select::<chain_head::Entity>().filter(chain_head::Column::Chain.eq(chain)).one(self.tx).await?;
            self.ends.insert(chain.to_owned(), head.map(|head| (head.length, head.hash)).unwrap_or_default());
        }
        Ok(self.ends.entry(chain.to_owned()).or_default())
    }

    async fn write(self) -> Result<()> {
        let rows = self.ends.into_iter().map(|(chain, (length, hash))| chain_head::ActiveModel {
            chain: Set(chain),
            length: Set(length),
            hash: Set(hash),
        });
        let changed = [chain_head::Column::Length, chain_head::Column::Hash];
        let newest = OnConflict::column(chain_head::Column::Chain).update_columns(changed).to_owned();
        chain_head::Entity::insert_many(rows).on_conflict(newest).exec_without_returning(self.tx).await?;
        Ok(())
    }
}

impl Store {
    /// Seals one batch. Gives how many rows, and wakes who waits for the log.
    ///
    /// # Errors
    /// `Database` when it cannot be done; nothing of the batch is then.
    pub async fn seal_batch(&self) -> Result<usize> {
        let tx = self.shared.connections.begin().await?;
        if !self.shared.connections.lease_sealer(&tx).await? {
            return Ok(0);
        }
        let events = connection::select::<event::Entity>()
            .filter(event::Column::Position.is_null())
            .order_by_asc(event::Column::At)
            .order_by_asc(event::Column::SubjectId)
            .order_by_asc(event::Column::SubjectVersion)
            .order_by_asc(event::Column::Ordinal)
            .order_by_asc(event::Column::Id)
            .limit(BATCH)
            .all(&tx)
            .await?;
        let entries = connection::select::<audit_event::Entity>()
            .filter(audit_event::Column::Position.is_null())
            .order_by_asc(audit_event::Column::At)
            .order_by_asc(audit_event::Column::Id)
            .limit(BATCH)
            .all(&tx)
            .await?;
        let sealed = events.len() + entries.len();
        if sealed == 0 {
            return Ok(0);
        }
        let mut heads = Heads { tx: &tx, ends: BTreeMap::new() };
        let mut last = heads.end("event").await?.0;
        for mut row in events {
            last += 1;
            row.position = Some(last);
            let (length, previous) = heads.end(&row.chain()).await?;
            let hash = row.hash_after(previous);
            (*length, *previous) = (*length + 1, hash.clone());
            let change = event::ActiveModel { position: Set(row.position), hash: Set(Some(hash)), ..Default::default() };
            event::Entity::update_many().set(change).filter(event::Column::Id.eq(row.id)).exec(&tx).await?;
        }
        heads.end("event").await?.0 = last;
        for mut row in entries {
            let (length, previous) = heads.end(&row.chain()).await?;
            row.position = Some(*length + 1);
            let hash = row.hash_after(previous);
            (*length, *previous) = (*length + 1, hash.clone());
            let change = audit_event::ActiveModel { position: Set(row.position), hash: Set(Some(hash)), ..Default::default() };
            audit_event::Entity::update_many().set(change).filter(audit_event::Column::Id.eq(row.id)).exec(&tx).await?;
        }
        heads.write().await?;
        tx.commit().await?;
        Ok(sealed)
    }

    /// The position of the last sealed event.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn last_position(&self) -> Result<i64> {
        let head = connection::select::<chain_head::Entity>().filter(chain_head::Column::Chain.eq("event")).one(self.reader()).await?;
        Ok(head.map_or(0, |head| head.length))
    }

    /// Seals whenever something was written, and tells who waits how far the log is sealed, until the task is dropped.
    pub async fn run_sealer(self) {
        loop {
            let done = async {
                while self.seal_batch().await? > 0 {}
                self.last_position().await
            };
            match done.await {
                Ok(last) => {
                    self.shared.sealed.send_if_modified(|known| std::mem::replace(known, last) != last);
                }
                Err(error) => tracing::error!(%error, "sealing failed: trying again"),
            }
            // Woken by this process's commits; otherwise the poll finds those of other replicas.
            let _ = time::timeout(POLL, self.shared.written.notified()).await;
        }
    }
}
