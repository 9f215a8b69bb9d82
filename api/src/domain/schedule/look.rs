//! What somebody looks for in the schedule that is in memory: the same lists as the conditions of the floor above make of the database.

use std::{cell::RefCell, sync::Arc};

use entity::{
    GatheringId, OrganizationId, ProgramId, SessionId, gathering, organization, peer, program, session,
    vocabulary::{AttendanceMode, GatheringKind, Modality, SessionStatus},
};

use super::{
    About, Seen, Standing,
    snapshot::{Gathered, Label, Snapshot},
};
use crate::{
    access::{
        Access, Actor,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    domain::{
        gathering::{ACCESSIBLE, LANGUAGE, TOPIC},
        place::Circle,
        search_words,
        session::{is_upcoming, seats_left, status},
    },
    store::{Entry, InMemory, InOrder, Protected, Visible},
};

/// Those who see the schedule alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// What is published for everyone.
    Everyone,
    /// What is published for partners as well.
    Partners,
}

impl Audience {
    /// Among whom a caller is; nothing for those who see something of their own.
    pub fn of(access: &Access) -> Option<Self> {
        let seen = Seen::by(access);
        let opens = [Resource::ProgramOperations, Resource::SessionRoster, Resource::Administration]
            .iter()
            .any(|gate| may(access, *gate, Act::Read));
        match access.actor {
            Actor::Anonymous => Some(Self::Everyone),
            Actor::Api(_) if seen.as_staff.is_none() && !opens => Some(if seen.of_partners { Self::Partners } else { Self::Everyone }),
            _ => None,
        }
    }

    fn sees(self, gathered: &Gathered) -> bool {
        gathered.for_all || self == Self::Partners
    }
}

/// What lists are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// When sessions begin, or the next one does.
    Start,
    /// How far it is, and at one distance when.
    Distance,
}

/// The schedule in memory, as one caller sees it at one moment.
#[derive(Clone, Debug)]
pub struct Seeing {
    snapshot: Arc<Snapshot>,
    audience: Audience,
    now: Instant,
}

/// Rows that are in memory.
pub trait InSchedule: Protected {
    /// The row with this id, if it is there and who looks sees it.
    fn of(seeing: &Seeing, id: Self::Id) -> Option<Visible<Self>>;
}

impl InSchedule for program::Entity {
    fn of(seeing: &Seeing, id: ProgramId) -> Option<Visible<Self>> {
        seeing.snapshot.programs.get(&id).cloned()
    }
}

impl InSchedule for organization::Entity {
    fn of(seeing: &Seeing, id: OrganizationId) -> Option<Visible<Self>> {
        seeing.snapshot.organizations.get(&id).cloned()
    }
}

impl InSchedule for session::Entity {
    fn of(seeing: &Seeing, id: SessionId) -> Option<Visible<Self>> {
        let held = seeing.snapshot.held(id)?;
        seeing.gathering(held.row.gathering_id).map(|_| Visible::clone(&held.row))
    }
}

/// Which gatherings are meant, with labels as numbers. Each is looked at once.
struct Meant<'a> {
    seeing: &'a Seeing,
    kinds: Option<&'a [GatheringKind]>,
    any_of: Vec<Vec<Label>>,
    modality: Option<&'a [Modality]>,
    about: &'a About,
    words: Option<Vec<String>>,
    circle: Option<Circle>,
    /// A list asks for what no gathering has.
    none: bool,
    known: RefCell<Vec<Option<bool>>>,
}

impl<'a> Meant<'a> {
    fn of(seeing: &'a Seeing, about: &'a About, circle: Option<Circle>) -> Self {
        let labels =
            |kind, values: &[String]| -> Vec<Label> { values.iter().filter_map(|value| seeing.snapshot.label(kind, value)).collect() };
        let any = |kind, values: &Option<Vec<String>>| values.as_ref().map(|values| labels(kind, values));
        let each = about.accessibility.iter().flatten().map(|feature| labels(ACCESSIBLE, std::slice::from_ref(feature)));
        let any_of: Vec<_> = [any(TOPIC, &about.topics), any(LANGUAGE, &about.languages)].into_iter().flatten().chain(each).collect();
        Self {
            none: any_of.iter().any(Vec::is_empty),
            any_of,
            kinds: about.kinds.as_deref(),
            modality: about.modality.as_deref(),
            words: about.search.as_deref().map(search_words::sought),
            known: RefCell::new(vec![None; seeing.snapshot.gatherings.len()]),
            seeing,
            about,
            circle,
        }
    }

    fn holds(&self, at: u32) -> bool {
        if self.none {
            return false;
        }
        let at = at as usize;
        if let Some(Some(known)) = self.known.borrow().get(at) {
            return *known;
        }
        let holds = self.seeing.snapshot.gatherings.get(at).is_some_and(|gathered| self.looks(gathered));
        if let Some(known) = self.known.borrow_mut().get_mut(at) {
            *known = Some(holds);
        }
        holds
    }

    fn looks(&self, gathered: &Gathered) -> bool {
        let row = &gathered.row;
        self.seeing.audience.sees(gathered)
            && self.kinds.is_none_or(|kinds| kinds.contains(&row.kind))
            && self.modality.is_none_or(|ways| ways.contains(&row.modality))
            && self.about.program_ids.as_ref().is_none_or(|ids| row.program_id.is_some_and(|own| ids.contains(&own)))
            && self.any_of.iter().all(|any| any.iter().any(|label| gathered.labels.binary_search(label).is_ok()))
            && self.words.as_ref().is_none_or(|words| search_words::begin(row.search_words.as_deref(), words))
            && self.circle.is_none_or(|circle| gathered.place.is_some_and(|place| circle.has(circle.square_of(place))))
    }
}

impl Standing {
    /// Whether a session stands so.
    fn holds(&self, session: &session::Model, open: bool, now: Instant) -> bool {
        let seats = || {
            let left = |attendance| seats_left(session, attendance, now).is_none_or(|left| left > 0);
            open && is_upcoming(session, now) && (left(AttendanceMode::InPerson) || left(AttendanceMode::Online))
        };
        self.from.is_none_or(|from| session.starts_at >= from)
            && self.to.is_none_or(|to| session.starts_at < to)
            && self.status.as_ref().is_none_or(|states| states.contains(&status(session, now)))
            && self.has_seats.is_none_or(|wanted| wanted == seats())
    }

    /// From when on sessions can stand so; nothing when any can.
    fn earliest(&self, snapshot: &Snapshot, now: Instant) -> Option<Instant> {
        let to_come = self.status.as_deref() == Some(&[SessionStatus::Scheduled]);
        let by_state = to_come.then(|| now - snapshot.longest);
        let by_seats = (self.has_seats == Some(true)).then_some(now);
        self.from.into_iter().chain(by_state).chain(by_seats).max()
    }

    fn says_nothing(&self) -> bool {
        self.from.is_none() && self.to.is_none() && self.has_seats.is_none() && self.status.is_none()
    }
}

/// The part of entries, which are in the order of their time, that can stand so.
fn part(entries: &[Entry<Instant>], from: Option<Instant>, to: Option<Instant>) -> &[Entry<Instant>] {
    let first = from.map_or(0, |from| entries.partition_point(|(at, ..)| *at < from));
    let end = to.map_or(entries.len(), |to| entries.partition_point(|(at, ..)| *at < to));
    &entries[first.min(end)..end]
}

impl Seeing {
    /// What this caller sees of a snapshot; nothing when they see more than it holds.
    pub fn of(snapshot: Arc<Snapshot>, access: &Access) -> Option<Self> {
        Some(Self { snapshot, audience: Audience::of(access)?, now: access.now })
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// A row that is here, if the caller sees it.
    pub fn row<E: InSchedule>(&self, id: E::Id) -> Option<Visible<E>> {
        E::of(self, id)
    }

    /// A gathering, if the caller sees it and it is here.
    pub fn gathering(&self, id: GatheringId) -> Option<&Arc<Visible<gathering::Entity>>> {
        self.gathered(id).map(|gathered| &gathered.row)
    }

    fn gathered(&self, id: GatheringId) -> Option<&Gathered> {
        self.snapshot.gathered(id).filter(|gathered| self.audience.sees(gathered))
    }

    /// Who leads a gathering, as they appear to everyone.
    pub fn leaders(&self, id: GatheringId) -> Option<&[Visible<peer::Entity>]> {
        self.gathered(id).map(|gathered| gathered.leaders.as_slice())
    }

    /// A gathering's next session; nothing of a gathering that is not here.
    pub fn next_session(&self, id: GatheringId) -> Option<Option<Visible<session::Entity>>> {
        let next = self.snapshot.next_of(self.gathered(id)?, self.now);
        Some(next.and_then(|(_, _, at)| Some(Visible::clone(&self.snapshot.sessions.get(at as usize)?.row))))
    }

    /// Whether sessions that can stand so are all here.
    fn reaches(&self, standing: &Standing) -> bool {
        standing.earliest(&self.snapshot, self.now).is_some_and(|from| from >= self.snapshot.reading.since)
    }

    fn stands(&self, standing: &Standing, at: u32) -> bool {
        let open = || self.snapshot.gathering_of(at).is_some_and(|gathered| gathered.row.open);
        self.snapshot.sessions.get(at as usize).is_some_and(|held| standing.holds(&held.row, open(), self.now))
    }

    /// Sessions that stand so, of gatherings that are like this; nothing when some may not be here.
    pub fn sessions<'a>(
        &'a self,
        about: &'a About,
        standing: &'a Standing,
        circle: Option<Circle>,
        by: By,
    ) -> Option<InMemory<'a, session::Entity>> {
        if !self.reaches(standing) {
            return None;
        }
        let meant = Meant::of(self, about, circle);
        let snapshot = &*self.snapshot;
        let holds =
            move |at: u32| snapshot.sessions.get(at as usize).is_some_and(|held| meant.holds(held.gathering)) && self.stands(standing, at);
        let square = move |at: u32| snapshot.gathering_of(at).and_then(|gathered| Some(circle?.square_of(gathered.place?)));
        let entries = part(&snapshot.by_start, standing.earliest(snapshot, self.now), standing.to);
        let order = match by {
            By::Start => InOrder::At(entries),
            By::Distance => {
                let mut measured: Vec<_> = entries
                    .iter()
                    .filter(|(.., at)| holds(*at))
                    .filter_map(|(start, id, at)| Some(((square(*at)?, *start), *id, *at)))
                    .collect();
                measured.sort_unstable();
                InOrder::Measured(measured)
            }
        };
        let row = move |at: u32| {
            let row = &snapshot.sessions[at as usize].row;
            square(at).map_or_else(|| Visible::clone(row), |square| row.measured(square))
        };
        Some(InMemory { order, holds: Box::new(holds), row: Box::new(row) })
    }

    /// A gathering's sessions that stand so; nothing when some may not be here.
    pub fn sessions_of<'a>(&'a self, id: GatheringId, standing: &'a Standing) -> Option<InMemory<'a, session::Entity>> {
        if !self.reaches(standing) {
            return None;
        }
        let snapshot = &*self.snapshot;
        let entries = part(&self.gathered(id)?.sessions, standing.earliest(snapshot, self.now), standing.to);
        Some(InMemory {
            order: InOrder::At(entries),
            holds: Box::new(move |at| self.stands(standing, at)),
            row: Box::new(move |at| Visible::clone(&snapshot.sessions[at as usize].row)),
        })
    }

    /// Gatherings that are like this and have a session that stands so; nothing when some of those may not be here.
    pub fn gatherings<'a>(
        &'a self,
        about: &'a About,
        standing: &'a Standing,
        circle: Option<Circle>,
        by: By,
    ) -> Option<InMemory<'a, gathering::Entity>> {
        let any = standing.says_nothing();
        if !any && !self.reaches(standing) {
            return None;
        }
        let meant = Meant::of(self, about, circle);
        let snapshot = &*self.snapshot;
        let stands = move |gathered: &Gathered| {
            let entries = part(&gathered.sessions, standing.earliest(snapshot, self.now), standing.to);
            any || entries.iter().any(|(_, _, at)| self.stands(standing, *at))
        };
        let holds = move |at: u32| meant.holds(at) && snapshot.gatherings.get(at as usize).is_some_and(stands);
        let square = move |at: u32| Some(circle?.square_of(snapshot.gatherings.get(at as usize)?.place?));
        let order = match by {
            By::Start => InOrder::Computed(snapshot.upcoming(self.now)),
            By::Distance => {
                let upcoming = snapshot.upcoming(self.now);
                let entries = upcoming.iter().filter(|(.., at)| holds(*at));
                let mut measured: Vec<_> = entries.filter_map(|(next, id, at)| Some(((square(*at)?, *next), *id, *at))).collect();
                measured.sort_unstable();
                InOrder::Measured(measured)
            }
        };
        let row = move |at: u32| {
            let row = &snapshot.gatherings[at as usize].row;
            square(at).map_or_else(|| Visible::clone(row), |square| row.measured(square))
        };
        Some(InMemory { order, holds: Box::new(holds), row: Box::new(row) })
    }
}
