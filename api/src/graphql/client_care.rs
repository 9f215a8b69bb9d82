//! The support that a client gets, behind the gate of class C.

use async_graphql::{Context, Object, Result};
use entity::{ClientId, contact, episode, peer_match, registration, vocabulary::EpisodeStatus};
use sea_orm::{ColumnTrait, Order};

use super::{
    connection::children,
    contact::ContactConnection,
    context::RequestContext,
    episode::{Episode, EpisodeConnection},
    peer_match::PeerMatchConnection,
    registration::RegistrationConnection,
};
use crate::store::PageArgs;

/// The support that a client gets. Made only where that is open to the viewer.
pub(crate) struct ClientCare(pub(crate) ClientId);

/// The support that a client gets.
#[Object]
impl ClientCare {
    /// Their episodes of support, oldest first.
    async fn episodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<EpisodeConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<episode::Entity>(&access).ordered(episode::Column::StartedAt, Order::Asc);
        Ok(children(ctx, find, episode::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }

    /// The one that goes on; the last that began where there are several.
    async fn current_episode(&self, ctx: &Context<'_>) -> Result<Option<Episode>> {
        let access = ctx.access();
        let find = ctx.store().find::<episode::Entity>(&access).by(episode::Column::Status, |column| column.ne(EpisodeStatus::Ended));
        let find = find.ordered(episode::Column::StartedAt, Order::Desc);
        let newest = PageArgs { first: Some(1), ..PageArgs::default() };
        let page = ctx.load_children(self.0, find.of_each(episode::Column::ClientId, newest, false)).await?;
        Ok(page.page.rows.first().map(|(_, row)| Episode(row.clone())))
    }

    /// Contacts with them and attempts, newest first.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ContactConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<contact::Entity>(&access).ordered(contact::Column::StartedAt, Order::Desc);
        Ok(children(ctx, find, contact::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }

    /// The sessions that they are registered for, or were, newest first.
    async fn registrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<RegistrationConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<registration::Entity>(&access).ordered(registration::Column::RegisteredAt, Order::Desc);
        Ok(children(ctx, find, registration::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }

    /// The peers whom they work with, or did, newest first.
    async fn assignments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<PeerMatchConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<peer_match::Entity>(&access).ordered(peer_match::Column::ProposedAt, Order::Desc);
        Ok(children(ctx, find, peer_match::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }
}
