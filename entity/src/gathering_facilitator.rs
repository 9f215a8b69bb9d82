//! Who leads a gathering.

use sea_orm::entity::prelude::*;

use crate::{GatheringId, OrganizationId, PeerId};

/// One peer of those who lead one gathering.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gathering_facilitator")]
pub struct Model {
    /// Whose the gathering is.
    pub organization_id: OrganizationId,
    /// Which gathering.
    #[sea_orm(primary_key, auto_increment = false)]
    pub gathering_id: GatheringId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub peer_id: PeerId,
    /// In which place they are named, from 0.
    pub place: i32,
}

impl ActiveModelBehavior for ActiveModel {}
