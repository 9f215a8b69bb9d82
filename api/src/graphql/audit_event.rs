//! The audit, for the privacy officer.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use entity::{AnyId, AuditEventId, audit_event, organization};
use sea_orm::{ColumnTrait, Order};

use super::{
    connection::{connection, paged},
    context::RequestContext,
    event::{DateTimeRange, within},
    guard::{Oneself, Requires},
    organization::Organization,
    referral_progress::actor_name,
    schema::AnyNodeId,
};
use crate::{
    access::Scope,
    store::{PageArgs, Visible},
};

/// Who did, read or was refused what.
#[derive(Clone)]
pub(crate) struct AuditEvent(pub(crate) Visible<audit_event::Entity>);

/// Who did, read or was refused what.
#[Object]
impl AuditEvent {
    /// Its id.
    async fn id(&self) -> AuditEventId {
        self.0.id
    }

    /// When (UTC).
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Who: the id of staff or of an application, or `system:` and the reason. To a client their organization's name stands for its staff.
    async fn actor_name(&self, ctx: &Context<'_>) -> Result<String> {
        match self.0.organization_id.filter(|_| ctx.access().is_oneself()) {
            Some(organization) => Ok(actor_name(ctx, &self.0.actor, organization).await?.unwrap_or_default()),
            None => Ok(self.0.actor.clone()),
        }
    }

    /// In whose audit; null for what concerns no organization.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        match self.0.organization_id {
            Some(id) => Ok(ctx.load::<organization::Entity>(id).await?.map(Organization)),
            None => Ok(None),
        }
    }

    /// What: the kind of event, `READ`, or `REFUSED:` and the action.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// To what; null when there was nothing.
    async fn subject_id(&self) -> Option<AnyNodeId> {
        AnyId::new(self.0.subject_kind.as_deref()?, self.0.subject_id?).ok().map(AnyNodeId)
    }

    /// The request it belongs to.
    async fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// False for a refusal.
    async fn allowed(&self) -> bool {
        self.0.allowed
    }

    /// The entry's hash in the organization's chain.
    async fn hash(&self) -> String {
        HEXLOWER.encode(self.0.hash.as_deref().unwrap_or_default())
    }
}

connection!(AuditEvent, AuditEventConnection, AuditEventEdge, audit_event::Entity, "entries of the audit");

/// Queries.
#[derive(Default)]
pub(crate) struct AuditEventQuery;

#[Object]
impl AuditEventQuery {
    /// The audit of the viewer's organization, oldest first. For its privacy officer; for a client, what was done with their own record.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    #[graphql(guard = "Oneself.or(Requires(Scope::AuditRead))")]
    async fn audit_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When.")] range: Option<DateTimeRange>,
        #[graphql(desc = "By this person of staff or application.")] actor_id: Option<AnyNodeId>,
        #[graphql(desc = "About this.")] subject_id: Option<AnyNodeId>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<AuditEventConnection> {
        let access = ctx.access();
        let mut find = ctx.store().find::<audit_event::Entity>(&access);
        find = within(find, audit_event::Column::At, range);
        if let Some(AnyNodeId(actor)) = actor_id {
            find = find.by(audit_event::Column::Actor, |column| column.eq(actor.to_string()));
        }
        if let Some(AnyNodeId(subject)) = subject_id {
            find = find.by(audit_event::Column::SubjectId, |column| column.eq(subject.id));
        }
        let find = find.ordered(audit_event::Column::Position, Order::Asc);
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }
}
