//! Which programs a client is with.

use sea_orm::entity::prelude::*;

use crate::{ClientId, OrganizationId, ProgramId};

/// One client with one program: what gives the program's staff an internal need to know (domain 3.3, superscript p).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_program")]
pub struct Model {
    /// Whose both are.
    pub organization_id: OrganizationId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: ClientId,
    /// Where.
    #[sea_orm(primary_key, auto_increment = false)]
    pub program_id: ProgramId,
}

impl ActiveModelBehavior for ActiveModel {}
