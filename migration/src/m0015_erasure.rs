//! Erasing a person: which record was erased, which side of a referral, and which keys are to be destroyed.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, nullable, reference, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [("client", "erased_at"), ("referral", "sender_erased_at"), ("referral", "receiver_erased_at")] {
            manager.alter_table(Table::alter().table(table).add_column(nullable(instant(column))).take()).await?;
        }
        let erasure = Table::create()
            .table("erasure")
            .col(id("subject_id").primary_key())
            .col(id("organization_id"))
            .col(id("client_id"))
            .col(instant("erased_at"))
            .col(text("erased_by"))
            .col(nullable(bytes("reason")))
            .col(nullable(instant("key_destroyed_at")))
            .foreign_key(&mut reference("erasure", "organization_id", "organization"))
            .foreign_key(&mut reference("erasure", "client_id", "client"))
            .take();
        manager.create_table(erasure).await?;
        manager.create_index(index("erasure", &["client_id"])).await?;
        let mut pending = Index::create();
        pending.name("ix_erasure_pending").table("erasure").col("subject_id").and_where(Expr::col("key_destroyed_at").is_null());
        manager.create_index(pending).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("who was erased would be forgotten, and listed again: restore a backup".to_owned()))
    }
}
