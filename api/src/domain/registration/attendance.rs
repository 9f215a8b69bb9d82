//! Who came.

use std::collections::HashSet;

use chrono::TimeDelta;
use entity::{
    RegistrationId, SessionId, registration, session,
    vocabulary::{EventKind, RegistrationStatus, SessionStatus, StepCause},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::{Value as Json, json};

use super::{
    Seat, line,
    step::{Step, take, unchanged},
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Kept, Store, Tx, Visible},
};

/// How long before a session begins people can come in.
pub(super) const EARLY: TimeDelta = TimeDelta::hours(1);

/// The most entries of one batch.
const MOST: usize = 500;

/// What is said of one person.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Of which registration.
    pub registration_id: RegistrationId,
    /// Where it stands; `REGISTERED` takes back what was said.
    pub status: RegistrationStatus,
}

/// What became of a batch: the session, and those who were named.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The session.
    pub session: Visible<session::Entity>,
    /// The registrations, in the order in which they were named.
    pub registrations: Vec<Visible<registration::Entity>>,
}

impl Kept for Recorded {
    fn keep(&self) -> Json {
        json!([self.session.keep(), self.registrations.iter().map(Kept::keep).collect::<Vec<_>>()])
    }

    async fn recall(store: &Store, access: &Access, mut kept: Json) -> Result<Self> {
        let session = Visible::recall(store, access, kept[0].take()).await?;
        let mut registrations = Vec::new();
        for one in kept[1].as_array_mut().into_iter().flatten() {
            registrations.push(Visible::recall(store, access, one.take()).await?);
        }
        Ok(Self { session, registrations })
    }
}

fn at(refusal: Refusal, place: usize, field: &str) -> Refusal {
    refusal.at(["entries".to_owned(), place.to_string(), field.to_owned()])
}

/// What can be said of whoever was registered at this time.
fn check(entry: Entry, place: usize, session: &session::Model, now: Instant) -> Result<(), Refusal> {
    use RegistrationStatus::{Attended, Excused, NoShow, Partial, Registered};
    match entry.status {
        NoShow if session.starts_at > now => {
            let sentence = "The session has not begun: nobody has stayed away yet.";
            Err(at(Refusal::invalid(sentence), place, "status"))
        }
        Attended | Partial | NoShow | Excused | Registered => Ok(()),
        _ => {
            let sentence = "`status` is ATTENDED, PARTIAL, NO_SHOW or EXCUSED, or REGISTERED to take back what was said.";
            Err(at(Refusal::invalid(sentence), place, "status"))
        }
    }
}

/// Records who came, all or nothing. What is recorded already stays as it is.
///
/// # Errors
/// `NotFound` when the caller does not see the session or a registration, `NotPermitted` when they do not run its program; refused with
/// `IMMUTABLE` when it is cancelled, with `INVALID` before people can come in, when an entry is none that can be made, or is twice there.
pub async fn record(store: &Store, access: &Access, id: SessionId, entries: &[Entry]) -> Result<Recorded> {
    let mut tx = store.begin(access).await?;
    tx.require(may(access, Resource::SessionRoster, Act::Update))?;
    for entry in entries.iter().take(MOST) {
        line::forget_timers(&tx, entry.registration_id).await?;
    }
    tx.hold_alone::<session::Entity>(id).await?;
    let session = tx.fetch_for::<session::Entity>(id, Action::Read).await?;
    tx.require(access.programs.contains(&session.program_id))?;
    refuse_early(&session, access.now)?;
    if entries.is_empty() || entries.len() > MOST {
        let code = if entries.is_empty() { Code::Required } else { Code::TooMany };
        return Err(Refusal::new(code, format!("`entries` has from 1 to {MOST} entries.")).at(["entries"]).into());
    }
    let (mut named, mut changed) = (HashSet::new(), false);
    for (place, entry) in entries.iter().enumerate() {
        check(*entry, place, &session, access.now)?;
        if !named.insert(entry.registration_id) {
            return Err(at(Refusal::invalid("This registration is there twice."), place, "registrationId").into());
        }
        changed |= Box::pin(enter(&mut tx, &session, place, *entry)).await?;
    }
    let ids: Vec<_> = entries.iter().map(|entry| entry.registration_id).collect();
    let mut registrations = tx.fetch_each::<registration::Entity>(&ids, Action::Read).await?;
    let place = |row: &Visible<registration::Entity>| entries.iter().position(|entry| entry.registration_id == row.id);
    registrations.sort_by_key(place);
    if let (false, Some(first)) = (changed, registrations.first()) {
        unchanged(&mut tx, first);
    }
    let session = held(&mut tx, session, entries).await?;
    tx.commit(Recorded { session, registrations }).await
}

fn refuse_early(session: &session::Model, now: Instant) -> Result<(), Refusal> {
    let sentence = if session.status == SessionStatus::Cancelled {
        "This session is cancelled: nobody came."
    } else if session.starts_at - now > EARLY {
        "Attendance is recorded from an hour before the session begins."
    } else {
        return Ok(());
    };
    Err(Refusal::new(Code::Immutable, sentence).at(["sessionId"]))
}

/// Makes an entry. Whether that changes anything.
async fn enter(tx: &mut Tx, session: &Visible<session::Entity>, place: usize, entry: Entry) -> Result<bool> {
    use RegistrationStatus::{Attended, Cancelled, Partial, Registered, Unconfirmed};
    let registration = tx.fetch_for::<registration::Entity>(entry.registration_id, Action::Read).await?;
    if registration.session_id != session.id {
        return Err(Error::NotFound);
    }
    let opened: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
    let (status, seated) = (*opened.status.read(&opened), *opened.seated.read(&opened));
    let came = matches!(entry.status, Attended | Partial);
    if status == entry.status {
        return Ok(false);
    }
    if matches!(status, Cancelled | Unconfirmed) || !seated && !came {
        let sentence = "This registration holds no seat: whoever came all the same is registered first.";
        return Err(at(Refusal::new(Code::Immutable, sentence), place, "registrationId").into());
    }
    let since = opened.checked_in_at.as_ref().map(|at| *at.read(&opened));
    let checked_in_at = came.then(|| since.unwrap_or(tx.access().now).into());
    let change = registration::ActiveModel {
        seated: Set(true.into()),
        offer_expires_at: Set(None),
        checked_in_at: Set(checked_in_at),
        ..Default::default()
    };
    let cause = if entry.status == Registered { StepCause::Undone } else { StepCause::Attendance };
    let attendance = *opened.attendance.read(&opened);
    let counted = if seated { None } else { Some(line::leaving(&opened).plus(line::entering(entry.status, attendance))) };
    if !take(tx, &registration, change, Step::to(entry.status, cause)).await? {
        return Err(at(Refusal::stale(None), place, "registrationId").into());
    }
    if let Some(by) = counted {
        line::count(tx, session, by).await?;
    }
    Ok(true)
}

/// A session that has begun, and to which people came, was held.
async fn held(tx: &mut Tx, session: Visible<session::Entity>, entries: &[Entry]) -> Result<Visible<session::Entity>> {
    use RegistrationStatus::{Attended, Partial};
    let came = entries.iter().any(|entry| matches!(entry.status, Attended | Partial));
    let version = session.version + 1;
    if !came || session.status == SessionStatus::Held || session.starts_at > tx.access().now {
        return tx.fetch_for::<session::Entity>(session.id, Action::Read).await;
    }
    let change = session::ActiveModel {
        status: Set(SessionStatus::Held),
        updated_at: Set(tx.access().now),
        version: Set(version),
        ..Default::default()
    };
    let unchanged = Condition::all().add(session::Column::Version.eq(session.version));
    let held = tx.update_if(&session, change, unchanged).await?.ok_or_else(|| Error::from(Refusal::stale(None).at(["sessionId"])))?;
    tx.record(Event::new(EventKind::SessionChanged, held.organization_id, held.id, version).changed(["status"]));
    Ok(held)
}
