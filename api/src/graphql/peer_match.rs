//! Who supports whom.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{PeerMatchId, client, peer, peer_match, vocabulary::PeerMatchStatus};

use super::{client::Client, connection::connection, context::RequestContext, error::coded, peer::Peer};
use crate::store::Visible;

/// A client and a peer who work together, or did.
#[derive(Clone)]
pub(crate) struct PeerMatch(pub(crate) Visible<peer_match::Entity>);

connection!(PeerMatch, PeerMatchConnection, PeerMatchEdge, peer_match::Entity, "pairings");

/// A client and a peer who work together, or did.
#[Object]
impl PeerMatch {
    /// Its id.
    async fn id(&self) -> PeerMatchId {
        self.0.id
    }

    /// Who is supported.
    async fn client(&self, ctx: &Context<'_>) -> Result<Client> {
        let found = ctx.load::<client::Entity>(self.0.client_id).await?;
        found.map(Client).ok_or_else(|| coded("UNAVAILABLE", "The client is not there for you any more."))
    }

    /// By whom.
    async fn peer(&self, ctx: &Context<'_>) -> Result<Peer> {
        let found = ctx.load::<peer::Entity>(self.0.peer_id).await?;
        found.map(Peer).ok_or_else(|| coded("UNAVAILABLE", "The peer is not there for you any more."))
    }

    /// Where it stands.
    async fn status(&self) -> PeerMatchStatus {
        self.0.status
    }

    /// Whether the client chose this peer.
    async fn client_chose(&self) -> bool {
        self.0.client_chose
    }

    /// When it was proposed (UTC).
    async fn proposed_at(&self) -> DateTime<Utc> {
        self.0.proposed_at
    }

    /// When it began (UTC); null before.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        self.0.started_at
    }

    /// When it ended (UTC); null while it lasts.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}
