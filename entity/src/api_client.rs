//! A partner's application.

use sea_orm::entity::prelude::*;

use crate::{
    ApiClientId, List, OrganizationId,
    vocabulary::{PurposeOfUse, Role},
};

/// An OAuth client: it has scopes, roles, programs and purposes of its own.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_client")]
pub struct Model {
    /// Its id, which is its `client_id` too.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiClientId,
    /// For whom it acts.
    pub organization_id: OrganizationId,
    /// As its organization calls it.
    pub name: String,
    /// Keyed hash of its secret; the secret itself was shown once.
    pub secret_hash: Vec<u8>,
    /// Its public keys as a JSON Web Key Set, when it signs assertions (RFC 7523); null when it does not, or publishes them.
    pub jwks: Option<String>,
    /// Where it publishes its public keys; null when it does not.
    pub jwks_url: Option<String>,
    /// The most that its tokens may be good for; names of scopes.
    pub scopes: List<String>,
    /// In which roles it acts.
    pub roles: List<Role>,
    /// Which purposes it may name.
    pub purposes: List<PurposeOfUse>,
    /// UTC, to the minute; null before the first token.
    pub last_used_at: Option<DateTimeUtc>,
    /// UTC; its tokens are refused from then on.
    pub revoked_at: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
