//! What somebody has to do.

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, Guarded, OrganizationId, ProgramId, ReferralId, Sealed, StaffMemberId, WorkItemId, class,
    vocabulary::{ClockKind, Decision, WorkItemKind},
};

/// Something to do about a referral or a client: opened by a clock, a rule or a request, closed by what closes it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "work_item")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkItemId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// In which program.
    pub program_id: ProgramId,
    /// What is to be done.
    pub kind: WorkItemKind,
    /// About which referral; null when it is about a client.
    pub referral_id: Option<ReferralId>,
    /// About which client; null when it is about a referral.
    pub client_id: Option<ClientId>,
    /// Which of its clocks opened it; null when none did.
    pub clock: Option<ClockKind>,
    /// UTC.
    pub opened_at: DateTimeUtc,
    /// By when (UTC); null when there is no hurry.
    pub due_at: Option<DateTimeUtc>,
    /// Who does it; null while nobody has taken it.
    pub assignee_id: Option<StaffMemberId>,
    /// Who asked for it; null when nobody did.
    pub requested_by: Option<String>,
    /// What is asked or was said to the decision, sealed under the key of what it is about.
    pub note: Option<Guarded<class::ReferralStatus, Sealed>>,
    /// What was decided, where something was.
    pub decision: Option<Decision>,
    /// By whom.
    pub decided_by: Option<String>,
    /// When it was closed (UTC); null while it is open.
    pub closed_at: Option<DateTimeUtc>,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
