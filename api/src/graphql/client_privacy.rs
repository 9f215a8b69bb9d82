//! A client's consents, disclosures and records, behind the gate of class M.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{class, client, consent, disclosure, erasure, possible_duplicate};
use futures_util::future::try_join_all;
use sea_orm::Order;
use uuid::Uuid;

use super::{
    client::Client,
    connection::children,
    consent::ConsentConnection,
    context::RequestContext,
    disclosure::DisclosureConnection,
    error::query_error,
    event::{DateTimeRange, within},
    referral_progress::actor_name,
};
use crate::{
    access::policy::{Act, Resource, may},
    domain::consent as consents,
    store::{Class, PageArgs, Visible},
};

/// A client's consents, and what was disclosed under them. Made only where that is open to the viewer.
pub(crate) struct ClientPrivacy(pub(crate) Visible<client::Entity>);

/// A client's consents, and what was disclosed under them.
#[Object]
impl ClientPrivacy {
    /// Their consents, newest first.
    async fn consents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that were not revoked and have not ended.")] active_only: Option<bool>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ConsentConnection> {
        let access = ctx.access();
        let mut find = ctx.store().find::<consent::Entity>(&access);
        if active_only.unwrap_or_default() {
            find = find.matching_as("active", None, consents::holding(access.now));
        }
        let find = find.ordered(consent::Column::CreatedAt, Order::Desc);
        Ok(children(ctx, find, consent::Column::ClientId, self.0.id, PageArgs { first, after, last, before }).await?.into())
    }

    /// The accounting that a client may ask for (42 CFR 2.25), newest first. The privacy officer's and the client's; to others it is empty, and listed in
    /// `extensions.redactions`.
    async fn disclosures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this time; of all when there is none.")] range: Option<DateTimeRange>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<DisclosureConnection> {
        let access = ctx.access();
        if !access.is_oneself() && !may(&access, Resource::Disclosure, Act::Read) {
            ctx.closed_by_role(Class::Privacy);
        }
        let mut find = ctx.store().find::<disclosure::Entity>(&access);
        find = within(find, disclosure::Column::At, range);
        let find = find.ordered(disclosure::Column::At, Order::Desc);
        Ok(children(ctx, find, disclosure::Column::ClientId, self.0.id, PageArgs { first, after, last, before }).await?.into())
    }

    /// Other records of the same programs that may be of the same person: by names and birth date, or by birth date and a telephone or
    /// an address (domain 2.8). Merge them, or say in the work item that they are two people. No other organization ever hears of it.
    async fn possible_duplicates(&self, ctx: &Context<'_>) -> Result<Vec<Client>> {
        let pairs = ctx.load_parts::<client::Entity, possible_duplicate::Entity>(&self.0).await?;
        let open = pairs.iter().filter(|pair| pair.apart_at.is_none()).map(|pair| ctx.load::<client::Entity>(pair.other_id));
        Ok(try_join_all(open).await?.into_iter().flatten().map(Client).collect())
    }

    /// That the person was erased, and on whose word; null for all others.
    async fn erasure(&self, ctx: &Context<'_>) -> Result<Option<ClientErasure>> {
        let rows = ctx.load_parts::<client::Entity, erasure::Entity>(&self.0).await?;
        let own = Uuid::from(self.0.id);
        Ok(rows.iter().find(|row| row.subject_id == own).map(|row| ClientErasure { of: self.0.clone(), row: row.clone() }))
    }

    /// The records that were merged into this one, with their own history: what happened and was disclosed before stays with them. At most
    /// a hundred.
    async fn merged_from(&self, ctx: &Context<'_>) -> Result<Vec<Client>> {
        let access = ctx.access();
        let find = ctx.store().find::<client::Entity>(&access).ordered(client::Column::MergedAt, Order::Asc);
        let all = PageArgs { first: Some(100), ..PageArgs::default() };
        let page = ctx.load_children(self.0.id, find.of_each(client::Column::MergedIntoId, all, false)).await?;
        Ok(page.page.rows.iter().map(|(_, row)| Client(row.clone())).collect())
    }
}

/// That a person was erased. What it says names nobody.
pub(crate) struct ClientErasure {
    of: Visible<client::Entity>,
    row: erasure::Model,
}

/// That a person was erased, and on whose word.
#[Object]
impl ClientErasure {
    /// When it was decided (UTC).
    async fn erased_at(&self) -> DateTime<Utc> {
        self.row.erased_at
    }

    /// Who decided.
    async fn by_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        actor_name(ctx, &self.row.erased_by, self.row.organization_id).await
    }

    /// Why. The privacy officer's; null to others, and where a restore repeated it.
    async fn reason(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let opened = self.of.open::<class::Privacy>().filter(|_| may(&ctx.access(), Resource::Client, Act::Erase));
        match opened {
            Some(opened) => ctx.store().reason_of(&opened, &self.row).map_err(query_error),
            None => Ok(None),
        }
    }

    /// When the key was destroyed (UTC): with the erasure itself; null while the store of keys did not answer, which is asked again.
    async fn key_destroyed_at(&self) -> Option<DateTime<Utc>> {
        self.row.key_destroyed_at
    }
}
