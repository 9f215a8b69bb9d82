//! Interactions with a client, and attempts at them.

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, ContactId, Guarded, List, OrganizationId, PeerId, ProgramId, ReferralId, Sealed, class,
    vocabulary::{ContactModality, ContactOutcome},
};

/// One contact or attempt (domain 6.1). The whole row is class C; its note is narrower still. Notes are never edited.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// With whom.
    pub client_id: ClientId,
    /// Under whose key it is sealed, where that is another's: a record that was merged into the client's.
    pub sealed_for_id: Option<ClientId>,
    /// For which program.
    pub program_id: ProgramId,
    /// By whom.
    pub peer_id: PeerId,
    /// For which referral; null when it served none.
    pub referral_id: Option<ReferralId>,
    /// How.
    pub modality: ContactModality,
    /// Whether the peer reached out.
    pub outbound: bool,
    /// What came of it; null while it is planned. Only COMPLETED is two-way.
    pub outcome: Option<ContactOutcome>,
    /// For when it was planned (UTC); null when it was not.
    pub scheduled_for: Option<DateTimeUtc>,
    /// When it began, or begins as planned (UTC).
    pub started_at: DateTimeUtc,
    /// How long; null for an attempt.
    pub minutes: Option<i32>,
    /// What was talked about.
    pub topics: List<String>,
    /// A short note, sealed under the client's key; not for coordinators.
    pub note: Option<Guarded<class::Notes, Sealed>>,
    /// Whether the client may read the note.
    pub note_shared: bool,
    /// UTC.
    pub created_at: DateTimeUtc,
    /// Counts changes.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
