//! How a referral came to be where it stands.

use sea_orm::entity::prelude::*;

use crate::{
    Guarded, List, OrganizationId, ProgramId, ReferralId, ReferralTransitionId, Sealed, class,
    vocabulary::{ReasonCode, ReferralStatus, Role},
};

/// One change of a referral's state (domain 2.3): a part of the referral, and of the same class as how it goes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_transition")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReferralTransitionId,
    /// Of which referral.
    pub referral_id: ReferralId,
    /// The referral's version after it.
    pub version: i32,
    /// On whose side it was done; for the system, the side that holds the referral then.
    pub organization_id: OrganizationId,
    /// From which state; null for the first.
    pub from: Option<Guarded<class::ReferralStatus, ReferralStatus>>,
    /// To which.
    pub to: Guarded<class::ReferralStatus, ReferralStatus>,
    /// UTC.
    pub at: DateTimeUtc,
    /// Who: the id of staff or application, or `system:` and the reason.
    pub actor: String,
    /// In which role; null for the system.
    pub role: Option<Role>,
    /// Why, for those that need a reason.
    pub reason: Option<Guarded<class::ReferralStatus, ReasonCode>>,
    /// What was said to it, sealed under the referral's key.
    pub text: Option<Guarded<class::ReferralStatus, Sealed>>,
    /// What is asked for, as the request names it; with a request for information.
    pub fields: Option<Guarded<class::ReferralStatus, List<String>>>,
    /// When it is looked at again (UTC); with a place on the waiting list, and with a hold.
    pub review_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// Which program may serve the person instead; with a decline.
    pub suggested_program_id: Option<Guarded<class::ReferralStatus, ProgramId>>,
}

impl ActiveModelBehavior for ActiveModel {}
