//! Where people meet in person, as metres from the middle of the earth: by these the schedule is searched near a place, as programs are. The
//! server fills them in with the words, which it does for rows that have none.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["earth_x", "earth_y", "earth_z"] {
            let axis = ColumnDef::new(name).big_integer().null().take();
            manager.alter_table(Table::alter().table("gathering").add_column(axis).take()).await?;
        }
        let again = Query::update().table("gathering").value("search_words", Option::<String>::None).to_owned();
        manager.execute(again).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["earth_z", "earth_y", "earth_x"] {
            manager.alter_table(Table::alter().table("gathering").drop_column(name).take()).await?;
        }
        Ok(())
    }
}
