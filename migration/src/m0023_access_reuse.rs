//! A code that comes twice is noticed, and a refresh token whose successor did not arrive is good once more. And one question about
//! unlogged contacts is open for a client and a program, however many replicas ask.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, index, nullable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const ONE_QUESTION: &str = "ux_work_item_one_open_of_client";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["used_code_hash", "previous_refresh_hash"] {
            let add = Table::alter().table("client_access").add_column(nullable(bytes(column))).take();
            manager.alter_table(add).await?;
        }
        manager.create_index(index("client_access", &["used_code_hash"]).unique().take()).await?;
        let open = Expr::col("closed_at").is_null().and(Expr::col("client_id").is_not_null());
        let one = Index::create()
            .name(ONE_QUESTION)
            .table("work_item")
            .col("client_id")
            .col("program_id")
            .col("kind")
            .unique()
            .and_where(open)
            .take();
        manager.create_index(one).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(ONE_QUESTION).table("work_item").to_owned()).await?;
        manager.drop_index(Index::drop().name("ix_client_access_used_code_hash").table("client_access").to_owned()).await?;
        for column in ["used_code_hash", "previous_refresh_hash"] {
            manager.alter_table(Table::alter().table("client_access").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
