//! The sealer: gives committed events their dense position and chains the rows of all logs by hash. One runs over all
//! replicas; commands never wait for it, and no reader of the log can skip an event that commits late.
//!
//! Each replica runs one, woken by its own commits, and they take turns. The one that sealed tells all replicas (`LISTEN/NOTIFY`
//! on PostgreSQL), and each tells who waits there.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use entity::{audit_event, chain_head, disclosure, event};
use sea_orm::{ColumnTrait, DatabaseTransaction, ExprTrait, Order, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use tokio::time;

use super::{
    Store,
    connection::{self, End, Place},
    link::{Link, Numbered, chain, hash_after},
};
use crate::error::Result;

/// How many rows of each log are sealed in one transaction.
const BATCH: u64 = 500;
/// How often it looks without being woken: for what another process committed and did not live to seal.
const POLL: Duration = Duration::from_millis(250);
/// Likewise where it would hear of it.
const SLOW_POLL: Duration = Duration::from_secs(1);
/// How long it waits before it tries to listen again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// One batch: its transaction, and the ends of the chains that it touches.
struct Batch<'a> {
    tx: &'a DatabaseTransaction,
    ends: BTreeMap<String, End>,
}

impl Batch<'_> {
    /// Seals what waits in one log. Gives how many rows.
    async fn seal<E: Link>(&mut self) -> Result<usize> {
        let waiting = E::ORDER.iter().fold(connection::select::<E>(), |select, column| select.order_by(*column, Order::Asc));
        let rows = waiting.filter(Expr::col("position").is_null()).limit(BATCH).all(self.tx).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        self.read_ends::<E>(&rows).await?;
        let places: Vec<Place> = rows.iter().map(|row| self.place::<E>(row)).collect();
        connection::write_places(self.tx, E::default().table_name(), &places).await?;
        Ok(places.len())
    }

    /// Reads where the chains of these rows end, with one statement.
    async fn read_ends<E: Link>(&mut self, rows: &[E::Model]) -> Result<()> {
        let chains = rows.iter().map(|row| chain::<E>(E::links(row).organization)).chain([E::CHAIN.to_owned()]);
        let missing: Vec<String> = chains.filter(|chain| !self.ends.contains_key(chain)).collect();
        let known = connection::within(self.tx, chain_head::Column::Chain.into_expr(), &missing);
        let heads = connection::select::<chain_head::Entity>().filter(known).all(self.tx).await?;
        self.ends.extend(heads.into_iter().map(|head| (head.chain, End { length: head.length, hash: head.hash })));
        Ok(())
    }

    /// The next place in a row's chain.
    fn place<E: Link>(&mut self, row: &E::Model) -> Place {
        let links = E::links(row);
        let mut position = None;
        if E::NUMBERED == Numbered::Together {
            let log = self.ends.entry(E::CHAIN.to_owned()).or_default();
            log.length += 1;
            position = Some(log.length);
        }
        let end = self.ends.entry(chain::<E>(links.organization)).or_default();
        end.length += 1;
        let position = position.unwrap_or(end.length);
        end.hash = hash_after::<E>(&end.hash, row, position);
        Place { id: links.id, position, hash: end.hash.clone() }
    }
}

impl Store {
    /// Seals one batch. Gives how many rows, and wakes who waits for the log.
    ///
    /// # Errors
    /// `Database` when it cannot be done; nothing of the batch is then.
    pub async fn seal_batch(&self) -> Result<usize> {
        let tx = self.transaction().await?;
        self.shared.connections.lease_sealer(&tx).await?;
        let mut batch = Batch { tx: &tx, ends: BTreeMap::new() };
        let sealed =
            batch.seal::<event::Entity>().await? + batch.seal::<audit_event::Entity>().await? + batch.seal::<disclosure::Entity>().await?;
        if sealed == 0 {
            return Ok(0);
        }
        connection::write_ends(&tx, &batch.ends).await?;
        connection::tell_replicas(&tx).await?;
        tx.commit().await?;
        Ok(sealed)
    }

    /// The position of the last sealed event.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn last_position(&self) -> Result<i64> {
        let log = chain_head::Column::Chain.eq(event::Entity::CHAIN);
        let head = connection::select::<chain_head::Entity>().filter(log).one(self.reader()).await?;
        Ok(head.map_or(0, |head| head.length))
    }

    /// Seals whenever something was written, and tells who waits how far the log is sealed, until the task is dropped.
    pub async fn run_sealer(self) {
        loop {
            let done = async {
                while self.seal_batch().await? > 0 {}
                self.tell_how_far().await
            };
            if let Err(error) = done.await {
                tracing::error!(%error, "sealing failed: trying again");
            }
            let poll = if self.shared.listening.load(Ordering::Relaxed) { SLOW_POLL } else { POLL };
            let _ = time::timeout(poll, self.shared.written.notified()).await;
        }
    }

    /// Hears from the sealers of all replicas that the log is longer, and tells who waits here, until the task is dropped. There is
    /// nothing to hear on SQLite.
    pub async fn run_listener(self) {
        while let Err(error) = self.listen().await {
            self.shared.listening.store(false, Ordering::Relaxed);
            tracing::warn!(%error, "other replicas are not heard: trying again");
            time::sleep(LISTEN_AGAIN).await;
        }
    }

    async fn listen(&self) -> Result<()> {
        let Some(mut listener) = self.shared.connections.listener().await? else { return Ok(()) };
        self.shared.listening.store(true, Ordering::Relaxed);
        loop {
            self.tell_how_far().await?;
            listener.heard().await?;
        }
    }

    /// Tells who waits here how far the log is sealed.
    async fn tell_how_far(&self) -> Result<()> {
        let last = self.last_position().await?;
        self.shared.sealed.send_if_modified(|known| last > std::mem::replace(known, Ord::max(last, *known)));
        Ok(())
    }
}
