//! What the database remembers about itself.

use sea_orm::entity::prelude::*;

/// One fact about this database: `environment`, `key_fingerprint`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deployment")]
pub struct Model {
    /// Its name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Its value.
    pub value: String,
}

impl ActiveModelBehavior for ActiveModel {}
