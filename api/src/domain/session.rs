//! Who sees a session, and how one is moved or cancelled.

use std::collections::HashMap;

use chrono::{DurationRound, TimeDelta};
use entity::{
    EventId, GatheringId, SessionId, event, gathering, listed_meeting, session,
    vocabulary::{AttendanceMode, EventKind, SessionStatus},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, Order, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{
    event::happened_after,
    gathering::{FURTHEST, refuse_conflicts, runs},
    recurrence::MOST_OCCURRENCES,
    registration,
    schedule::{reads_more, seats_move_at},
    text,
    wall_time::{local_of, zone_of},
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Find, Grants, Protected, Store, Tx, Visible, any_of, query},
};

impl Protected for session::Entity {
    type Id = SessionId;

    fn id_column() -> Self::Column {
        session::Column::Id
    }

    fn id(row: &session::Model) -> SessionId {
        row.id
    }

    /// Whoever sees the gathering.
    fn visible_to(access: &Access) -> Condition {
        let gatherings = query::<gathering::Entity>().select_only().column(gathering::Column::Id);
        let gatherings = gatherings.filter(gathering::Entity::visible_to(access));
        Condition::all().add(session::Column::GatheringId.in_subquery(gatherings.into_query()))
    }

    /// How many are registered is for those who run the program; who they are, each registration decides.
    fn grants(access: &Access) -> Grants {
        if reads_more(access) && may(access, Resource::SessionRoster, Act::Read) {
            let own = session::Column::ProgramId.is_in(access.programs.iter().copied());
            Grants::none().open(Class::ContactsAndNotes, Condition::all().add(own))
        } else {
            Grants::none()
        }
    }

    fn allows(access: &Access, action: Action, row: &session::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update | Action::End => runs(access, row.program_id) && may(access, Resource::Workshop, Act::Update),
            // Seats of another organization's sessions are for what a consent covers: not yet.
            Action::Extend => {
                let may = access.acts_for_oneself() || may(access, Resource::Registration, Act::Create);
                // Whoever asks for a seat of a listed meeting is told why there is none.
                may && row.organization_id.is_none_or(|own| access.organization == Some(own))
            }
            _ => false,
        }
    }
}

/// Where a session stands now: what was not cancelled is held once its time is over. It says nothing of who came.
pub fn status(session: &session::Model, now: Instant) -> SessionStatus {
    match session.status {
        SessionStatus::Scheduled if session.ends_at <= now => SessionStatus::Held,
        status => status,
    }
}

/// Whether a session is still to come.
pub(super) fn is_upcoming(session: &session::Model, now: Instant) -> bool {
    session.status == SessionStatus::Scheduled && session.starts_at > now
}

/// How many seats are left as everyone may know it, which moves at most every five minutes; null for any number.
pub fn seats_left(session: &session::Model, attendance: AttendanceMode, now: Instant) -> Option<i32> {
    let (capacity, registered, before) = match attendance {
        AttendanceMode::InPerson => (session.capacity_in_person, session.registered_in_person, session.before_in_person),
        AttendanceMode::Online => (session.capacity_online, session.registered_online, session.before_online),
    };
    let taken = if session.seats_changed_at < seats_move_at(now) { registered } else { before };
    capacity.map(|capacity| (capacity - taken).max(0))
}

/// Whether somebody can still get in line, as everyone may know it.
pub fn waitlist_open(session: &session::Model, now: Instant) -> bool {
    let waiting = if session.seats_changed_at < seats_move_at(now) { session.waiting } else { session.before_waiting };
    is_upcoming(session, now) && session.waitlist_size.is_none_or(|size| waiting < size)
}

/// Refuses what only a session that is still to come allows.
///
/// # Errors
/// Refused with `IMMUTABLE` when it is cancelled or has begun.
pub(super) fn refuse_over(session: &session::Model, path: &'static [&'static str], now: Instant) -> Result<(), Refusal> {
    let sentence = match session.status {
        SessionStatus::Cancelled => "This session is cancelled: choose another.",
        _ if session.starts_at <= now => "This session has begun: choose one that is still to come.",
        _ => return Ok(()),
    };
    Err(Refusal::new(Code::Immutable, sentence).at(path.iter().copied()))
}

/// Refuses to change a session to which people came.
async fn refuse_attended(tx: &Tx, session: &session::Model) -> Result<()> {
    if registration::has_come(tx, session.id).await? {
        let sentence = "People have come to this session: it stays as it is.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
    }
    Ok(())
}

/// Moves a session to another time. Whoever is registered stays so.
///
/// # Errors
/// `NotFound` when the caller does not see it, `NotPermitted` when they do not coordinate its program; refused with `IMMUTABLE` when it
/// is cancelled or has begun, with `INVALID` when the new time is past or far away, with `STALE` when it changed meanwhile.
pub async fn reschedule(
    store: &Store,
    access: &Access,
    id: SessionId,
    starts_at: Instant,
    version: Option<i32>,
    despite_conflict: bool,
) -> Result<Visible<session::Entity>> {
    let mut tx = store.begin(access).await?;
    // First what falls due there, then the session: whoever comes in meanwhile is there before this looks, or after it is done.
    registration::release_timers(&tx, id).await?;
    tx.hold_alone::<session::Entity>(id).await?;
    let session = tx.fetch_for::<session::Entity>(id, Action::Update).await?;
    let now = access.now;
    refuse_over(&session, &["id"], now)?;
    refuse_attended(&tx, &session).await?;
    let whole_minute = starts_at.duration_trunc(TimeDelta::minutes(1)).is_ok_and(|minute| minute == starts_at);
    if !whole_minute || starts_at <= now || starts_at - now > FURTHEST {
        let sentence = format!("`startsAt` is a whole minute in the future, at most {} days ahead.", FURTHEST.num_days());
        return Err(Refusal::invalid(sentence).at(["startsAt"]).into());
    }
    let gathering = tx.fetch_for::<gathering::Entity>(session.gathering_id, Action::Read).await?;
    let change = session::ActiveModel {
        starts_at: Set(starts_at),
        ends_at: Set(starts_at + (session.ends_at - session.starts_at)),
        local_start: Set(local_of(zone_of(&gathering.time_zone)?, starts_at)),
        ..changed(&session, version, now)
    };
    let moved = write(&tx, &session, change, version).await?;
    if !despite_conflict {
        refuse_conflicts(&tx, &gathering, Some(id), &["startsAt"]).await?;
    }
    registration::tell_change(&tx, &moved, &gathering, session.starts_at).await?;
    Box::pin(registration::moved(&mut tx, id)).await?;
    tx.record(Event::new(EventKind::SessionChanged, moved.organization_id, moved.id, moved.version).changed(["startsAt", "endsAt"]));
    tx.commit(moved).await
}

/// Cancels a session, with a sentence for everyone. Whoever is registered stays so, to be told.
///
/// # Errors
/// `NotFound` when the caller does not see it, `NotPermitted` when they do not coordinate its program; refused with `IMMUTABLE` when it
/// is cancelled already or has begun, with `STALE` when it changed meanwhile.
pub async fn cancel(store: &Store, access: &Access, id: SessionId, note: Option<String>) -> Result<Visible<session::Entity>> {
    let mut tx = store.begin(access).await?;
    tx.hold_alone::<session::Entity>(id).await?;
    let session = tx.fetch_for::<session::Entity>(id, Action::End).await?;
    refuse_over(&session, &["id"], access.now)?;
    refuse_attended(&tx, &session).await?;
    let note = note.map(|note| text::paragraph("note", &note, 500)).transpose().map_err(|refusal| refusal.at(["note"]))?;
    let change = session::ActiveModel { status: Set(SessionStatus::Cancelled), note: Set(note), ..changed(&session, None, access.now) };
    let cancelled = write(&tx, &session, change, None).await?;
    let gathering = tx.fetch_for::<gathering::Entity>(session.gathering_id, Action::Read).await?;
    registration::tell_change(&tx, &cancelled, &gathering, session.starts_at).await?;
    let event = Event::new(EventKind::SessionCancelled, cancelled.organization_id, cancelled.id, cancelled.version);
    tx.record(event.changed(["status", "note"]));
    tx.commit(cancelled).await
}

/// A session that was published, moved or cancelled.
#[derive(Clone, Debug)]
pub struct Change {
    /// What happened.
    pub event: EventId,
    /// Where in the log someone who has seen this goes on: a gathering that is published is seen when all of its sessions are.
    pub seen: i64,
    /// The session as it is now.
    pub session: Visible<session::Entity>,
}

/// How many events of the log are read at once, and how many sessions of a gathering there are at most.
const BATCH: u64 = 100;

/// What changed in the schedule after a place in the log, of sessions that exist for the caller, and how far the log was read; nothing
/// when nothing happened. The log itself is read without a person: what it says of sessions, whoever sees the session may know.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn changes(
    store: &Store,
    access: &Access,
    narrow: impl Fn(Find<'_, session::Entity>) -> Result<Find<'_, session::Entity>> + Send + Sync,
    after: i64,
) -> Result<Option<(i64, Vec<Change>)>> {
    let system = Access::system("changes of the schedule", access.now);
    let kinds = [EventKind::WorkshopPublished, EventKind::SessionChanged, EventKind::SessionCancelled, EventKind::ListedMeetingsChanged];
    let of_interest = store.find::<event::Entity>(&system).by(event::Column::Kind, |column| column.is_in(kinds));
    let events = happened_after(of_interest, after, BATCH).await?;
    let Some(read) = events.last().and_then(|event| event.position) else { return Ok(None) };
    let subjects: Vec<_> = events.iter().map(|event| event.subject_id).collect();
    let listed = listed(store, &system, &events).await?;
    let of_these = Condition::any()
        .add(session::Column::Id.is_in(subjects.iter().copied()))
        .add(session::Column::GatheringId.is_in(subjects.iter().copied().chain(listed.keys().copied().map(Uuid::from))));
    let sessions = narrow(store.find::<session::Entity>(access))?.matching(None, of_these);
    let most = BATCH * MOST_OCCURRENCES as u64;
    let sessions = sessions.ordered(session::Column::StartsAt, Order::Asc).first(most).await?;
    Ok(Some((read, events.iter().flat_map(|event| changes_of(event, &sessions, &listed)).collect())))
}

/// The listed meetings that events are about: each such event is of a feed, and of those meetings that changed last with its version.
async fn listed(store: &Store, system: &Access, events: &[Visible<event::Entity>]) -> Result<HashMap<GatheringId, listed_meeting::Model>> {
    let of_feed = |event: &Visible<event::Entity>| {
        let version = event.subject_version.filter(|_| event.kind == EventKind::ListedMeetingsChanged)?;
        let of_feed = listed_meeting::Column::FeedId.eq(event.subject_id);
        Some(Condition::all().add(of_feed).add(listed_meeting::Column::FeedVersion.eq(version)))
    };
    let of_feeds: Vec<_> = events.iter().filter_map(of_feed).collect();
    if of_feeds.is_empty() {
        return Ok(HashMap::new());
    }
    let listed = store.parts::<listed_meeting::Entity>(system, any_of(of_feeds)).await?;
    Ok(listed.into_iter().map(|one| (one.gathering_id, one)).collect())
}

/// The sessions that an event is about.
fn changes_of(
    event: &event::Model,
    sessions: &[Visible<session::Entity>],
    listed: &HashMap<GatheringId, listed_meeting::Model>,
) -> Vec<Change> {
    let is_about = |session: &Visible<session::Entity>| {
        let (id, gathering): (Uuid, Uuid) = (session.id.into(), session.gathering_id.into());
        match event.kind {
            EventKind::WorkshopPublished => gathering == event.subject_id,
            EventKind::ListedMeetingsChanged => listed
                .get(&session.gathering_id)
                .is_some_and(|one| (Uuid::from(one.feed_id), Some(one.feed_version)) == (event.subject_id, event.subject_version)),
            _ => id == event.subject_id,
        }
    };
    let about: Vec<_> = sessions.iter().filter(|session| is_about(session)).cloned().collect();
    let (position, last) = (event.position.unwrap_or_default(), about.len().saturating_sub(1));
    let seen = |at: usize| if at == last { position } else { position - 1 };
    about.into_iter().enumerate().map(|(at, session)| Change { event: event.id, seen: seen(at), session }).collect()
}

fn changed(session: &session::Model, version: Option<i32>, now: Instant) -> session::ActiveModel {
    session::ActiveModel { updated_at: Set(now), version: Set(version.unwrap_or(session.version).saturating_add(1)), ..Default::default() }
}

/// The write itself names the version it saw: of two at once, one wins.
async fn write(
    tx: &Tx,
    session: &Visible<session::Entity>,
    change: session::ActiveModel,
    version: Option<i32>,
) -> Result<Visible<session::Entity>> {
    let seen = version.unwrap_or(session.version);
    let unchanged = Condition::all().add(session::Column::Version.eq(seen)).add(session::Column::Status.eq(SessionStatus::Scheduled));
    tx.update_if(session, change, unchanged).await?.ok_or_else(|| Error::from(Refusal::stale(Some(session.version)).at(["version"])))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;
    use entity::{ProgramId, TypedId};

    use super::*;

    fn instant(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn seats_move_every_five_minutes() {
        let session = session::Model {
            id: SessionId::new(),
            organization_id: Some(entity::OrganizationId::new()),
            program_id: Some(ProgramId::new()),
            gathering_id: GatheringId::new(),
            status: SessionStatus::Scheduled,
            starts_at: instant("2026-03-09T12:00:00Z"),
            ends_at: instant("2026-03-09T13:00:00Z"),
            local_start: NaiveDateTime::default(),
            occurrence: None,
            capacity_in_person: Some(10),
            capacity_online: None,
            waitlist_size: Some(2),
            registered_in_person: 7,
            registered_online: 40,
            seats_changed_at: instant("2026-03-02T12:00:00Z"),
            before_in_person: 4,
            before_online: 0,
            waiting: 2,
            before_waiting: 1,
            note: None,
            created_at: instant("2026-03-01T12:00:00Z"),
            updated_at: instant("2026-03-01T12:00:00Z"),
            version: 1,
        };
        for (at, left) in [("2026-03-02T12:00:00Z", 6), ("2026-03-02T12:04:59Z", 6), ("2026-03-02T12:05:00Z", 3)] {
            assert_eq!(seats_left(&session, AttendanceMode::InPerson, instant(at)), Some(left), "{at}");
            assert_eq!(seats_left(&session, AttendanceMode::Online, instant(at)), None, "{at}");
            assert_eq!(waitlist_open(&session, instant(at)), left == 6, "{at}");
        }
    }
}
