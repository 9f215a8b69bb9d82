//! Two records of one person (domain 2.8): which may be of one, which was merged into which, and what a merge moved.

use sea_orm_migration::prelude::*;

use crate::column::{id, index, instant, nullable, reference, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let referring = |name: &'static str| nullable(id(name)).extra("REFERENCES client (id)").take();
        for (table, column) in [
            ("client", referring("merged_into_id")),
            ("client", nullable(instant("merged_at"))),
            ("consent", referring("sealed_for_id")),
            ("contact", referring("sealed_for_id")),
            ("episode", referring("sealed_for_id")),
        ] {
            manager.alter_table(Table::alter().table(table).add_column(column).take()).await?;
        }
        manager.create_index(index("client", &["merged_into_id"])).await?;

        let possible = Table::create()
            .table("possible_duplicate")
            .col(id("organization_id"))
            .col(id("client_id"))
            .col(id("other_id"))
            .col(id("program_id"))
            .col(instant("found_at"))
            .col(nullable(instant("apart_at")))
            .col(nullable(text("apart_by")))
            .primary_key(Index::create().col("client_id").col("other_id"))
            .foreign_key(&mut reference("possible_duplicate", "organization_id", "organization"))
            .foreign_key(&mut reference("possible_duplicate", "client_id", "client"))
            .foreign_key(&mut reference("possible_duplicate", "other_id", "client"))
            .foreign_key(&mut reference("possible_duplicate", "program_id", "program"))
            .take();
        manager.create_table(possible).await?;
        manager.create_index(index("possible_duplicate", &["other_id"])).await?;

        let moved = Table::create()
            .table("client_moved")
            .col(id("merged_id"))
            .col(text("kind"))
            .col(id("row_id"))
            .primary_key(Index::create().col("merged_id").col("kind").col("row_id"))
            .foreign_key(&mut reference("client_moved", "merged_id", "client"))
            .take();
        manager.create_table(moved).await?;
        manager.create_index(index("client_moved", &["kind", "row_id"])).await
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(DbErr::Migration("what was merged would be torn apart: undo the merges or restore a backup".to_owned()))
    }
}
