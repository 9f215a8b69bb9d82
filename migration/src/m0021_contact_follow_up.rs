//! A planned contact of which nothing is logged falls due.

use sea_orm_migration::prelude::*;

use crate::rebuild::timers;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const TIMERS: &[&str] = &[
    "CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE", "PROGRAM_CAPACITY",
    "BULK_RUN", "BULK_EXPIRY", "CONTACT_FOLLOW_UP",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        timers(manager, "m0021", TIMERS).await?;

        // What is planned already. It falls due with its time and is put off then: databases add hours in ways of their own.
        let planned = Query::select()
            .expr(Expr::val("CONTACT_FOLLOW_UP"))
            .column("id")
            .column("scheduled_for")
            .expr(Expr::val(0))
            .from("contact")
            .and_where(Expr::col("outcome").is_null())
            .take();
        let mut added = Query::insert();
        added.into_table("timer").columns(["kind", "subject_id", "due_at", "failures"]);
        added.select_from(planned).map_err(|error| DbErr::Custom(error.to_string()))?;
        manager.execute(added).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("what falls due has no place in the earlier table: restore a backup".to_owned()))
    }
}
