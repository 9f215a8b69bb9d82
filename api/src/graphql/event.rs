//! What happened, as a list and as a stream.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, Subscription};
use chrono::{DateTime, Datelike as _, Utc};
use entity::{AnyId, ClientId, EventId, client, event, organization, vocabulary::EventKind};
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use sea_orm::{ColumnTrait, Order};

use super::{
    client::Client,
    connection::{connection, paged},
    context::{RequestContext, RequestData},
    error::{coded, query_error},
    guard::{Oneself, Requires},
    organization::Organization,
    referral_progress::{ReferralTransition, actor_name, transition_at},
    scalar::Date,
    schema::{AnyNodeId, Node, find},
};
use crate::{
    access::{Access, Scope},
    domain::event::happened_after,
    error::{Error, Result as OurResult},
    store::{Find, PageArgs, Protected, Store, Visible},
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
        ctx.store().event_cursor(&ctx.access(), self.0.position.unwrap_or_default()).map_err(query_error)
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
        // What happened in none is in nobody's log.
        let found = match self.0.organization_id {
            Some(id) => ctx.load::<organization::Entity>(id).await?,
            None => None,
        };
        found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "The event's organization has left."))
    }

    /// Who did it; for what another organization did, its name.
    async fn actor_name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        match self.0.organization_id {
            Some(id) => actor_name(ctx, &self.0.actor, id).await,
            None => Ok(None),
        }
    }

    /// What it happened to, as it is now; null when it is not there for the viewer.
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        match AnyId::new(&self.0.subject_kind, self.0.subject_id) {
            Ok(id) => find(ctx, id).await,
            Err(_) => Ok(None),
        }
    }

    /// The change of a referral's state that it was; null for all else, and where the progress is not open to the viewer.
    async fn referral_transition(&self, ctx: &Context<'_>) -> Result<Option<ReferralTransition>> {
        match (self.0.kind, self.0.referral_id) {
            (EventKind::ReferralStatusChanged | EventKind::ReferralCreated, Some(id)) => {
                transition_at(ctx, id, self.0.subject_version).await
            }
            _ => Ok(None),
        }
    }

    /// The id of what it happened to.
    async fn subject_id(&self) -> Option<AnyNodeId> {
        AnyId::new(&self.0.subject_kind, self.0.subject_id).ok().map(AnyNodeId)
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

/// From which day to which: both are included.
#[derive(InputObject, Clone, Copy, Debug)]
pub(crate) struct DateRange {
    /// The first day.
    pub(crate) from: Option<Date>,
    /// The last day.
    pub(crate) to: Option<Date>,
}

/// The rows of a list whose instant in this column is in a range, where one is given.
pub(crate) fn within<E: Protected>(mut find: Find<'_, E>, column: E::Column, range: Option<DateTimeRange>) -> Find<'_, E> {
    if let Some(from) = range.and_then(|range| range.from) {
        find = find.by(column, |column| column.gte(from));
    }
    if let Some(to) = range.and_then(|range| range.to) {
        find = find.by(column, |column| column.lt(to));
    }
    find
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
    /// In this client's timeline.
    client_id: Option<ClientId>,
    /// When.
    at: Option<DateTimeRange>,
}

impl EventFilter {
    fn narrow<'a>(&self, mut find: Find<'a, event::Entity>) -> Find<'a, event::Entity> {
        if let Some(kinds) = &self.kinds {
            find = find.by(event::Column::Kind, |column| column.is_in(kinds.iter().copied()));
        }
        if let Some(client) = self.client_id {
            find = find.by(event::Column::ClientId, |column| column.eq(client));
        }
        if let Some(AnyNodeId(subject)) = self.subject_id {
            find = find.by(event::Column::SubjectId, |column| column.eq(subject.id));
        }
        within(find, event::Column::At, self.at)
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct EventQuery;

#[Object]
impl EventQuery {
    /// What happened, oldest first.
    #[graphql(guard = "Oneself.or(Requires(Scope::ReferralsRead)).or(Requires(Scope::Admin))")]
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
        let access = ctx.access();
        let find = filter.narrow(ctx.store().find(&access)).ordered(event::Column::Position, Order::Asc);
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }

    /// The event with this id.
    #[graphql(guard = "Oneself.or(Requires(Scope::ReferralsRead)).or(Requires(Scope::Admin))")]
    async fn event(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: EventId) -> Result<Option<Event>> {
        Ok(ctx.store().fetch::<event::Entity>(&ctx.access(), id).await.map_err(query_error)?.map(Event))
    }
}

/// How many events are read from the log at once.
pub(super) const BATCH: u64 = 100;

/// Subscriptions.
#[derive(Default)]
pub(crate) struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// What happened after a cursor, oldest first, and then what happens. Without a cursor, from now on.
    #[graphql(guard = "Oneself.or(Requires(Scope::ReferralsRead)).or(Requires(Scope::Admin))")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which events; all when there is none.")] filter: Option<EventFilter>,
        #[graphql(desc = "After this event cursor.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<Event>> + use<>> {
        let filter = filter.unwrap_or_default();
        let from = beginning(ctx, after).await?;
        let followed = follow(ctx.shared(), from, move |find| filter.narrow(find));
        Ok(followed.map(|event| event.map(Event)))
    }
}

/// The place in the log that a subscription begins at: after a cursor, or now.
pub(super) async fn beginning(ctx: &Context<'_>, after: Option<String>) -> Result<i64> {
    match after {
        Some(cursor) => ctx.store().event_position(&ctx.access(), &cursor).map_err(query_error),
        None => ctx.store().last_position().await.map_err(query_error),
    }
}

/// What is read after a place in the log: how far, and what is sent of it. Nothing when nothing happened there.
pub(super) type Read<T> = BoxFuture<'static, OurResult<Option<(i64, Vec<T>)>>>;

/// What happened after a place in the log, and then what happens. It is read for the caller as they are when it is sent: who has left,
/// whose token has ended or whose consent was revoked gets nothing more.
pub(super) fn live<T, R>(request: Arc<RequestData>, from: i64, read: R) -> impl Stream<Item = Result<T>> + use<T, R>
where
    T: Send + 'static,
    R: Fn(Store, Arc<Access>, i64) -> Read<T> + Send + 'static,
{
    let sealed = request.store.sealed();
    let batches = stream::unfold(Some((request, read, from, sealed)), |following| async move {
        let (request, read, mut from, mut sealed) = following?;
        loop {
            // Seen before reading, so that an event sealed while we read wakes us again.
            let known = *sealed.borrow_and_update();
            let next = async {
                let access = request.refresh().await?;
                read(request.store.clone(), access, from).await
            };
            match next.await {
                Err(Error::NotPermitted) => return Some((vec![Err(ended())], None)),
                Err(error) => return Some((vec![Err(query_error(error))], None)),
                Ok(None) => from = from.max(known),
                Ok(Some((last, items))) => {
                    return Some((items.into_iter().map(Ok).collect::<Vec<_>>(), Some((request, read, last, sealed))));
                }
            }
            sealed.changed().await.ok()?;
        }
    });
    batches.flat_map(stream::iter)
}

/// The events after a place in the log that the caller sees.
pub(super) fn follow<N>(request: Arc<RequestData>, from: i64, narrow: N) -> impl Stream<Item = Result<Visible<event::Entity>>> + use<N>
where
    N: for<'a> Fn(Find<'a, event::Entity>) -> Find<'a, event::Entity> + Clone + Send + Sync + 'static,
{
    live(request, from, move |store, access, from| {
        let narrow = narrow.clone();
        async move {
            let rows = happened_after(narrow(store.find(&access)), from, BATCH).await?;
            Ok(rows.last().and_then(|row| row.position).map(|last| (last, rows)))
        }
        .boxed()
    })
}

/// Something that happened to a row that the caller sees, and the row as it is for them now.
pub(super) struct Changed<E: Protected> {
    /// Where to go on from.
    pub(super) cursor: String,
    /// What happened.
    pub(super) event: Event,
    /// To what.
    pub(super) row: Visible<E>,
}

/// The row that an event is about: nothing where it is not there for the caller, or they did not ask for it.
pub(super) type About<E> = BoxFuture<'static, OurResult<Option<Visible<E>>>>;

/// What happened after a place in the log to rows of one kind, each as it is when it is sent.
pub(super) fn changes<E, N, A>(
    request: Arc<RequestData>,
    from: i64,
    narrow: N,
    about: A,
) -> impl Stream<Item = Result<Changed<E>>> + use<E, N, A>
where
    E: Protected,
    N: for<'a> Fn(Find<'a, event::Entity>) -> Find<'a, event::Entity> + Clone + Send + Sync + 'static,
    A: Fn(Store, Arc<Access>, Visible<event::Entity>) -> About<E> + Clone + Send + Sync + 'static,
{
    follow(Arc::clone(&request), from, narrow).filter_map(move |event| {
        let (request, about) = (Arc::clone(&request), about.clone());
        async move {
            let event = match event {
                Ok(event) => event,
                Err(error) => return Some(Err(error)),
            };
            let (store, access) = (request.store.clone(), request.access());
            let changed = async {
                let Some(row) = about(store.clone(), Arc::clone(&access), event.clone()).await? else { return Ok(None) };
                let cursor = store.event_cursor(&access, event.position.unwrap_or_default())?;
                Ok(Some(Changed { cursor, event: Event(event), row }))
            };
            changed.await.map_err(query_error).transpose()
        }
    })
}

fn ended() -> async_graphql::Error {
    coded("UNAUTHENTICATED", "Your token has ended or was revoked: get another and go on after your last cursor.")
}
