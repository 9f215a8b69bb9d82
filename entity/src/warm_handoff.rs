//! How a client was introduced to their peer.

use sea_orm::entity::prelude::*;

use crate::{Guarded, OrganizationId, PeerId, ReferralId, Sealed, StaffMemberId, WarmHandoffId, class, vocabulary::HandoffMethod};

/// A live introduction of a client to a peer by the staff who refer them (domain 2.7): a part of the referral.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "warm_handoff")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WarmHandoffId,
    /// The organization that recorded it.
    pub organization_id: OrganizationId,
    /// Of which referral.
    pub referral_id: ReferralId,
    /// Whom the client met.
    pub peer_id: Guarded<class::ReferralStatus, PeerId>,
    /// Who introduced them; null when it was somebody of another organization.
    pub staff_member_id: Option<StaffMemberId>,
    /// How.
    pub method: Guarded<class::ReferralStatus, HandoffMethod>,
    /// When (UTC).
    pub occurred_at: Guarded<class::ReferralStatus, DateTimeUtc>,
    /// Whether the client was there: only then it counts as a contact.
    pub client_present: Guarded<class::ReferralStatus, bool>,
    /// How long.
    pub minutes: Guarded<class::ReferralStatus, i32>,
    /// What came of it, sealed under the referral's key.
    pub outcome: Option<Guarded<class::ReferralStatus, Sealed>>,
    /// When it was recorded (UTC).
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
