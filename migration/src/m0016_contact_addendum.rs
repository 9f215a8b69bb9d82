//! What is added to the note of a contact later: a note is never changed.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, reference, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let addendum = Table::create()
            .table("contact_addendum")
            .col(id("id").primary_key())
            .col(id("contact_id"))
            .col(bytes("text"))
            .col(text("author"))
            .col(instant("at"))
            .foreign_key(&mut reference("contact_addendum", "contact_id", "contact"))
            .take();
        manager.create_table(addendum).await?;
        manager.create_index(index("contact_addendum", &["contact_id", "at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("contact_addendum").take()).await
    }
}
