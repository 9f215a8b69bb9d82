//! Whom an issuer means by its own name for a person.

use sea_orm::entity::prelude::*;

use crate::{IssuerId, OrganizationId, StaffMemberId};

/// One `sub` of one issuer, and the person of staff that it is.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "issuer_subject")]
pub struct Model {
    /// Whose both are.
    pub organization_id: OrganizationId,
    /// Who names them so.
    #[sea_orm(primary_key, auto_increment = false)]
    pub issuer_id: IssuerId,
    /// The `sub`, exactly.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// Whom it means.
    pub staff_member_id: StaffMemberId,
}

impl ActiveModelBehavior for ActiveModel {}
