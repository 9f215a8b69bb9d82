//! Organizations, their programs, people of staff and applications.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, flag, id, index, instant, list, nullable, reference, text, version, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let organization = Table::create()
            .table("organization")
            .col(id("id").primary_key())
            .col(text("name").unique_key())
            .col(word("kind", &["TREATMENT_PROVIDER", "RECOVERY_COMMUNITY_ORGANIZATION", "PARTNER_APP", "FUNDER"]))
            .col(text("time_zone"))
            .col(flag("sandbox"))
            .col(word("part2_status", &["PART2_PROGRAM", "LAWFUL_HOLDER", "INTERMEDIARY", "NOT_PART2"]))
            .col(word("hipaa_status", &["COVERED_ENTITY", "BUSINESS_ASSOCIATE", "NEITHER"]))
            .col(nullable(text("npi")))
            .col(flag("active"))
            .col(instant("created_at"))
            .col(instant("updated_at"))
            .col(version())
            .take();
        manager.create_table(organization).await?;

        let program = Table::create()
            .table("program")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(text("name"))
            .col(nullable(text("description")))
            .col(nullable(word("level_edition", &["THIRD", "FOURTH"])))
            .col(nullable(text("level_code")))
            .col(list("languages"))
            .col(nullable(list("address")))
            .col(nullable(text("phone")))
            .col(text("time_zone"))
            .col(list("services"))
            .col(flag("serves_remotely"))
            .col(list("service_areas"))
            .col(flag("accepts_referrals"))
            .col(instant("created_at"))
            .col(instant("updated_at"))
            .col(version())
            .foreign_key(&mut reference("program", "organization_id", "organization"))
            .take();
        manager.create_table(program).await?;
        manager.create_index(index("program", &["organization_id", "name"]).unique().take()).await?;

        let staff = Table::create()
            .table("staff_member")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(text("display_name"))
            .col(nullable(text("email")))
            .col(list("roles"))
            .col(flag("active"))
            .col(instant("created_at"))
            .col(instant("updated_at"))
            .col(version())
            .foreign_key(&mut reference("staff_member", "organization_id", "organization"))
            .take();
        manager.create_table(staff).await?;
        manager.create_index(index("staff_member", &["organization_id", "email"]).unique().take()).await?;

        let api_client = Table::create()
            .table("api_client")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(text("name"))
            .col(bytes("secret_hash"))
            .col(list("scopes"))
            .col(list("roles"))
            .col(list("purposes"))
            .col(nullable(instant("last_used_at")))
            .col(nullable(instant("revoked_at")))
            .col(instant("created_at"))
            .col(version())
            .foreign_key(&mut reference("api_client", "organization_id", "organization"))
            .take();
        manager.create_table(api_client).await?;
        manager.create_index(index("api_client", &["organization_id", "name"])).await?;

        for (table, column, to) in
            [("staff_program", "staff_member_id", "staff_member"), ("api_client_program", "api_client_id", "api_client")]
        {
            let membership = Table::create()
                .table(table)
                .col(id("organization_id"))
                .col(id(column))
                .col(id("program_id"))
                .primary_key(Index::create().col(column).col("program_id"))
                .foreign_key(&mut reference(table, "organization_id", "organization"))
                .foreign_key(&mut reference(table, column, to))
                .foreign_key(&mut reference(table, "program_id", "program"))
                .take();
            manager.create_table(membership).await?;
            manager.create_index(index(table, &["program_id"])).await?;
        }

        let revoked = Table::create().table("revoked_token").col(text("jti").primary_key()).col(instant("expires_at")).take();
        manager.create_table(revoked).await?;
        manager.create_index(index("revoked_token", &["expires_at"])).await?;

        let deployment = Table::create().table("deployment").col(text("name").primary_key()).col(text("value")).take();
        manager.create_table(deployment).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            ["deployment", "revoked_token", "api_client_program", "staff_program", "api_client", "staff_member", "program", "organization"]
        {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}
