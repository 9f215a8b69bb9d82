//! What falls due: timers, the clocks of referrals, and what somebody has to do.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, nullable, reference, text, version, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TIMERS: &[&str] = &["CLOCK", "REFERRAL_EXPIRY", "REFERRAL_REVIEW", "CONSENT_EXPIRY"];

const CLOCKS: &[&str] = &["ACKNOWLEDGE", "FIRST_ATTEMPT", "FIRST_CONTACT", "ENGAGE"];

#[rustfmt::skip]
const WORK: &[&str] = &[
    "INFO_REQUESTED", "CLOCK_DUE", "CLOCK_BREACHED", "WAITLIST_REVIEW", "HOLD_REVIEW", "POSSIBLE_DUPLICATE", "APPROVAL",
    "EMERGENCY_ACCESS_REVIEW", "FOLLOW_UP_DUE", "CREDENTIAL_EXPIRING", "SUPERVISION_DUE", "MODERATION",
];

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let timer = Table::create()
            .table("timer")
            .col(word("kind", TIMERS))
            .col(id("subject_id"))
            .col(instant("due_at"))
            .col(number("failures"))
            .primary_key(Index::create().col("kind").col("subject_id"))
            .take();
        manager.create_table(timer).await?;
        manager.create_index(index("timer", &["due_at"])).await?;

        let clock = Table::create()
            .table("referral_clock")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("referral_id"))
            .col(word("kind", CLOCKS))
            .col(number("policy_version"))
            .col(instant("started_at"))
            .col(instant("warn_at"))
            .col(instant("due_at"))
            .col(instant("ceiling_at"))
            .col(nullable(instant("warned_at")))
            .col(nullable(instant("breached_at")))
            .col(nullable(instant("ceiling_breached_at")))
            .col(nullable(instant("met_at")))
            .col(nullable(instant("paused_since")))
            .foreign_key(&mut reference("referral_clock", "organization_id", "organization"))
            .foreign_key(&mut reference("referral_clock", "referral_id", "referral"))
            .take();
        manager.create_table(clock).await?;
        manager.create_index(index("referral_clock", &["referral_id", "kind"]).unique().take()).await?;

        let work = Table::create()
            .table("work_item")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("program_id"))
            .col(word("kind", WORK))
            .col(id("referral_id"))
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
            .foreign_key(&mut reference("work_item", "assignee_id", "staff_member"))
            .take();
        manager.create_table(work).await?;
        manager.create_index(index("work_item", &["program_id", "opened_at", "id"])).await?;
        manager.create_index(index("work_item", &["program_id", "due_at", "id"])).await?;
        manager.create_index(index("work_item", &["referral_id", "kind"])).await?;
        manager.create_index(index("work_item", &["assignee_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["work_item", "referral_clock", "timer"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}
