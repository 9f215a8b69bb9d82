//! What the merge of two records moved, so that it can be undone.

use sea_orm::entity::prelude::*;

use crate::ClientId;

/// A row that named one client and was given to the one whom they were merged into.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_moved")]
pub struct Model {
    /// Whom it named.
    #[sea_orm(primary_key, auto_increment = false)]
    pub merged_id: ClientId,
    /// Its table and the column that names a client.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// Its id; a membership's program.
    #[sea_orm(primary_key, auto_increment = false)]
    pub row_id: Uuid,
}

impl ActiveModelBehavior for ActiveModel {}
