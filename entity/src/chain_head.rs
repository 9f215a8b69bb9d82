//! Where each chain of hashes ends.

use sea_orm::entity::prelude::*;

/// The end of one chain: the sealer continues from it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chain_head")]
pub struct Model {
    /// The table and the organization: `event:<uuid>`; `event` alone for the position over all organizations.
    #[sea_orm(primary_key, auto_increment = false)]
    pub chain: String,
    /// How many entries it has; for `event` alone, the last position given.
    pub length: i64,
    /// The last entry's hash.
    pub hash: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
