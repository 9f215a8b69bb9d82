//! The result of a bulk operation, piece by piece.

use sea_orm::entity::prelude::*;

use crate::{BulkOperationId, Guarded, Sealed, class};

/// A piece of a result: whole lines of it. Its id binds what is sealed to its place; the numbers tell the order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_part")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Of which operation.
    pub operation_id: BulkOperationId,
    /// Its place, from 0.
    pub number: i32,
    /// The lines, sealed under the key of the client whom they are about. They hold every class that the client reads of themselves.
    pub content: Guarded<class::Identity, Sealed>,
}

impl ActiveModelBehavior for ActiveModel {}
