//! Sessions: when a workshop or a support group meets, how many seats are left, and, for those who run it, who comes.

use std::sync::Arc;

use async_graphql::{Context, Enum, InputObject, Object, Result, Subscription};
use chrono::{DateTime, Utc};
use entity::{
    GatheringId, ProgramId, SessionId, class, event, gathering, registration, session,
    vocabulary::{AttendanceMode, GatheringKind, Modality, RegistrationStatus, SessionStatus, SortDirection},
};
use futures_util::{FutureExt, Stream, StreamExt};
use sea_orm::{ColumnTrait, Order};

use super::{
    connection::{Paged, children, children_in_memory, connection, paged, paged_in_memory},
    context::RequestContext,
    error::{coded, command, query_error},
    event::{DateTimeRange, Event, beginning, in_our_era, live},
    gathering::{Gathering, told_address},
    guard::Requires,
    payload::payloads,
    program::{Address, NearInput},
    registration::RegistrationConnection,
    scalar::{LanguageTag, TimeZone, each},
};
use crate::{
    access::Scope,
    domain::{
        gathering::in_person,
        place::{km_of, no_distance},
        schedule::{About, Asked, By, Standing, start},
        session::{Change, cancel, changes, reschedule, seats_left, status, waitlist_open},
    },
    store::{Class, PageArgs, Visible},
};

/// One meeting of a workshop or a support group. What everyone may read of it says how many seats are left, and nothing of who or how many come.
#[derive(Clone)]
pub(crate) struct Session(pub(crate) Visible<session::Entity>);

impl Session {
    /// Whether seats are told: how many come to a closed group only to those who know who they are.
    async fn tells_seats(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.0.may_open(Class::ContactsAndNotes) || self.held_by(ctx).await?.open)
    }

    /// What it is a session of.
    pub(crate) async fn held_by(&self, ctx: &Context<'_>) -> Result<Arc<Visible<gathering::Entity>>> {
        let found = ctx.gathering(self.0.gathering_id).await?;
        found.ok_or_else(|| coded("UNAVAILABLE", "What this is a session of has gone."))
    }
}

/// One meeting of a workshop or a support group. What everyone may read of it says how many seats are left, and nothing of who or how many come.
#[Object]
impl Session {
    /// Its id.
    async fn id(&self) -> SessionId {
        self.0.id
    }

    /// What it is a session of.
    async fn gathering(&self, ctx: &Context<'_>) -> Result<Gathering> {
        self.held_by(ctx).await.map(Gathering::from)
    }

    /// Where it stands: HELD once its time is over, whoever came; more may come.
    async fn status(&self, ctx: &Context<'_>) -> SessionStatus {
        status(&self.0, ctx.access().now)
    }

    /// UTC.
    async fn starts_at(&self) -> DateTime<Utc> {
        self.0.starts_at
    }

    /// UTC.
    async fn ends_at(&self) -> DateTime<Utc> {
        self.0.ends_at
    }

    /// When it begins on the clock of its zone, as `2026-11-23T18:30`.
    async fn local_start(&self) -> String {
        self.0.local_start.format("%Y-%m-%dT%H:%M").to_string()
    }

    /// Its zone.
    async fn time_zone(&self, ctx: &Context<'_>) -> Result<TimeZone> {
        let gathering = self.held_by(ctx).await?;
        let zone = self.0.occurrence.map_or(gathering.time_zone.as_str(), |planned| gathering.zone_on(planned.date()));
        Ok(TimeZone(zone.to_owned()))
    }

    /// How people meet.
    async fn modality(&self, ctx: &Context<'_>) -> Result<Modality> {
        Ok(self.held_by(ctx).await?.modality)
    }

    /// Where people meet in person; null where nobody does, and where only those who registered are told.
    async fn address(&self, ctx: &Context<'_>) -> Result<Option<Address>> {
        let gathering = self.held_by(ctx).await?;
        Ok(told_address(&gathering).filter(|_| in_person(gathering.modality)))
    }

    /// Roughly where, as everyone may know.
    async fn area(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.held_by(ctx).await?.area.clone())
    }

    /// How far it is in kilometres, to the nearest tenth, from where `near` was asked about; null when it was not, and of a session that was
    /// reached in another way. Where only those who registered are told the address, it is the way to the middle of a square of a tenth of a
    /// degree.
    async fn distance_km(&self) -> Option<f64> {
        self.0.measure().map(km_of)
    }

    /// A sentence for everyone, such as why it is cancelled.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Seats left in the room, as of the last full five minutes of the clock; null for any number, 0 where nobody meets in person. Of a
    /// closed group 0 to everyone but those who run it, who take people in.
    async fn seats_left_in_person(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(if self.tells_seats(ctx).await? { seats_left(&self.0, AttendanceMode::InPerson, ctx.access().now) } else { Some(0) })
    }

    /// Seats left online, likewise.
    async fn seats_left_online(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        Ok(if self.tells_seats(ctx).await? { seats_left(&self.0, AttendanceMode::Online, ctx.access().now) } else { Some(0) })
    }

    /// Whether somebody can still get in line where no seat is left, as of the last full five minutes.
    async fn waitlist_open(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.tells_seats(ctx).await? && waitlist_open(&self.0, ctx.access().now))
    }

    /// Class C: how many come, for coordinators, peers and supervisors of its program, and who they are, as far as each client's data is
    /// open to the viewer. Null to everyone else.
    async fn roster(&self, ctx: &Context<'_>) -> Option<SessionRoster> {
        if self.0.open::<class::ContactsAndNotes>().is_some() {
            return Some(SessionRoster(self.0.clone()));
        }
        if self.0.organization_id.is_some_and(|own| ctx.access().organization == Some(own)) {
            ctx.closed_by_role(Class::ContactsAndNotes);
        }
        None
    }

    /// Counts changes, but not of seats.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection!(Session, SessionConnection, SessionEdge, session::Entity, "sessions");

/// Who comes to a session, and how many.
pub(crate) struct SessionRoster(Visible<session::Entity>);

/// Who comes to a session, and how many.
#[Object]
impl SessionRoster {
    /// Seats in the room; null for any number, 0 where nobody meets in person.
    async fn capacity_in_person(&self) -> Option<i32> {
        self.0.capacity_in_person
    }

    /// Seats online; null for any number, 0 where nobody takes part online.
    async fn capacity_online(&self) -> Option<i32> {
        self.0.capacity_online
    }

    /// How many seats are taken right now, of both kinds.
    async fn registered_count(&self) -> i32 {
        self.0.registered_in_person + self.0.registered_online
    }

    /// How many wait for a seat right now.
    async fn waitlist_count(&self) -> i32 {
        self.0.waiting
    }

    /// Who is registered, first come first, of those clients whose data is open to the viewer.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn registrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In one of these states; all when there is none.")] status: Option<Vec<RegistrationStatus>>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<RegistrationConnection> {
        let args = PageArgs { first, after, last, before };
        let access = ctx.access();
        let mut find = ctx.store().find::<registration::Entity>(&access);
        if let Some(states) = status {
            find = find.by(registration::Column::Status, |column| column.is_in(states));
        }
        let find = find.ordered(registration::Column::RegisteredAt, Order::Asc);
        Ok(children(ctx, find, registration::Column::SessionId, self.0.id, args).await?.into())
    }
}

/// Which sessions.
#[derive(InputObject, Default)]
pub(crate) struct SessionFilter {
    /// That begin then.
    starts: Option<DateTimeRange>,
    /// About one of these topics, by code.
    topics: Option<Vec<String>>,
    /// In one of these languages; `es` finds `es-MX` as well.
    languages: Option<Vec<LanguageTag>>,
    /// In one of these ways.
    modality: Option<Vec<Modality>>,
    /// Of one of these programs.
    program_ids: Option<Vec<ProgramId>>,
    /// In person near a place. One whose place is not known is not found so. Where only those who registered are told the address, its place
    /// is taken to a tenth of a degree, some eleven kilometres.
    near: Option<NearInput>,
    /// That someone can still register for, or that nobody can.
    has_seats: Option<bool>,
    /// In one of these states.
    status: Option<Vec<SessionStatus>>,
    /// Those of support groups as well; of workshops alone when it does not say so.
    include_groups: Option<bool>,
    /// Those of meetings of others as well, which are listed here and have no seats.
    include_listed: Option<bool>,
    /// Accessible in all of these ways, by code.
    accessibility: Option<Vec<String>>,
    /// With words in the title or the description that begin with these, whatever their case and accents.
    search: Option<String>,
}

impl SessionFilter {
    /// What is asked for of all sessions: those of workshops alone where the filter does not say otherwise.
    fn of_all(self) -> Asked {
        let groups = self.include_groups.unwrap_or_default().then_some(GatheringKind::SupportGroup);
        let listed = self.include_listed.unwrap_or_default().then_some(GatheringKind::ListedMeeting);
        self.of(Some([GatheringKind::Workshop].into_iter().chain(groups).chain(listed).collect()))
    }

    fn of(self, kinds: Option<Vec<GatheringKind>>) -> Asked {
        let about = About {
            kinds,
            topics: self.topics,
            languages: self.languages.map(each),
            accessibility: self.accessibility,
            modality: self.modality,
            program_ids: self.program_ids,
            search: self.search,
        };
        let (from, to) = self.starts.map_or((None, None), |starts| (starts.from, starts.to));
        let standing = Standing { from, to, has_seats: self.has_seats, status: self.status };
        Asked { about, standing, near: self.near.map(Into::into) }
    }
}

/// A page of one gathering's sessions, earliest first.
pub(super) async fn sessions_of(
    ctx: &Context<'_>,
    id: GatheringId,
    filter: SessionFilter,
    args: PageArgs,
) -> Result<Paged<session::Entity>> {
    let (access, asked) = (ctx.access(), filter.of(None));
    let find = asked.sessions(ctx.store().find(&access)).map_err(query_error)?.ordered(session::Column::StartsAt, Order::Asc);
    if asked.about == About::default()
        && asked.near.is_none()
        && let Some(seeing) = ctx.seeing().await
        && let Some(list) = seeing.sessions_of(id, &asked.standing)
        && ctx.request().may_look_through(list.to_look_through())
    {
        return children_in_memory(ctx, find, session::Column::GatheringId, id, args, &list);
    }
    children(ctx, find, session::Column::GatheringId, id, args).await
}

/// The session with this id, if it exists for the caller.
pub(super) async fn session(ctx: &Context<'_>, id: SessionId) -> Result<Option<Session>> {
    Ok(ctx.load_public::<session::Entity>(id).await?.map(Session))
}

/// What sessions can be ordered by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum SessionOrderField {
    /// By when they begin.
    StartsAt,
    /// By how far they are from where `near` asks about, and at one distance by when they begin.
    Distance,
}

/// In which order.
#[derive(InputObject)]
pub(crate) struct SessionOrder {
    /// By what.
    field: SessionOrderField,
    /// Which way.
    direction: SortDirection,
}

/// Queries.
#[derive(Default)]
pub(crate) struct SessionQuery;

#[Object]
impl SessionQuery {
    /// The sessions that the viewer can find, earliest first unless ordered otherwise, the past ones as well: of workshops, and of support
    /// groups and of meetings of others where the filter says so. Public: no token is needed.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sessions; all when there is none.")] filter: Option<SessionFilter>,
        #[graphql(desc = "In which order; earliest first when there is none.")] order_by: Option<SessionOrder>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<SessionConnection> {
        let (field, order) = match order_by {
            Some(SessionOrder { field, direction: SortDirection::Desc }) => (field, Order::Desc),
            Some(SessionOrder { field, .. }) => (field, Order::Asc),
            None => (SessionOrderField::StartsAt, Order::Asc),
        };
        let (access, args) = (ctx.access(), PageArgs { first, after, last, before });
        let asked = filter.unwrap_or_default().of_all();
        let find = asked.sessions(ctx.store().find(&access)).map_err(query_error)?;
        let (find, by) = match field {
            SessionOrderField::StartsAt => (find.ordered(session::Column::StartsAt, order), By::Start),
            SessionOrderField::Distance if find.is_measured() => (find.ordered_by_measure(Some(("start", start())), order), By::Distance),
            SessionOrderField::Distance => return Err(query_error(no_distance().into())),
        };
        let circle = asked.circle().map_err(|refusal| query_error(refusal.into()))?;
        if let Some(seeing) = ctx.seeing().await
            && let Some(list) = seeing.sessions(&asked.about, &asked.standing, circle, by)
            && ctx.request().may_look_through(list.to_look_through())
        {
            return Ok(paged_in_memory(ctx, find, &args, &list)?.into());
        }
        Ok(paged(ctx, find, args).await?.into())
    }

    /// The session with this id. Public: no token is needed.
    async fn session(&self, ctx: &Context<'_>, #[graphql(desc = "Which.")] id: SessionId) -> Result<Option<Session>> {
        session(ctx, id).await
    }
}

payloads! {
    SessionReschedulePayload = "sessionReschedule", session: Session, "The session";
    SessionCancelPayload = "sessionCancel", session: Session, "The session";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Moves a session to another time; whoever is registered stays so. For coordinators of its program.
    #[graphql(guard = "Requires(Scope::WorkshopsWrite)")]
    async fn session_reschedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: SessionId,
        #[graphql(desc = "When it begins: a whole minute in the future.", validator(custom = "in_our_era"))] starts_at: DateTime<Utc>,
        #[graphql(desc = "The version that was read; a stale one gives STALE.")] version: Option<i32>,
        #[graphql(desc = "Whether it is moved although somebody who leads it leads something else then. SCHEDULE_CONFLICT says so.")]
        despite_conflict: Option<bool>,
    ) -> Result<Option<SessionReschedulePayload>> {
        let access = ctx.access();
        let moved = reschedule(ctx.store(), &access, id, starts_at, version, despite_conflict.unwrap_or_default());
        let (session, user_errors) = command(ctx, "sessionReschedule", moved).await?;
        Ok(Some(SessionReschedulePayload { session: session.map(Session), user_errors }))
    }

    /// Cancels a session; whoever is registered stays so, to be told. For coordinators of its program.
    #[graphql(guard = "Requires(Scope::WorkshopsWrite)")]
    async fn session_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: SessionId,
        #[graphql(desc = "A sentence for everyone, such as why.")] note: Option<String>,
    ) -> Result<Option<SessionCancelPayload>> {
        let (session, user_errors) = command(ctx, "sessionCancel", cancel(ctx.store(), &ctx.access(), id, note)).await?;
        Ok(Some(SessionCancelPayload { session: session.map(Session), user_errors }))
    }
}

/// A session that was published, moved or cancelled.
pub(crate) struct SessionChange(Change);

/// A session that was published, moved or cancelled.
#[Object]
impl SessionChange {
    /// Where to go on from, for `after`.
    async fn cursor(&self, ctx: &Context<'_>) -> Result<String> {
        ctx.store().event_cursor(&ctx.access(), self.0.seen).map_err(query_error)
    }

    /// What happened; null to those who do not see what happens in the session's organization.
    async fn event(&self, ctx: &Context<'_>) -> Result<Option<Event>> {
        Ok(ctx.load::<event::Entity>(self.0.event).await?.map(Event))
    }

    /// The session as it was when this was sent.
    async fn session(&self) -> Session {
        Session(self.0.session.clone())
    }
}

/// Subscriptions.
#[derive(Default)]
pub(crate) struct SessionSubscription;

#[Subscription]
impl SessionSubscription {
    /// Sessions that were published, changed or cancelled after a cursor, as far as the viewer can find them, and then those that are.
    /// Without a cursor, from now on. Public: no token is needed. Seats are not told: read them.
    async fn session_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sessions; all when there is none.")] filter: Option<SessionFilter>,
        #[graphql(desc = "After this event cursor.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<SessionChange>> + use<>> {
        let from = beginning(ctx, after).await?;
        let asked = Arc::new(filter.unwrap_or_default().of_all());
        let changed = live(ctx.shared(), from, move |store, access, from| {
            let asked = Arc::clone(&asked);
            async move { changes(&store, &access, |find| asked.sessions(find), from).await }.boxed()
        });
        Ok(changed.map(|change| change.map(SessionChange)))
    }
}
