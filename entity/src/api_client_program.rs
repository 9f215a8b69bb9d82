//! Which programs a partner's application acts for.

use sea_orm::entity::prelude::*;

use crate::{ApiClientId, OrganizationId, ProgramId};

/// One application for one program.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_client_program")]
pub struct Model {
    /// Whose both are.
    pub organization_id: OrganizationId,
    /// Which application.
    #[sea_orm(primary_key, auto_increment = false)]
    pub api_client_id: ApiClientId,
    /// For which program.
    #[sea_orm(primary_key, auto_increment = false)]
    pub program_id: ProgramId,
}

impl ActiveModelBehavior for ActiveModel {}
