//! Meetings of others, taken in from feeds: gatherings that are of no organization here, with what happened to them.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{DbBackend, Statement},
};

use crate::{
    column::{bytes, id, index, instant, nullable, reference, text, version, word},
    rebuild::timers,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const TIMERS: &[&str] = &[
    "CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE", "PROGRAM_CAPACITY",
    "BULK_RUN", "BULK_EXPIRY", "CONTACT_FOLLOW_UP", "SESSION_PLAN", "SEAT_OFFER", "GUEST_CONFIRMATION", "GUEST_FORGOTTEN", "FEED_READ",
];

#[rustfmt::skip]
const FAILURES: &[&str] = &[
    "BAD_ADDRESS", "NOT_ALLOWED", "NO_CONNECTION", "TIMED_OUT", "REDIRECTED", "TOO_LARGE", "BROKEN", "REFUSED", "MALFORMED", "EMPTY",
];

/// Whose rows may be nobody's.
const TENANTLESS: &[(&str, &[&str])] = &[
    ("gathering", &["organization_id", "program_id"]),
    ("gathering_label", &["organization_id"]),
    ("session", &["organization_id", "program_id"]),
    ("event", &["organization_id"]),
];

/// Vocabularies that have further words, each with the last of those before.
const WORDS: &[(&str, &str, &str)] =
    &[("gathering", "'SUPPORT_GROUP'", "'LISTED_MEETING'"), ("event", "'SANDBOX_CHANGED'", "'FEED_CHANGED', 'LISTED_MEETINGS_CHANGED'")];

/// What is nobody's here is a listed meeting, and nothing else is.
const CHECKS: &[(&str, &str, &str)] = &[
    (
        "gathering",
        "ck_gathering_tenant",
        r#"("kind" = 'LISTED_MEETING') = ("organization_id" IS NULL) AND ("kind" = 'LISTED_MEETING') = ("program_id" IS NULL)"#,
    ),
    ("session", "ck_session_tenant", r#"("organization_id" IS NULL) = ("program_id" IS NULL)"#),
];

/// Of the rows that name one of these tables or columns.
fn of<'a, T: Copy>(table: &'a str, all: &'a [(&'a str, T, T)]) -> impl Iterator<Item = (T, T)> + 'a {
    all.iter().filter(move |(of, _, _)| *of == table).map(|(_, first, second)| (*first, *second))
}

/// PostgreSQL changes a table where it stands.
fn on_postgresql() -> String {
    let mut script = String::new();
    for (table, columns) in TENANTLESS {
        for column in *columns {
            script += &format!("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL;\n");
        }
        for (_, more) in of(table, WORDS) {
            // The words are in the constraint as it stands: it is made anew from its own text.
            script += &format!(
                "DO $do$ DECLARE known text; BEGIN \
                 SELECT pg_get_expr(conbin, conrelid) INTO STRICT known FROM pg_constraint \
                 WHERE conrelid = '{table}'::regclass AND conname = '{table}_kind_check'; \
                 ALTER TABLE {table} DROP CONSTRAINT {table}_kind_check; \
                 EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT {table}_kind_check CHECK ((%s) OR kind IN ({}))', known); \
                 END $do$;\n",
                more.replace('\'', "''")
            );
        }
        for (name, check) in of(table, CHECKS) {
            script += &format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({check});\n");
        }
    }
    script
}

/// One text in place of another, which stands there once.
fn replaced(text: &str, from: &str, to: &str) -> Result<String, DbErr> {
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        count => Err(DbErr::Migration(format!("`{from}` stands {count} times in a table's definition"))),
    }
}

/// SQLite makes a table anew from its own definition. Others refer to it meanwhile, so that references are checked afterwards: all of it is
/// one text, since they are not checked for one connection alone.
async fn on_sqlite(db: &SchemaManagerConnection<'_>) -> Result<String, DbErr> {
    let mut script = "PRAGMA foreign_keys = OFF;\nBEGIN IMMEDIATE;\n".to_owned();
    for (table, columns) in TENANTLESS {
        let definitions = "SELECT type, sql FROM sqlite_schema WHERE tbl_name = $1 AND sql IS NOT NULL ORDER BY type DESC";
        let rows = db.query_all_raw(Statement::from_sql_and_values(DbBackend::Sqlite, definitions, [(*table).into()])).await?;
        let (mut made, mut indices) = (String::new(), String::new());
        for row in rows {
            let (kind, sql): (String, String) = (row.try_get("", "type")?, row.try_get("", "sql")?);
            if kind == "table" { made = sql } else { indices += &format!("{sql};\n") }
        }
        made = replaced(&made, &format!(r#"CREATE TABLE "{table}""#), &format!(r#"CREATE TABLE "m0028_{table}""#))?;
        for column in *columns {
            made = replaced(&made, &format!(r#""{column}" uuid_text NOT NULL"#), &format!(r#""{column}" uuid_text NULL"#))?;
        }
        for (last, more) in of(table, WORDS) {
            made = replaced(&made, last, &format!("{last}, {more}"))?;
        }
        for (name, check) in of(table, CHECKS) {
            let end = made.rfind(')').ok_or_else(|| DbErr::Migration(format!("{table} has no definition")))?;
            made.replace_range(end.., &format!(", CONSTRAINT {name} CHECK ({check}) )"));
        }
        script += &format!(
            "{made};\nINSERT INTO m0028_{table} SELECT * FROM {table};\nDROP TABLE {table};\n\
             ALTER TABLE m0028_{table} RENAME TO {table};\n{indices}"
        );
    }
    Ok(script + "COMMIT;\nPRAGMA foreign_keys = ON;\n")
}

/// Schedules of others, and which meetings come from which.
async fn feeds(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let number = |name: &'static str| ColumnDef::new(name).integer().not_null().check(Expr::col(name).gte(0)).take();
    let feed = Table::create()
        .table("feed")
        .col(id("id").primary_key())
        .col(text("url").unique_key())
        .col(word("format", &["MEETING_GUIDE", "BMLT", "ICS"]))
        .col(nullable(text("time_zone")))
        .col(nullable(text("etag")))
        .col(nullable(text("last_modified")))
        .col(nullable(instant("read_at")))
        .col(nullable(word("failure", FAILURES)))
        .col(number("failures"))
        .col(number("meetings"))
        .col(number("skipped"))
        .col(instant("added_at"))
        .col(version())
        .take();
    manager.create_table(feed).await?;
    let listed = Table::create()
        .table("listed_meeting")
        .col(id("gathering_id").primary_key())
        .col(id("feed_id"))
        .col(text("external_id"))
        .col(bytes("content_hash"))
        .col(text("source"))
        .col(nullable(text("source_url")))
        .col(ColumnDef::new("feed_version").integer().not_null())
        .foreign_key(&mut reference("listed_meeting", "gathering_id", "gathering"))
        .foreign_key(&mut reference("listed_meeting", "feed_id", "feed"))
        .take();
    manager.create_table(listed).await?;
    manager.create_index(index("listed_meeting", &["feed_id", "external_id"]).unique().take()).await?;
    manager.create_index(index("listed_meeting", &["feed_id", "feed_version"])).await
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let script = if manager.get_database_backend() == DbBackend::Sqlite { on_sqlite(db).await? } else { on_postgresql() };
        db.execute_unprepared(&script).await?;
        feeds(manager).await?;
        timers(manager, "m0028", TIMERS).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("listed meetings have no place in the earlier tables: restore a backup".to_owned()))
    }
}
