//! The wrapped keys of clients, in a database apart: destroying a key there erases a person in every copy of the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::SecondsFormat;
use data_encoding::BASE64;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use uuid::Uuid;

use super::key_database::{KeyDatabase, database, on_either};
use super::keyring::Keyring;
use super::seal::ClientKey;
use super::secret::Secret;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::backup::LineWriter;

/// How many unwrapped keys stay in memory.
const CACHED: u64 = 10_000;
/// For how long: another replica opens an erased person's rows, if it still had them, at most so much longer.
const CACHED_FOR: Duration = Duration::from_secs(30);
/// How many keys one transaction wraps anew.
const BATCH: i64 = 500;

/// The store of wrapped client keys, one for each subject: a client, or the snapshot of a referral.
#[derive(Debug)]
pub struct ClientKeys {
    database: KeyDatabase,
    keyring: Arc<Keyring>,
    clock: Clock,
    cache: Cache<Uuid, ClientKey>,
    /// Counts destructions, so that a key read just before one is not cached just after.
    destroyed: AtomicU64,
}

/// One row of the table.
struct Wrapped {
    subject: String,
    organization: String,
    kek: String,
    wrapped: Vec<u8>,
}

macro_rules! wrapped {
    ($row:expr) => {
        Wrapped {
            subject: $row.try_get(0).map_err(database)?,
            organization: $row.try_get(1).map_err(database)?,
            kek: $row.try_get(2).map_err(database)?,
            wrapped: $row.try_get(3).map_err(database)?,
        }
    };
}

/// One wrapped key, as a backup holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::store) struct StoredKey {
    pub(in crate::store) subject: Uuid,
    organization: Uuid,
    /// The name of the key-encryption key that wraps it.
    pub(in crate::store) kek: String,
    /// In base64.
    wrapped: String,
    created_at: String,
}

impl ClientKeys {
    /// Opens the store at a `sqlite://` or `postgres://` address and makes its table where there is none.
    ///
    /// # Errors
    /// `Database` when it cannot be reached; `Internal` for another kind of address.
    pub async fn open(url: &str, keyring: Arc<Keyring>, clock: Clock) -> Result<Self> {
        let cache = Cache::builder().max_capacity(CACHED).time_to_live(CACHED_FOR).build();
        let database = KeyDatabase::open(url).await?;
        Ok(Self { database, keyring, clock, cache, destroyed: AtomicU64::new(0) })
    }

    /// The subject's key, made if there is none. It is durable when this returns: keys are written before rows.
    ///
    /// # Errors
    /// `Sealing` when the subject has a key for another organization.
    pub async fn create(&self, subject: Uuid, organization: Uuid) -> Result<ClientKey> {
        let mut keys = self.create_many(&[subject], organization).await?;
        keys.remove(&subject).ok_or(Error::Sealing("the key was destroyed while it was made"))
    }

    /// As [`Self::create`], for many subjects and with one commit.
    ///
    /// # Errors
    /// `Sealing` when one of them has a key for another organization; the other keys are made, and harm nobody.
    pub async fn create_many(&self, subjects: &[Uuid], organization: Uuid) -> Result<HashMap<Uuid, ClientKey>> {
        const SQL: &str = "INSERT INTO client_key (subject, organization, kek_id, wrapped, created_at) \
                           VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject) DO NOTHING";
        let kek = self.keyring.newest()?;
        let created_at = self.clock.now().to_rfc3339_opts(SecondsFormat::Micros, true);
        // In one order, so that two who make the same keys do not wait for each other.
        let mut ordered = subjects.to_vec();
        ordered.sort_unstable();
        on_either!(&self.database, pool => {
            let mut tx = pool.begin().await.map_err(database)?;
            for &subject in &ordered {
                let wrapped = kek.wrap(subject, organization, &Secret::random()?)?;
                let insert = sqlx::query(SQL).bind(subject.to_string()).bind(organization.to_string());
                let insert = insert.bind(kek.id.clone()).bind(wrapped).bind(created_at.clone());
                insert.execute(&mut *tx).await.map_err(database)?;
            }
            tx.commit().await.map_err(database)?;
        });
        // What is in the table counts: of two who make the same key, one wins.
        let keys = self.read(subjects).await?;
        match keys.values().all(|key| key.organization == organization) {
            true => Ok(keys),
            false => Err(Error::Sealing("the subject has a key for another organization")),
        }
    }

    /// The keys of these subjects, with one statement for those that are not in memory. An erased subject has none.
    ///
    /// # Errors
    /// `Sealing` when a key does not unwrap.
    pub async fn many(&self, subjects: &[Uuid]) -> Result<HashMap<Uuid, ClientKey>> {
        let mut keys = HashMap::with_capacity(subjects.len());
        let mut missing = Vec::new();
        for &subject in subjects {
            match self.cache.get(&subject) {
                Some(key) => drop(keys.insert(subject, key)),
                None => missing.push(subject),
            }
        }
        if missing.is_empty() {
            return Ok(keys);
        }
        let before = self.destroyed.load(Ordering::SeqCst);
        let read = self.read(&missing).await?;
        for (&subject, key) in &read {
            self.cache.insert(subject, key.clone());
        }
        if self.destroyed.load(Ordering::SeqCst) != before {
            read.keys().for_each(|subject| self.cache.invalidate(subject));
        }
        keys.extend(read);
        Ok(keys)
    }

    /// The subject's key, when it is in memory.
    pub fn cached(&self, subject: Uuid) -> Option<ClientKey> {
        self.cache.get(&subject)
    }

    /// Destroys the subject's key. What it sealed opens nowhere again, once the backups of this store are gone.
    ///
    /// # Errors
    /// `Database`; then the key may still be there: repeat it, as often as needed.
    pub(in crate::store) async fn destroy(&self, subject: Uuid) -> Result<()> {
        const SQL: &str = "DELETE FROM client_key WHERE subject = $1";
        let deleted: Result<()> = async {
            on_either!(&self.database, pool => {
                sqlx::query(SQL).bind(subject.to_string()).execute(pool).await.map_err(database)?;
            });
            self.database.forget().await
        }
        .await;
        // After the row is gone, and whatever came of it: see `many`.
        self.destroyed.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate(&subject);
        deleted
    }

    /// Wraps under the newest key what older ones wrap, in batches. Gives how many it did; starting again does the rest.
    ///
    /// # Errors
    /// `Sealing` at the first key that does not unwrap; the batches before it are done.
    pub async fn rewrap(&self) -> Result<u64> {
        const SELECT: &str = "SELECT subject, organization, kek_id, wrapped FROM client_key WHERE kek_id <> $1 ORDER BY subject LIMIT $2";
        // Names what it read: a key destroyed or wrapped anew meanwhile stays as it is now.
        const UPDATE: &str = "UPDATE client_key SET kek_id = $1, wrapped = $2 WHERE subject = $3 AND kek_id = $4";
        let newest = self.keyring.newest()?;
        let mut done = 0;
        loop {
            let mut seen = 0;
            on_either!(&self.database, pool => {
                let rows = sqlx::query(SELECT).bind(newest.id.clone()).bind(BATCH).fetch_all(pool).await.map_err(database)?;
                let mut tx = pool.begin().await.map_err(database)?;
                for row in &rows {
                    let old = wrapped!(row);
                    let (subject, organization, key) = self.unwrap(&old)?;
                    let update = sqlx::query(UPDATE).bind(newest.id.clone()).bind(newest.wrap(subject, organization, &key)?);
                    let update = update.bind(old.subject).bind(old.kek);
                    done += update.execute(&mut *tx).await.map_err(database)?.rows_affected();
                    seen += 1;
                }
                tx.commit().await.map_err(database)?;
            });
            if seen == 0 {
                self.database.forget().await?;
                return Ok(done);
            }
        }
    }

    /// Whether the store of keys answers.
    ///
    /// # Errors
    /// `Database` when not.
    pub async fn ping(&self) -> Result<()> {
        on_either!(&self.database, pool => sqlx::query("SELECT 1 FROM client_key LIMIT 1").fetch_optional(pool).await.map_err(database).map(drop))
    }

    /// How many client keys each key-encryption key wraps: one that wraps none can be removed.
    ///
    /// # Errors
    /// `Database`.
    pub async fn usage(&self) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "SELECT kek_id, COUNT(*) FROM client_key GROUP BY kek_id ORDER BY kek_id";
        on_either!(&self.database, pool => sqlx::query_as(SQL).fetch_all(pool).await.map_err(database))
    }

    /// Writes all keys to a backup, wrapped as they are. Gives how many.
    pub(in crate::store) async fn write_all(&self, file: &mut LineWriter) -> Result<u64> {
        const SELECT: &str = "SELECT subject, organization, kek_id, wrapped, created_at FROM client_key WHERE subject > $1 \
                              ORDER BY subject LIMIT $2";
        let (mut after, mut count) = (String::new(), 0);
        loop {
            let mut page = Vec::new();
            on_either!(&self.database, pool => {
                for row in sqlx::query(SELECT).bind(after.clone()).bind(BATCH).fetch_all(pool).await.map_err(database)? {
                    page.push((wrapped!(row), row.try_get::<String, _>(4).map_err(database)?));
                }
            });
            for (key, created_at) in &page {
                let (subject, organization) = (id(&key.subject)?, id(&key.organization)?);
                let wrapped = BASE64.encode(&key.wrapped);
                file.line(&StoredKey { subject, organization, kek: key.kek.clone(), wrapped, created_at: created_at.clone() })?;
                count += 1;
            }
            match page.pop() {
                Some((last, _)) => after = last.subject,
                None => return Ok(count),
            }
        }
    }

    /// Puts keys of a backup where there are none yet, with one commit.
    pub(in crate::store) async fn load(&self, keys: &[StoredKey]) -> Result<()> {
        const INSERT: &str = "INSERT INTO client_key (subject, organization, kek_id, wrapped, created_at) \
                              VALUES ($1, $2, $3, $4, $5) ON CONFLICT (subject) DO NOTHING";
        on_either!(&self.database, pool => {
            let mut tx = pool.begin().await.map_err(database)?;
            for key in keys {
                let wrapped = BASE64.decode(key.wrapped.as_bytes()).map_err(|_| Error::Sealing("a wrapped key is no base64"))?;
                let insert = sqlx::query(INSERT).bind(key.subject.to_string()).bind(key.organization.to_string());
                let insert = insert.bind(key.kek.clone()).bind(wrapped).bind(key.created_at.clone());
                insert.execute(&mut *tx).await.map_err(database)?;
            }
            tx.commit().await.map_err(database)?;
        });
        Ok(())
    }

    async fn read(&self, subjects: &[Uuid]) -> Result<HashMap<Uuid, ClientKey>> {
        const COLUMNS: &str = "SELECT subject, organization, kek_id, wrapped FROM client_key WHERE subject ";
        let ids: Vec<String> = subjects.iter().map(Uuid::to_string).collect();
        let mut read = Vec::with_capacity(ids.len());
        // One text for any number of ids: a list of placeholders would be another statement for each length.
        match &self.database {
            KeyDatabase::Sqlite(pool) => {
                let ids = serde_json::json!(ids).to_string();
                let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} IN (SELECT value FROM json_each($1))"));
                for row in sqlx::query(sql).bind(ids).fetch_all(pool).await.map_err(database)? {
                    read.push(wrapped!(row));
                }
            }
            KeyDatabase::Postgres(pool) => {
                let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} = ANY($1)"));
                for row in sqlx::query(sql).bind(ids).fetch_all(pool).await.map_err(database)? {
                    read.push(wrapped!(row));
                }
            }
        }
        let unwrapped = read.iter().map(|row| {
            let (subject, organization, key) = self.unwrap(row)?;
            Ok((subject, ClientKey::new(organization, key)))
        });
        unwrapped.collect()
    }

    fn unwrap(&self, row: &Wrapped) -> Result<(Uuid, Uuid, Secret)> {
        let (subject, organization) = (id(&row.subject)?, id(&row.organization)?);
        Ok((subject, organization, self.keyring.find(&row.kek)?.unwrap(subject, organization, &row.wrapped)?))
    }
}

fn id(text: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Error::Sealing("the key's subject or organization is no id"))
}

#[cfg(test)]
#[path = "client_keys_tests.rs"]
mod tests;
