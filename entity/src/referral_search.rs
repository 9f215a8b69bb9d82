//! Keyed hashes by which a referral is found.

use sea_orm::entity::prelude::*;

use crate::{OrganizationId, ReferralId};

/// One identifier that an organization's own system gave a referral, as a keyed hash.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_search")]
pub struct Model {
    /// Whose identifier it is; the hash's key is this organization's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: OrganizationId,
    /// The keyed hash.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: Vec<u8>,
    /// Which referral.
    #[sea_orm(primary_key, auto_increment = false)]
    pub referral_id: ReferralId,
}

impl ActiveModelBehavior for ActiveModel {}
