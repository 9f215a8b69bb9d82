//! A code that comes twice is noticed, and a refresh token whose successor did not arrive is good once more.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, index, nullable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["used_code_hash", "previous_refresh_hash"] {
            let add = Table::alter().table("client_access").add_column(nullable(bytes(column))).take();
            manager.alter_table(add).await?;
        }
        manager.create_index(index("client_access", &["used_code_hash"]).unique().take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("ix_client_access_used_code_hash").table("client_access").to_owned()).await?;
        for column in ["used_code_hash", "previous_refresh_hash"] {
            manager.alter_table(Table::alter().table("client_access").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
