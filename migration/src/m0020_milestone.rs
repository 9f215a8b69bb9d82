//! What clients count days from: every start is a row.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, nullable, reference, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let milestone = Table::create()
            .table("milestone")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("client_id"))
            .col(nullable(id("sealed_for_id")))
            .col(bytes("start"))
            .col(text("author"))
            .col(instant("at"))
            .foreign_key(&mut reference("milestone", "organization_id", "organization"))
            .foreign_key(&mut reference("milestone", "client_id", "client"))
            .foreign_key(&mut reference("milestone", "sealed_for_id", "client"))
            .take();
        manager.create_table(milestone).await?;
        manager.create_index(index("milestone", &["client_id", "at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("milestone").take()).await
    }
}
