//! Messages about a referral between its two sides.

use sea_orm::entity::prelude::*;

use crate::{Guarded, OrganizationId, ReferralId, ReferralMessageId, Sealed, class};

/// One message. Never changed, never deleted.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_message")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReferralMessageId,
    /// About which referral.
    pub referral_id: ReferralId,
    /// Who wrote: which side.
    pub organization_id: OrganizationId,
    /// Who wrote: the id of staff or application.
    pub author: String,
    /// What, sealed under the referral's key.
    pub body: Guarded<class::ReferralStatus, Sealed>,
    /// UTC.
    pub sent_at: DateTimeUtc,
    /// When somebody of the other side first read it (UTC).
    pub read_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
