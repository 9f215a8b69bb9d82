//! Episodes of support.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    EpisodeId, client, episode, program, referral,
    vocabulary::{EpisodeEndReason, EpisodeStatus},
};

use super::{client::Client, connection::connection, context::RequestContext, error::coded, program::Program, referral::Referral};
use crate::store::Visible;

/// A period in which a program supports a client. It survives changes of peers, and the end of the referral that led to it.
#[derive(Clone)]
pub(crate) struct Episode(pub(crate) Visible<episode::Entity>);

connection!(Episode, EpisodeConnection, EpisodeEdge, episode::Entity, "episodes");

/// A period in which a program supports a client. It survives changes of peers, and the end of the referral that led to it.
#[Object]
impl Episode {
    /// Its id.
    async fn id(&self) -> EpisodeId {
        self.0.id
    }

    /// Who is supported; null where they are not there for the viewer.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        Ok(ctx.load::<client::Entity>(self.0.client_id).await?.map(Client))
    }

    /// By which program.
    async fn program(&self, ctx: &Context<'_>) -> Result<Program> {
        let found = ctx.load::<program::Entity>(self.0.program_id).await?;
        found.map(Program).ok_or_else(|| coded("UNAVAILABLE", "The episode's program has closed."))
    }

    /// The referral that led to it.
    async fn referral(&self, ctx: &Context<'_>) -> Result<Option<Referral>> {
        match self.0.referral_id {
            Some(id) => Ok(ctx.load::<referral::Entity>(id).await?.map(Referral)),
            None => Ok(None),
        }
    }

    /// Where it stands.
    async fn status(&self) -> EpisodeStatus {
        self.0.status
    }

    /// When support began (UTC): the first two-way contact.
    async fn started_at(&self) -> Option<DateTime<Utc>> {
        Some(self.0.started_at)
    }

    /// When it ended (UTC); null while it goes on.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// Why it ended.
    async fn end_reason(&self) -> Option<EpisodeEndReason> {
        self.0.end_reason
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}
