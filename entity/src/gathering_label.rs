//! What a gathering is found by.

use sea_orm::entity::prelude::*;

use crate::{GatheringId, OrganizationId};

/// One topic, language or kind of accessibility of one gathering, so that a filter by it has an index.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gathering_label")]
pub struct Model {
    /// Whose the gathering is, if it is somebody's here.
    pub organization_id: Option<OrganizationId>,
    /// Which gathering.
    #[sea_orm(primary_key, auto_increment = false)]
    pub gathering_id: GatheringId,
    /// What the value is: `TOPIC`, `LANGUAGE` or `ACCESSIBILITY`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// A code or a tag; a language with a region is there without it as well.
    #[sea_orm(primary_key, auto_increment = false)]
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
