//! Identity providers that organizations trust, whom they mean by their names for people, and keys of applications' own.

use sea_orm_migration::prelude::*;

use crate::column::{flag, id, index, instant, list, nullable, reference, text, version, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let issuer = Table::create()
            .table("issuer")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(text("issuer"))
            .col(text("jwks_url"))
            .col(text("audience"))
            .col(word("subject_claim", &["SUB", "EMAIL"]))
            .col(nullable(text("roles_claim")))
            .col(list("role_names"))
            .col(nullable(list("allowed_roles")))
            .col(nullable(text("scope_claim")))
            .col(list("scopes"))
            .col(flag("active"))
            .col(instant("created_at"))
            .col(instant("updated_at"))
            .col(version())
            .foreign_key(&mut reference("issuer", "organization_id", "organization"))
            .take();
        manager.create_table(issuer).await?;
        manager.create_index(index("issuer", &["organization_id"])).await?;

        // A token is for one organization: two that trust the same issuer must be told apart by the audience.
        let audience = Index::create()
            .name("ux_issuer_audience")
            .table("issuer")
            .col("issuer")
            .col("audience")
            .and_where(Expr::col("active").eq(true))
            .unique()
            .take();
        manager.create_index(audience).await?;

        let subject = Table::create()
            .table("issuer_subject")
            .col(id("organization_id"))
            .col(id("issuer_id"))
            .col(text("subject"))
            .col(id("staff_member_id"))
            .primary_key(Index::create().col("issuer_id").col("subject"))
            .foreign_key(&mut reference("issuer_subject", "organization_id", "organization"))
            .foreign_key(&mut reference("issuer_subject", "issuer_id", "issuer"))
            .foreign_key(&mut reference("issuer_subject", "staff_member_id", "staff_member"))
            .take();
        manager.create_table(subject).await?;
        manager.create_index(index("issuer_subject", &["staff_member_id"])).await?;

        for column in ["jwks", "jwks_url"] {
            manager.alter_table(Table::alter().table("api_client").add_column(nullable(text(column))).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["jwks_url", "jwks"] {
            manager.alter_table(Table::alter().table("api_client").drop_column(column).take()).await?;
        }
        for table in ["issuer_subject", "issuer"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}
