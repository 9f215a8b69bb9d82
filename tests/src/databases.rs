//! A database of its own for each test: a SQLite file or a PostgreSQL database, cloned from one that was migrated once.
//!
//! Write a test once with [`on_both!`](crate::on_both); it runs on both. Where PostgreSQL comes from is told in `postgresql.rs`.

mod cluster;
mod postgresql;

use std::{fmt, future::Future, io::Write as _, path::Path, sync::LazyLock};

use migration::Migrator;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, QueryResult, Statement};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use postgresql::{Clone, Server, Template};

/// Which of the two a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The embedded default.
    Sqlite,
    /// The one for production.
    Postgresql,
}

/// The schema of the product, migrated once per kind and process.
static MIGRATED: LazyLock<Templates> = LazyLock::new(Templates::of::<Migrator>);

/// One test's database. Dropping it removes it.
pub struct TestDatabase {
    /// Which of the two it is.
    pub kind: Kind,
    /// Where it is, as `AFTERCARE_DATABASE__URL` takes it.
    pub url: String,
    folder: TempDir,
    _clone: Option<Clone>,
}

impl TestDatabase {
    /// A migrated SQLite file.
    pub fn sqlite() -> Self {
        MIGRATED.sqlite()
    }

    /// A migrated PostgreSQL database; nothing where there is no PostgreSQL, unless `AFTERCARE_TEST_REQUIRE_POSTGRES=1`.
    ///
    /// # Panics
    /// If PostgreSQL is required and absent.
    pub fn postgresql() -> Option<Self> {
        MIGRATED.postgresql()
    }

    /// A folder of this test's own, for keys, the journal and the like; removed with the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A connection beside the server's, for tests that look at rows.
    ///
    /// # Panics
    /// If the database cannot be reached.
    pub async fn connect(&self) -> DatabaseConnection {
        connect(&self.url).await.expect("the test's own database answers")
    }

    /// What a query of one column answers, as text; null is "-".
    ///
    /// # Panics
    /// If the database does not understand it, or the column is no text.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let connection = self.connect().await;
        let rows = connection.query_all_raw(Statement::from_string(connection.get_database_backend(), query)).await;
        let rows = rows.expect("the query is good");
        connection.close().await.expect("the connection closes");
        let text = |row: QueryResult| row.try_get_by_index::<Option<String>>(0).expect("the column is text").unwrap_or_else(|| "-".into());
        rows.into_iter().map(text).collect()
    }

    /// How many there are: the answer of `SELECT COUNT(*)` and this.
    ///
    /// # Panics
    /// If the database does not understand it.
    pub async fn count(&self, from: &str) -> usize {
        let query = format!("SELECT CAST(COUNT(*) AS TEXT) {from}");
        self.texts(&query).await[0].parse().expect("a count is a number")
    }

    /// Changes rows past the application, as somebody with the database's password could. Gives how many.
    ///
    /// # Panics
    /// If the database does not do it.
    pub async fn tamper(&self, statement: &str) -> u64 {
        tamper(&self.url, statement).await
    }

    /// Likewise in the store of wrapped keys beside it.
    ///
    /// # Panics
    /// If the store does not do it.
    pub async fn tamper_keys(&self, statement: &str) -> u64 {
        tamper(&format!("sqlite://{}", self.folder().join("client-keys.db").display()), statement).await
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDatabase").field("kind", &self.kind).field("url", &self.url).finish_non_exhaustive()
    }
}

/// One schema, ready to be cloned, on each kind of database.
#[derive(Debug)]
pub struct Templates {
    /// The bytes of a migrated file: nothing is left behind at the end of the process.
    sqlite: Vec<u8>,
    postgresql: Option<Template>,
}

impl Templates {
    /// Migrates one template of each kind with all steps of a migrator.
    ///
    /// # Panics
    /// If a migration fails.
    pub fn of<M: MigratorTrait>() -> Self {
        say_once();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("template.db");
        migrate::<M>(format!("sqlite://{}?mode=rwc", file.display()));
        let postgresql = server().map(|server| {
            let template = Template::create(server);
            migrate::<M>(template.url());
            template
        });
        Self { sqlite: std::fs::read(&file).expect("the migrated file can be read"), postgresql }
    }

    /// A clone as a SQLite file.
    ///
    /// # Panics
    /// If the disk is full or closed to us.
    pub fn sqlite(&self) -> TestDatabase {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("aftercare.db");
        std::fs::write(&file, &self.sqlite).expect("the template can be written");
        TestDatabase { kind: Kind::Sqlite, url: format!("sqlite://{}", file.display()), folder, _clone: None }
    }

    /// A clone on PostgreSQL; nothing where there is none, unless it is required.
    ///
    /// # Panics
    /// If PostgreSQL is required and absent.
    pub fn postgresql(&self) -> Option<TestDatabase> {
        assert!(self.postgresql.is_some() || !postgresql_required(), "{}", which_run());
        let clone = self.postgresql.as_ref()?.clone_database();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Some(TestDatabase { kind: Kind::Postgresql, url: clone.url(), folder, _clone: Some(clone) })
    }
}

/// Which databases this process tests on: `databases: sqlite and postgresql 15.14`.
pub fn which_run() -> String {
    match postgresql::server() {
        Ok(server) => format!("databases: sqlite and postgresql {}", server.version),
        Err(reason) => format!("databases: sqlite only; no PostgreSQL: {reason}"),
    }
}

/// Whether PostgreSQL was found.
pub fn postgresql_runs() -> bool {
    server().is_some()
}

/// Whether a run without PostgreSQL is a failure, as it is in the gate.
pub fn postgresql_required() -> bool {
    std::env::var("AFTERCARE_TEST_REQUIRE_POSTGRES").is_ok_and(|value| value == "1")
}

/// Says that the half of a test that needs PostgreSQL did not run.
pub fn say_skipped() {
    say("skipped: no PostgreSQL");
}

fn server() -> Option<&'static Server> {
    postgresql::server().as_ref().ok()
}

/// Says it past the capturing of the test harness, which would hide it from a run that passes. In one piece: others write there too.
pub fn say(line: &str) {
    // Nobody listening is no reason to fail.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

fn say_once() {
    static SAID: LazyLock<()> = LazyLock::new(|| say(&which_run()));
    *SAID
}

fn migrate<M: MigratorTrait>(url: String) {
    apart(async move {
        let connection = connect(&url).await?;
        M::up(&connection, None).await?;
        connection.close().await
    })
    .expect("the migrations run on an empty database");
}

/// Runs a future to its end on a thread of its own: the caller may be inside of a runtime already.
fn apart<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    std::thread::spawn(move || runtime.block_on(future)).join().expect("the thread ends well")
}

async fn tamper(url: &str, statement: &str) -> u64 {
    let connection = connect(url).await.expect("it answers");
    let done = connection.execute_unprepared(statement).await.expect("the statement is good");
    connection.close().await.expect("the connection closes");
    done.rows_affected()
}

#[expect(clippy::disallowed_methods, reason = "tests look at rows as nobody in particular")]
async fn connect(url: &str) -> Result<DatabaseConnection, DbErr> {
    sea_orm::Database::connect(url).await
}

/// Makes one test of a story into two, one per database: `on_both! { async fn name(db: TestDatabase) { … } }`.
#[macro_export]
macro_rules! on_both {
    ($( $(#[$attribute:meta])* async fn $name:ident($db:ident: TestDatabase) $body:block )+) => { $(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(#[$attribute])*
            async fn story($db: $crate::databases::TestDatabase) $body

            #[tokio::test]
            async fn sqlite() {
                story($crate::databases::TestDatabase::sqlite()).await;
            }

            #[tokio::test]
            async fn postgresql() {
                match $crate::databases::TestDatabase::postgresql() {
                    Some(database) => story(database).await,
                    None => $crate::databases::say_skipped(),
                }
            }
        }
    )+ };
}
