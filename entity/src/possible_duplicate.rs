//! Two clients of one organization who may be one person.

use sea_orm::entity::prelude::*;

use crate::{ClientId, OrganizationId, ProgramId};

/// That two records look like one person's (domain 2.8). Each pair stands twice, once for either.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "possible_duplicate")]
pub struct Model {
    /// Whose both are.
    pub organization_id: OrganizationId,
    /// One.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: ClientId,
    /// The other.
    #[sea_orm(primary_key, auto_increment = false)]
    pub other_id: ClientId,
    /// The program that both are with.
    pub program_id: ProgramId,
    /// When it was seen (UTC).
    pub found_at: DateTimeUtc,
    /// When somebody said that they are two people (UTC); null while nobody did.
    pub apart_at: Option<DateTimeUtc>,
    /// Who said so.
    pub apart_by: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
