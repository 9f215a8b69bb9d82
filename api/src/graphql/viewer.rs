//! Who is asking, as they are told themselves.

use async_graphql::{Context, Object, Result, Union};
use entity::{
    api_client, organization, staff_member,
    vocabulary::{PurposeOfUse, Role},
};

use super::{api_client::ApiClient, context::RequestContext, error::query_error, organization::Organization, staff_member::StaffMember};
use crate::access::Actor;

/// Who acts: a person of staff, or a partner's application.
#[derive(Union)]
#[graphql(name = "Actor")]
pub(crate) enum ActorNode {
    /// A person of staff.
    StaffMember(StaffMember),
    /// A partner's application.
    ApiClient(ApiClient),
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

    /// Where the log stands now: read this first, then a list, then subscribe after it.
    async fn event_cursor(&self, ctx: &Context<'_>) -> Result<String> {
        let last = ctx.store().last_position().await.map_err(query_error)?;
        ctx.store().event_cursor(ctx.access(), last).map_err(query_error)
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
                let found = ctx.store().fetch::<staff_member::Entity>(ctx.access(), id).await.map_err(query_error)?;
                found.map(|row| ActorNode::StaffMember(StaffMember(row)))
            }
            Actor::Api(id) => {
                let found = ctx.store().fetch::<api_client::Entity>(ctx.access(), id).await.map_err(query_error)?;
                found.map(|row| ActorNode::ApiClient(ApiClient(row)))
            }
            Actor::Anonymous | Actor::Client(_) | Actor::System(_) => None,
        };
        Ok(actor.map(Viewer))
    }
}
