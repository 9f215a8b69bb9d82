//! Seats, and the line of those who wait for one: first come, first served. Whoever is first is offered a seat that becomes free, for a
//! while; in the last two hours whoever of them takes it first has it (domain 6.5).

use chrono::TimeDelta;
use entity::{
    RegistrationId, SessionId, registration, session,
    vocabulary::{AttendanceMode, RegistrationStatus, SessionStatus, StepCause, TimerKind},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ExprTrait, Order,
    sea_query::{CaseStatement, Expr},
};
use uuid::Uuid;

use super::{
    Seat, guest, hold_session,
    notice::tell_offers,
    step::{Step, take},
};
use crate::{
    access::Access,
    clock::Instant,
    domain::schedule::seats_move_at,
    error::{Code, Error, Refusal, Result},
    store::{Action, Store, Tx, Visible},
};

/// How long a seat is offered to one person.
const OFFERED_FOR: TimeDelta = TimeDelta::hours(24);
/// When less than this is left until the session begins, it is offered for a shorter time.
const SOON: TimeDelta = TimeDelta::hours(48);
const OFFERED_SOON_FOR: TimeDelta = TimeDelta::hours(2);
/// When less than this is left, a free seat is whoever's takes it first.
pub(super) const FIRST_COME: TimeDelta = TimeDelta::hours(2);

const LINE: &str = "whoever waits for a seat";

/// The seats of one kind at a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seats {
    capacity: Option<i32>,
    taken: i32,
}

impl Seats {
    pub(super) const fn of(session: &session::Model, attendance: AttendanceMode) -> Self {
        match attendance {
            AttendanceMode::InPerson => Self { capacity: session.capacity_in_person, taken: session.registered_in_person },
            AttendanceMode::Online => Self { capacity: session.capacity_online, taken: session.registered_online },
        }
    }

    /// How many are free: none where more are taken than there are.
    pub(super) fn free(self) -> usize {
        self.capacity.map_or(usize::MAX, |capacity| usize::try_from(capacity.saturating_sub(self.taken)).unwrap_or_default())
    }
}

/// Until when a seat is offered that becomes free now; nothing when it is whoever's takes it first.
fn offered_until(starts_at: Instant, now: Instant) -> Option<Instant> {
    match starts_at - now {
        left if left < FIRST_COME => None,
        left if left < SOON => Some(now + OFFERED_SOON_FOR),
        _ => Some(now + OFFERED_FOR),
    }
}

/// How many seats are taken more or fewer, of each kind, and how many more or fewer wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct By {
    in_person: i32,
    online: i32,
    waiting: i32,
}

impl By {
    fn seat(attendance: AttendanceMode, by: i32) -> Self {
        match attendance {
            AttendanceMode::InPerson => Self { in_person: by, ..Self::default() },
            AttendanceMode::Online => Self { online: by, ..Self::default() },
        }
    }

    fn line(by: i32) -> Self {
        Self { waiting: by, ..Self::default() }
    }

    /// Somebody comes to stand there, with a seat or in line for one.
    pub(super) fn entering(seated: bool, attendance: AttendanceMode) -> Self {
        if seated { Self::seat(attendance, 1) } else { Self::line(1) }
    }

    /// Somebody who waited has a seat.
    pub(super) fn seating(attendance: AttendanceMode) -> Self {
        Self::seat(attendance, 1).plus(Self::line(-1))
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { in_person: self.in_person + other.in_person, online: self.online + other.online, waiting: self.waiting + other.waiting }
    }
}

/// What it counts that somebody leaves where they stand: a seat, or a place in line.
fn leaving(opened: &Seat<'_>) -> By {
    let status = *opened.status.read(opened);
    match *opened.seated.read(opened) {
        true => By::seat(*opened.attendance.read(opened), -1),
        false if status == RegistrationStatus::Cancelled => By::default(),
        false => By::line(-1),
    }
}

/// Counts seats and places in line. The first change in five minutes keeps what was counted before them, which is what everyone may read.
pub(super) async fn count(tx: &Tx, session: &Visible<session::Entity>, by: By) -> Result<()> {
    use session::Column;
    if by == By::default() {
        return Ok(());
    }
    // By the clock as it is under the session's lock: who waited for it comes later than their request did.
    let these = seats_move_at(tx.moment());
    let first = |then: Expr, otherwise: Expr| {
        Expr::Case(Box::new(CaseStatement::new().case(Column::SeatsChangedAt.lt(these), then).finally(otherwise)))
    };
    let kept = |counted: Column, before: Column| (before, first(counted.into_expr(), before.into_expr()));
    let added = |counted: Column, by: i32| (counted, counted.into_expr().add(by));
    let changes = [
        kept(Column::RegisteredInPerson, Column::BeforeInPerson),
        kept(Column::RegisteredOnline, Column::BeforeOnline),
        kept(Column::Waiting, Column::BeforeWaiting),
        (Column::SeatsChangedAt, first(Expr::val(these), Column::SeatsChangedAt.into_expr())),
        added(Column::RegisteredInPerson, by.in_person),
        added(Column::RegisteredOnline, by.online),
        added(Column::Waiting, by.waiting),
    ];
    match tx.count_if(session, changes, Condition::all()).await? {
        true => Ok(()),
        false => Err(Error::internal("a registration has no session")),
    }
}

/// Those in line for a seat of one kind: whoever waits, and whoever of them may take one first.
fn in_line(session: SessionId, attendance: AttendanceMode) -> Condition {
    use registration::Column;
    Condition::all()
        .add(Column::SessionId.eq(session))
        .add(Column::Attendance.eq(attendance))
        .add(Column::Status.is_in([RegistrationStatus::Waitlisted, RegistrationStatus::Offered]))
        .add(Column::Seated.eq(false))
}

/// Whether somebody waits for a seat of this kind.
pub(super) async fn is_waited_for(tx: &Tx, session: &session::Model, attendance: AttendanceMode) -> Result<bool> {
    if session.waiting == 0 {
        return Ok(false);
    }
    Ok(tx.how_many::<registration::Entity>(in_line(session.id, attendance), LINE).await? > 0)
}

/// Since when somebody waits who gets in line now, behind all who did before: of two at one moment, whoever holds the session first.
pub(super) async fn behind_all(tx: &Tx, session: SessionId) -> Result<Instant> {
    let waited = Condition::all().add(registration::Column::SessionId.eq(session)).add(registration::Column::WaitingSince.is_not_null());
    let last = tx.first::<registration::Entity>(waited, (registration::Column::WaitingSince, Order::Desc), 1, LINE).await?;
    let last = last.first().and_then(|last| {
        let opened: Option<Seat<'_>> = last.open();
        opened.and_then(|seat| seat.waiting_since.as_ref().map(|since| *since.read(&seat)))
    });
    let now = tx.moment();
    Ok(last.map_or(now, |last| Ord::max(now, last + TimeDelta::microseconds(1))))
}

/// Brings the line of a session, which the caller holds, in order after its seats changed: whoever is first is offered what is free. In the
/// last two hours all who wait may take what is free, for as long as anything is.
pub(super) async fn settle(tx: &mut Tx, id: SessionId) -> Result<()> {
    let now = tx.access().now;
    let Some(session) = tx.known::<session::Entity>(id, "seats of a session").await? else { return Ok(()) };
    if session.waiting == 0 || session.status == SessionStatus::Cancelled || session.starts_at <= now {
        return Ok(());
    }
    let mut by = By::default();
    for attendance in [AttendanceMode::InPerson, AttendanceMode::Online] {
        let free = Seats::of(&session, attendance).free();
        match offered_until(session.starts_at, now) {
            Some(until) => by = by.plus(offer(tx, &session, attendance, free, until).await?),
            None => call(tx, &session, attendance, free > 0).await?,
        }
    }
    count(tx, &session, by).await
}

/// Offers the seats that are free to those who are first in line.
async fn offer(tx: &mut Tx, session: &session::Model, attendance: AttendanceMode, free: usize, until: Instant) -> Result<By> {
    let mut by = By::default();
    let most = u64::try_from(free).unwrap_or(u64::MAX);
    let first = tx
        .first::<registration::Entity>(in_line(session.id, attendance), (registration::Column::WaitingSince, Order::Asc), most, LINE)
        .await?;
    for registration in &first {
        let change =
            registration::ActiveModel { seated: Set(true.into()), offer_expires_at: Set(Some(until.into())), ..Default::default() };
        let step = Step::to(RegistrationStatus::Offered, StepCause::SeatFree).until(until);
        if take(tx, registration, change, step).await? {
            tx.arm(TimerKind::SeatOffer, registration.id, until).await?;
            by = by.plus(By::seating(attendance));
        }
    }
    tell_offers(tx, session, &first, until).await?;
    Ok(by)
}

/// Tells all who wait whether a seat is free that they can take.
async fn call(tx: &mut Tx, session: &session::Model, attendance: AttendanceMode, free: bool) -> Result<()> {
    let (from, step, until) = if free {
        let until = session.starts_at;
        (RegistrationStatus::Waitlisted, Step::to(RegistrationStatus::Offered, StepCause::FirstCome).until(until), Some(until))
    } else {
        (RegistrationStatus::Offered, Step::to(RegistrationStatus::Waitlisted, StepCause::SeatTaken), None)
    };
    let these = in_line(session.id, attendance).add(registration::Column::Status.eq(from));
    let waiting = tx.every::<registration::Entity>(these, LINE).await?;
    for registration in &waiting {
        let change = registration::ActiveModel { offer_expires_at: Set(until.map(Into::into)), ..Default::default() };
        take(tx, registration, change, step).await?;
    }
    match until {
        Some(until) => tell_offers(tx, session, &waiting, until).await,
        None => Ok(()),
    }
}

/// Has nothing fall due for those of these registrations for which something does, always in one order: before their session is held, as
/// the timers themselves have it.
pub(super) async fn release(tx: &Tx, of: Condition) -> Result<()> {
    let states = [RegistrationStatus::Offered, RegistrationStatus::Unconfirmed];
    for registration in tx.every::<registration::Entity>(of.add(registration::Column::Status.is_in(states)), LINE).await? {
        forget_timers(tx, registration.id).await?;
    }
    Ok(())
}

/// Likewise for all of a session.
pub(in crate::domain) async fn release_timers(tx: &Tx, session: SessionId) -> Result<()> {
    release(tx, Condition::all().add(registration::Column::SessionId.eq(session))).await
}

/// Brings the line of a session in order that was moved, which the caller holds: nothing is offered for longer than a seat could be that
/// became free now, whoever may come first is called anew, and guests are kept for as long as they are after any session.
pub(in crate::domain) async fn moved(tx: &mut Tx, id: SessionId) -> Result<()> {
    use registration::Column;
    let Some(session) = tx.known::<session::Entity>(id, LINE).await? else { return Ok(()) };
    let most = offered_until(session.starts_at, tx.access().now);
    let offered = Condition::all().add(Column::SessionId.eq(id)).add(Column::Status.eq(RegistrationStatus::Offered));
    let mut by = By::default();
    for registration in tx.every::<registration::Entity>(offered, LINE).await? {
        let opened = to_the_system(&registration)?;
        let (seated, attendance) = (*opened.seated.read(&opened), *opened.attendance.read(&opened));
        let until = opened.offer_expires_at.as_ref().map(|until| *until.read(&opened));
        match (until, most) {
            (Some(until), Some(most)) if seated => {
                let until = Ord::min(until, most);
                let change = registration::ActiveModel { offer_expires_at: Set(Some(until.into())), ..Default::default() };
                tx.write_if(&registration, change, Condition::all()).await?;
                tx.arm(TimerKind::SeatOffer, registration.id, until).await?;
            }
            _ => {
                let change = registration::ActiveModel { seated: Set(false.into()), offer_expires_at: Set(None), ..Default::default() };
                if take(tx, &registration, change, Step::to(RegistrationStatus::Waitlisted, StepCause::Moved)).await? && seated {
                    by = by.plus(By::seat(attendance, -1).plus(By::line(1)));
                }
            }
        }
    }
    count(tx, &session, by).await?;
    guest::moved(tx, &session).await?;
    settle(tx, id).await
}

/// Has nothing fall due for a registration any more.
pub(super) async fn forget_timers(tx: &Tx, id: RegistrationId) -> Result<()> {
    let one = || [Uuid::from(id)];
    tx.disarm(TimerKind::SeatOffer, one()).await?;
    tx.disarm(TimerKind::GuestConfirmation, one()).await
}

/// Accepts a seat that was offered.
///
/// # Errors
/// `NotFound` when the caller does not see the registration, `NotPermitted` when they may not answer for the client; refused with
/// `OFFER_EXPIRED` when the time is over, with `OFFER_TAKEN` when somebody else was first, with `IMMUTABLE` when no seat is offered, and when
/// the session is cancelled or has begun.
pub async fn accept(store: &Store, access: &Access, id: RegistrationId) -> Result<Visible<registration::Entity>> {
    let mut tx = store.begin(access).await?;
    let seen = tx.fetch_for::<registration::Entity>(id, Action::End).await?;
    // First what ends the offer, then the session, as the timer itself has it.
    forget_timers(&tx, id).await?;
    let session = hold_session(&tx, seen.session_id, &["id"]).await?;
    let registration = tx.fetch_for::<registration::Entity>(id, Action::End).await?;
    let opened: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
    let (attendance, seated) = (*opened.attendance.read(&opened), *opened.seated.read(&opened));
    let waits = opened.waiting_since.is_some();
    let refused = |code, sentence: &str| Err(Error::from(Refusal::new(code, sentence).at(["id"])));
    match *opened.status.read(&opened) {
        RegistrationStatus::Offered => {}
        RegistrationStatus::Cancelled if waits => return refused(Code::OfferExpired, "This place in line has ended: register again."),
        RegistrationStatus::Waitlisted if session.starts_at - access.now < FIRST_COME => {
            return refused(Code::OfferTaken, "Somebody else was first: the place in line stays, in case a seat becomes free.");
        }
        _ => return refused(Code::Immutable, "No seat is offered to this registration."),
    }
    let until = opened.offer_expires_at.as_ref().map(|until| *until.read(&opened));
    if until.is_none_or(|until| until <= access.now) {
        return refused(Code::OfferExpired, "The time of this offer is over: register again.");
    }
    if !seated && Seats::of(&session, attendance).free() == 0 {
        return refused(Code::OfferTaken, "Somebody else was first: the place in line stays, in case a seat becomes free.");
    }
    let change = registration::ActiveModel { seated: Set(true.into()), offer_expires_at: Set(None), ..Default::default() };
    if !take(&mut tx, &registration, change, Step::to(RegistrationStatus::Registered, StepCause::Accepted)).await? {
        return Err(Refusal::stale(None).at(["id"]).into());
    }
    if !seated {
        count(&tx, &session, By::seating(attendance)).await?;
        settle(&mut tx, session.id).await?;
    }
    let accepted = tx.fetch_for::<registration::Entity>(id, Action::Read).await?;
    tx.commit(accepted).await
}

/// Ends an offer whose time is over, and offers the seat to whoever is next. Nothing when it was answered.
///
/// # Errors
/// `Database` when it cannot be done.
pub async fn offer_ended(tx: &mut Tx, id: RegistrationId) -> Result<Option<Visible<registration::Entity>>> {
    let over = |seat: &Seat<'_>, session: &session::Model, now| {
        let until = seat.offer_expires_at.as_ref().map(|until| *until.read(seat));
        let offered = *seat.status.read(seat) == RegistrationStatus::Offered && session.status != SessionStatus::Cancelled;
        offered && until.is_some_and(|until| until <= now)
    };
    lapse(tx, id, StepCause::Lapsed, over).await
}

/// Ends a registration whose time is over, by no wish of anybody's. Nothing when it is not over any more once its session is held.
pub(super) async fn lapse(
    tx: &mut Tx,
    id: RegistrationId,
    cause: StepCause,
    over: impl Fn(&Seat<'_>, &session::Model, Instant) -> bool + Send,
) -> Result<Option<Visible<registration::Entity>>> {
    const REASON: &str = "the time of a registration is over";
    let Some(seen) = tx.known::<registration::Entity>(id, REASON).await? else { return Ok(None) };
    tx.hold_alone::<session::Entity>(seen.session_id).await?;
    let (Some(registration), Some(session)) =
        (tx.known::<registration::Entity>(id, REASON).await?, tx.known::<session::Entity>(seen.session_id, REASON).await?)
    else {
        return Ok(None);
    };
    if !over(&to_the_system(&registration)?, &session, tx.access().now) || !end(tx, &registration, &session, cause).await? {
        return Ok(None);
    }
    tx.known::<registration::Entity>(id, REASON).await
}

/// What a rule knows of a registration, whoever set it off.
pub(super) fn to_the_system(registration: &Visible<registration::Entity>) -> Result<Seat<'_>> {
    registration.open().ok_or_else(|| Error::internal("a registration is closed to the system"))
}

/// Ends a registration of a session that the caller holds: its seat or its place in line is whoever's is next, and of a guest nothing is left.
/// False when it changed meanwhile.
pub(super) async fn end(
    tx: &mut Tx,
    registration: &Visible<registration::Entity>,
    session: &Visible<session::Entity>,
    cause: StepCause,
) -> Result<bool> {
    let freed = leaving(&registration.open().ok_or(Error::NotPermitted)?);
    let left = if registration.client_id.is_none() { guest::forgotten() } else { registration::ActiveModel::default() };
    let change = registration::ActiveModel { seated: Set(false.into()), offer_expires_at: Set(None), ..left };
    if !take(tx, registration, change, Step::to(RegistrationStatus::Cancelled, cause)).await? {
        return Ok(false);
    }
    count(tx, session, freed).await?;
    settle(tx, session.id).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_offered_for_as_long_as_there_is_time() {
        let now: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
        let minutes = |minutes| now + TimeDelta::minutes(minutes);
        let cases =
            [(60 * 24 * 20, Some(60 * 24)), (60 * 48, Some(60 * 24)), (60 * 48 - 1, Some(120)), (120, Some(120)), (119, None), (1, None)];
        for (left, offered) in cases {
            assert_eq!(offered_until(minutes(left), now), offered.map(minutes), "{left} minutes before");
        }
    }
}
