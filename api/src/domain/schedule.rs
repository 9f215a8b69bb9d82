//! What of the schedule someone looks for, as conditions on gatherings and sessions.

mod board;
mod kept;
mod look;
mod snapshot;

use std::collections::HashMap;

use chrono::{DurationRound, TimeDelta};
use entity::{
    GatheringId, OrganizationId, ProgramId, gathering, gathering_label, session,
    vocabulary::{GatheringKind, Modality, SessionStatus},
};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, Order, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{CaseStatement, Expr, Func, SubQueryStatement},
};

pub use self::{
    board::Board,
    look::{Audience, By, InSchedule, Seeing},
    snapshot::Snapshot,
};
use super::{
    gathering::{ACCESSIBLE, LANGUAGE, TOPIC},
    place::{Circle, Near},
    recurrence::MOST_OCCURRENCES,
    search_words, text,
};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Refusal, Result},
    store::{Find, Store, Visible, any_of, never, query},
};

/// What everyone may read of seats moves no faster than this: who watches must not see people come and go.
const SEATS_MOVE_EVERY: TimeDelta = TimeDelta::minutes(5);

/// The last moment of the calendar that is kept: where what has no next session is ordered.
const END_OF_TIME: &str = "9999-12-31T00:00:00Z";

fn end_of_time() -> Instant {
    END_OF_TIME.parse().unwrap_or(Instant::MAX_UTC)
}

/// Whether the caller's token is good for more of the schedule than is public.
pub(super) fn reads_more(access: &Access) -> bool {
    [Scope::ScheduleRead, Scope::WorkshopsWrite, Scope::RegistrationsWrite].iter().any(|scope| access.scopes.contains(scope))
}

/// The beginning of the five minutes in which this instant is.
pub fn seats_move_at(at: Instant) -> Instant {
    at.duration_trunc(SEATS_MOVE_EVERY).unwrap_or(at)
}

/// What of the schedule somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// What gatherings are like.
    pub about: About,
    /// How sessions stand.
    pub standing: Standing,
    /// Where people meet in person.
    pub near: Option<Near>,
}

impl Asked {
    /// Narrows to gatherings that are like this, have a session that stands so, and meet in person there.
    ///
    /// # Errors
    /// Refused when the words to search for are too long or hold control characters, or the circle makes no sense.
    pub fn gatherings<'a>(&self, find: Find<'a, gathering::Entity>) -> Result<Find<'a, gathering::Entity>> {
        let condition = gatherings(&self.about, &self.standing, find.now())?;
        let find = find.matching_as(&self.name(), None, condition);
        match &self.near {
            Some(near) => gatherings_near(find, near),
            None => Ok(find),
        }
    }

    /// Narrows to sessions that stand so, of gatherings that are like this and meet in person there.
    ///
    /// # Errors
    /// As [`Asked::gatherings`].
    pub fn sessions<'a>(&self, find: Find<'a, session::Entity>) -> Result<Find<'a, session::Entity>> {
        let condition = sessions(&self.about, &self.standing, find.now())?;
        let find = find.matching_as(&self.name(), None, condition);
        match &self.near {
            Some(near) => sessions_near(find, near),
            None => Ok(find),
        }
    }

    /// What cursors are bound to.
    fn name(&self) -> String {
        format!("{:?} {:?}", self.about, self.standing)
    }

    /// The circle that gatherings are in.
    ///
    /// # Errors
    /// Refused when it makes no sense.
    pub fn circle(&self) -> Result<Option<Circle>, Refusal> {
        self.near.as_ref().map(Near::circle).transpose()
    }
}

/// What a gathering is like. What is not given does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Of one of these kinds.
    pub kinds: Option<Vec<GatheringKind>>,
    /// One of these topics.
    pub topics: Option<Vec<String>>,
    /// In one of these languages, whatever its region where none is named.
    pub languages: Option<Vec<String>>,
    /// With all of these.
    pub accessibility: Option<Vec<String>>,
    /// In one of these ways.
    pub modality: Option<Vec<Modality>>,
    /// Of one of these programs.
    pub program_ids: Option<Vec<ProgramId>>,
    /// With words in the title or the description that begin with these, whatever their case and accents.
    pub search: Option<String>,
}

/// How a session stands. What is not given does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// It begins then or later.
    pub from: Option<Instant>,
    /// It begins before.
    pub to: Option<Instant>,
    /// Whether someone can still register.
    pub has_seats: Option<bool>,
    /// In one of these states.
    pub status: Option<Vec<SessionStatus>>,
}

fn labelled(kind: &str, values: impl IntoIterator<Item = String>) -> Condition {
    let with = query::<gathering_label::Entity>().select_only().column(gathering_label::Column::GatheringId);
    let with = with.filter(gathering_label::Column::Kind.eq(kind)).filter(gathering_label::Column::Value.is_in(values));
    Condition::all().add(gathering::Column::Id.in_subquery(with.into_query()))
}

fn saying(search: &str) -> Condition {
    search_words::beginning_like(gathering::Column::SearchWords, search).unwrap_or_else(never)
}

/// All of them side by side, since databases bound how deep conditions stand in each other; none when there are none.
fn all_of(conditions: impl Iterator<Item = Condition>) -> Option<Condition> {
    let all: Vec<_> = conditions.collect();
    (!all.is_empty()).then(|| all.into_iter().fold(Condition::all(), Condition::add))
}

impl About {
    /// The gatherings that are like this, as a condition on [`gathering::Entity`]; none when everything is.
    ///
    /// # Errors
    /// Refused when the words to search for are too long or hold control characters.
    fn condition(&self) -> Result<Option<Condition>> {
        let search = self.search.as_deref().map(|search| text::line("search", search, 100)).transpose()?;
        let features = self.accessibility.iter().flatten().map(|feature| labelled(ACCESSIBLE, [feature.clone()]));
        let conditions = [
            self.kinds.as_ref().map(|kinds| Condition::all().add(gathering::Column::Kind.is_in(kinds.iter().copied()))),
            self.topics.as_ref().map(|topics| labelled(TOPIC, topics.iter().cloned())),
            self.languages.as_ref().map(|tags| labelled(LANGUAGE, tags.iter().cloned())),
            self.modality.as_ref().map(|ways| Condition::all().add(gathering::Column::Modality.is_in(ways.iter().copied()))),
            self.program_ids.as_ref().map(|ids| Condition::all().add(gathering::Column::ProgramId.is_in(ids.iter().copied()))),
            search.as_deref().map(saying),
        ];
        Ok(all_of(conditions.into_iter().flatten().chain(features)))
    }
}

/// The seats of one kind that are taken as everyone may know it, in SQL.
fn taken(registered: session::Column, before: session::Column, now: Instant) -> Expr {
    let settled = session::Column::SeatsChangedAt.lt(seats_move_at(now));
    let column = |column: session::Column| Expr::col((session::Entity, column));
    Expr::Case(Box::new(CaseStatement::new().case(settled, column(registered)).finally(column(before))))
}

/// Sessions that someone can still register for, as everyone may know it. Of closed groups nobody but those who run them knows.
fn open(now: Instant) -> Condition {
    use session::Column;
    let to_all = query::<gathering::Entity>().select_only().column(gathering::Column::Id).filter(gathering::Column::Open.eq(true));
    let seats = |capacity: Column, registered, before| {
        let left = taken(registered, before, now).lt(Expr::col((session::Entity, capacity)));
        Condition::any().add(capacity.is_null()).add(left)
    };
    upcoming(now).add(Column::GatheringId.in_subquery(to_all.into_query())).add(
        Condition::any().add(seats(Column::CapacityInPerson, Column::RegisteredInPerson, Column::BeforeInPerson)).add(seats(
            Column::CapacityOnline,
            Column::RegisteredOnline,
            Column::BeforeOnline,
        )),
    )
}

/// Sessions in one of the states of [`status`](super::session::status).
fn standing(status: SessionStatus, now: Instant) -> Condition {
    let ends = session::Column::EndsAt;
    let scheduled = Condition::all().add(session::Column::Status.eq(SessionStatus::Scheduled));
    match status {
        SessionStatus::Scheduled => scheduled.add(ends.gt(now)),
        SessionStatus::Held => scheduled.add(ends.lte(now)),
        SessionStatus::Cancelled => Condition::all().add(session::Column::Status.eq(SessionStatus::Cancelled)),
    }
}

impl Standing {
    /// The sessions that stand so, as a condition on [`session::Entity`]; none when all do.
    fn condition(&self, now: Instant) -> Option<Condition> {
        let conditions = [
            self.from.map(|from| Condition::all().add(session::Column::StartsAt.gte(from))),
            self.to.map(|to| Condition::all().add(session::Column::StartsAt.lt(to))),
            self.has_seats.map(|wanted| if wanted { open(now) } else { open(now).not() }),
            self.status.as_ref().map(|states| any_of(states.iter().map(|status| standing(*status, now)))),
        ];
        all_of(conditions.into_iter().flatten())
    }
}

/// Workshops that are like this and have a session that stands so, as a condition on [`gathering::Entity`].
///
/// # Errors
/// Refused when the words to search for are too long or hold control characters.
fn gatherings(about: &About, standing: &Standing, now: Instant) -> Result<Condition> {
    let with_session = standing.condition(now).map(|standing| {
        let with = query::<session::Entity>().select_only().column(session::Column::GatheringId).filter(standing);
        gathering::Column::Id.in_subquery(with.into_query())
    });
    Ok(Condition::all().add_option(about.condition()?).add_option(with_session))
}

/// Sessions that stand so, of gatherings that are like this, as a condition on [`session::Entity`].
///
/// # Errors
/// Refused when the words to search for are too long or hold control characters.
fn sessions(about: &About, standing: &Standing, now: Instant) -> Result<Condition> {
    let of_gathering = about.condition()?.map(|about| {
        let of = query::<gathering::Entity>().select_only().column(gathering::Column::Id).filter(about);
        session::Column::GatheringId.in_subquery(of.into_query())
    });
    Ok(Condition::all().add_option(standing.condition(now)).add_option(of_gathering))
}

/// Where each gathering is.
fn place() -> [Expr; 3] {
    [gathering::Column::EarthX, gathering::Column::EarthY, gathering::Column::EarthZ].map(|axis| Expr::col((gathering::Entity, axis)))
}

/// Gatherings that meet in person in a circle, each measured by its distance.
///
/// # Errors
/// Refused when the circle makes no sense.
fn gatherings_near<'a>(find: Find<'a, gathering::Entity>, near: &Near) -> Result<Find<'a, gathering::Entity>> {
    let circle = near.circle()?;
    let square = circle.square_to(place());
    Ok(find.matching(None, Condition::all().add(circle.holds(square.clone()))).measured(square))
}

/// Sessions of such gatherings, measured likewise.
///
/// # Errors
/// As [`gatherings_near`].
fn sessions_near<'a>(find: Find<'a, session::Entity>, near: &Near) -> Result<Find<'a, session::Entity>> {
    let circle = near.circle()?;
    let square = circle.square_to(place());
    let within = query::<gathering::Entity>().select_only().column(gathering::Column::Id).filter(circle.holds(square.clone()));
    let within = Condition::all().add(session::Column::GatheringId.in_subquery(within.into_query()));
    let of_session = Expr::col((gathering::Entity, gathering::Column::Id)).eq(Expr::col((session::Entity, session::Column::GatheringId)));
    let square = query::<gathering::Entity>().select_only().expr_as(square, "square").filter(of_session).into_query();
    Ok(find.matching(None, within).measured(Expr::from(SubQueryStatement::from(square))))
}

/// Sessions that are still to come.
pub fn upcoming(now: Instant) -> Condition {
    Condition::all().add(session::Column::Status.eq(SessionStatus::Scheduled)).add(session::Column::StartsAt.gt(now))
}

/// A gathering as everyone may know it.
#[derive(Debug)]
pub struct Published {
    /// It.
    pub gathering: Visible<gathering::Entity>,
    /// Those of its sessions that its series do not say: cancelled ones, and those at another time than their own. By their time.
    pub apart: Vec<Visible<session::Entity>>,
}

/// What is public of the schedule, by when the next session begins: gatherings that are like this and have a session that stands so. For
/// those who write it down in one document, which holds so many at the most.
///
/// # Errors
/// Refused when the words to search for are none, with `TOO_MANY` when there are more.
pub async fn published(store: &Store, about: &About, standing: &Standing, most: u64) -> Result<Vec<Published>> {
    let access = Access::anonymous("the public schedule", store.clock().now());
    let these = gatherings(about, standing, access.now)?.add(gathering::Column::Open.eq(true));
    // What others publish is theirs to publish.
    let these = these.add(gathering::Column::Kind.ne(GatheringKind::ListedMeeting));
    let found = store.find::<gathering::Entity>(&access).matching_as("published", None, these);
    let found = found.ordered_by_instant("next session", next_session(access.now), Order::Asc).first(most + 1).await?;
    if found.len() as u64 > most {
        let sentence = format!("These are more than {most}: narrow it, by `programIds` or `topics`.");
        return Err(Refusal::new(Code::TooMany, sentence).into());
    }
    with_sessions_apart(store, &access, found).await
}

/// One gathering, if it is public.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn published_one(store: &Store, id: GatheringId) -> Result<Option<Published>> {
    let access = Access::anonymous("the public schedule", store.clock().now());
    let this = store.fetch::<gathering::Entity>(&access, id).await?.filter(|this| this.open && this.kind != GatheringKind::ListedMeeting);
    Ok(with_sessions_apart(store, &access, this.into_iter().collect()).await?.pop())
}

/// The sessions of a public gathering that are not over, cancelled ones as well, by their time: at most so many.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn coming(store: &Store, id: GatheringId, most: u64) -> Result<Vec<Visible<session::Entity>>> {
    let access = Access::anonymous("the public schedule", store.clock().now());
    let of_it = store.find::<session::Entity>(&access).by(session::Column::GatheringId, |column| column.eq(id));
    let not_over = Condition::all().add(session::Column::EndsAt.gt(access.now));
    of_it.matching_as("coming", None, not_over).ordered(session::Column::StartsAt, Order::Asc).first(most).await
}

/// A session that its series does not say: it is cancelled, at another time, or of a day that is none of the series any more.
fn apart() -> Condition {
    use session::Column;
    let column = |column: Column| Expr::col((session::Entity, column));
    let elsewhere =
        Condition::any().add(Column::Status.eq(SessionStatus::Cancelled)).add(column(Column::LocalStart).ne(column(Column::Occurrence)));
    let of_series = Condition::all().add(Column::Occurrence.is_not_null()).add(elsewhere);
    let of_none = Condition::all().add(Column::Occurrence.is_null()).add(Column::Status.eq(SessionStatus::Scheduled));
    Condition::any().add(of_series).add(of_none)
}

async fn with_sessions_apart(store: &Store, access: &Access, gatherings: Vec<Visible<gathering::Entity>>) -> Result<Vec<Published>> {
    let ids: Vec<_> = gatherings.iter().map(|gathering| gathering.id).collect();
    let of_these = store.find::<session::Entity>(access).by(session::Column::GatheringId, |column| column.is_in(ids.iter().copied()));
    let sessions = of_these.matching_as("apart", None, apart()).ordered(session::Column::StartsAt, Order::Asc);
    let mut by_gathering: HashMap<GatheringId, Vec<_>> = HashMap::new();
    for session in sessions.first(ids.len() as u64 * MOST_OCCURRENCES as u64).await? {
        by_gathering.entry(session.gathering_id).or_default().push(session);
    }
    let with =
        |gathering: Visible<gathering::Entity>| Published { apart: by_gathering.remove(&gathering.id).unwrap_or_default(), gathering };
    Ok(gatherings.into_iter().map(with).collect())
}

/// When a session begins.
pub fn start() -> Expr {
    Expr::col((session::Entity, session::Column::StartsAt))
}

/// When a gathering's next session begins; the end of time where none is to come.
pub fn next_session(now: Instant) -> Expr {
    let of_gathering = Expr::col((session::Entity, session::Column::GatheringId)).eq(Expr::col((gathering::Entity, gathering::Column::Id)));
    let first = query::<session::Entity>().select_only().column_as(session::Column::StartsAt.min(), "next");
    let first = first.filter(of_gathering).filter(upcoming(now)).into_query();
    Func::coalesce([Expr::from(SubQueryStatement::from(first)), Expr::val(end_of_time())]).into()
}

/// What of the schedule a caller sees besides what is published for everyone, and what a client sees of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// What is published for partners.
    pub(super) of_partners: bool,
    /// All of this organization's, drafts as well.
    pub(super) as_staff: Option<OrganizationId>,
}

impl Seen {
    pub(super) fn by(access: &Access) -> Self {
        let more = reads_more(access);
        Self {
            of_partners: more && may(access, Resource::PartnerSchedule, Act::Read),
            as_staff: access.organization.filter(|_| more && may(access, Resource::Workshop, Act::Read)),
        }
    }
}
