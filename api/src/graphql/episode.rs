//! Episodes of support.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    EpisodeId, class, client, episode, peer_match, program, referral,
    vocabulary::{EpisodeEndReason, EpisodeStatus, PeerMatchStatus},
};
use sea_orm::{ColumnTrait, Order};

use super::{
    client::{Client, unless_erased},
    connection::{children, connection},
    context::RequestContext,
    error::{coded, command},
    guard::Requires,
    payload::payloads,
    peer_match::{PeerMatch, PeerMatchConnection},
    program::Program,
    referral::Referral,
};
use crate::{
    access::{Access, Scope},
    domain::episode::end,
    store::{Find, PageArgs, Visible},
};

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

    /// What was said to that; null once the person is erased.
    async fn end_text(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(opened) = self.0.open::<class::ContactsAndNotes>() else { return Ok(None) };
        match &opened.end_text {
            Some(sealed) => unless_erased(ctx.store().unseal(&opened, episode::Column::EndText, sealed).await),
            None => Ok(None),
        }
    }

    /// Who supports the client in this program now; null when nobody does.
    async fn assignment(&self, ctx: &Context<'_>) -> Result<Option<PeerMatch>> {
        let access = ctx.access();
        let find = self.pairings(ctx, &access).by(peer_match::Column::Status, |column| column.eq(PeerMatchStatus::Active));
        let newest = PageArgs { first: Some(1), ..PageArgs::default() };
        let page = ctx.load_children(self.0.client_id, find.of_each(peer_match::Column::ClientId, newest, false)).await?;
        Ok(page.page.rows.first().map(|(_, row)| PeerMatch(row.clone())))
    }

    /// The peers of the program with whom the client works, or did, newest first.
    async fn assignments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<PeerMatchConnection> {
        let access = ctx.access();
        let args = PageArgs { first, after, last, before };
        Ok(children(ctx, self.pairings(ctx, &access), peer_match::Column::ClientId, self.0.client_id, args).await?.into())
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl Episode {
    fn pairings<'a>(&self, ctx: &'a Context<'_>, access: &'a Access) -> Find<'a, peer_match::Entity> {
        let program = self.0.program_id;
        let find = ctx.store().find::<peer_match::Entity>(access).by(peer_match::Column::ProgramId, |column| column.eq(program));
        find.ordered(peer_match::Column::ProposedAt, Order::Desc)
    }
}

payloads! {
    EpisodeEndPayload = "episodeEnd", episode: Episode, "The episode";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct EpisodeMutation;

#[Object]
impl EpisodeMutation {
    /// Ends an episode of support, and who supports the client in its program. Consents that named this as their end expire with it. For
    /// the assigned peer, supervisors and coordinators.
    #[graphql(guard = "Requires(Scope::ServicesWrite)")]
    async fn episode_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: EpisodeId,
        #[graphql(desc = "Why.")] reason: EpisodeEndReason,
        #[graphql(desc = "In words, at most 2,000 characters.")] text: Option<String>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<EpisodeEndPayload>> {
        let ended = async { end(ctx.store(), &ctx.access(), id, reason, text, version).await };
        let (ended, user_errors) = command(ctx, "episodeEnd", ended).await?;
        Ok(Some(EpisodeEndPayload { episode: ended.map(Episode), user_errors }))
    }
}
