//! Messages about a referral between its two sides.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{ReferralMessageId, class, referral, referral_message};

use super::{
    client::unless_erased,
    connection::connection,
    context::RequestContext,
    error::coded,
    organization::Organization,
    referral::{Referral, organization_of},
    referral_progress::actor_name,
};
use crate::store::Visible;

/// A message about a referral, from one of its sides to the other.
#[derive(Clone)]
pub(crate) struct ReferralMessage(pub(crate) Visible<referral_message::Entity>);

connection!(ReferralMessage, ReferralMessageConnection, ReferralMessageEdge, referral_message::Entity, "messages");

/// A message about a referral, from one of its sides to the other.
#[Object]
impl ReferralMessage {
    /// Its id.
    async fn id(&self) -> ReferralMessageId {
        self.0.id
    }

    /// About which referral.
    async fn referral(&self, ctx: &Context<'_>) -> Result<Referral> {
        let found = ctx.load::<referral::Entity>(self.0.referral_id).await?;
        found.map(Referral).ok_or_else(|| coded("UNAVAILABLE", "Its referral is not there for you any more."))
    }

    /// Who wrote it: a name within the viewer's own organization, else the organization's.
    async fn author_name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(actor_name(ctx, &self.0.author, self.0.organization_id).await?.unwrap_or_default())
    }

    /// Which side wrote it.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        organization_of(ctx, self.0.organization_id).await
    }

    /// What it says; a sentence that it was erased, once nobody holds the referral's person any more.
    async fn body(&self, ctx: &Context<'_>) -> Result<String> {
        let opened = self.0.open::<class::ReferralStatus>().ok_or_else(|| coded("INTERNAL", "A gate closed while it was read."))?;
        let body = unless_erased(ctx.store().unseal(&opened, referral_message::Column::Body, &opened.body).await)?;
        Ok(body.unwrap_or_else(|| "This message was erased.".to_owned()))
    }

    /// UTC.
    async fn sent_at(&self) -> DateTime<Utc> {
        self.0.sent_at
    }

    /// When somebody of the other side first read what it says (UTC); null until then.
    async fn read_at(&self) -> Option<DateTime<Utc>> {
        self.0.read_at
    }
}
