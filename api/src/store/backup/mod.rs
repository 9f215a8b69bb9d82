//! Backups: every row of one moment, as lines of JSON that either database takes back. Client keys are in a file of their own,
//! wrapped as they lie in their store, so that it can be kept for a shorter time than the rows: what was erased must not come back.

mod file;
mod kind;

use std::{collections::HashSet, marker::PhantomData, path::Path};

use async_trait::async_trait;
use entity::{client_search, deployment, organization, referral_search};
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, IdenStatic, Iterable, ModelTrait, PaginatorTrait,
    QueryFilter,
    sea_query::{Alias, Expr, OnConflict, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

pub(in crate::store) use file::{LineReader, LineWriter};
use kind::Kind;

use super::{
    Connections, Store, connection,
    vault::{Vault, client_keys::StoredKey, journal::Position},
};
use crate::{
    clock::Instant,
    error::{Error, Result},
};

/// The form of the files; a later one can still read an earlier.
const FORMAT: u32 = 1;
/// How many rows are written with one statement.
const BATCH: usize = 200;
/// What the database remembers while it is restored.
const RESTORING: &str = "restoring";

/// What a backup says of itself, in its first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file.
    format: u32,
    /// The version that made it.
    pub aftercare: String,
    /// When (UTC).
    pub made_at: Instant,
    /// The schema's steps that its tables had taken.
    pub migrations: Vec<String>,
    /// The fingerprint of the keys that belong to it.
    pub keys: String,
    /// How far the journal was: one that ends before is not this installation's.
    pub journal: Position,
}

impl Header {
    /// The first line of a backup that is made now.
    pub fn new(made_at: Instant, migrations: Vec<String>, keys: String, journal: Position) -> Self {
        Self { format: FORMAT, aftercare: env!("CARGO_PKG_VERSION").to_owned(), made_at, migrations, keys, journal }
    }
}

/// How much a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Rows of all tables.
    pub rows: u64,
    /// Wrapped client keys.
    pub keys: u64,
}

/// What stands before the rows of a table.
#[derive(Serialize, Deserialize)]
struct Columns {
    table: String,
    columns: Vec<(String, Kind)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Columns(Columns),
    Row(Vec<Json>),
}

/// A table, as a backup sees it.
#[async_trait]
trait Table: Send + Sync {
    fn name(&self) -> String;

    /// Its columns and what they hold; refused when a backup was not taught one of them.
    fn columns(&self) -> Result<Vec<(String, Kind)>>;

    /// Writes its columns and all rows that a snapshot sees. Gives how many.
    async fn write(&self, snapshot: &DatabaseTransaction, file: &mut LineWriter) -> Result<u64>;
}

struct Of<E>(PhantomData<fn() -> E>);

#[async_trait]
impl<E> Table for Of<E>
where
    E: EntityTrait<Model: FromQueryResult + ModelTrait<Entity = E> + Send + Sync> + Default,
{
    fn name(&self) -> String {
        E::default().table_name().to_owned()
    }

    fn columns(&self) -> Result<Vec<(String, Kind)>> {
        let of = |column: E::Column| {
            let name = column.as_str().to_owned();
            let unknown = || Error::internal(format!("{}.{name}: a backup knows no values of this kind", self.name()));
            let kind = Kind::of(column.def().get_column_type()).ok_or_else(unknown)?;
            Ok((name, kind))
        };
        E::Column::iter().map(of).collect()
    }

    async fn write(&self, snapshot: &DatabaseTransaction, file: &mut LineWriter) -> Result<u64> {
        let columns = self.columns()?;
        let kinds: Vec<_> = E::Column::iter().zip(columns.iter().map(|(_, kind)| *kind)).collect();
        file.line(&Columns { table: self.name(), columns })?;
        let mut rows = connection::select::<E>().stream(snapshot).await?;
        let mut count = 0;
        while let Some(row) = rows.try_next().await? {
            let values: Option<Vec<Json>> = kinds.iter().map(|(column, kind)| kind.write(row.get(*column))).collect();
            file.line(&values.ok_or_else(|| Error::internal(format!("{}: a value is not of its column's kind", self.name())))?)?;
            count += 1;
        }
        Ok(count)
    }
}

macro_rules! tables {
    ($($table:ident),+ $(,)?) => {
        /// Every table there is; a test compares them with the migrated schema.
        fn tables() -> Vec<Box<dyn Table>> {
            vec![$(Box::new(Of::<entity::$table::Entity>(PhantomData))),+]
        }
    };
}

tables![
    api_client,
    api_client_program,
    audit_event,
    bulk_error,
    bulk_operation,
    bulk_part,
    chain_head,
    client,
    client_access,
    client_moved,
    client_program,
    client_search,
    consent,
    consent_flow,
    contact,
    contact_addendum,
    deployment,
    disclosure,
    emergency_access,
    episode,
    erasure,
    event,
    feed,
    idempotency,
    issuer,
    issuer_subject,
    listed_meeting,
    milestone,
    organization,
    outgoing_message,
    peer,
    peer_match,
    possible_duplicate,
    private_calendar,
    program,
    referral,
    referral_clock,
    referral_message,
    referral_offer,
    referral_offer_program,
    warm_handoff,
    work_item,
    timer,
    referral_search,
    referral_transition,
    registration,
    registration_step,
    revoked_token,
    session,
    staff_member,
    staff_program,
    gathering,
    gathering_label,
    gathering_facilitator,
];

/// The names of the tables that a backup holds.
///
/// # Errors
/// `Internal`, naming the column, when a backup was not taught what it holds.
pub fn table_names() -> Result<Vec<String>> {
    tables().iter().map(|table| table.columns().map(|_| table.name())).collect()
}

/// Writes a backup of rows and one of client keys, while others read and write.
///
/// # Errors
/// When a file is there already or cannot be written; neither is left then.
pub async fn back_up(connections: &Connections, vault: &Vault, header: &Header, rows: &Path, keys: &Path) -> Result<Saved> {
    let (mut row_file, mut key_file) = (LineWriter::create(rows)?, LineWriter::create(keys)?);
    row_file.line(header)?;
    key_file.line(header)?;
    let snapshot = connections.snapshot().await?;
    let mut saved = Saved::default();
    for table in tables() {
        saved.rows += table.write(&snapshot, &mut row_file).await?;
    }
    // After the snapshot began: keys are written before rows, so that each of its rows has its key here, or was erased.
    saved.keys = vault.client_keys().write_all(&mut key_file).await?;
    key_file.finish()?;
    row_file.finish()?;
    Ok(saved)
}

/// A backup that was found whole, to be restored.
pub struct Backup {
    /// What it says of itself.
    pub header: Header,
    rows: LineReader,
    keys: LineReader,
}

impl Backup {
    /// Opens both files.
    ///
    /// # Errors
    /// When one of them is cut off, was changed, or is none of ours.
    pub fn open(rows: &Path, keys: &Path) -> Result<Self> {
        let (mut rows, mut keys) = (LineReader::open(rows)?, LineReader::open(keys)?);
        let header: Header = rows.line()?.ok_or_else(|| rows.refuse("it is empty"))?;
        let of_keys: Header = keys.line()?.ok_or_else(|| keys.refuse("it is empty"))?;
        if header.format > FORMAT {
            return Err(rows.refuse(&format!("it was made by aftercare {}: restore it with that version or a later one", header.aftercare)));
        }
        if (header.made_at, &header.keys) != (of_keys.made_at, &of_keys.keys) {
            return Err(keys.refuse("it was not made together with the other file"));
        }
        Ok(Self { header, rows, keys })
    }

    /// Puts the client keys into their store, all but those of whom the journal knows to be erased. Gives how many, and how many were
    /// left out.
    ///
    /// # Errors
    /// As the store of client keys.
    pub async fn load_keys(&mut self, vault: &Vault, erased: &HashSet<Uuid>) -> Result<(u64, u64)> {
        let known: HashSet<String> = vault.keyring().list().into_iter().collect();
        let (mut loaded, mut left_out, mut batch) = (0, 0, Vec::new());
        loop {
            let key = self.keys.line::<StoredKey>()?;
            let last = key.is_none();
            match key {
                Some(key) if erased.contains(&key.subject) => left_out += 1,
                Some(key) if !known.contains(&key.kek) => {
                    return Err(self.keys.refuse(&format!("data-{}.key is missing in the keys folder: bring it back", key.kek)));
                }
                Some(key) => batch.push(key),
                None => {}
            }
            if last || batch.len() == BATCH {
                vault.client_keys().load(&batch).await?;
                loaded += batch.len() as u64;
                batch.clear();
            }
            if last {
                break;
            }
        }
        // The store may be the one that survived.
        for subject in erased {
            vault.client_keys().destroy(*subject).await?;
        }
        Ok((loaded, left_out))
    }

    /// Puts the rows into a database whose tables are as the backup's, all or nothing. Until [`Connections::restored`] is called, the
    /// database counts as half restored. Gives how many.
    ///
    /// # Errors
    /// When a row does not fit.
    pub async fn load_rows(&mut self, connections: &Connections) -> Result<u64> {
        let tx = connections.begin().await?;
        connection::defer_references(&tx).await?;
        let mut columns = Columns { table: String::new(), columns: Vec::new() };
        let (mut loaded, mut batch) = (0, Vec::new());
        while let Some(line) = self.rows.line::<Line>()? {
            match line {
                Line::Columns(next) => {
                    loaded += insert(&tx, &columns, &mut batch).await?;
                    columns = next;
                }
                Line::Row(values) => {
                    let fits = values.len() == columns.columns.len();
                    let values = columns.columns.iter().zip(&values).map(|((_, kind), value)| kind.read(value).map(Expr::val));
                    let values: Option<Vec<Expr>> = values.collect();
                    batch.push(
                        values.filter(|_| fits).ok_or_else(|| self.rows.refuse(&format!("a row of {} does not fit", columns.table)))?,
                    );
                    if batch.len() == BATCH {
                        loaded += insert(&tx, &columns, &mut batch).await?;
                    }
                }
            }
        }
        loaded += insert(&tx, &columns, &mut batch).await?;
        let row = deployment::ActiveModel { name: Set(RESTORING.to_owned()), value: Set(self.header.made_at.to_rfc3339()) };
        let newest = OnConflict::column(deployment::Column::Name).update_column(deployment::Column::Value).to_owned();
        deployment::Entity::insert(row).on_conflict(newest).exec_without_returning(&tx).await?;
        connection::settle_references(&tx).await?;
        tx.commit().await?;
        Ok(loaded)
    }
}

async fn insert(tx: &DatabaseTransaction, columns: &Columns, batch: &mut Vec<Vec<Expr>>) -> Result<u64> {
    if batch.is_empty() {
        return Ok(0);
    }
    let mut insert = Query::insert();
    insert.into_table(Alias::new(&columns.table)).columns(columns.columns.iter().map(|(name, _)| Alias::new(name)));
    let count = batch.len() as u64;
    for row in batch.drain(..) {
        insert.values(row).map_err(|_| Error::internal("a row has other columns than its table"))?;
    }
    tx.execute(&insert).await?;
    Ok(count)
}

impl Connections {
    /// Whether nothing was ever written to it.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn is_vacant(&self) -> Result<bool> {
        let remembered = connection::select::<deployment::Entity>().count(self.reader()).await?;
        Ok(remembered == 0 && connection::select::<organization::Entity>().count(self.reader()).await? == 0)
    }

    /// Whether a restore into this database did not come to its end.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn is_half_restored(&self) -> Result<bool> {
        Ok(self.remembered(RESTORING).await?.is_some())
    }

    /// Says that the restore came to its end.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn restored(&self) -> Result<()> {
        let tx = self.begin().await?;
        deployment::Entity::delete_many().filter(deployment::Column::Name.eq(RESTORING)).exec(&tx).await?;
        Ok(tx.commit().await?)
    }
}

impl Store {
    /// Takes away what erased people could still be found by, in a database that does not know of the erasure. Their keys are gone.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn forget_words(&self, erased: &HashSet<Uuid>) -> Result<()> {
        let tx = self.transaction().await?;
        for subject in erased {
            client_search::Entity::delete_many().filter(client_search::Column::ClientId.eq(*subject)).exec(&tx).await?;
            referral_search::Entity::delete_many().filter(referral_search::Column::ReferralId.eq(*subject)).exec(&tx).await?;
        }
        Ok(tx.commit().await?)
    }
}
