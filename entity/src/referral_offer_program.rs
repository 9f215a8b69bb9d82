//! Which programs an offer is made to.

use sea_orm::entity::prelude::*;

use crate::{OrganizationId, ProgramId, ReferralOfferId};

/// One program that an offer is made to. None of them is told of the others.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_offer_program")]
pub struct Model {
    /// Which offer.
    #[sea_orm(primary_key, auto_increment = false)]
    pub offer_id: ReferralOfferId,
    /// Which program.
    #[sea_orm(primary_key, auto_increment = false)]
    pub program_id: ProgramId,
    /// Whose program that is.
    pub organization_id: OrganizationId,
}

impl ActiveModelBehavior for ActiveModel {}
