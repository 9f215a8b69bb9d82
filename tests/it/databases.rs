//! The tests' own databases: each test sees its own rows, on both kinds.

use std::sync::LazyLock;

use kit::databases::{Kind, Templates, TestDatabase, postgresql_required, postgresql_runs, say_skipped, which_run};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, SchemaManager, async_trait,
    sea_orm::{self, DbErr},
};

/// A migrator with one small table, so that this test stands whatever the product's tables are.
struct Probe;

impl MigratorTrait for Probe {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(ProbeTable)]
    }
}

struct ProbeTable;

impl MigrationName for ProbeTable {
    fn name(&self) -> &'static str {
        "probe"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for ProbeTable {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("CREATE TABLE probe (word TEXT PRIMARY KEY)").await.map(drop)
    }
}

static PROBES: LazyLock<Templates> = LazyLock::new(Templates::of::<Probe>);

/// Several at once write the same key, which only works if none sees another's rows.
async fn write_and_count(database: TestDatabase) {
    let connection = database.connect().await;
    connection.execute_unprepared("INSERT INTO probe (word) VALUES ('mine')").await.unwrap();
    assert_eq!(count(&connection, database.kind).await, 1);
}

async fn count(connection: &DatabaseConnection, kind: Kind) -> i64 {
    let backend = if kind == Kind::Sqlite { DbBackend::Sqlite } else { DbBackend::Postgres };
    let row = connection.query_one_raw(Statement::from_string(backend, "SELECT count(*) FROM probe")).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn two_tests_on_sqlite_do_not_see_each_others_rows() {
    futures_util::future::join_all((0..3).map(|_| write_and_count(PROBES.sqlite()))).await;
}

#[tokio::test]
async fn two_tests_on_postgresql_do_not_see_each_others_rows() {
    let Some(first) = PROBES.postgresql() else { return say_skipped() };
    let others = (0..2).filter_map(|_| PROBES.postgresql());
    futures_util::future::join_all(others.chain([first]).map(write_and_count)).await;
}

#[tokio::test]
async fn a_dropped_database_is_gone() {
    let sqlite = PROBES.sqlite();
    let file = sqlite.folder().join("aftercare.db");
    assert!(file.exists());
    drop(sqlite);
    assert!(!file.exists());

    let (Some(one), Some(other)) = (PROBES.postgresql(), PROBES.postgresql()) else {
        return say_skipped();
    };
    let name = one.url.split(['/', '?']).find(|part| part.starts_with("aftercare_test_")).unwrap().to_owned();
    let still_connected = one.connect().await;
    drop(one);
    let there = Statement::from_string(DbBackend::Postgres, format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"));
    assert!(other.connect().await.query_one_raw(there).await.unwrap().is_none());
    drop(still_connected);
}

kit::on_both! {
    /// The product's own migrations.
    async fn the_schema_is_migrated(db: TestDatabase) {
        let connection = db.connect().await;
        let pending = migration::Migrator::get_pending_migrations(&connection).await.unwrap();
        assert!(pending.is_empty());
    }
}

#[test]
fn both_databases_ran() {
    assert!(postgresql_runs() || !postgresql_required(), "{}", which_run());
}
