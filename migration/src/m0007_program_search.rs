//! By what programs are searched: words without accents and case, and a place as metres from the middle of the earth, since a straight
//! line is computed alike by both databases. The server fills them in for rows that have none.

use sea_orm_migration::prelude::*;

use crate::column::{nullable, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let axis = |name: &'static str| ColumnDef::new(name).big_integer().null().take();
        for column in [nullable(text("search_words")), axis("earth_x"), axis("earth_y"), axis("earth_z")] {
            manager.alter_table(Table::alter().table("program").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["earth_z", "earth_y", "earth_x", "search_words"] {
            manager.alter_table(Table::alter().table("program").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
