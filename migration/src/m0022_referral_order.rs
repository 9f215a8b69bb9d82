//! Every order that referrals are listed in has an index, for each program and for all of an organization; and so have those that are
//! not closed, which most work is about, and those in one state.

use sea_orm_migration::prelude::*;

use crate::column::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const ORDERS: &[&[&str]] = &[
    &["from_program_id", "submitted_at", "id"],
    &["to_program_id", "submitted_at", "id"],
    &["from_organization_id", "submitted_at", "id"],
    &["to_organization_id", "submitted_at", "id"],
    &["from_organization_id", "updated_at", "id"],
    &["to_organization_id", "updated_at", "id"],
    &["from_organization_id", "due_at", "id"],
    &["to_organization_id", "due_at", "id"],
    &["from_program_id", "status", "created_at", "id"],
    &["to_program_id", "status", "created_at", "id"],
];

/// The sides whose referrals that are not closed are listed.
const OPEN: &[(&str, &str)] =
    &[("ix_referral_open_from_program_id", "from_program_id"), ("ix_referral_open_to_program_id", "to_program_id")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for columns in ORDERS {
            manager.create_index(index("referral", columns)).await?;
        }
        for (name, side) in OPEN {
            let open = index("referral", &[side, "created_at", "id"]).name(*name).and_where(Expr::col("closed_at").is_null()).take();
            manager.create_index(open).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let orders = ORDERS.iter().map(|columns| format!("ix_referral_{}", columns.join("_")));
        for name in orders.chain(OPEN.iter().map(|(name, _)| (*name).to_owned())) {
            manager.drop_index(Index::drop().name(name).table("referral").to_owned()).await?;
        }
        Ok(())
    }
}
