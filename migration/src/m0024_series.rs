//! A workshop's sessions come by series: by a rule, and from a day on by another.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::{
    column::{id, index, instant, list, word},
    rebuild::rebuilt,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const TIMERS: &[&str] = &[
    "CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE", "PROGRAM_CAPACITY",
    "BULK_RUN", "BULK_EXPIRY", "CONTACT_FOLLOW_UP", "SESSION_PLAN",
];

/// Each workshop has had one series, whose days were all named. Databases make JSON in ways of their own.
const POSTGRESQL: &str = "UPDATE workshop SET series = jsonb_build_array(jsonb_build_object('id', id, 'starts_on', starts_on, \
    'ends_before', NULL, 'start_time', start_time, 'minutes', minutes, 'recurrence', NULL, 'except_dates', '[]'::jsonb, \
    'extra_dates', extra_dates))";
const SQLITE: &str = "UPDATE workshop SET series = json_array(json_object('id', lower(hex(id)), 'starts_on', starts_on, \
    'ends_before', NULL, 'start_time', start_time, 'minutes', minutes, 'recurrence', NULL, 'except_dates', json('[]'), \
    'extra_dates', json(extra_dates)))";

/// Where a session was moved to is as near as what is known comes to where it was planned; of two there, one.
const OCCURRENCES: &str = "UPDATE session SET occurrence = local_start WHERE NOT EXISTS (SELECT 1 FROM session AS other \
    WHERE other.workshop_id = session.workshop_id AND other.local_start = session.local_start AND other.id < session.id)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let series = list("series").default("[]").take();
        manager.alter_table(Table::alter().table("workshop").add_column(series).take()).await?;
        let fill = if manager.get_database_backend() == DbBackend::Sqlite { SQLITE } else { POSTGRESQL };
        db.execute_unprepared(fill).await?;
        for column in ["starts_on", "start_time", "minutes", "extra_dates"] {
            manager.alter_table(Table::alter().table("workshop").drop_column(column).take()).await?;
        }

        let occurrence = ColumnDef::new("occurrence").date_time().take();
        manager.alter_table(Table::alter().table("session").add_column(occurrence).take()).await?;
        db.execute_unprepared(OCCURRENCES).await?;
        // Of a day of a series there is one session, whoever plans it (domain 6.5).
        let one = Index::create().name("ux_session_occurrence").table("session").col("workshop_id").col("occurrence").unique().take();
        manager.create_index(one).await?;

        let timer = Table::create()
            .col(word("kind", TIMERS))
            .col(id("subject_id"))
            .col(instant("due_at"))
            .col(ColumnDef::new("failures").integer().not_null())
            .primary_key(Index::create().col("kind").col("subject_id"))
            .take();
        rebuilt(manager, timer, "timer", "m0024", &["kind", "subject_id", "due_at", "failures"]).await?;
        manager.create_index(index("timer", &["due_at"])).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("rules have no place in the earlier tables: restore a backup".to_owned()))
    }
}
