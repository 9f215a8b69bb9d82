//! What was erased: whose key is to be destroyed, or was.

use sea_orm::entity::prelude::*;
use uuid::Uuid;

use crate::{ClientId, Guarded, OrganizationId, Sealed, class};

/// One key of an erased person: that of a record of theirs, or of the snapshot of a referral that nobody holds any more. The row comes
/// with the erasure and outlives the key, so that the organization can answer for both.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "erasure")]
pub struct Model {
    /// Whose key: a client's id, or a referral's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: Uuid,
    /// Who erased.
    pub organization_id: OrganizationId,
    /// The record that stood for the person.
    pub client_id: ClientId,
    /// When it was decided (UTC).
    pub erased_at: DateTimeUtc,
    /// Who decided, as the log keeps actors.
    pub erased_by: String,
    /// Why, sealed under the organization's own key, in the row of the record that stood; null where a restore repeated the erasure.
    pub reason: Option<Guarded<class::Privacy, Sealed>>,
    /// When the key was destroyed (UTC); null until then.
    pub key_destroyed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
