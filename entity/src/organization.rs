//! The tenant.

use sea_orm::entity::prelude::*;

use crate::{
    OrganizationId,
    vocabulary::{HipaaStatus, OrganizationKind, Part2Status},
};

/// An organization: a treatment provider, a recovery community organization, a partner's app or a funder.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    /// As it calls itself. Unique.
    pub name: String,
    /// What it is.
    pub kind: OrganizationKind,
    /// IANA name.
    pub time_zone: String,
    /// Holds made-up people only, and can move its clock.
    pub sandbox: bool,
    /// Asked of it, never guessed (domain 3.1).
    pub part2_status: Part2Status,
    /// Likewise.
    pub hipaa_status: HipaaStatus,
    /// National Provider Identifier; null when it has none.
    pub npi: Option<String>,
    /// False once it has left; its people can no longer sign in.
    pub active: bool,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
