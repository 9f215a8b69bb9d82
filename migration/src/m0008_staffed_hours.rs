//! When a program is staffed, by its own calendar: null for the hours of a program that has set none.

use sea_orm_migration::prelude::*;

use crate::column::{list, nullable};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["staffed_hours", "holidays"] {
            manager.alter_table(Table::alter().table("program").add_column(nullable(list(name))).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["holidays", "staffed_hours"] {
            manager.alter_table(Table::alter().table("program").drop_column(name).take()).await?;
        }
        Ok(())
    }
}
