//! What happens to registrations, as it happens.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Guard, GuardExt, Object, Result, Subscription};
use entity::{RegistrationId, TypedId, event, registration};
use futures_util::{FutureExt, Stream};
use sea_orm::ColumnTrait;

use super::{
    context::RequestContext,
    error::{coded, query_error},
    event::{BATCH, Event, beginning, live},
    guard::{Oneself, Requires},
    registration::{Registration, secrets},
};
use crate::{
    access::{Access, Scope, ticket::Ticket},
    domain::event::happened_after,
    error::Result as OurResult,
    store::{Store, Visible},
};

/// What happened to a registration, and the registration as it was when this was sent.
pub(crate) struct RegistrationChange {
    happened: Visible<event::Entity>,
    registration: Visible<registration::Entity>,
}

/// What happened to a registration, and the registration as it was when this was sent.
#[Object]
impl RegistrationChange {
    /// Where to go on from, for `after`.
    async fn cursor(&self, ctx: &Context<'_>) -> Result<String> {
        ctx.store().event_cursor(&ctx.access(), self.happened.position.unwrap_or_default()).map_err(query_error)
    }

    /// What happened.
    async fn event(&self) -> Event {
        Event(self.happened.clone())
    }

    /// The registration.
    async fn registration(&self) -> Option<Registration> {
        Some(Registration(self.registration.clone()))
    }
}

/// What happened to registrations after a place in the log, as far as the caller sees both; nothing when nothing did.
async fn read(
    store: &Store,
    access: &Access,
    only: Option<RegistrationId>,
    from: i64,
) -> OurResult<Option<(i64, Vec<RegistrationChange>)>> {
    let mut find = store.find::<event::Entity>(access).by(event::Column::SubjectKind, |column| column.eq(RegistrationId::PREFIX));
    if let Some(only) = only {
        find = find.by(event::Column::SubjectId, |column| column.eq(uuid::Uuid::from(only)));
    }
    let events = happened_after(find, from, BATCH).await?;
    let Some(last) = events.last().and_then(|event| event.position) else { return Ok(None) };
    let ids = events.iter().map(|event| RegistrationId::from(event.subject_id));
    let rows = store.find::<registration::Entity>(access).by(registration::Column::Id, |column| column.is_in(ids)).first(BATCH).await?;
    let rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let change = |happened: Visible<event::Entity>| {
        let registration = rows.get(&RegistrationId::from(happened.subject_id))?.clone();
        Some(RegistrationChange { happened, registration })
    };
    Ok(Some((last, events.into_iter().filter_map(change).collect())))
}

/// Subscriptions.
#[derive(Default)]
pub(crate) struct RegistrationSubscription;

#[Subscription]
impl RegistrationSubscription {
    /// What happens to registrations that the viewer sees, or to the one of a guest's ticket, which needs no token: seats that are offered,
    /// taken and freed, attendance. First what was missed since a cursor, then live; without a cursor, from now on.
    async fn registration_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this registration; of all when there is none.")] id: Option<RegistrationId>,
        #[graphql(desc = "Of the guest's registration of this ticket.")] ticket: Option<String>,
        #[graphql(desc = "After this event cursor.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<RegistrationChange>> + use<>> {
        let ticket = match ticket {
            Some(ticket) => {
                let read = Ticket::read(secrets(ctx), &ticket);
                Some(read.ok_or_else(|| coded("BAD_USER_INPUT", "`ticket` is no ticket: give it as `registrationCreate` gave it to you."))?)
            }
            None => {
                Oneself.or(Requires(Scope::ReferralsRead)).check(ctx).await?;
                None
            }
        };
        let from = beginning(ctx, after).await?;
        let changed = live(ctx.shared(), from, move |store, access, from| {
            async move {
                let access = ticket.map_or(access.clone(), |ticket| Arc::new(access.holding(ticket)));
                read(&store, &access, id.or(ticket.map(Ticket::registration)), from).await
            }
            .boxed()
        });
        Ok(changed)
    }
}
