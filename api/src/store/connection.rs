//! Connections, and the one place where the two databases differ.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use data_encoding::HEXLOWER;
use sea_orm::{
    AccessMode, Condition, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, IsolationLevel, RuntimeErr, Select, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    sea_query::{Expr, Func, Query, SimpleExpr},
};
use serde_json::{Value as Json, json};
use sqlx::{
    postgres::{PgListener, PgPoolOptions},
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use uuid::Uuid;

use crate::error::{Error, Result};

/// A pool to read from and one to write to. On SQLite the second has one connection, since there is one writer; on PostgreSQL both are one.
#[derive(Clone)]
pub struct Connections {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

/// How long a writer waits for the one before it.
const BUSY: Duration = Duration::from_secs(30);

/// The advisory lock that the sealer holds while it seals a batch.
const SEALER_LOCK: i64 = 0x5ea1_e500;
/// The channel on which the sealer says that the log is longer.
const SEALED: &str = "aftercare_sealed";

impl Connections {
    /// Connects. SQLite's file is made when it is not there.
    ///
    /// # Errors
    /// `Database` when it cannot be reached.
    pub async fn open(url: &str, most: u32) -> Result<Self> {
        if url.starts_with("sqlite:") {
            let writer = connect(options(url, 1)).await?;
            let reader = connect(options(url, most.max(1))).await?;
            Ok(Self { reader, writer })
        } else {
            let both = connect(options(url, most.max(2))).await?;
            Ok(Self { reader: both.clone(), writer: both })
        }
    }

    pub(in crate::store) fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For migrations, which run before anything else does.
    pub fn for_migrations(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Calls this after every statement: a test counts them.
    pub fn on_statement(&mut self, called: impl Fn(&str) + Send + Sync + Clone + 'static) {
        let on_writer = called.clone();
        self.reader.set_metric_callback(move |info| called(&info.statement.sql));
        self.writer.set_metric_callback(move |info| on_writer(&info.statement.sql));
    }

    /// Begins a transaction that can write. On SQLite it takes the writer's place at once: a transaction that began by reading
    /// could not be promoted while another writes.
    pub(in crate::store) async fn begin(&self) -> Result<DatabaseTransaction> {
        let options =
            TransactionOptions { sqlite_transaction_mode: self.sqlite().then_some(SqliteTransactionMode::Immediate), ..Default::default() };
        begin_whole(&self.writer, options).await
    }

    /// Begins a transaction that only reads and sees one moment of the whole database. On SQLite every transaction does.
    pub(in crate::store) async fn snapshot(&self) -> Result<DatabaseTransaction> {
        let isolation_level = (!self.sqlite()).then_some(IsolationLevel::RepeatableRead);
        let access_mode = (!self.sqlite()).then_some(AccessMode::ReadOnly);
        begin_whole(&self.reader, TransactionOptions { isolation_level, access_mode, ..Default::default() }).await
    }

    /// Waits for the sealer's lease and takes it until the transaction ends: what a replica committed is sealed by whoever has it
    /// next. A replica that freezes with it loses it after a while. On SQLite the writer's place is the lease.
    pub(in crate::store) async fn lease_sealer(&self, tx: &DatabaseTransaction) -> Result<()> {
        const LEASE: &str = "SELECT pg_advisory_xact_lock($1), set_config('idle_in_transaction_session_timeout', '10s', true)";
        if !self.sqlite() {
            tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, LEASE, [SEALER_LOCK.into()])).await?;
        }
        Ok(())
    }

    /// Listens to the sealers of all replicas; nothing on SQLite, where there is one process.
    pub(in crate::store) async fn listener(&self) -> Result<Option<Listener>> {
        if self.sqlite() {
            return Ok(None);
        }
        let options = self.reader.get_postgres_connection_pool().connect_options().as_ref().clone();
        // A pool of its own, which makes the one connection anew when it is lost.
        let own = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&own).await.map_err(failed)?;
        listener.listen(SEALED).await.map_err(failed)?;
        Ok(Some(Listener(listener)))
    }

    /// Whether it is SQLite. Nothing outside of this file decides by it.
    fn sqlite(&self) -> bool {
        sqlite(&self.reader)
    }
}

/// Begins in a task of its own: sqlx forgets a `BEGIN` that is given up half-way, and the pool would give out a connection with a
/// transaction that nobody ends.
async fn begin_whole(on: &DatabaseConnection, options: TransactionOptions) -> Result<DatabaseTransaction> {
    let on = on.clone();
    let begun = tokio::spawn(async move { on.begin_with_options(options).await });
    Ok(begun.await.map_err(|_| Error::internal("the task that begins a transaction ended early"))??)
}

fn sqlite(on: &impl ConnectionTrait) -> bool {
    on.get_database_backend() == DbBackend::Sqlite
}

/// Runs one of two statements, whose one parameter is JSON: a list of any length is the same text to the database. Gives how many
/// rows it wrote.
async fn with_json(on: &DatabaseTransaction, on_sqlite: &str, on_postgresql: &str, json: Json) -> Result<u64> {
    let sql = if sqlite(on) { on_sqlite } else { on_postgresql };
    let statement = Statement::from_sql_and_values(on.get_database_backend(), sql, [json.into()]);
    Ok(on.execute_raw(statement).await?.rows_affected())
}

/// Whether an entry of a list column meets a condition. Entries are texts.
pub(in crate::store) fn any_entry(on: &impl ConnectionTrait, list: Expr, holds: impl FnOnce(Expr) -> Condition) -> Expr {
    let entries = if sqlite(on) { "json_each" } else { "jsonb_array_elements_text" };
    let mut any = Query::select();
    any.expr(Expr::val(1)).from_function(Func::cust(entries).arg(list), "entry").cond_where(holds(Expr::col(("entry", "value"))));
    Expr::exists(any)
}

/// Whether a text is one of these: the same statement however many there are.
pub(in crate::store) fn within(on: &impl ConnectionTrait, text: SimpleExpr, these: &[String]) -> SimpleExpr {
    let these = Expr::val(json!(these));
    if sqlite(on) {
        Expr::cust_with_exprs("? IN (SELECT value FROM json_each(?))", [text, these])
    } else {
        Expr::cust_with_exprs("$1 IN (SELECT jsonb_array_elements_text($2))", [text, these])
    }
}

/// Lets rows of this transaction refer to rows that come later in it.
pub(in crate::store) async fn defer_references(tx: &DatabaseTransaction) -> Result<()> {
    let statement = if sqlite(tx) { "PRAGMA defer_foreign_keys = ON" } else { &every_reference("DEFERRABLE INITIALLY DEFERRED") };
    tx.execute_unprepared(statement).await?;
    Ok(())
}

/// Checks them all, and lets no more of it. SQLite does both when it commits.
pub(in crate::store) async fn settle_references(tx: &DatabaseTransaction) -> Result<()> {
    if !sqlite(tx) {
        tx.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await?;
        tx.execute_unprepared(&every_reference("NOT DEFERRABLE")).await?;
    }
    Ok(())
}

/// Changes every foreign key of PostgreSQL's schema.
fn every_reference(to: &str) -> String {
    format!(
        "DO $$ DECLARE reference record; BEGIN FOR reference IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint \
         WHERE contype = 'f' AND connamespace = current_schema()::regnamespace LOOP \
         EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I {to}', reference.owner, reference.conname); END LOOP; END $$"
    )
}

/// Says to all replicas, once the transaction commits, that the log is longer.
pub(in crate::store) async fn tell_replicas(tx: &DatabaseTransaction) -> Result<()> {
    if !sqlite(tx) {
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, '')", [SEALED.into()])).await?;
    }
    Ok(())
}

/// Hears what is said to all replicas.
pub(in crate::store) struct Listener(PgListener);

impl Listener {
    /// Waits until the log is longer, or the connection was lost and is back: then it may be, too.
    pub(in crate::store) async fn heard(&mut self) -> Result<()> {
        self.0.try_recv().await.map(drop).map_err(failed)
    }
}

fn failed(error: sqlx::Error) -> Error {
    Error::Database(DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))
}

/// The place of a row in its log.
#[derive(Clone, Debug)]
pub(in crate::store) struct Place {
    pub(in crate::store) id: Uuid,
    pub(in crate::store) position: i64,
    pub(in crate::store) hash: Vec<u8>,
}

/// Gives rows of a log their places, with one statement.
pub(in crate::store) async fn write_places(tx: &DatabaseTransaction, table: &str, places: &[Place]) -> Result<()> {
    let rows = places.iter().map(|place| json!({ "id": place.id, "position": place.position, "hash": HEXLOWER.encode(&place.hash) }));
    // The list is read once, and what waits for its place is little: whatever is known of the table's size, no plan reads all of it.
    let on_sqlite = format!(
        "WITH place AS MATERIALIZED (SELECT unhex(value ->> 'id', '-') AS id, value ->> 'position' AS position, \
         unhex(value ->> 'hash') AS hash FROM json_each($1)) \
         UPDATE {table} SET position = place.position, hash = place.hash FROM place \
         WHERE {table}.id = place.id AND {table}.position IS NULL"
    );
    let on_postgresql = format!(
        "UPDATE {table} SET position = place.position, hash = decode(place.hash, 'hex') \
         FROM jsonb_to_recordset($1) AS place(id uuid, position bigint, hash text) WHERE {table}.id = place.id"
    );
    let written = with_json(tx, &on_sqlite, &on_postgresql, rows.collect()).await?;
    if written == places.len() as u64 { Ok(()) } else { Err(Error::internal(format!("{table}: rows vanished while they were sealed"))) }
}

/// The end of a chain: its length and the hash of its last row.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct End {
    pub(in crate::store) length: i64,
    pub(in crate::store) hash: Vec<u8>,
}

/// Writes where chains end, with one statement.
pub(in crate::store) async fn write_ends(tx: &DatabaseTransaction, ends: &BTreeMap<String, End>) -> Result<()> {
    const CHANGE: &str = "ON CONFLICT (chain) DO UPDATE SET length = excluded.length, hash = excluded.hash";
    let rows = ends.iter().map(|(chain, end)| json!({ "chain": chain, "length": end.length, "hash": HEXLOWER.encode(&end.hash) }));
    // `WHERE true`, or SQLite would take ON for a join's.
    let on_sqlite = format!(
        "INSERT INTO chain_head (chain, length, hash) SELECT value ->> 'chain', value ->> 'length', unhex(value ->> 'hash') \
         FROM json_each($1) WHERE true {CHANGE}"
    );
    let on_postgresql = format!(
        "INSERT INTO chain_head (chain, length, hash) SELECT chain, length, decode(hash, 'hex') \
         FROM jsonb_to_recordset($1) AS head(chain text, length bigint, hash text) {CHANGE}"
    );
    with_json(tx, &on_sqlite, &on_postgresql, rows.collect()).await.map(drop)
}

/// `EntityTrait::find`, for the store alone.
#[expect(clippy::disallowed_methods, reason = "the store is where the question of access is asked")]
pub(in crate::store) fn select<E: EntityTrait>() -> Select<E> {
    E::find()
}

#[expect(clippy::disallowed_methods, reason = "the store is what holds the connection")]
async fn connect(options: ConnectOptions) -> Result<DatabaseConnection> {
    Ok(Database::connect(options).await?)
}

fn options(url: &str, most: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(most)
        .min_connections(1)
        .acquire_timeout(BUSY)
        .test_before_acquire(false)
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY)
        });
    options
}

/// A select to build a condition of, which is never run by itself.
pub(crate) fn query<E: EntityTrait>() -> Select<E> {
    select::<E>()
}
