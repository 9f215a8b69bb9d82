//! How long a referral may take until its next step.

use sea_orm::entity::prelude::*;

use crate::{Guarded, OrganizationId, ReferralClockId, ReferralId, class, vocabulary::ClockKind};

/// One clock of a referral (domain 2.4): a part of it, and of the same class as how it goes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral_clock")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReferralClockId,
    /// The organization that receives the referral.
    pub organization_id: OrganizationId,
    /// Of which referral: one of each kind.
    pub referral_id: ReferralId,
    /// What it runs to.
    pub kind: ClockKind,
    /// The policy by which it runs.
    pub policy_version: i32,
    /// UTC.
    pub started_at: Guarded<class::ReferralStatus, DateTimeUtc>,
    /// When half of its time has passed (UTC).
    pub warn_at: Guarded<class::ReferralStatus, DateTimeUtc>,
    /// When all of it has (UTC). Moved by a pause alone.
    pub due_at: Guarded<class::ReferralStatus, DateTimeUtc>,
    /// When it is too late for anybody (UTC).
    pub ceiling_at: Guarded<class::ReferralStatus, DateTimeUtc>,
    /// When the warning was given (UTC).
    pub warned_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When it fell due unmet (UTC).
    pub breached_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When its ceiling was passed unmet (UTC).
    pub ceiling_breached_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When what it runs to happened (UTC).
    pub met_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// Since when it does not run (UTC); null while it does.
    pub paused_since: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
}

impl ActiveModelBehavior for ActiveModel {}
