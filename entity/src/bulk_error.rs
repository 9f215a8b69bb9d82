//! What a bulk operation could not do.

use sea_orm::entity::prelude::*;

use crate::{BulkErrorId, BulkOperationId, List};

/// One thing that was refused. It names a line and a field, and never holds what stood there.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_error")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BulkErrorId,
    /// Of which operation.
    pub operation_id: BulkOperationId,
    /// Which line of what was read, from 1.
    pub line: i32,
    /// What kind of mistake, as `userErrors` write it.
    pub code: String,
    /// One sentence that says how to mend it.
    pub message: String,
    /// Where in the line.
    pub path: List<String>,
}

impl ActiveModelBehavior for ActiveModel {}
