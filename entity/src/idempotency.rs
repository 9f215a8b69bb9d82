//! Answers kept for repeated requests.

use sea_orm::entity::prelude::*;

/// What a request with an idempotency key came to. Kept 24 hours; a repetition is rendered anew from the ids in it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency")]
pub struct Model {
    /// Whose key it is: keys of two callers never meet.
    #[sea_orm(primary_key, auto_increment = false)]
    pub caller: String,
    /// What the caller chose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Keyed hash of the request's body.
    pub body_hash: Vec<u8>,
    /// Ids of the result, or the refusals.
    pub kept: Json,
    /// UTC.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
