//! What a program can take on, found out every ten minutes: soon enough for who looks for a place, and too seldom to tell from outside
//! when somebody was assigned.

use std::collections::HashMap;

use chrono::TimeDelta;
use entity::{
    ClientId, PeerId, ProgramId, episode, peer, peer_match, program, referral,
    vocabulary::{EpisodeStatus, EventKind, PeerMatchStatus, ProgramCapacity, ReferralStatus, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use crate::{
    clock::Instant,
    domain::caseload::{self, Hundredths, Support, capacity, rank},
    error::{Error, Result},
    store::{Event, Store, Tx, Visible},
};

/// How often.
const EVERY: TimeDelta = TimeDelta::minutes(10);
const RULE: &str = "what a program can take on";

/// What was found out.
pub(in crate::domain) enum Found {
    /// Something else than before: it is written.
    Changed(Box<Visible<program::Entity>>),
    /// The same as before.
    Unchanged,
    /// The program is gone.
    Gone,
}

/// With what is known of a program's capacity.
pub(super) fn known(row: program::ActiveModel, capacity: ProgramCapacity, now: Instant) -> program::ActiveModel {
    program::ActiveModel { capacity: Set(capacity), capacity_rank: Set(rank(capacity)), capacity_as_of: Set(Some(now)), ..row }
}

/// Has it found out soon: peers came or went, or the program began to take referrals. Before the program's row is written, since whoever
/// finds it out writes that row with the timer in hand.
pub(in crate::domain) async fn soon(tx: &Tx, id: ProgramId) -> Result<()> {
    tx.arm(TimerKind::ProgramCapacity, id, tx.access().now).await
}

/// Finds out what a program can take on, and when it is to be found out again.
pub(in crate::domain) async fn found(tx: &mut Tx, id: ProgramId) -> Result<Found> {
    let Some(program) = tx.known::<program::Entity>(id, RULE).await? else { return Ok(Found::Gone) };
    let now = tx.access().now;
    let loads = caseloads(tx, id, now).await?;
    let there = capacity(program.accepts_referrals, &loads, waiting(tx, id).await?);
    if there == program.capacity {
        return Ok(Found::Unchanged);
    }
    tx.arm(TimerKind::ProgramCapacity, id, now + EVERY).await?;
    let same = program::Column::AcceptsReferrals.eq(program.accepts_referrals);
    let changed = tx.update_if(&program, known(program::ActiveModel::default(), there, now), same).await?;
    let changed = changed.ok_or_else(|| Error::internal("a program changed while its capacity was found out: it is done again"))?;
    tx.record(Event { subject_version: None, ..Event::new(EventKind::ProgramCapacityChanged, program.organization_id, id, 1) });
    Ok(Found::Changed(Box::new(changed)))
}

/// Notes that what a program can take on is the same now: it follows from what is there, and nothing has happened.
pub(in crate::domain) async fn confirm(store: &Store, id: ProgramId, now: Instant) -> Result<Instant> {
    let older = || {
        let before = program::Column::CapacityAsOf.lt(now);
        Condition::all().add(program::Column::Id.eq(id)).add(Condition::any().add(before).add(program::Column::CapacityAsOf.is_null()))
    };
    store.derive::<program::Entity, _>(older, |_| program::ActiveModel { capacity_as_of: Set(Some(now)), ..Default::default() }).await?;
    Ok(now + EVERY)
}

/// What each peer of a program carries who takes on people.
async fn caseloads(tx: &Tx, program: ProgramId, now: Instant) -> Result<Vec<Hundredths>> {
    let taking = Condition::all().add(peer::Column::ProgramId.eq(program)).add(peer::Column::AcceptingClients.eq(true));
    let peers: Vec<PeerId> = tx.every::<peer::Entity>(taking, RULE).await?.iter().map(|peer| peer.id).collect();
    let active = Condition::all()
        .add(peer_match::Column::PeerId.is_in(peers.iter().copied()))
        .add(peer_match::Column::Status.eq(PeerMatchStatus::Active));
    let pairings = tx.every::<peer_match::Entity>(active, RULE).await?;
    let open = Condition::all().add(episode::Column::ProgramId.eq(program)).add(episode::Column::Status.ne(EpisodeStatus::Ended));
    let support = |episode: &Visible<episode::Entity>| match episode.status {
        EpisodeStatus::OnHold => Support::OnHold,
        _ => Support::Since(episode.started_at),
    };
    let episodes = tx.every::<episode::Entity>(open, RULE).await?;
    let supported: HashMap<ClientId, Support> = episodes.iter().map(|episode| (episode.client_id, support(episode))).collect();
    let mut loads: HashMap<PeerId, Hundredths> = peers.into_iter().map(|peer| (peer, 0)).collect();
    for pairing in pairings {
        let support = supported.get(&pairing.client_id).copied().unwrap_or(Support::Pending);
        *loads.entry(pairing.peer_id).or_default() += caseload::weight(support, now);
    }
    Ok(loads.into_values().collect())
}

/// How many people wait for a place or a peer.
async fn waiting(tx: &Tx, program: ProgramId) -> Result<usize> {
    let wait = referral::Column::Status.is_in([ReferralStatus::Waitlisted, ReferralStatus::Accepted]);
    tx.how_many::<referral::Entity>(Condition::all().add(referral::Column::ToProgramId.eq(program)).add(wait), RULE).await
}

/// Has it found out of programs of which it never was, as after a migration.
///
/// # Errors
/// `Database` when it cannot be written.
pub async fn begin(store: &Store) -> Result<()> {
    store.arm_each::<program::Entity>(TimerKind::ProgramCapacity, program::Column::CapacityAsOf.is_null()).await
}
