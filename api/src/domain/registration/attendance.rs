//! Who came.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use entity::{
    GatheringId, RegistrationId, SessionId, registration, session,
    vocabulary::{RegistrationStatus, SessionStatus, StepCause},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::{Value as Json, json};

use super::{
    Seat,
    line::{self, By},
    step::{Step, take, unchanged},
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    domain::schedule::upcoming,
    error::{Code, Error, Refusal, Result},
    store::{Action, Kept, Store, Tx, Visible},
};

/// How long before a session begins people can come in.
const EARLY: TimeDelta = TimeDelta::hours(1);

const CAME: &str = "whoever has come in";

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
        NoShow | Excused if session.starts_at > now => {
            let sentence = "The session has not begun: nobody has stayed away yet. Whoever will not come cancels.";
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
/// `NotFound` when the caller does not see the session or a registration, `NotPermitted` for other roles; refused with
/// `IMMUTABLE` when it is cancelled, with `INVALID` before people can come in, when an entry is none that can be made, or is twice there.
pub async fn record(store: &Store, access: &Access, id: SessionId, entries: &[Entry]) -> Result<Recorded> {
    if entries.is_empty() || entries.len() > MOST {
        let code = if entries.is_empty() { Code::Required } else { Code::TooMany };
        return Err(Refusal::new(code, format!("`entries` has from 1 to {MOST} entries.")).at(["entries"]).into());
    }
    let mut tx = store.begin(access).await?;
    tx.require(may(access, Resource::SessionRoster, Act::Update))?;
    let ids: Vec<_> = entries.iter().map(|entry| entry.registration_id).collect();
    // First the timers, then the session, as the timers themselves have it.
    line::release(&tx, Condition::all().add(registration::Column::Id.is_in(ids.iter().copied()))).await?;
    tx.hold_alone::<session::Entity>(id).await?;
    let session = tx.fetch_for::<session::Entity>(id, Action::Read).await?;
    tx.require(session.organization_id.is_some_and(|own| access.organization == Some(own)))?;
    refuse_early(&session, access.now)?;
    let mut named = HashSet::new();
    for (place, entry) in entries.iter().enumerate() {
        check(*entry, place, &session, access.now)?;
        if !named.insert(entry.registration_id) {
            return Err(at(Refusal::invalid("This registration is there twice."), place, "registrationId").into());
        }
    }
    let registrations = in_order(&tx, &ids).await?;
    let (mut changed, mut counted) = (false, By::default());
    for (place, (registration, entry)) in registrations.iter().zip(entries).enumerate() {
        if registration.session_id != session.id {
            return Err(Error::NotFound);
        }
        if let Some(by) = Box::pin(enter(&mut tx, registration, place, *entry)).await? {
            (changed, counted) = (true, counted.plus(by));
        }
    }
    line::count(&tx, &session, counted).await?;
    line::settle(&mut tx, id).await?;
    if let (false, Some(first)) = (changed, registrations.first()) {
        unchanged(&mut tx, first);
    }
    let session = tx.fetch_for::<session::Entity>(id, Action::Read).await?;
    let registrations = in_order(&tx, &ids).await?;
    tx.commit(Recorded { session, registrations }).await
}

/// These registrations, in the order in which they are named.
async fn in_order(tx: &Tx, ids: &[RegistrationId]) -> Result<Vec<Visible<registration::Entity>>> {
    let mut registrations = tx.fetch_each::<registration::Entity>(ids, Action::Read).await?;
    let places: HashMap<_, _> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    registrations.sort_by_key(|row| places.get(&row.id).copied());
    Ok(registrations)
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

/// The sessions at which somebody has come in already, of those of a gathering that begin before long.
pub(in crate::domain) async fn begun_to_come(tx: &Tx, gathering: GatheringId) -> Result<Vec<SessionId>> {
    let soon = upcoming(tx.access().now)
        .add(session::Column::GatheringId.eq(gathering))
        .add(session::Column::StartsAt.lte(tx.access().now + EARLY));
    let mut there = Vec::new();
    for session in tx.every::<session::Entity>(soon, CAME).await? {
        // Whoever comes in meanwhile is there before this looks, or after it is done.
        tx.hold_alone::<session::Entity>(session.id).await?;
        if has_come(tx, session.id).await? {
            there.push(session.id);
        }
    }
    Ok(there)
}

/// Whether somebody has come in at a session.
pub(in crate::domain) async fn has_come(tx: &Tx, session: SessionId) -> Result<bool> {
    let came = Condition::all().add(registration::Column::SessionId.eq(session)).add(registration::Column::CheckedInAt.is_not_null());
    Ok(tx.how_many::<registration::Entity>(came, CAME).await? > 0)
}

/// Makes an entry. Gives what it counts; nothing when it changes nothing.
async fn enter(tx: &mut Tx, registration: &Visible<registration::Entity>, place: usize, entry: Entry) -> Result<Option<By>> {
    use RegistrationStatus::{Attended, Cancelled, Offered, Partial, Registered, Unconfirmed, Waitlisted};
    let opened: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
    let (status, seated, attendance) = (*opened.status.read(&opened), *opened.seated.read(&opened), *opened.attendance.read(&opened));
    if status == entry.status {
        return Ok(None);
    }
    let came = matches!(entry.status, Attended | Partial);
    let refused = match status {
        Cancelled | Unconfirmed => {
            Some("This registration has ended, or was not confirmed: whoever came all the same is registered first.")
        }
        Waitlisted | Offered if !came => Some("This registration has no seat yet: only that they came is recorded of it."),
        _ => None,
    };
    if let Some(sentence) = refused {
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
    let counted = if seated { By::default() } else { By::seating(attendance) };
    if !take(tx, registration, change, Step::to(entry.status, cause)).await? {
        return Err(at(Refusal::stale(None), place, "registrationId").into());
    }
    Ok(Some(counted))
}
