//! An identity provider that an organization trusts.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    IssuerId, List, OrganizationId,
    vocabulary::{Role, SubjectClaim},
};

/// What an issuer calls one of our roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleName {
    /// Its word.
    pub name: String,
    /// Ours.
    pub role: Role,
}

/// An outside issuer of tokens for the staff of one organization.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "issuer")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: IssuerId,
    /// For whose staff it speaks, and for nobody else's.
    pub organization_id: OrganizationId,
    /// Its `iss`, exactly. With `audience` unique among those that are active.
    pub issuer: String,
    /// Where it publishes its keys.
    pub jwks_url: String,
    /// The `aud` of tokens for us.
    pub audience: String,
    /// Which claim says who it is.
    pub subject_claim: SubjectClaim,
    /// Which claim says the roles: a name, or a path with dots. Null: its tokens give no role.
    pub roles_claim: Option<String>,
    /// What it calls our roles. Empty: as we do, in any case.
    pub role_names: List<RoleName>,
    /// The roles it may give. Null: all but `ADMINISTRATOR` and `PRIVACY_OFFICER`.
    pub allowed_roles: Option<List<Role>>,
    /// Which claim narrows `scopes`. Null: its tokens are good for all of them.
    pub scope_claim: Option<String>,
    /// The most that its tokens are good for; names of scopes.
    pub scopes: List<String>,
    /// False once it is no longer trusted: its tokens are refused from then on.
    pub active: bool,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
