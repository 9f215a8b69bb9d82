//! What is public of the schedule, in memory: read from the database once, then again what changed, and never changed itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{NaiveTime, TimeDelta};
use entity::{
    GatheringId, OrganizationId, PeerId, ProgramId, SessionId, gathering, organization, peer, program, session,
    vocabulary::GatheringVisibility,
};
use uuid::Uuid;

use super::{SEATS_MOVE_EVERY, end_of_time};
use crate::{
    clock::Instant,
    domain::{
        gathering::labels_of,
        place::Place,
        session::is_upcoming,
        wall_time::{reached, zone_of},
    },
    store::{Entry, Visible},
};

/// The rows that a snapshot is made of, as those see them who see no more than partners do.
#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) gatherings: BTreeMap<GatheringId, Arc<Visible<gathering::Entity>>>,
    /// Who leads each.
    pub(super) leaders: HashMap<GatheringId, Vec<PeerId>>,
    pub(super) sessions: HashMap<SessionId, Arc<Visible<session::Entity>>>,
    pub(super) peers: HashMap<PeerId, Visible<peer::Entity>>,
    pub(super) programs: HashMap<ProgramId, Visible<program::Entity>>,
    pub(super) organizations: HashMap<OrganizationId, Visible<organization::Entity>>,
}

/// Which rows were read, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// Tells this snapshot from all before it.
    pub(super) number: u64,
    /// The beginning of the five minutes in which seats were read.
    pub(super) seats_of: Instant,
    /// Sessions that ended before are not there.
    pub(super) since: Instant,
}

/// A label of a gathering, as a number.
pub(super) type Label = u32;

/// A gathering in memory.
pub(super) struct Gathered {
    pub(super) row: Arc<Visible<gathering::Entity>>,
    pub(super) for_all: bool,
    pub(super) labels: Vec<Label>,
    pub(super) place: Option<Place>,
    pub(super) leaders: Vec<Visible<peer::Entity>>,
    /// Its sessions, by when they begin.
    pub(super) sessions: Vec<Entry<Instant>>,
}

/// A session in memory, and where its gathering is.
pub(super) struct Held {
    pub(super) row: Arc<Visible<session::Entity>>,
    pub(super) gathering: u32,
}

/// Gatherings by their next session, as it is in one phase.
struct Upcoming {
    phase: u32,
    order: Arc<[Entry<Instant>]>,
}

/// The public schedule at one moment of its history.
pub struct Snapshot {
    pub(super) reading: Reading,
    pub(super) gatherings: Vec<Gathered>,
    pub(super) sessions: Vec<Held>,
    gathering_at: HashMap<GatheringId, u32>,
    session_at: HashMap<SessionId, u32>,
    labels: HashMap<(&'static str, String), Label>,
    /// Sessions by when they begin.
    pub(super) by_start: Vec<Entry<Instant>>,
    /// How long the longest session takes.
    pub(super) longest: TimeDelta,
    /// When something that is public changes because time passes: sessions begin and end, and series follow one another.
    moments: Vec<Instant>,
    upcoming: Mutex<Option<Upcoming>>,
    pub(super) programs: HashMap<ProgramId, Visible<program::Entity>>,
    pub(super) organizations: HashMap<OrganizationId, Visible<organization::Entity>>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("reading", &self.reading).field("sessions", &self.sessions.len()).finish_non_exhaustive()
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn place_of(row: &gathering::Model) -> Option<Place> {
    Some(Place { x: row.earth_x?, y: row.earth_y?, z: row.earth_z? })
}

/// The days on which a gathering's series follow one another begin then.
fn turns(row: &gathering::Model) -> impl Iterator<Item = Instant> {
    let zone = zone_of(&row.time_zone).ok();
    row.series.iter().filter_map(move |series| Some(reached(zone?, series.begins_on().and_time(NaiveTime::MIN))))
}

impl Snapshot {
    pub(super) fn of(rows: &Rows, reading: Reading) -> Self {
        let mut labels: HashMap<(&'static str, String), Label> = HashMap::new();
        let gathered = |row: &Arc<Visible<gathering::Entity>>| {
            let named = labels_of(row).into_iter().map(|(kind, value)| {
                let next = place(labels.len());
                *labels.entry((kind, value.to_owned())).or_insert(next)
            });
            let mut numbers: Vec<_> = named.collect();
            numbers.sort_unstable();
            let leaders = rows.leaders.get(&row.id).into_iter().flatten();
            Gathered {
                for_all: row.visibility == GatheringVisibility::Public,
                labels: numbers,
                place: place_of(row),
                leaders: leaders.filter_map(|leader| rows.peers.get(leader).cloned()).collect(),
                sessions: Vec::new(),
                row: Arc::clone(row),
            }
        };
        let mut gatherings: Vec<Gathered> = rows.gatherings.values().map(gathered).collect();
        let gathering_at: HashMap<_, _> = gatherings.iter().enumerate().map(|(at, one)| (one.row.id, place(at))).collect();
        let held =
            |row: &Arc<Visible<session::Entity>>| Some(Held { gathering: *gathering_at.get(&row.gathering_id)?, row: Arc::clone(row) });
        let mut sessions: Vec<Held> = rows.sessions.values().filter_map(held).collect();
        sessions.sort_unstable_by_key(|held| (held.row.starts_at, Uuid::from(held.row.id)));
        let by_start: Vec<Entry<Instant>> =
            sessions.iter().enumerate().map(|(at, held)| (held.row.starts_at, held.row.id.into(), place(at))).collect();
        for (held, entry) in sessions.iter().zip(&by_start) {
            if let Some(gathering) = gatherings.get_mut(held.gathering as usize) {
                gathering.sessions.push(*entry);
            }
        }
        let turns = gatherings.iter().flat_map(|one| turns(&one.row));
        // What everyone is told of seats follows what they are five minutes later.
        let seats = sessions.iter().map(|held| held.row.seats_changed_at + SEATS_MOVE_EVERY);
        // And who asked just before them may be answered just after.
        let seats = seats.filter(|at| *at + SEATS_MOVE_EVERY * 2 > reading.seats_of);
        let mut moments: Vec<_> =
            sessions.iter().flat_map(|held| [held.row.starts_at, held.row.ends_at]).chain(turns).chain(seats).collect();
        moments.sort_unstable();
        moments.dedup();
        Self {
            reading,
            session_at: sessions.iter().enumerate().map(|(at, held)| (held.row.id, place(at))).collect(),
            longest: sessions.iter().map(|held| held.row.ends_at - held.row.starts_at).max().unwrap_or_default(),
            gatherings,
            sessions,
            gathering_at,
            labels,
            by_start,
            moments,
            upcoming: Mutex::default(),
            programs: rows.programs.clone(),
            organizations: rows.organizations.clone(),
        }
    }

    /// Tells it from every other.
    pub const fn number(&self) -> u64 {
        self.reading.number
    }

    /// How many of its moments have passed: within one phase of it the same question has the same answer.
    pub fn phase(&self, now: Instant) -> u32 {
        place(self.moments.partition_point(|moment| *moment <= now))
    }

    /// When a phase ends, if time ends it.
    pub fn ends(&self, phase: u32) -> Option<Instant> {
        self.moments.get(phase as usize).copied()
    }

    pub(super) fn label(&self, kind: &'static str, value: &str) -> Option<Label> {
        self.labels.get(&(kind, value.to_owned())).copied()
    }

    pub(super) fn gathered(&self, id: GatheringId) -> Option<&Gathered> {
        self.gatherings.get(*self.gathering_at.get(&id)? as usize)
    }

    pub(super) fn gathering_of(&self, session: u32) -> Option<&Gathered> {
        self.gatherings.get(self.sessions.get(session as usize)?.gathering as usize)
    }

    pub(super) fn held(&self, id: SessionId) -> Option<&Held> {
        self.sessions.get(*self.session_at.get(&id)? as usize)
    }

    /// Gatherings by when their next session begins, those without one at the end of time.
    pub(super) fn upcoming(&self, now: Instant) -> Arc<[Entry<Instant>]> {
        let phase = self.phase(now);
        let known = || self.upcoming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(upcoming) = known().as_ref().filter(|upcoming| upcoming.phase == phase) {
            return Arc::clone(&upcoming.order);
        }
        // Should others make it at the same time, it is the same.
        let next = |gathered: &Gathered| self.next_of(gathered, now).map_or_else(end_of_time, |(at, ..)| at);
        let entries = self.gatherings.iter().enumerate();
        let mut order: Vec<_> = entries.map(|(at, one)| (next(one), Uuid::from(one.row.id), place(at))).collect();
        order.sort_unstable();
        let order: Arc<[_]> = order.into();
        *known() = Some(Upcoming { phase, order: Arc::clone(&order) });
        order
    }

    /// A gathering's next session.
    pub(super) fn next_of(&self, gathered: &Gathered, now: Instant) -> Option<Entry<Instant>> {
        let from = gathered.sessions.partition_point(|(at, ..)| *at <= now);
        let upcoming = |at: u32| self.sessions.get(at as usize).is_some_and(|held| is_upcoming(&held.row, now));
        gathered.sessions[from..].iter().find(|(_, _, at)| upcoming(*at)).copied()
    }
}
