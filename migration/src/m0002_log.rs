//! The event log, the audit, their chains, and answers kept for repeated requests.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, flag, id, index, instant, list, nullable, reference, text, word};

#[rustfmt::skip]
const EVENT_KINDS: &[&str] = &[
    "CLIENT_CREATED", "CLIENT_UPDATED", "CLIENT_MERGED", "CLIENT_ERASED", "CONSENT_RECORDED", "CONSENT_REVOKED",
    "REFERRAL_CREATED", "REFERRAL_STATUS_CHANGED", "REFERRAL_MESSAGE_SENT", "CLOCK_WARNING", "CLOCK_BREACHED",
    "WARM_HANDOFF_RECORDED", "OFFER_OPENED", "OFFER_CLAIMED", "EPISODE_STARTED", "EPISODE_ENDED", "PEER_MATCHED",
    "PEER_MATCH_ENDED", "CREDENTIAL_EXPIRING", "SUPERVISION_OVERDUE", "CONTACT_LOGGED", "CALLBACK_REQUESTED",
    "CRISIS_HANDOFF_RECORDED", "GOAL_ACHIEVED", "MILESTONE_REACHED", "WORKSHOP_PUBLISHED", "WORKSHOP_CHANGED", "SESSION_CHANGED",
    "SESSION_CANCELLED", "REGISTRATION_CHANGED", "ASSESSMENT_RECORDED", "MEASURE_RECORDED", "ALERT_RAISED", "ALERT_CLOSED",
    "MODERATION_OPENED", "BULK_FINISHED", "WORK_ITEM_OPENED", "WORK_ITEM_CLOSED", "PROGRAM_CAPACITY_CHANGED", "CONSENT_EXPIRED",
    "CONTACT_SCHEDULED", "REFERRAL_UPDATED", "OFFER_WITHDRAWN", "REGISTRATION_OFFERED", "MESSAGE_QUEUED", "CONSENT_CONFIRMED",
    "EMERGENCY_ACCESS_OPENED", "ORGANIZATION_CHANGED", "PROGRAM_CHANGED", "STAFF_CHANGED", "API_CLIENT_CHANGED",
    "CLIENT_ACCESS_CHANGED", "PEER_CHANGED", "CREDENTIAL_RECORDED", "SUPERVISION_RECORDED", "CONTACT_AMENDED", "CALLBACK_CHANGED",
    "ON_CALL_CHANGED", "PLAN_CHANGED", "ALERT_CHANGED", "WORK_ITEM_CHANGED", "COMMUNITY_CHANGED", "FUNDING_CHANGED",
    "WEBHOOK_CHANGED", "BULK_STARTED", "SANDBOX_CHANGED",
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

fn count(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

/// What waits for its place: small whatever the log's size, because only rows without a position are in it.
fn unsealed(table: &'static str) -> IndexCreateStatement {
    Index::create().name(format!("ix_{table}_unsealed")).table(table).col("at").and_where(Expr::col("position").is_null()).take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let event = Table::create()
            .table("event")
            .col(id("id").primary_key())
            .col(ColumnDef::new("ordinal").integer().not_null())
            .col(nullable(count("position")))
            .col(id("organization_id"))
            .col(nullable(id("other_organization_id")))
            .col(word("kind", EVENT_KINDS))
            .col(instant("at"))
            .col(text("actor"))
            .col(text("subject_kind"))
            .col(id("subject_id"))
            .col(ColumnDef::new("subject_version").integer())
            .col(nullable(id("client_id")))
            .col(list("changed"))
            .col(nullable(bytes("hash")))
            .foreign_key(&mut reference("event", "organization_id", "organization"))
            .take();
        manager.create_table(event).await?;
        manager.create_index(index("event", &["position"]).unique().take()).await?;
        manager.create_index(index("event", &["organization_id", "position"])).await?;
        manager.create_index(index("event", &["other_organization_id", "position"])).await?;
        manager.create_index(index("event", &["subject_id", "position"])).await?;
        manager.create_index(index("event", &["client_id", "position"])).await?;
        manager.create_index(unsealed("event")).await?;

        let audit = Table::create()
            .table("audit_event")
            .col(id("id").primary_key())
            .col(nullable(count("position")))
            .col(nullable(id("organization_id")))
            .col(instant("at"))
            .col(text("actor"))
            .col(text("action"))
            .col(nullable(text("subject_kind")))
            .col(nullable(id("subject_id")))
            .col(list("data_classes"))
            .col(text("request_id"))
            .col(flag("allowed"))
            .col(nullable(bytes("hash")))
            .take();
        manager.create_table(audit).await?;
        manager.create_index(index("audit_event", &["organization_id", "position"]).unique().take()).await?;
        manager.create_index(index("audit_event", &["subject_id"])).await?;
        manager.create_index(unsealed("audit_event")).await?;

        let head = Table::create().table("chain_head").col(text("chain").primary_key()).col(count("length")).col(bytes("hash")).take();
        manager.create_table(head).await?;

        let idempotency = Table::create()
            .table("idempotency")
            .col(text("caller"))
            .col(text("key"))
            .col(bytes("body_hash"))
            .col(list("kept"))
            .col(instant("created_at"))
            .primary_key(Index::create().col("caller").col("key"))
            .take();
        manager.create_table(idempotency).await?;
        manager.create_index(index("idempotency", &["created_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["idempotency", "chain_head", "audit_event", "event"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}
