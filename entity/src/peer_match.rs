//! A pairing of a client with a peer.

use sea_orm::entity::prelude::*;

use crate::{ClientId, OrganizationId, PeerId, PeerMatchId, ProgramId, vocabulary::PeerMatchStatus};

/// One client with one peer. At most one is active per client and program.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "peer_match")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PeerMatchId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Who is supported.
    pub client_id: ClientId,
    /// By whom.
    pub peer_id: PeerId,
    /// In which program.
    pub program_id: ProgramId,
    /// Where it stands.
    pub status: PeerMatchStatus,
    /// Whether the client chose this peer: the client's choice beats every score (domain 5).
    pub client_chose: bool,
    /// When it was proposed (UTC).
    pub proposed_at: DateTimeUtc,
    /// When it began (UTC); null before.
    pub started_at: Option<DateTimeUtc>,
    /// When it ended (UTC); null while it lasts.
    pub ended_at: Option<DateTimeUtc>,
    /// Counts changes; a write names the one it saw.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
