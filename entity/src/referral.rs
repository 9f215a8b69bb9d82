//! The handing over of a client to a program.

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, ConsentId, Guarded, List, OrganizationId, PeerId, ProgramId, ReferralId, Sealed, class,
    vocabulary::{ReasonCode, ReferralOrigin, ReferralResult, ReferralStatus, ReferralUrgency, ServiceKind},
};

/// One program asks another to take over the support of a discharged client. The one row with two sides.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "referral")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReferralId,
    /// For people to name it by on the telephone. Random: it tells nobody how many there are.
    pub number: String,
    /// Who asks.
    pub origin: ReferralOrigin,
    /// The organization that sends it.
    pub from_organization_id: OrganizationId,
    /// Its program.
    pub from_program_id: ProgramId,
    /// The sender's own record of the person.
    pub from_client_id: ClientId,
    /// The organization that receives it; null in a draft that names none yet.
    pub to_organization_id: Option<OrganizationId>,
    /// Its program.
    pub to_program_id: Option<ProgramId>,
    /// The receiver's own record of the person: made or linked with acceptance, null before.
    pub to_client_id: Option<ClientId>,
    /// The consent that it is submitted under.
    pub consent_id: Option<ConsentId>,
    /// How soon.
    pub urgency: ReferralUrgency,
    /// What is asked for.
    pub requested_services: List<ServiceKind>,
    /// Class A, sealed under the referral's own key: the person as they were when it was submitted; null before.
    pub person: Option<Guarded<class::Identity, Sealed>>,
    /// Class B, likewise: the facts of discharge.
    pub clinical: Guarded<class::ReferralClinical, Sealed>,
    /// Class A, likewise: what the sender's own systems call it.
    pub identifiers: Option<Guarded<class::Identity, Sealed>>,
    /// What the consent covered at submission: a bit for each class, in the order of `DataClass::ALL`.
    pub disclosed_classes: i32,
    /// When it was submitted (UTC); null for a draft.
    pub submitted_at: Option<DateTimeUtc>,
    /// Where it stands.
    pub status: Guarded<class::ReferralStatus, ReferralStatus>,
    /// What it came to, once completed.
    pub result: Option<Guarded<class::ReferralStatus, ReferralResult>>,
    /// Why it ended without that.
    pub close_reason: Option<Guarded<class::ReferralStatus, ReasonCode>>,
    /// Who supports the person.
    pub peer_id: Option<Guarded<class::ReferralStatus, PeerId>>,
    /// When the receiver first answered with a decision (UTC).
    pub acknowledged_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When it was accepted (UTC).
    pub accepted_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When a peer was assigned (UTC).
    pub assigned_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When the first attempt at contact was logged (UTC).
    pub first_attempt_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When the first two-way contact took place (UTC).
    pub connected_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When it came to a final state (UTC).
    pub closed_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// How many attempts at contact were logged.
    pub attempt_count: Guarded<class::ReferralStatus, i32>,
    /// When it ends by itself if nobody does anything (UTC); null where idle time ends nothing (domain 2.3, row 18).
    pub expires_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// When the first of its running clocks is due (UTC); null when none runs (domain 2.4).
    pub due_at: Option<Guarded<class::ReferralStatus, DateTimeUtc>>,
    /// The earlier referral of the same client that it follows on (domain 2.9).
    pub re_referral_of_id: Option<ReferralId>,
    /// When the sender erased the person (UTC): from then on its side reads nothing of what is sealed here, nor how it goes.
    pub sender_erased_at: Option<DateTimeUtc>,
    /// Likewise the receiver.
    pub receiver_erased_at: Option<DateTimeUtc>,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// UTC.
    pub updated_at: Guarded<class::ReferralStatus, DateTimeUtc>,
    /// Counts changes; a write names the one it saw.
    pub version: Guarded<class::ReferralStatus, i32>,
}

impl ActiveModelBehavior for ActiveModel {}
