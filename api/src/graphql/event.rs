//! What happened, as a list and as a stream.

use async_graphql::{Context, InputObject, Object, Result, Subscription};
use chrono::{DateTime, Datelike as _, Utc};
use entity::{AnyId, EventId, client, event, organization, vocabulary::EventKind};
use futures_util::{Stream, StreamExt, stream};
use sea_orm::{ColumnTrait, Order};

use super::{
    client::Client,
    connection::{connection, paged},
    context::RequestContext,
    error::{coded, query_error},
    guard::Requires,
    organization::Organization,
    schema::AnyNodeId,
};
use crate::{
    access::{Access, Scope},
    error::Result as OurResult,
    store::{Find, PageArgs, Store, Visible},
};

/// Something that happened: kinds, ids and versions; the texts are the viewer's.
#[derive(Clone)]
pub(crate) struct Event(pub(crate) Visible<event::Entity>);

/// Something that happened: kinds, ids and versions; the texts are the viewer's.
#[Object]
impl Event {
    /// Its id, by which a repetition is recognised.
    async fn id(&self) -> EventId {
        self.0.id
    }

    /// Where to go on from, for `after` of a subscription.
    async fn cursor(&self, ctx: &Context<'_>) -> Result<String> {
        ctx.store().event_cursor(ctx.access(), self.0.position.unwrap_or_default()).map_err(query_error)
    }

    /// What happened; more may come.
    async fn kind(&self) -> EventKind {
        self.0.kind
    }

    /// When (UTC).
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// In whose organization.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let found = ctx.load::<organization::Entity>(self.0.organization_id).await?;
        found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "The event's organization has left."))
    }

    /// The id of what it happened to.
    async fn subject_id(&self) -> Option<String> {
        AnyId::new(&self.0.subject_kind, self.0.subject_id).ok().map(|id| id.to_string())
    }

    /// The subject's version after it; null where it has none.
    async fn subject_version(&self) -> Option<i32> {
        self.0.subject_version
    }

    /// Whose timeline it is in; null when it is about no client, or not theirs to see.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        match self.0.client_id {
            Some(id) => Ok(ctx.load::<client::Entity>(id).await?.map(Client)),
            None => Ok(None),
        }
    }

    /// The names of the fields that changed.
    async fn changed(&self) -> Option<Vec<String>> {
        (!self.0.changed.is_empty()).then(|| self.0.changed.to_vec())
    }

    /// One neutral sentence, without anybody's name.
    async fn summary(&self) -> &'static str {
        crate::domain::event::summary(self.0.kind)
    }
}

connection!(Event, EventConnection, EventEdge, event::Entity, "events");

/// From when to when: from is included, to is not.
#[derive(InputObject, Clone, Copy, Debug)]
pub(crate) struct DateTimeRange {
    /// Included.
    #[graphql(validator(custom = "in_our_era"))]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Not included.
    #[graphql(validator(custom = "in_our_era"))]
    pub(crate) to: Option<DateTime<Utc>>,
}

/// Years of four digits: PostgreSQL refuses much earlier ones, and SQLite compares times as text.
pub(crate) fn in_our_era(at: &DateTime<Utc>) -> std::result::Result<(), &'static str> {
    if (1..=9999).contains(&at.year()) { Ok(()) } else { Err("a time is in a year from 1 to 9999") }
}

/// Which events.
#[derive(InputObject, Clone, Default)]
pub(crate) struct EventFilter {
    /// Of these kinds.
    kinds: Option<Vec<EventKind>>,
    /// About this.
    subject_id: Option<AnyNodeId>,
    /// When.
    at: Option<DateTimeRange>,
}

impl EventFilter {
    fn narrow<'a>(&self, mut find: Find<'a, event::Entity>) -> Find<'a, event::Entity> {
        if let Some(kinds) = &self.kinds {
            find = find.by(event::Column::Kind, |column| column.is_in(kinds.iter().copied()));
        }
        if let Some(AnyNodeId(subject)) = self.subject_id {
            find = find.by(event::Column::SubjectId, |column| column.eq(subject.id));
        }
        if let Some(from) = self.at.and_then(|at| at.from) {
            find = find.by(event::Column::At, |column| column.gte(from));
        }
        if let Some(to) = self.at.and_then(|at| at.to) {
            find = find.by(event::Column::At, |column| column.lt(to));
        }
        find
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct EventQuery;

#[Object]
impl EventQuery {
    /// What happened, oldest first.
    #[graphql(guard = "Requires(Scope::ReferralsRead).or(Requires(Scope::Admin))")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which events; all when there is none.")] filter: Option<EventFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<EventConnection> {
        let filter = filter.unwrap_or_default();
        let find = filter.narrow(ctx.store().find(ctx.access())).ordered(event::Column::Position, Order::Asc);
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }

    /// The event with this id.
    #[graphql(guard = "Requires(Scope::ReferralsRead).or(Requires(Scope::Admin))")]
    async fn event(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: EventId) -> Result<Option<Event>> {
        Ok(ctx.store().fetch::<event::Entity>(ctx.access(), id).await.map_err(query_error)?.map(Event))
    }
}

/// How many events are read from the log at once.
const BATCH: u64 = 100;

/// Subscriptions.
#[derive(Default)]
pub(crate) struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// What happened after a cursor, oldest first, and then what happens. Without a cursor, from now on.
    #[graphql(guard = "Requires(Scope::ReferralsRead).or(Requires(Scope::Admin))")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which events; all when there is none.")] filter: Option<EventFilter>,
        #[graphql(desc = "After this event cursor.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<Event>> + use<>> {
        let (store, access) = (ctx.store().clone(), ctx.access().clone());
        let from = match after {
            Some(cursor) => store.event_position(&access, &cursor).map_err(query_error)?,
            None => store.last_position().await.map_err(query_error)?,
        };
        let filter = filter.unwrap_or_default();
        let batches = stream::unfold((store, access, filter, from, None), |(store, access, filter, from, sealed)| async move {
            let mut sealed = sealed.unwrap_or_else(|| store.sealed());
            loop {
                // Seen before reading, so that an event sealed while we read wakes us again.
                sealed.borrow_and_update();
                let rows = match next_events(&store, &access, &filter, from).await {
                    Ok(rows) => rows,
                    Err(error) => return Some((vec![Err(query_error(error))], (store, access, filter, from, Some(sealed)))),
                };
                if let Some(last) = rows.last().and_then(|row| row.position) {
                    let items = rows.into_iter().map(|row| Ok(Event(row))).collect();
                    return Some((items, (store, access, filter, last, Some(sealed))));
                }
                sealed.changed().await.ok()?;
            }
        });
        Ok(batches.flat_map(stream::iter))
    }
}

async fn next_events(store: &Store, access: &Access, filter: &EventFilter, after: i64) -> OurResult<Vec<Visible<event::Entity>>> {
    let find = filter.narrow(store.find::<event::Entity>(access)).by(event::Column::Position, |column| column.gt(after));
    find.ordered(event::Column::Position, Order::Asc).first(BATCH).await
}
