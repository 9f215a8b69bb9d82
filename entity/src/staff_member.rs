//! A person of staff, and the programs they work in.

use sea_orm::entity::prelude::*;

use crate::{List, OrganizationId, StaffMemberId, vocabulary::Role};

/// Someone who works for an organization and signs in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff_member")]
pub struct Model {
    /// Their id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StaffMemberId,
    /// Whom they work for.
    pub organization_id: OrganizationId,
    /// As colleagues see them.
    pub display_name: String,
    /// Lower case; what an outside identity provider may name them by. Unique within the organization.
    pub email: Option<String>,
    /// What they do there, looked up on every request.
    pub roles: List<Role>,
    /// False once they have left: their tokens are refused from then on.
    pub active: bool,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
