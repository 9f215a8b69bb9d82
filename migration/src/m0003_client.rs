//! Clients, as each organization knows them.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, reference, text, version};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let client = Table::create()
            .table("client")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(text("pseudonym"))
            .col(bytes("identity"))
            .col(bytes("recovery"))
            .col(instant("created_at"))
            .col(instant("updated_at"))
            .col(version())
            .foreign_key(&mut reference("client", "organization_id", "organization"))
            .take();
        manager.create_table(client).await?;
        manager.create_index(index("client", &["organization_id", "pseudonym"]).unique().take()).await?;
        manager.create_index(index("client", &["organization_id", "created_at", "id"])).await?;

        let program = Table::create()
            .table("client_program")
            .col(id("organization_id"))
            .col(id("client_id"))
            .col(id("program_id"))
            .primary_key(Index::create().col("client_id").col("program_id"))
            .foreign_key(&mut reference("client_program", "organization_id", "organization"))
            .foreign_key(&mut reference("client_program", "client_id", "client"))
            .foreign_key(&mut reference("client_program", "program_id", "program"))
            .take();
        manager.create_table(program).await?;
        manager.create_index(index("client_program", &["program_id", "client_id"])).await?;

        let search = Table::create()
            .table("client_search")
            .col(id("organization_id"))
            .col(text("kind"))
            .col(bytes("hash"))
            .col(id("client_id"))
            .primary_key(Index::create().col("organization_id").col("kind").col("hash").col("client_id"))
            .foreign_key(&mut reference("client_search", "organization_id", "organization"))
            .foreign_key(&mut reference("client_search", "client_id", "client"))
            .take();
        manager.create_table(search).await?;
        manager.create_index(index("client_search", &["client_id"])).await?;

        // One person by one external identifier within one organization, kept by the database (domain 2.8).
        let identifier = Index::create()
            .name("ux_client_search_external_identifier")
            .table("client_search")
            .col("organization_id")
            .col("hash")
            .and_where(Expr::col("kind").eq("EXTERNAL_IDENTIFIER"))
            .unique()
            .take();
        manager.create_index(identifier).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["client_search", "client_program", "client"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}
