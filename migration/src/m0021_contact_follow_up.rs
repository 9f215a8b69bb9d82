//! A planned contact of which nothing is logged falls due.

use sea_orm_migration::prelude::*;

use crate::{
    column::{id, index, instant, word},
    rebuild::rebuilt,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const TIMERS: &[&str] = &[
    "CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE", "PROGRAM_CAPACITY",
    "BULK_RUN", "BULK_EXPIRY", "CONTACT_FOLLOW_UP",
];

const COLUMNS: &[&str] = &["kind", "subject_id", "due_at", "failures"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let timer = Table::create()
            .col(word("kind", TIMERS))
            .col(id("subject_id"))
            .col(instant("due_at"))
            .col(ColumnDef::new("failures").integer().not_null())
            .primary_key(Index::create().col("kind").col("subject_id"))
            .take();
        rebuilt(manager, timer, "timer", "m0021", COLUMNS).await?;
        manager.create_index(index("timer", &["due_at"])).await?;

        // What is planned already. It falls due with its time and is put off then: databases add hours in ways of their own.
        let planned = Query::select()
            .expr(Expr::val("CONTACT_FOLLOW_UP"))
            .column("id")
            .column("scheduled_for")
            .expr(Expr::val(0))
            .from("contact")
            .and_where(Expr::col("outcome").is_null())
            .take();
        let mut timers = Query::insert();
        timers.into_table("timer").columns(COLUMNS.iter().copied());
        timers.select_from(planned).map_err(|error| DbErr::Custom(error.to_string()))?;
        manager.execute(timers).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("what falls due has no place in the earlier table: restore a backup".to_owned()))
    }
}
