//! The clocks of a referral (domain 2.4): when they start, pause, are met and fall due. A breach never changes a referral.

use entity::{
    Guarded, ReferralClockId, ReferralId, TypedId, class, program, referral, referral_clock,
    vocabulary::{
        ClockKind::{self, Acknowledge, Engage, FirstAttempt, FirstContact},
        ClockUnit, DataClass, EventKind,
        ReferralStatus::{self, Accepted, Connected, Declined, NeedsInfo, OnHold, Outreach, Submitted, Waitlisted},
        TimerKind, WorkItemKind,
    },
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition};
use uuid::Uuid;

use super::super::{
    calendar::Calendar,
    clock_policy::ClockPolicy,
    program as programs, transitions,
    work_item::{self as work_items, NewWork},
};
use super::{
    step::{Side, happened},
    work::open_for_receiver,
};
use crate::{
    clock::Instant,
    error::{Error, Result},
    store::{Event, Opened, Part, PartOf, Tx, Visible},
};

impl Part for referral_clock::Entity {}

impl PartOf<referral::Entity> for referral_clock::Entity {
    fn parent_column() -> referral_clock::Column {
        referral_clock::Column::ReferralId
    }

    fn parent(part: &referral_clock::Model) -> ReferralId {
        part.referral_id
    }

    fn order() -> referral_clock::Column {
        referral_clock::Column::Kind
    }
}

type Progress<'a> = Opened<'a, referral::Entity, class::ReferralStatus>;

/// The clocks of one referral in one command.
struct Clocks<'a> {
    referral: &'a Visible<referral::Entity>,
    progress: Progress<'a>,
    calendar: Calendar,
    all: Vec<referral_clock::Model>,
    /// Those of them that are not written yet.
    started: Vec<ReferralClockId>,
}

impl<'a> Clocks<'a> {
    /// Those of a submitted referral; a draft has none.
    async fn of(tx: &Tx, referral: &'a Visible<referral::Entity>) -> Result<Option<Self>> {
        let Some(to) = referral.to_program_id.filter(|_| referral.submitted_at.is_some()) else { return Ok(None) };
        let program = tx.known::<program::Entity>(to, "clocks").await?;
        let program = program.ok_or_else(|| Error::internal("a submitted referral names no program"))?;
        let of = Condition::all().add(referral_clock::Column::ReferralId.eq(referral.id));
        let all = tx.parts::<referral_clock::Entity>(of).await?;
        let progress = referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
        Ok(Some(Self { referral, progress, calendar: programs::calendar(&program)?, all, started: Vec::new() }))
    }

    fn running(&self) -> impl Iterator<Item = &referral_clock::Model> {
        self.all.iter().filter(|clock| clock.met_at.is_none() && clock.paused_since.is_none())
    }

    fn get(&self, kind: ClockKind) -> Option<&referral_clock::Model> {
        self.all.iter().find(|clock| clock.kind == kind)
    }

    /// Starts a clock, unless it was started. [`Clocks::settle`] writes it.
    fn start(&mut self, kind: ClockKind, at: Instant) -> Result<()> {
        if self.get(kind).is_some() {
            return Ok(());
        }
        let policy = ClockPolicy::current();
        let rule = policy.rule(kind);
        let span = rule.span(self.referral.urgency);
        let due = self.calendar.after(at, span);
        let organization = self.referral.to_organization_id.ok_or_else(|| Error::internal("a submitted referral names no receiver"))?;
        let clock = referral_clock::Model {
            id: ReferralClockId::new(),
            organization_id: organization,
            referral_id: self.referral.id,
            kind,
            policy_version: policy.version,
            started_at: at.into(),
            warn_at: self.calendar.halfway(at, due, span.unit).into(),
            due_at: due.into(),
            ceiling_at: self.calendar.after(at, rule.ceiling).max(due).into(),
            warned_at: None,
            breached_at: None,
            ceiling_breached_at: None,
            met_at: None,
            paused_since: None,
        };
        self.started.push(clock.id);
        self.all.push(clock);
        Ok(())
    }

    /// Starts the clocks that run from discharge, once there was one. Where the receiver is not told when that was, they run from when it
    /// was told that somebody needs support.
    fn start_from_discharge(&mut self, at: Option<Instant>) -> Result<()> {
        let Some((at, submitted)) = at.zip(self.referral.submitted_at) else { return Ok(()) };
        let told = self.referral.disclosed_classes & DataClass::ReferralClinical.bit() != 0;
        self.start(FirstAttempt, at.max(submitted))?;
        self.start(FirstContact, if told { at } else { at.max(submitted) })
    }

    async fn change(&mut self, tx: &Tx, id: ReferralClockId, change: impl FnOnce(&mut referral_clock::Model)) -> Result<()> {
        let Some(clock) = self.all.iter_mut().find(|clock| clock.id == id) else { return Ok(()) };
        change(clock);
        if self.started.contains(&id) {
            return Ok(());
        }
        let row = referral_clock::ActiveModel::from(clock.clone()).reset_all();
        let row = referral_clock::ActiveModel { id: sea_orm::ActiveValue::NotSet, ..row };
        tx.update_parts::<referral_clock::Entity, _>(row, referral_clock::Column::Id.eq(id)).await.map(drop)
    }

    /// Says that what a clock runs to has happened. A clock that never started is met all the same: meeting before discharge counts.
    async fn met(&mut self, tx: &mut Tx, kind: ClockKind, at: Instant) -> Result<()> {
        if self.get(kind).is_none() {
            self.start(kind, at)?;
        }
        let Some(id) = self.get(kind).filter(|clock| clock.met_at.is_none()).map(|clock| clock.id) else { return Ok(()) };
        tx.disarm(TimerKind::Clock, [Uuid::from(id)]).await?;
        work_items::close(tx, self.referral.id, &[WorkItemKind::ClockDue, WorkItemKind::ClockBreached], Some(&[kind])).await?;
        self.change(tx, id, |clock| {
            clock.met_at = Some(at.into());
            clock.paused_since = None;
        })
        .await
    }

    async fn pause(&mut self, tx: &Tx, kinds: &[ClockKind]) -> Result<()> {
        let now = tx.access().now;
        let ids: Vec<_> = self.running().filter(|clock| kinds.contains(&clock.kind)).map(|clock| clock.id).collect();
        tx.disarm(TimerKind::Clock, ids.iter().copied().map(Uuid::from)).await?;
        for id in ids {
            self.change(tx, id, |clock| clock.paused_since = Some(now.into())).await?;
        }
        Ok(())
    }

    /// Goes on with what each has left: of staffed time where it runs in that, else of time.
    async fn resume(&mut self, tx: &Tx, kinds: &[ClockKind]) -> Result<()> {
        let now = tx.access().now;
        let paused: Vec<_> = self.all.iter().filter(|clock| kinds.contains(&clock.kind)).cloned().collect();
        for clock in paused {
            let Some(since) = clock.paused_since.as_ref().map(|since| *since.read(&self.progress)) else { continue };
            let rule = ClockPolicy::version(clock.policy_version).unwrap_or(ClockPolicy::current()).rule(clock.kind);
            let later = |at: &Guarded<class::ReferralStatus, Instant>, unit: ClockUnit| {
                let at = *at.read(&self.progress);
                if at <= since { at } else { self.calendar.resumed(at, since, now, unit) }
            };
            let unit = rule.span(self.referral.urgency).unit;
            let (warn, due) = (later(&clock.warn_at, unit), later(&clock.due_at, unit));
            let ceiling = later(&clock.ceiling_at, rule.ceiling.unit).max(due);
            self.change(tx, clock.id, |clock| {
                clock.paused_since = None;
                clock.warn_at = warn.into();
                clock.due_at = due.into();
                clock.ceiling_at = ceiling.into();
            })
            .await?;
            if let Some(next) = self.get(clock.kind).and_then(|clock| next_of(clock, &self.progress)) {
                tx.arm(TimerKind::Clock, clock.id, next).await?;
            }
        }
        Ok(())
    }

    /// Writes the clocks that were started, and when the first of those that run is due, for lists.
    async fn settle(self, tx: &Tx) -> Result<()> {
        let started: Vec<_> = self.all.iter().filter(|clock| self.started.contains(&clock.id)).collect();
        let rows = started.iter().map(|clock| referral_clock::ActiveModel::from((*clock).clone()).reset_all());
        tx.insert_parts::<referral_clock::Entity, _>(rows.collect()).await?;
        let run = started.iter().filter(|clock| clock.met_at.is_none());
        tx.arm_all(TimerKind::Clock, run.map(|clock| (clock.id, *clock.warn_at.read(&self.progress)))).await?;
        let open = !transitions::is_final(*self.progress.status.read(&self.progress));
        let due = self.running().filter(|_| open).map(|clock| *clock.due_at.read(&self.progress)).min();
        let change = referral::ActiveModel { due_at: Set(due.map(Guarded::new)), ..Default::default() };
        tx.write_if(self.referral, change, Condition::all()).await.map(drop)
    }
}

/// When something about a clock is to be done next; nothing when its ceiling was passed.
fn next_of(clock: &referral_clock::Model, progress: &Progress<'_>) -> Option<Instant> {
    if clock.warned_at.is_none() && clock.breached_at.is_none() {
        return Some(*clock.warn_at.read(progress));
    }
    if clock.breached_at.is_none() {
        return Some(*clock.due_at.read(progress));
    }
    clock.ceiling_breached_at.is_none().then(|| *clock.ceiling_at.read(progress))
}

const ALL: &[ClockKind] = &[Acknowledge, FirstAttempt, FirstContact, Engage];

/// A referral with all that its clocks ask of it: how it goes may be closed to whoever moved it on.
async fn whole(tx: &Tx, id: ReferralId) -> Result<Visible<referral::Entity>> {
    let found = tx.known::<referral::Entity>(id, "clocks").await?;
    found.ok_or_else(|| Error::internal("a referral vanished while its clocks were set"))
}

/// Follows a step of a referral with its clocks; one that says when the person was discharged starts those that run from then.
pub(super) async fn follow(
    tx: &mut Tx,
    id: ReferralId,
    from: ReferralStatus,
    to: ReferralStatus,
    discharged_at: Option<Instant>,
) -> Result<()> {
    let referral = whole(tx, id).await?;
    let Some(mut clocks) = Clocks::of(tx, &referral).await? else { return Ok(()) };
    let now = tx.access().now;
    match (from, to) {
        (ReferralStatus::Draft, Submitted) => clocks.start(Acknowledge, now)?,
        (_, NeedsInfo) => clocks.pause(tx, &[Acknowledge]).await?,
        (NeedsInfo, _) => clocks.resume(tx, &[Acknowledge]).await?,
        (_, OnHold) => clocks.pause(tx, ALL).await?,
        (OnHold, _) => clocks.resume(tx, ALL).await?,
        _ => {}
    }
    let at = |at: Option<Guarded<class::ReferralStatus, Instant>>, clocks: &Clocks<'_>| at.map_or(now, |at| *at.read(&clocks.progress));
    match to {
        Accepted | Declined | Waitlisted => clocks.met(tx, Acknowledge, now).await?,
        Outreach => {
            let attempted = at(clocks.progress.first_attempt_at, &clocks);
            clocks.met(tx, FirstAttempt, attempted).await?;
        }
        Connected if from != OnHold => {
            let (attempted, connected) = (at(clocks.progress.first_attempt_at, &clocks), at(clocks.progress.connected_at, &clocks));
            clocks.met(tx, FirstAttempt, attempted).await?;
            clocks.met(tx, FirstContact, connected).await?;
            clocks.start(Engage, connected)?;
        }
        _ => {}
    }
    if transitions::is_final(to) {
        let ids: Vec<_> = clocks.running().map(|clock| Uuid::from(clock.id)).collect();
        tx.disarm(TimerKind::Clock, ids).await?;
    }
    clocks.start_from_discharge(discharged_at)?;
    clocks.settle(tx).await
}

/// Starts the clocks that run from discharge, once the sender says that the person is discharged.
pub(super) async fn discharged(tx: &Tx, id: ReferralId, at: Option<Instant>) -> Result<()> {
    let referral = whole(tx, id).await?;
    let Some(mut clocks) = Clocks::of(tx, &referral).await? else { return Ok(()) };
    clocks.start_from_discharge(at)?;
    clocks.settle(tx).await
}

/// Says that there was a second two-way contact.
pub(super) async fn engaged(tx: &mut Tx, id: ReferralId, at: Instant) -> Result<()> {
    let referral = whole(tx, id).await?;
    let Some(mut clocks) = Clocks::of(tx, &referral).await? else { return Ok(()) };
    clocks.met(tx, Engage, at).await?;
    clocks.settle(tx).await
}

async fn to_do(tx: &mut Tx, referral: &referral::Model, kind: WorkItemKind, clock: ClockKind, due_at: Option<Instant>) -> Result<()> {
    open_for_receiver(tx, referral, kind, |new| NewWork { clock: Some(clock), due_at, ..new }).await.map(drop)
}

/// Does what is due about a clock: warns at half, says that it fell due, and that its ceiling was passed; each once, in that order. Gives
/// the referral; nothing when there was nothing to do.
pub(in crate::domain) async fn fell_due(tx: &mut Tx, id: Uuid) -> Result<Option<Visible<referral::Entity>>> {
    let this = Condition::all().add(referral_clock::Column::Id.eq(ReferralClockId::from(id)));
    let Some(clock) = tx.parts::<referral_clock::Entity>(this).await?.pop() else { return Ok(None) };
    let referral = whole(tx, clock.referral_id).await?;
    let Some(mut clocks) = Clocks::of(tx, &referral).await? else { return Ok(None) };
    let over = transitions::is_final(*clocks.progress.status.read(&clocks.progress));
    if over || !clocks.running().any(|running| running.id == clock.id) {
        return Ok(None);
    }
    let Some(due) = next_of(&clock, &clocks.progress).filter(|due| *due <= tx.access().now) else { return Ok(None) };
    let (kind, changed) = match (&clock.warned_at, &clock.breached_at) {
        (None, None) => (EventKind::ClockWarning, "warning"),
        (_, None) => (EventKind::ClockBreached, "due"),
        _ => (EventKind::ClockBreached, "ceiling"),
    };
    clocks
        .change(tx, clock.id, |clock| match changed {
            "warning" => clock.warned_at = Some(due.into()),
            "due" => clock.breached_at = Some(due.into()),
            _ => clock.ceiling_breached_at = Some(due.into()),
        })
        .await?;
    if let Some(next) = clocks.get(clock.kind).and_then(|clock| next_of(clock, &clocks.progress)) {
        tx.arm(TimerKind::Clock, clock.id, next).await?;
    }
    let (due_at, ceiling_at) = clocks
        .get(clock.kind)
        .map_or((None, None), |clock| (Some(*clock.due_at.read(&clocks.progress)), Some(*clock.ceiling_at.read(&clocks.progress))));
    drop(clocks);
    match changed {
        "warning" => to_do(tx, &referral, WorkItemKind::ClockDue, clock.kind, due_at).await?,
        "due" => {
            work_items::close(tx, referral.id, &[WorkItemKind::ClockDue], Some(&[clock.kind])).await?;
            to_do(tx, &referral, WorkItemKind::ClockBreached, clock.kind, ceiling_at).await?;
        }
        _ => {}
    }
    let told = happened(&referral, Side::Receiver, 1);
    tx.record(Event { kind, subject_version: None, changed: vec![clock.kind.as_str(), changed], ..told });
    Ok(Some(referral))
}
