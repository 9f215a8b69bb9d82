//! The offer of a referral to several programs at once.

use sea_orm::entity::prelude::*;

use crate::{
    Guarded, List, OrganizationId, ProgramId, ReferralId, ReferralOfferId, Sealed, class,
    vocabulary::{OfferStatus, ReferralUrgency, ServiceKind},
};

/// One de-identified call to several programs: the first that claims it is reserved the referral. What it tells is as the draft was when
/// it was opened.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_offer")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReferralOfferId,
    /// The organization that offers: whoever it is offered to is not told.
    pub organization_id: OrganizationId,
    /// Which draft: likewise.
    pub referral_id: ReferralId,
    /// Where it stands. Past `expires_at` what is OPEN here is over, whether or not that was noted yet.
    pub status: OfferStatus,
    /// How soon someone should be met.
    pub urgency: ReferralUrgency,
    /// What is asked for.
    pub services: List<ServiceKind>,
    /// The level of care, the languages and the region, sealed under the referral's key: whoever the offer is made to may read them.
    pub told: Guarded<class::ReferralClinical, Sealed>,
    /// Until when it can be claimed (UTC).
    pub expires_at: DateTimeUtc,
    /// Which program claimed it; null before. For the sender and that program.
    pub claimed_by_id: Option<Guarded<class::ReferralStatus, ProgramId>>,
    /// UTC.
    pub opened_at: DateTimeUtc,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
