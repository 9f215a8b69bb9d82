//! What a medical emergency opens, and until when.

use sea_orm::entity::prelude::*;

use crate::{ClientId, EmergencyAccessId, OrganizationId, WorkItemId};

/// Access to who a client is and to the clinical facts, because of a medical emergency (42 CFR 2.51). To whom, where and why is in the
/// accounting of disclosures.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "emergency_access")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EmergencyAccessId,
    /// Who holds the data.
    pub organization_id: OrganizationId,
    /// Whose data: a client of that organization.
    pub client_id: ClientId,
    /// Whose staff may read it; null where it was told by other means.
    pub recipient_organization_id: Option<OrganizationId>,
    /// The review that it opened; rejected, it ends the access.
    pub work_item_id: WorkItemId,
    /// UTC.
    pub opened_at: DateTimeUtc,
    /// Until when (UTC).
    pub expires_at: DateTimeUtc,
    /// When a review ended it before that (UTC).
    pub ended_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
