//! The connection to the store of client keys, on either database.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::key_file::failed;
use crate::error::{Error, Result};

const SQLITE_TABLE: &str = "CREATE TABLE IF NOT EXISTS client_key (subject TEXT PRIMARY KEY, organization TEXT NOT NULL, \
                            kek_id TEXT NOT NULL, wrapped BLOB NOT NULL, created_at TEXT NOT NULL)";
const POSTGRES_TABLE: &str = "CREATE TABLE IF NOT EXISTS client_key (subject TEXT PRIMARY KEY, organization TEXT NOT NULL, \
                              kek_id TEXT NOT NULL, wrapped BYTEA NOT NULL, created_at TEXT NOT NULL)";

/// A pool of its own: the keys' database is not the rows'.
#[derive(Debug)]
pub(super) enum KeyDatabase {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// The same lines for both databases; the types of sqlx differ, the statements do not.
macro_rules! on_either {
    ($database:expr, $pool:ident => $body:expr) => {
        match $database {
            $crate::store::vault::key_database::KeyDatabase::Sqlite($pool) => $body,
            $crate::store::vault::key_database::KeyDatabase::Postgres($pool) => $body,
        }
    };
}
pub(super) use on_either;

impl KeyDatabase {
    pub(super) async fn open(url: &str) -> Result<Self> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Self::open_sqlite(url).await,
            Some("postgres" | "postgresql") => Self::open_postgres(url).await,
            _ => Err(Error::internal("the store of client keys wants a sqlite:// or postgres:// address")),
        }
    }

    async fn open_sqlite(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url).map_err(database)?;
        let path = options.get_filename();
        // Made here and not by SQLite, which would let the group read it; its other files take the mode from this one.
        let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        made.map_err(|error| failed(path, &error))?;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .pragma("secure_delete", "ON"); // a destroyed key is overwritten, not only unlinked
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(database)?;
        sqlx::query(SQLITE_TABLE).execute(&pool).await.map_err(database)?;
        Ok(Self::Sqlite(pool))
    }

    async fn open_postgres(url: &str) -> Result<Self> {
        // Keys are durable before rows, whatever the server's default.
        let options = PgConnectOptions::from_str(url).map_err(database)?.options([("synchronous_commit", "on")]);
        let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await.map_err(database)?;
        let mut tx = pool.begin().await.map_err(database)?;
        // IF NOT EXISTS alone fails when two replicas start at once.
        sqlx::query("SELECT pg_advisory_xact_lock(6019242317)").execute(&mut *tx).await.map_err(database)?;
        sqlx::query(POSTGRES_TABLE).execute(&mut *tx).await.map_err(database)?;
        tx.commit().await.map_err(database)?;
        Ok(Self::Postgres(pool))
    }

    /// Takes what was deleted out of SQLite's write-ahead log too. PostgreSQL's vacuum and log archive are its keeper's.
    pub(super) async fn forget(&self) -> Result<()> {
        let Self::Sqlite(pool) = self else { return Ok(()) };
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(pool).await.map_err(database)?;
        match busy {
            0 => Ok(()),
            _ => Err(Error::Unavailable("the store of client keys is busy: repeat, so that the key leaves its log")),
        }
    }
}

/// The same error as of the other database.
pub(super) fn database(error: sqlx::Error) -> Error {
    Error::Database(DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))
}
