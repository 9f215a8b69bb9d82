//! Access in medical emergencies, and disclosures that rest on one and on no consent.

use sea_orm_migration::prelude::*;

use crate::{
    column::{bytes, id, index, instant, list, nullable, reference, text, word},
    rebuild::rebuilt,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[rustfmt::skip]
const PURPOSES: &[&str] = &[
    "TREATMENT", "PAYMENT", "OPERATIONS", "PATIENT_REQUEST", "EMERGENCY", "AUDIT_EVALUATION", "RESEARCH", "PUBLIC_HEALTH",
];

#[rustfmt::skip]
const KEPT: &[&str] = &[
    "id", "position", "organization_id", "client_id", "recipient_organization_id", "recipient_name", "actor", "data_classes", "purpose",
    "consent_id", "consent_version", "request_id", "at", "hash",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let access = Table::create()
            .table("emergency_access")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("client_id"))
            .col(nullable(id("recipient_organization_id")))
            .col(id("work_item_id"))
            .col(instant("opened_at"))
            .col(instant("expires_at"))
            .col(nullable(instant("ended_at")))
            .foreign_key(&mut reference("emergency_access", "organization_id", "organization"))
            .foreign_key(&mut reference("emergency_access", "client_id", "client"))
            .foreign_key(&mut reference("emergency_access", "recipient_organization_id", "organization"))
            .foreign_key(&mut reference("emergency_access", "work_item_id", "work_item"))
            .take();
        manager.create_table(access).await?;
        manager.create_index(index("emergency_access", &["client_id", "recipient_organization_id"])).await?;
        manager.create_index(index("emergency_access", &["work_item_id"]).unique().take()).await?;
        disclosures(manager).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("what was disclosed in an emergency has no place in the earlier table: restore a backup".to_owned()))
    }
}

/// Makes the accounting anew with what is in it: SQLite does not change whether a column may be null.
async fn disclosures(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let whether = |column: &'static str| Expr::col(column).is_not_null();
    let by_consent = whether("consent_id").and(whether("consent_version")).and(Expr::col("emergency_access_id").is_null());
    let in_emergency = Expr::col("consent_id").is_null().and(Expr::col("consent_version").is_null()).and(whether("emergency_access_id"));
    let disclosure = Table::create()
        .col(id("id").primary_key())
        .col(nullable(ColumnDef::new("position").big_integer().not_null().take()))
        .col(id("organization_id"))
        .col(id("client_id"))
        .col(nullable(id("recipient_organization_id")))
        .col(text("recipient_name"))
        .col(text("actor"))
        .col(list("data_classes"))
        .col(word("purpose", PURPOSES))
        .col(nullable(id("consent_id")))
        .col(nullable(ColumnDef::new("consent_version").integer().not_null().take()))
        .col(nullable(id("emergency_access_id")))
        .col(nullable(bytes("facts")))
        .col(text("request_id"))
        .col(instant("at"))
        .col(nullable(bytes("hash")))
        .foreign_key(&mut reference("disclosure", "organization_id", "organization"))
        .foreign_key(&mut reference("disclosure", "recipient_organization_id", "organization"))
        .foreign_key(&mut reference("disclosure", "consent_id", "consent"))
        .foreign_key(&mut reference("disclosure", "emergency_access_id", "emergency_access"))
        .check(by_consent.or(in_emergency))
        .take();
    rebuilt(manager, disclosure, "disclosure", "m0013", KEPT).await?;
    manager.create_index(index("disclosure", &["organization_id", "position"]).unique().take()).await?;
    manager.create_index(index("disclosure", &["client_id", "at", "id"])).await?;
    let mut unsealed = Index::create();
    unsealed.name("ix_disclosure_unsealed").table("disclosure").col("at").and_where(Expr::col("position").is_null());
    manager.create_index(unsealed).await
}
