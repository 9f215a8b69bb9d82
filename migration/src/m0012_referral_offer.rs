//! Offers of a referral to several programs at once.

use sea_orm_migration::prelude::*;

use crate::column::{bytes, id, index, instant, list, nullable, reference, version, word};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Only what somebody claimed is theirs, and what is claimed is somebody's.
fn claimed_by_somebody() -> Expr {
    let nobody = || Expr::col("claimed_by_id").is_null();
    let claimed = nobody().not().and(Expr::col("status").is_in(["CLAIMED", "WITHDRAWN"]));
    claimed.or(nobody().and(Expr::col("status").ne("CLAIMED")))
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let offer = Table::create()
            .table("referral_offer")
            .col(id("id").primary_key())
            .col(id("organization_id"))
            .col(id("referral_id"))
            .col(word("status", &["OPEN", "CLAIMED", "WITHDRAWN", "EXPIRED"]))
            .col(word("urgency", &["ROUTINE", "URGENT"]))
            .col(list("services"))
            .col(bytes("told"))
            .col(instant("expires_at"))
            .col(nullable(id("claimed_by_id")))
            .col(instant("opened_at"))
            .col(version())
            .check(claimed_by_somebody())
            .foreign_key(&mut reference("referral_offer", "organization_id", "organization"))
            .foreign_key(&mut reference("referral_offer", "referral_id", "referral"))
            .foreign_key(&mut reference("referral_offer", "claimed_by_id", "program"))
            .take();
        manager.create_table(offer).await?;
        manager.create_index(index("referral_offer", &["referral_id"])).await?;
        manager.create_index(index("referral_offer", &["opened_at", "id"])).await?;
        let one_at_a_time = Index::create()
            .name("ux_referral_offer_one_at_a_time")
            .table("referral_offer")
            .col("referral_id")
            .and_where(Expr::col("status").is_in(["OPEN", "CLAIMED"]))
            .unique()
            .take();
        manager.create_index(one_at_a_time).await?;

        let program = Table::create()
            .table("referral_offer_program")
            .col(id("offer_id"))
            .col(id("program_id"))
            .col(id("organization_id"))
            .primary_key(Index::create().col("offer_id").col("program_id"))
            .foreign_key(&mut reference("referral_offer_program", "offer_id", "referral_offer"))
            .foreign_key(&mut reference("referral_offer_program", "program_id", "program"))
            .foreign_key(&mut reference("referral_offer_program", "organization_id", "organization"))
            .take();
        manager.create_table(program).await?;
        manager.create_index(index("referral_offer_program", &["program_id", "offer_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["referral_offer_program", "referral_offer"] {
            manager.drop_table(Table::drop().table(table).take()).await?;
        }
        Ok(())
    }
}
