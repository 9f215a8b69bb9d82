//! Tokens that are refused before they expire, and assertions that were used.

use sea_orm::entity::prelude::*;

/// A `jti` that must not be accepted (again): a revoked token (RFC 7009), or a used assertion (RFC 7523 section 3).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "revoked_token")]
pub struct Model {
    /// The token's id, with its issuer before it for an assertion.
    #[sea_orm(primary_key, auto_increment = false)]
    pub jti: String,
    /// When the token would have expired (UTC): the row can go then.
    pub expires_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
