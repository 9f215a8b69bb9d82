//! A period in which a program supports a client.

use sea_orm::entity::prelude::*;

use crate::{
    ClientId, EpisodeId, Guarded, OrganizationId, ProgramId, ReferralId, Sealed, class,
    vocabulary::{EpisodeEndReason, EpisodeStatus},
};

/// An episode of support (domain 2.1): opened by the first two-way contact, it survives changes of peers and the referral's end.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "episode")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EpisodeId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Who is supported.
    pub client_id: ClientId,
    /// Under whose key it is sealed, where that is another's: a record that was merged into the client's.
    pub sealed_for_id: Option<ClientId>,
    /// By which program.
    pub program_id: ProgramId,
    /// The referral that led to it: one opens at most one.
    pub referral_id: Option<ReferralId>,
    /// Where it stands.
    pub status: EpisodeStatus,
    /// When support began (UTC): the first two-way contact.
    pub started_at: DateTimeUtc,
    /// When it ended (UTC); null while it goes on.
    pub ended_at: Option<DateTimeUtc>,
    /// Why it ended.
    pub end_reason: Option<EpisodeEndReason>,
    /// What was said to that, sealed under the client's key.
    pub end_text: Option<Guarded<class::ContactsAndNotes, Sealed>>,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
