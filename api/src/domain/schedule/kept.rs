//! The rows of the public schedule, read from the database once and then again where the log says that they changed.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::TimeDelta;
use entity::{
    FeedId, GatheringId, OrganizationId, PeerId, ProgramId, SessionId, event, gathering, gathering_facilitator, listed_meeting,
    organization, peer, program, session,
    vocabulary::{EventKind, Role},
};
use sea_orm::{ColumnTrait, Condition, Order};
use uuid::Uuid;

use super::{
    SEATS_MOVE_EVERY, seats_move_at,
    snapshot::{Reading, Rows},
};
use crate::{
    access::{Access, Scope},
    clock::Instant,
    domain::{event::happened_after, feed},
    error::Result,
    store::{Protected, Store, Visible},
};

/// What of the log changes what is public of the schedule. Seats are looked at every five minutes, as often as they move.
pub(super) const FOLLOWED: &[EventKind] = &[
    EventKind::WorkshopPublished,
    EventKind::WorkshopChanged,
    EventKind::SessionChanged,
    EventKind::SessionCancelled,
    EventKind::ListedMeetingsChanged,
    EventKind::ProgramChanged,
    EventKind::ProgramCapacityChanged,
    EventKind::OrganizationChanged,
    EventKind::PeerChanged,
];

/// How far back sessions are kept in memory; who asks for older ones asks the database.
const BACK: TimeDelta = TimeDelta::days(31);
/// The most sessions that are kept in memory: of more the database is asked, as a gigabyte would not hold them.
const MOST_SESSIONS: u64 = 1_000_000;
/// The most gatherings.
const MOST_GATHERINGS: u64 = 100_000;
/// How many ids one statement names.
const BATCH: usize = 1_000;
/// How many events of the log are read at once.
const EVENTS: u64 = 1_000;
/// When all of it is read again, whatever the log said: what left no event, and sessions that are long over.
const ANEW: TimeDelta = TimeDelta::hours(1);
/// How often all of it was read, by whichever board.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Who sees what partners see, and nothing of their own.
fn partners(now: Instant) -> Access {
    let (roles, scopes) = ([Role::PartnerApp].into(), [Scope::ScheduleRead].into());
    Access { roles, scopes, ..Access::anonymous("the schedule in memory", now) }
}

/// What was read, and up to where.
pub(super) struct Kept {
    rows: Rows,
    /// The listed meetings of each feed, with the feed's version when they changed last.
    listed: HashMap<FeedId, HashSet<(GatheringId, i32)>>,
    pub(super) known: Known,
    /// How far the log was read.
    position: i64,
    /// Sessions that ended before are not there.
    since: Instant,
    read_at: Instant,
    /// Of the last snapshot that was made of it.
    number: u64,
    /// There is too much of it: nothing was read.
    pub(super) too_much: bool,
}

/// Up to where something is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Up to which commit of this process.
    pub(super) commits: u64,
    /// The beginning of the five minutes in which seats were read: of later ones they say nothing.
    pub(super) seats_of: Instant,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("known", &self.known).field("position", &self.position).finish_non_exhaustive()
    }
}

impl Kept {
    /// Whether it is time to read all of it again.
    pub(super) fn is_old(&self, now: Instant) -> bool {
        now - self.read_at >= ANEW
    }

    /// The rows for the next snapshot.
    pub(super) fn next(&mut self) -> (Rows, Reading) {
        self.number += 1;
        (self.rows.clone(), Reading { number: self.number, seats_of: self.known.seats_of, since: self.since })
    }

    /// Reads all of it.
    pub(super) async fn read(store: &Store, now: Instant) -> Result<Self> {
        // First how far it is known, and then what: what happens meanwhile is read once more.
        let (commits, position) = (store.take_commits().count, store.last_position().await?);
        let since = now - BACK;
        let access = partners(now);
        let known = Known { commits, seats_of: seats_move_at(now) };
        // Snapshots of a second reading are others than those of the first.
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed) << 32;
        let (rows, listed) = (Rows::default(), HashMap::new());
        let nothing = Self { rows, listed, known, position, since, read_at: now, number, too_much: true };
        let gatherings = store.find::<gathering::Entity>(&access);
        let sessions = || store.find::<session::Entity>(&access).by(session::Column::EndsAt, |column| column.gte(since));
        if gatherings.count().await? > MOST_GATHERINGS || sessions().count().await? > MOST_SESSIONS {
            tracing::warn!("there are more than {MOST_GATHERINGS} gatherings or {MOST_SESSIONS} sessions: they are read from the database");
            return Ok(nothing);
        }
        let listed = all_listed(store, now).await?;
        let gatherings = gatherings.first(MOST_GATHERINGS).await?;
        let sessions = sessions().ordered(session::Column::StartsAt, Order::Asc).first(MOST_SESSIONS).await?;
        let mut rows = Rows::default();
        let ids: Vec<_> = gatherings.iter().map(|row| row.id).collect();
        rows.gatherings = gatherings.into_iter().map(|row| (row.id, Arc::new(row))).collect();
        rows.sessions = sessions.into_iter().map(|row| (row.id, Arc::new(row))).collect();
        for ids in ids.chunks(BATCH) {
            rows.leaders.extend(leaders(store, ids, now).await?);
        }
        read_around(store, &mut rows, now).await?;
        Ok(Self { rows, listed, too_much: false, ..nothing })
    }

    /// Reads again what changed. Whether anything did.
    pub(super) async fn catch_up(&mut self, store: &Store, now: Instant) -> Result<bool> {
        let committed = store.take_commits();
        if self.too_much {
            return Ok(false);
        }
        let (position, logged) = self.logged(store, now).await?;
        let mut changes = Changes::default();
        committed.events.iter().chain(&logged).for_each(|(kind, subject)| changes.note(*kind, *subject));
        for feed in std::mem::take(&mut changes.feeds) {
            changes.gatherings.extend(self.listed_anew(store, feed, now).await?);
        }
        let known = Known { commits: committed.count, seats_of: seats_move_at(now) };
        // What a program can take on is found out again and again, mostly without an event.
        changes.around |= known.seats_of > self.known.seats_of;
        let mut changed = self.read_changes(store, &changes, now).await?;
        if known.seats_of > self.known.seats_of {
            changed |= self.read_seats(store, now).await?;
        }
        (self.position, self.known) = (position, known);
        Ok(changed)
    }

    /// What the log says since it was last read, and how far it goes.
    async fn logged(&self, store: &Store, now: Instant) -> Result<(i64, Vec<(EventKind, Uuid)>)> {
        let system = Access::system("the schedule in memory", now);
        let (mut position, mut all, sealed) = (self.position, Vec::new(), *store.sealed().borrow());
        while position < sealed {
            let of_interest = store.find::<event::Entity>(&system).by(event::Column::Kind, |column| column.is_in(FOLLOWED.iter().copied()));
            let events = happened_after(of_interest, position, EVENTS).await?;
            all.extend(events.iter().map(|event| (event.kind, event.subject_id)));
            let last = events.last().and_then(|event| event.position).unwrap_or(sealed);
            position = if (events.len() as u64) < EVENTS { last.max(sealed) } else { last };
        }
        Ok((position, all))
    }

    async fn read_changes(&mut self, store: &Store, changes: &Changes, now: Instant) -> Result<bool> {
        let mut changed = false;
        for ids in chunks(&changes.gatherings) {
            changed |= self.read_gatherings(store, &ids, now).await?;
        }
        if changed || changes.around {
            changed |= read_around(store, &mut self.rows, now).await?;
        }
        let access = partners(now);
        for ids in chunks(&changes.sessions) {
            changed |= self.put_sessions(store.by_ids::<session::Entity>(&access, &ids).await?);
        }
        Ok(changed)
    }

    /// Finds the listed meetings of a feed that came, changed or went since they were read.
    async fn listed_anew(&mut self, store: &Store, feed: FeedId, now: Instant) -> Result<Vec<GatheringId>> {
        // Before the meetings themselves: what changes in between is found once more.
        let listed = listed_of(store, feed, now).await?;
        let before = self.listed.insert(feed, listed.clone()).unwrap_or_default();
        Ok(before.symmetric_difference(&listed).map(|(id, _)| *id).collect())
    }

    /// Reads gatherings with all that is theirs. Whether anything of it is another than it was.
    async fn read_gatherings(&mut self, store: &Store, ids: &[GatheringId], now: Instant) -> Result<bool> {
        let (access, since) = (partners(now), self.since);
        let gatherings = store.by_ids::<gathering::Entity>(&access, ids).await?;
        let of_these = store.find::<session::Entity>(&access).by(session::Column::GatheringId, |column| column.is_in(ids.iter().copied()));
        let sessions = of_these.by(session::Column::EndsAt, |column| column.gte(since)).first(MOST_SESSIONS).await?;
        // Of what nobody sees it is nobody's to know who leads it.
        let seen: Vec<_> = gatherings.iter().map(|row| row.id).collect();
        let leaders = leaders(store, &seen, now).await?;
        let rows = &mut self.rows;
        let these: HashSet<_> = ids.iter().collect();
        let before: HashMap<SessionId, _> = rows.sessions.extract_if(|_, session| these.contains(&session.gathering_id)).collect();
        let mut same = before.len() == sessions.len()
            && sessions.iter().all(|row| before.get(&row.id).is_some_and(|known| known.model() == row.model()));
        rows.sessions.extend(sessions.into_iter().map(|row| (row.id, Arc::new(row))));
        let mut read: HashMap<_, _> = gatherings.into_iter().map(|row| (row.id, row)).collect();
        for id in ids {
            let (before, after) = (rows.gatherings.remove(id), read.remove(id));
            same &= before.as_ref().map(|row| row.model()) == after.as_ref().map(Visible::model);
            rows.gatherings.extend(after.map(|row| (*id, Arc::new(row))));
            let led = leaders.get(id).cloned().unwrap_or_default();
            same &= rows.leaders.insert(*id, led.clone()).unwrap_or_default() == led;
        }
        Ok(!same)
    }

    /// Puts sessions in their places, where they are not there as they are.
    fn put_sessions(&mut self, read: Vec<Visible<session::Entity>>) -> bool {
        let mut changed = false;
        for row in read {
            let same = self.rows.sessions.get(&row.id).is_some_and(|known| known.model() == row.model());
            if !same && row.ends_at >= self.since && self.rows.gatherings.contains_key(&row.gathering_id) {
                self.rows.sessions.insert(row.id, Arc::new(row));
                changed = true;
            }
        }
        changed
    }

    /// Reads the seats that may have moved since they were read.
    async fn read_seats(&mut self, store: &Store, now: Instant) -> Result<bool> {
        // And for a while before, for what was committed late, and for clocks of other replicas that are slow.
        let (access, since, read) = (partners(now), self.since, self.known.seats_of - SEATS_MOVE_EVERY * 2);
        let moved = store.find::<session::Entity>(&access).by(session::Column::SeatsChangedAt, |column| column.gte(read));
        let moved = moved.by(session::Column::EndsAt, |column| column.gte(since)).first(MOST_SESSIONS).await?;
        Ok(self.put_sessions(moved))
    }
}

/// Who leads these gatherings.
async fn leaders(store: &Store, ids: &[GatheringId], now: Instant) -> Result<HashMap<GatheringId, Vec<PeerId>>> {
    let parts = store.parts_of::<gathering::Entity, gathering_facilitator::Entity>(&partners(now), ids).await?;
    Ok(parts.into_iter().map(|(id, parts)| (id, parts.into_iter().map(|part| part.peer_id).collect())).collect())
}

/// The listed meetings of a feed, with the feed's version when they changed last.
async fn listed_of(store: &Store, feed: FeedId, now: Instant) -> Result<HashSet<(GatheringId, i32)>> {
    let system = Access::system("listed meetings in memory", now);
    let listed = store.parts::<listed_meeting::Entity>(&system, Condition::all().add(listed_meeting::Column::FeedId.eq(feed))).await?;
    Ok(listed.into_iter().map(|one| (one.gathering_id, one.feed_version)).collect())
}

/// Those of all feeds.
async fn all_listed(store: &Store, now: Instant) -> Result<HashMap<FeedId, HashSet<(GatheringId, i32)>>> {
    let mut all = HashMap::new();
    for feed in feed::list(store, &Access::system("listed meetings in memory", now)).await? {
        all.insert(feed.id, listed_of(store, feed.id, now).await?);
    }
    Ok(all)
}

/// Reads whose gatherings these are and who leads them: of all of those there are few. Whether any is another than it was.
async fn read_around(store: &Store, rows: &mut Rows, now: Instant) -> Result<bool> {
    let anyone = Access::anonymous("the schedule in memory", now);
    let system = Access::system("how a peer appears to others", now);
    let programs: BTreeSet<ProgramId> = rows.gatherings.values().filter_map(|row| row.program_id).collect();
    let organizations: BTreeSet<OrganizationId> = rows.gatherings.values().filter_map(|row| row.organization_id).collect();
    let peers: BTreeSet<PeerId> = rows.leaders.values().flatten().copied().collect();
    let mut changed = put_all(&mut rows.programs, all::<program::Entity>(store, &anyone, &programs).await?);
    changed |= put_all(&mut rows.organizations, all::<organization::Entity>(store, &anyone, &organizations).await?);
    changed |= put_all(&mut rows.peers, all::<peer::Entity>(store, &system, &peers).await?);
    Ok(changed)
}

/// Puts rows in the place of others. Whether any is another than it was.
fn put_all<E: Protected>(kept: &mut HashMap<E::Id, Visible<E>>, read: HashMap<E::Id, Visible<E>>) -> bool
where
    E::Id: Eq + Hash,
    E::Model: PartialEq,
{
    let same = kept.len() == read.len() && kept.iter().all(|(id, row)| read.get(id).is_some_and(|same| same.model() == row.model()));
    *kept = read;
    !same
}

/// What changed, by what it was.
#[derive(Default)]
struct Changes {
    gatherings: BTreeSet<GatheringId>,
    sessions: BTreeSet<SessionId>,
    /// Whose gatherings they are, or who leads them.
    around: bool,
    /// Whose listed meetings changed.
    feeds: BTreeSet<FeedId>,
}

impl Changes {
    fn note(&mut self, kind: EventKind, subject: Uuid) {
        match kind {
            EventKind::WorkshopPublished | EventKind::WorkshopChanged => drop(self.gatherings.insert(subject.into())),
            EventKind::SessionChanged | EventKind::SessionCancelled => drop(self.sessions.insert(subject.into())),
            EventKind::ListedMeetingsChanged => drop(self.feeds.insert(subject.into())),
            _ => self.around = true,
        }
    }
}

fn chunks<I: Copy>(ids: &BTreeSet<I>) -> Vec<Vec<I>> {
    ids.iter().copied().collect::<Vec<_>>().chunks(BATCH).map(<[I]>::to_vec).collect()
}

/// Rows by their ids.
async fn all<E: Protected>(store: &Store, access: &Access, ids: &BTreeSet<E::Id>) -> Result<HashMap<E::Id, Visible<E>>>
where
    E::Id: Eq + Hash,
{
    let mut rows = HashMap::new();
    for ids in chunks(ids) {
        rows.extend(store.by_ids::<E>(access, &ids).await?.into_iter().map(|row| (row.id(), row)));
    }
    Ok(rows)
}
