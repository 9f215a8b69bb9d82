//! Which programs a person of staff works in.

use sea_orm::entity::prelude::*;

use crate::{OrganizationId, ProgramId, StaffMemberId};

/// One person of staff in one program.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff_program")]
pub struct Model {
    /// Whose both are.
    pub organization_id: OrganizationId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub staff_member_id: StaffMemberId,
    /// Where.
    #[sea_orm(primary_key, auto_increment = false)]
    pub program_id: ProgramId,
}

impl ActiveModelBehavior for ActiveModel {}
