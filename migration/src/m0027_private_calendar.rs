//! Calendars of clients, which their calendar programs read by a link.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let calendar = Table::create()
            .table("private_calendar")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("client_id"))
            .col(bytes("key_hash"))
            .col(instant("created_at"))
            .foreign_key(&mut reference("private_calendar", "organization_id", "organization"))
            .foreign_key(&mut reference("private_calendar", "client_id", "client"))
            .take();
        manager.create_table(calendar).await?;
        for column in ["client_id", "key_hash"] {
            manager.create_index(index("private_calendar", &[column]).unique().take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("private_calendar").take()).await
    }
}
