//! Who is asking, as they are told themselves.

use async_graphql::{Context, Object, Result, SimpleObject, Union};
use chrono::{DateTime, Utc};
use entity::{
    api_client, client, organization, staff_member,
    vocabulary::{PurposeOfUse, Role},
};

use super::{
    api_client::ApiClient, client::Client, context::RequestContext, error::query_error, organization::Organization,
    staff_member::StaffMember,
};
use crate::access::{Access, Actor};

/// Who acts: a person of staff, a partner's application, or a client for themselves.
#[derive(Union)]
#[graphql(name = "Actor")]
pub(crate) enum ActorNode {
    /// A person of staff.
    StaffMember(StaffMember),
    /// A partner's application.
    ApiClient(ApiClient),
    /// A client, who acts for themselves.
    Client(Client),
}

/// How often someone may ask. What is left stands in the header `RateLimit` of each answer, too.
#[derive(SimpleObject)]
pub(crate) struct RateLimit {
    /// Requests at once, when none was made for a while; the largest Int where requests are not counted.
    limit: i32,
    /// How many of them are left after this one.
    remaining: i32,
    /// When all of them will be there again, if no other is made (UTC).
    reset_at: DateTime<Utc>,
}

impl RateLimit {
    fn of(access: &Access) -> Self {
        let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        match access.share {
            Some(share) => Self { limit: int(share.limit), remaining: int(share.remaining), reset_at: share.reset_at },
            None => Self { limit: i32::MAX, remaining: i32::MAX, reset_at: access.now },
        }
    }
}

/// Who is asking.
pub(crate) struct Viewer(ActorNode);

/// Who is asking.
#[Object]
impl Viewer {
    /// Who.
    async fn actor(&self) -> &ActorNode {
        &self.0
    }

    /// For whom.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        match ctx.access().organization {
            Some(id) => Ok(ctx.load::<organization::Entity>(id).await?.map(Organization)),
            None => Ok(None),
        }
    }

    /// In which roles, today.
    async fn roles(&self, ctx: &Context<'_>) -> Vec<Role> {
        ctx.access().roles.iter().copied().collect()
    }

    /// What the token is good for.
    async fn scopes(&self, ctx: &Context<'_>) -> Vec<String> {
        ctx.access().scopes.iter().map(ToString::to_string).collect()
    }

    /// Which purposes of use they may name.
    async fn purposes(&self, ctx: &Context<'_>) -> Vec<PurposeOfUse> {
        ctx.access().purposes.iter().copied().collect()
    }

    /// Themselves, where they are a client who reads their own data; null for everyone else.
    async fn client(&self) -> Option<Client> {
        match &self.0 {
            ActorNode::Client(client) => Some(client.clone()),
            ActorNode::StaffMember(_) | ActorNode::ApiClient(_) => None,
        }
    }

    /// How often they may still ask.
    async fn rate_limit(&self, ctx: &Context<'_>) -> RateLimit {
        RateLimit::of(&ctx.access())
    }

    /// Where the log stands now: read this first, then a list, then subscribe after it.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Result<String> {
        let last = ctx.store().last_position().await.map_err(query_error)?;
        ctx.store().event_cursor(&ctx.access(), last).map_err(query_error)
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who is asking; null without a token.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        let actor = match ctx.access().actor {
            Actor::Staff(id) => {
                let found = ctx.store().fetch::<staff_member::Entity>(&ctx.access(), id).await.map_err(query_error)?;
                found.map(|row| ActorNode::StaffMember(StaffMember(row)))
            }
            Actor::Api(id) => {
                let found = ctx.store().fetch::<api_client::Entity>(&ctx.access(), id).await.map_err(query_error)?;
                found.map(|row| ActorNode::ApiClient(ApiClient(row)))
            }
            Actor::Client(id) => {
                let found = ctx.store().fetch::<client::Entity>(&ctx.access(), id).await.map_err(query_error)?;
                found.map(|row| ActorNode::Client(Client(row)))
            }
            Actor::Anonymous | Actor::System(_) => None,
        };
        Ok(actor.map(Viewer))
    }
}
