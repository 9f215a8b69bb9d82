//! Work that is about a person and no referral: possible duplicates, emergency access; and offers, which fall due.

use sea_orm_migration::prelude::*;

use crate::{
    column::{bytes, id, index, instant, nullable, reference, text, version, word},
    rebuild::{rebuilt, timers},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TIMERS: &[&str] = &["CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY", "OFFER_EXPIRY", "CLIENT_MERGE"];

const CLOCKS: &[&str] = &["ACKNOWLEDGE", "FIRST_ATTEMPT", "FIRST_CONTACT", "ENGAGE"];

#[rustfmt::skip]
const WORK: &[&str] = &[
    "INFO_REQUESTED", "CLOCK_DUE", "CLOCK_BREACHED", "WAITLIST_REVIEW", "HOLD_REVIEW", "POSSIBLE_DUPLICATE", "APPROVAL",
    "EMERGENCY_ACCESS_REVIEW", "FOLLOW_UP_DUE", "CREDENTIAL_EXPIRING", "SUPERVISION_DUE", "MODERATION",
];

#[rustfmt::skip]
const WORK_COLUMNS: &[&str] = &[
    "id", "organization_id", "program_id", "kind", "referral_id", "clock", "opened_at", "due_at", "assignee_id", "requested_by", "note",
    "decision", "decided_by", "closed_at", "version",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        timers(manager, "m0011", TIMERS).await?;

        let about_one = Expr::col("referral_id").is_null().and(Expr::col("client_id").is_not_null());
        let about_one = about_one.or(Expr::col("referral_id").is_not_null().and(Expr::col("client_id").is_null()));
        let work = Table::create()
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("program_id"))
            .col(word("kind", WORK))
            .col(nullable(id("referral_id")))
            .col(nullable(id("client_id")))
            .col(nullable(word("clock", CLOCKS)))
            .col(instant("opened_at"))
            .col(nullable(instant("due_at")))
            .col(nullable(id("assignee_id")))
            .col(nullable(text("requested_by")))
            .col(nullable(bytes("note")))
            .col(nullable(word("decision", &["APPROVED", "REJECTED"])))
            .col(nullable(text("decided_by")))
            .col(nullable(instant("closed_at")))
            .col(version())
            .foreign_key(&mut reference("work_item", "organization_id", "organization"))
            .foreign_key(&mut reference("work_item", "program_id", "program"))
            .foreign_key(&mut reference("work_item", "referral_id", "referral"))
            .foreign_key(&mut reference("work_item", "client_id", "client"))
            .foreign_key(&mut reference("work_item", "assignee_id", "staff_member"))
            .check(about_one)
            .take();
        rebuilt(manager, work, "work_item", "m0011", WORK_COLUMNS).await?;
        manager.create_index(index("work_item", &["program_id", "opened_at", "id"])).await?;
        manager.create_index(index("work_item", &["program_id", "due_at", "id"])).await?;
        manager.create_index(index("work_item", &["referral_id", "kind"])).await?;
        manager.create_index(index("work_item", &["client_id", "kind"])).await?;
        manager.create_index(index("work_item", &["assignee_id"])).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("what is about a client has no place in the earlier table: restore a backup".to_owned()))
    }
}
