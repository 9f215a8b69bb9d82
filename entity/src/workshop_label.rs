//! What a workshop is found by.

use sea_orm::entity::prelude::*;

use crate::{OrganizationId, WorkshopId};

/// One topic, language or kind of accessibility of one workshop, so that a filter by it has an index.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workshop_label")]
pub struct Model {
    /// Whose the workshop is.
    pub organization_id: OrganizationId,
    /// Which workshop.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workshop_id: WorkshopId,
    /// What the value is: `TOPIC`, `LANGUAGE` or `ACCESSIBILITY`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// A code or a tag; a language with a region is there without it as well.
    #[sea_orm(primary_key, auto_increment = false)]
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
