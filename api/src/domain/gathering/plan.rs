//! The rows of a gathering's sessions follow its series.

use chrono::TimeDelta;
use chrono_tz::Tz;
use entity::{
    GatheringId, SessionId, TypedId, gathering, session,
    vocabulary::{EventKind, SessionStatus, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::series::{AHEAD, planned};
use crate::{
    clock::Instant,
    domain::{
        recurrence::Occurrence,
        registration,
        schedule::seats_move_at,
        wall_time::{local_of, zone_of},
    },
    error::{Error, Refusal, Result},
    store::{Event, Tx, Visible},
};

/// What became of looking ahead.
#[derive(Debug)]
pub enum Ahead {
    /// Sessions were planned.
    Planned(Box<Visible<gathering::Entity>>),
    /// There is nothing to plan before then.
    NotYet(Instant),
    /// There is nothing to plan any more.
    Nothing,
}

/// How far into the past a session's own day is looked for: the day of a zone is over a day later than elsewhere.
const A_DAY_AND_MORE: TimeDelta = TimeDelta::days(2);

/// Plans the sessions that are not too far ahead any more.
///
/// # Errors
/// `Database` when it cannot be done.
pub async fn plan_ahead(tx: &mut Tx, id: GatheringId) -> Result<Ahead> {
    tx.hold_alone::<gathering::Entity>(id).await?;
    let Some(gathering) = tx.known::<gathering::Entity>(id, "sessions are planned ahead").await? else { return Ok(Ahead::Nothing) };
    let followed = follow(tx, &gathering, None, None).await?;
    if followed.written > 0 {
        look_again(tx, &gathering, &followed).await?;
        return Ok(Ahead::Planned(Box::new(gathering)));
    }
    Ok(followed.next.map_or(Ahead::Nothing, Ahead::NotYet))
}

/// What was done to sessions so that they follow their series.
pub(super) struct Followed {
    /// How many were made, moved or cancelled.
    written: usize,
    /// When there is more to plan.
    next: Option<Instant>,
}

/// Has more planned when it is time to.
///
/// # Errors
/// `Database` when it cannot be written.
pub(super) async fn look_again(tx: &Tx, gathering: &gathering::Model, followed: &Followed) -> Result<()> {
    match followed.next {
        Some(next) => tx.arm(TimerKind::SessionPlan, gathering.id, next).await,
        None => tx.disarm(TimerKind::SessionPlan, [gathering.id.into()]).await,
    }
}

/// Has the sessions that are still to come follow the series of their gathering, which the caller holds: those that are missing are made,
/// those of another time of day are moved, those that are there no more are cancelled with a sentence for everyone. Whoever moved or
/// cancelled one session meant that one: it stays as it is. `left` is the zone that the gathering was in until now, where it was another.
///
/// # Errors
/// Refused with `STALE` when a session changed meanwhile.
pub(super) async fn follow(tx: &mut Tx, gathering: &Visible<gathering::Entity>, left: Option<Tz>, note: Option<&str>) -> Result<Followed> {
    let now = tx.access().now;
    let zone = zone_of(&gathering.time_zone)?;
    let mut plan = planned(&gathering.series, zone, now)?;
    let of_gathering = session::Column::GatheringId.eq(gathering.id);
    let recent = session::Column::Occurrence.gte(local_of(zone, now) - A_DAY_AND_MORE);
    let there = tx.every::<session::Entity>(Condition::all().add(of_gathering).add(recent), "sessions follow their series").await?;
    let mut followed = Followed { written: 0, next: plan.next.map(|next| next - AHEAD) };
    let begun = registration::begun_to_come(tx, gathering.id).await?;
    for session in &there {
        let Some(local) = session.occurrence else { continue };
        // As it was planned: in the zone that its day is in still, or was until now.
        let stays = zone_of(gathering.zone_on(local.date()))?;
        let then = if gathering.zone_left(local.date()).is_some() { stays } else { left.unwrap_or(stays) };
        let was = Occurrence::new(then, local);
        let planned = plan.sessions.remove(&was.local.date());
        // What has begun, or was to have, is past changing, and so is that to which people came.
        let change = match planned {
            _ if was.at <= now || begun.contains(&session.id) => None,
            Some((occurrence, minutes)) => moved(session, (was, then), occurrence, minutes, stays),
            None => Some(dropped(session, was, note, then, now)),
        };
        if let Some(change) = change {
            write(tx, gathering, session, change).await?;
            followed.written += 1;
        }
    }
    followed.written += plan.sessions.len();
    let mut rows = Vec::new();
    for (day, (occurrence, minutes)) in &plan.sessions {
        rows.push(row(gathering, *occurrence, *minutes, zone_of(gathering.zone_on(*day))?, now));
    }
    for row in &rows {
        if let Some(id) = row.id.try_as_ref() {
            tell(tx, gathering, Event::new(EventKind::SessionChanged, gathering.organization_id, *id, 1).changed(["startsAt", "endsAt"]));
        }
    }
    tx.insert_each::<session::Entity, _>(rows).await?;
    Ok(followed)
}

/// Of a draft nobody is told, nor of what is published just now: then all of it is news.
fn tell(tx: &mut Tx, gathering: &gathering::Model, event: Event) {
    if gathering.published_at.is_some_and(|at| at < tx.access().now) {
        tx.record(event);
    }
}

/// Whether somebody moved or cancelled this one. What clocks show decides, and not the instant: states change when clocks change.
fn is_apart(session: &session::Model, was: Occurrence, zone: Tz) -> bool {
    let shown = [was.local, local_of(zone, was.at)];
    session.status != SessionStatus::Scheduled || !shown.contains(&session.local_start)
}

/// A session's own day has another time or length, if it has.
fn moved(
    session: &session::Model,
    (was, then): (Occurrence, Tz),
    occurrence: Occurrence,
    minutes: i32,
    zone: Tz,
) -> Option<session::ActiveModel> {
    let ends_at = occurrence.at + TimeDelta::minutes(minutes.into());
    let apart = is_apart(session, was, then);
    if apart && was.local == occurrence.local || !apart && (session.starts_at, session.ends_at) == (occurrence.at, ends_at) {
        return None;
    }
    let occurs = session::ActiveModel { occurrence: Set(Some(occurrence.local)), ..Default::default() };
    Some(if apart {
        occurs
    } else {
        session::ActiveModel {
            starts_at: Set(occurrence.at),
            ends_at: Set(ends_at),
            local_start: Set(local_of(zone, occurrence.at)),
            ..occurs
        }
    })
}

/// A session whose day is no day of its series any more: it is cancelled, unless somebody moved it, or it is over. Should the day become
/// one again, it is another session.
fn dropped(session: &session::Model, was: Occurrence, note: Option<&str>, zone: Tz, now: Instant) -> session::ActiveModel {
    let of_none = session::ActiveModel { occurrence: Set(None), ..Default::default() };
    if is_apart(session, was, zone) || session.starts_at <= now {
        return of_none;
    }
    session::ActiveModel { status: Set(SessionStatus::Cancelled), note: Set(note.map(str::to_owned)), ..of_none }
}

async fn write(tx: &mut Tx, gathering: &gathering::Model, session: &Visible<session::Entity>, change: session::ActiveModel) -> Result<()> {
    let version = session.version + 1;
    let ends = change.status.is_set();
    let moves = change.starts_at.is_set();
    if moves {
        registration::release_timers(tx, session.id).await?;
        tx.hold_alone::<session::Entity>(session.id).await?;
    }
    let change = session::ActiveModel { updated_at: Set(tx.access().now), version: Set(version), ..change };
    if !tx.write_if(session, change, session::Column::Version.eq(session.version)).await? {
        return Err(Error::from(Refusal::stale(None)));
    }
    if (ends || moves)
        && let Some(now) = tx.known::<session::Entity>(session.id, "whoever registered is told").await?
    {
        registration::tell_change(tx, &now, gathering, session.starts_at).await?;
        if moves {
            Box::pin(registration::moved(tx, session.id)).await?;
        }
    }
    let event = |kind| Event::new(kind, session.organization_id, session.id, version);
    if ends {
        tell(tx, gathering, event(EventKind::SessionCancelled).changed(["status", "note"]));
    } else if moves {
        tell(tx, gathering, event(EventKind::SessionChanged).changed(["startsAt", "endsAt"]));
    }
    Ok(())
}

fn row(of: &gathering::Model, occurrence: Occurrence, minutes: i32, zone: Tz, now: Instant) -> session::ActiveModel {
    session::ActiveModel {
        id: Set(SessionId::new()),
        organization_id: Set(of.organization_id),
        program_id: Set(of.program_id),
        gathering_id: Set(of.id),
        status: Set(SessionStatus::Scheduled),
        starts_at: Set(occurrence.at),
        ends_at: Set(occurrence.at + TimeDelta::minutes(minutes.into())),
        local_start: Set(local_of(zone, occurrence.at)),
        occurrence: Set(Some(occurrence.local)),
        capacity_in_person: Set(of.capacity_in_person),
        capacity_online: Set(of.capacity_online),
        waitlist_size: Set(of.waitlist_size),
        registered_in_person: Set(0),
        registered_online: Set(0),
        seats_changed_at: Set(seats_move_at(now)),
        before_in_person: Set(0),
        before_online: Set(0),
        waiting: Set(0),
        before_waiting: Set(0),
        note: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    }
}
