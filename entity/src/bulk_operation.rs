//! Work on many rows at once, which goes on after its request was answered.

use sea_orm::entity::prelude::*;

use crate::{
    BulkOperationId, ClientId, OrganizationId,
    vocabulary::{BulkFormat, BulkKind, BulkStatus},
};

/// A bulk operation. Its result is in parts of its own, sealed under the key of the client whom it is about.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_operation")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BulkOperationId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What is done.
    pub kind: BulkKind,
    /// About whom; null where it is about nobody in particular.
    pub client_id: Option<ClientId>,
    /// Where it stands.
    pub status: BulkStatus,
    /// The form of what is read or written.
    pub format: BulkFormat,
    /// Whether it changes nothing and only says what it would do.
    pub dry_run: bool,
    /// How many objects were worked off.
    pub processed: i32,
    /// How many there are; null while that is not known.
    pub total: Option<i32>,
    /// How many of them could not be done.
    pub error_count: i32,
    /// How often it was begun; a crash in the middle has it begun again.
    pub attempts: i32,
    /// SHA-256 of the result, in hexadecimal; null until it is done.
    pub sha256: Option<String>,
    /// Who asked for it, as the log keeps actors.
    pub requested_by: String,
    /// When the result is removed (UTC); null until it is done.
    pub expires_at: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// When it came to its end (UTC); null before.
    pub finished_at: Option<DateTimeUtc>,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
