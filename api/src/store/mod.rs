//! The only module that holds a database connection. Every function of it takes [`Access`], so that no row is reached
//! without saying who asks.

pub mod backup;
mod caller;
mod chain;
mod children;
mod client_access;
mod commits;
mod connection;
mod cursor;
mod erasure;
mod find;
mod in_memory;
mod line;
mod link;
mod listing;
mod look;
mod merge;
mod outbox;
mod own;
mod protected;
mod reads;
mod sealed;
mod sealer;
mod timer;
pub mod vault;
mod write;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::{digest, hmac};
use sea_orm::{DatabaseConnection, DatabaseTransaction, PrimaryKeyTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::sync::{Notify, watch};

pub use caller::{Named, Oneself};
pub use chain::{Broken, Verified};
pub use children::{ChildPage, Children};
use commits::Commits;
pub use commits::Committed;
pub use connection::Connections;
pub(crate) use connection::query;
use cursor::CursorKey;
pub use erasure::{Erased, Erasing, Forgotten};
pub use find::{Find, Page, PageArgs};
pub use in_memory::{Entry, InMemory, InOrder};
pub use merge::columns_that_name_clients;
pub use outbox::Attempt;
pub use own::KEYS;
use protected::Fetched;
pub use protected::{Action, Class, Classed, Discloser, Grants, Opened, Part, PartOf, Protected, Visible};
pub(crate) use protected::{always, any_of, never, unless};
use reads::ReadLog;
pub use reads::{ConsentScope, Released};
pub use sealed::{SearchWord, Searchable, SubjectKey};
pub use timer::{Due, Taken};
use vault::{Label, Vault};
pub use write::{Event, Kept, Tx, unique};

use crate::{access::Access, clock::Clock, error::Result};

/// What all requests share.
pub struct Shared {
    pub(in crate::store) connections: Connections,
    pub(in crate::store) cursor_key: CursorKey,
    pub(in crate::store) vault: Vault,
    /// Keys the hashes of bodies that are kept with idempotency keys.
    pub(in crate::store) body_key: hmac::Key,
    pub(in crate::store) written: Notify,
    pub(in crate::store) sealed: watch::Sender<i64>,
    /// What this process committed that something in memory follows.
    pub(in crate::store) commits: Commits,
    /// Whether other replicas are heard.
    pub(in crate::store) listening: AtomicBool,
    /// The one clock.
    pub clock: Clock,
}

/// The store, for one request: what the request opened is noted in it and written to the audit when it is over.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    reads: ReadLog,
    /// Whether the request asked the database.
    asked: Arc<AtomicBool>,
}

impl Store {
    /// A store over these connections, whose keys this vault holds.
    ///
    /// # Errors
    /// `Sealing` when no cursor key can be derived.
    pub fn new(connections: Connections, vault: Vault, clock: Clock) -> Result<Self> {
        let cursor_key = CursorKey::new(vault.derive(Label::Cursor, b"")?.bytes())?;
        let body_key = hmac::Key::new(hmac::HMAC_SHA256, vault.derive(Label::IdempotencyBody, b"")?.bytes());
        let (written, sealed, listening) = (Notify::new(), watch::Sender::new(0), AtomicBool::new(false));
        let commits = Commits::default();
        let shared = Shared { connections, cursor_key, vault, body_key, written, sealed, commits, listening, clock };
        Ok(Self { shared: Arc::new(shared), reads: ReadLog::default(), asked: Arc::default() })
    }

    /// The same store for another request, with nothing noted yet.
    #[must_use]
    pub fn for_request(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), reads: ReadLog::default(), asked: Arc::default() }
    }

    /// Whether this request asked the database for anything.
    pub fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The one clock.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    pub(in crate::store) fn reader(&self) -> &DatabaseConnection {
        self.asked.store(true, Ordering::Relaxed);
        self.shared.connections.reader()
    }

    /// Begins a transaction. Nothing else of a store does, so that none is forgotten that asked.
    pub(in crate::store) async fn transaction(&self) -> Result<DatabaseTransaction> {
        self.asked.store(true, Ordering::Relaxed);
        self.shared.connections.begin().await
    }

    /// The row with this id, if it exists for the caller.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn fetch<E: Protected>(&self, access: &Access, id: E::Id) -> Result<Option<Visible<E>>> {
        Ok(self.by_ids::<E>(access, &[id]).await?.pop())
    }

    /// Those rows of these that exist for the caller, in no particular order, with one statement.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn by_ids<E: Protected>(&self, access: &Access, ids: &[E::Id]) -> Result<Vec<Visible<E>>> {
        let rows = protected::with_ids(protected::named::<E>(access), ids).into_model::<Fetched<E>>().all(self.reader()).await?;
        let rows = Fetched::all_visible(rows, access, &self.reads);
        rows.iter().for_each(Visible::note_row);
        if E::by_id_alone(access).is_some() {
            rows.iter().for_each(Visible::note_disclosed);
        }
        Ok(rows)
    }

    /// Whether a row exists for somebody who asks by its id, with a class of it open. It is noted nowhere: nothing of it is read.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn opens<E: Protected>(&self, access: &Access, id: E::Id, class: Class) -> Result<bool> {
        let rows = protected::with_ids(protected::named::<E>(access), &[id]).into_model::<Fetched<E>>().all(self.reader()).await?;
        Ok(Fetched::all_visible(rows, access, &ReadLog::default()).iter().any(|row| row.may_open(class)))
    }

    /// The parts of these rows, which the caller has fetched, by row and in their own order: with one statement.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn parts_of<E: Protected, P: PartOf<E>>(&self, _access: &Access, of: &[E::Id]) -> Result<HashMap<E::Id, Vec<P::Model>>> {
        let keys = of.iter().map(|id| key_of::<E>(*id));
        let select = connection::select::<P>().filter(sea_orm::ColumnTrait::is_in(&P::parent_column(), keys));
        let all = select.order_by_asc(P::order()).all(self.reader()).await?;
        // Those of the rows themselves are fetched with the first that is opened; these would be fetched one by one.
        let others: Vec<_> = all.iter().filter_map(P::sealed_for).collect();
        if !others.is_empty() {
            self.shared.vault.keys_for(&others).await?;
        }
        let mut parts: HashMap<E::Id, Vec<P::Model>> = HashMap::new();
        for part in all {
            parts.entry(P::parent(&part)).or_default().push(part);
        }
        Ok(parts)
    }

    /// All rows of this kind that exist for the caller, to be narrowed, ordered and paged.
    pub fn find<'a, E: Protected>(&'a self, access: &'a Access) -> Find<'a, E> {
        Find::new(self, access)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `Database` when it does not.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.reader().ping().await?)
    }

    /// The position of the last sealed event that this process knows of, and a way to wait for the next.
    pub fn sealed(&self) -> watch::Receiver<i64> {
        self.shared.sealed.subscribe()
    }

    /// Reads rows of parts, such as memberships, which have no visibility of their own.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn parts<P: Part>(&self, _access: &Access, of: sea_orm::Condition) -> Result<Vec<P::Model>> {
        Ok(connection::select::<P>().filter(of).limit(10_000).all(self.reader()).await?)
    }
}

pub(in crate::store) fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// How a typed id is a primary key.
pub(in crate::store) fn key_of<E: Protected>(id: E::Id) -> sea_orm::Value
where
    <E::PrimaryKey as PrimaryKeyTrait>::ValueType: Sized,
{
    sea_orm::Value::Uuid(Some(id.into()))
}
