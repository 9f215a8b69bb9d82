//! The steps of a registration: where it stands from then on, and why. Each is told, and stays told.

use chrono_tz::Tz;
use entity::{
    ClientId, registration, registration_step,
    vocabulary::{EventKind, RegistrationStatus, StepCause},
};
use sea_orm::{ActiveValue::Set, ColumnTrait};

use super::Seat;
use crate::{
    clock::Instant,
    domain::wall_time::shown,
    error::Result,
    store::{Event, Tx, Visible},
};

/// A step that is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    to: RegistrationStatus,
    cause: StepCause,
    named: Option<Instant>,
}

impl Step {
    pub(super) const fn to(to: RegistrationStatus, cause: StepCause) -> Self {
        Self { to, cause, named: None }
    }

    /// With the instant that its cause names.
    pub(super) const fn until(self, named: Instant) -> Self {
        Self { named: Some(named), ..self }
    }
}

fn part(of: &registration::Model, version: i32, step: Step, at: Instant) -> registration_step::ActiveModel {
    registration_step::ActiveModel {
        registration_id: Set(of.id),
        version: Set(version),
        status: Set(step.to.into()),
        cause: Set(step.cause.into()),
        at: Set(at),
        named: Set(step.named),
    }
}

/// Whose registration it is, where it is a client's. The system knows them all.
fn client_of(of: &Visible<registration::Entity>) -> Option<ClientId> {
    let opened: Seat<'_> = of.open()?;
    opened.client_id.as_ref().map(|client| *client.read(&opened))
}

fn told(of: &Visible<registration::Entity>, version: i32, kind: EventKind) -> Event {
    let event = Event::new(kind, of.organization_id, of.id, version).changed(["status"]);
    match client_of(of) {
        Some(client) => event.of_client(client),
        None => event,
    }
}

/// The step with which a registration begins, which is written already.
pub(super) async fn first(tx: &mut Tx, made: &Visible<registration::Entity>, step: Step) -> Result<()> {
    tx.insert_parts::<registration_step::Entity, _>(vec![part(made, made.version, step, tx.moment())]).await?;
    tx.record(told(made, made.version, EventKind::RegistrationChanged));
    Ok(())
}

/// Takes a step. False when somebody else took one meanwhile.
pub(super) async fn take(
    tx: &mut Tx,
    registration: &Visible<registration::Entity>,
    change: registration::ActiveModel,
    step: Step,
) -> Result<bool> {
    let (version, now) = (registration.version + 1, tx.moment());
    let change = registration::ActiveModel { status: Set(step.to.into()), updated_at: Set(now), version: Set(version), ..change };
    if !tx.write_if(registration, change, registration::Column::Version.eq(registration.version)).await? {
        return Ok(false);
    }
    tx.insert_parts::<registration_step::Entity, _>(vec![part(registration, version, step, now)]).await?;
    let kind = if step.to == RegistrationStatus::Offered { EventKind::RegistrationOffered } else { EventKind::RegistrationChanged };
    tx.record(told(registration, version, kind));
    Ok(true)
}

/// Notes that a registration was looked at, and stands as it stood.
pub(super) fn unchanged(tx: &mut Tx, registration: &Visible<registration::Entity>) {
    let event = told(registration, registration.version, EventKind::RegistrationChanged);
    tx.record(Event { changed: Vec::new(), ..event });
}

/// Why somebody stands there from then on, as they are told it: with the clock of the place where it is.
pub fn because(cause: StepCause, at: Instant, named: Option<Instant>, zone: Tz) -> String {
    let clock = |at: Instant| shown(zone, at);
    let until = named.map(clock);
    match (cause, until) {
        (StepCause::Registered, _) => "A seat was free.".to_owned(),
        (StepCause::Requested, Some(until)) => format!("A seat was asked for and is held until {until}, for the contact to confirm."),
        (StepCause::Requested, None) => "A seat was asked for, for the contact to confirm.".to_owned(),
        (StepCause::Confirmed, _) => "The contact confirmed it.".to_owned(),
        (StepCause::NotConfirmed, _) => "The contact did not confirm it in time.".to_owned(),
        (StepCause::Full, _) => "All seats were taken: this is a place in line.".to_owned(),
        (StepCause::Others, _) => "Others waited for a seat: this is a place in line behind them.".to_owned(),
        (StepCause::SeatFree, Some(until)) => format!("Offered because a seat became free at {}: it is held until {until}.", clock(at)),
        (StepCause::SeatFree, None) => format!("Offered because a seat became free at {}.", clock(at)),
        (StepCause::FirstCome, _) => {
            format!("A seat became free at {}, and the session begins soon: whoever of those who wait takes it first has it.", clock(at))
        }
        (StepCause::SeatTaken, _) => "Somebody else took the free seat first: the place in line stays.".to_owned(),
        (StepCause::Accepted, _) => "The seat that was offered was accepted.".to_owned(),
        (StepCause::Lapsed, _) => "The seat that was offered was not accepted in time: it went to whoever was next.".to_owned(),
        (StepCause::Left, _) => "It was cancelled.".to_owned(),
        (StepCause::Attendance, _) => "Attendance was recorded.".to_owned(),
        (StepCause::Undone, _) => "What was recorded of attendance was taken back.".to_owned(),
        (StepCause::Moved, _) => "The session was moved: this is the place in line again.".to_owned(),
        (StepCause::Linked, _) => "It was found to be a client's, and is theirs.".to_owned(),
    }
}
