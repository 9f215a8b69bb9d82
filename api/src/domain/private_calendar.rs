//! A client's own calendar, for the calendar programs that they use: whoever has its link reads when they are expected, and nothing else. The
//! link is good until they replace or revoke it, and no longer than their access: that ends it too.

use chrono_tz::Tz;
use entity::{
    ClientId, GatheringId, RegistrationId, SessionId, client, gathering, private_calendar, registration, session,
    vocabulary::{EventKind, RegistrationStatus, SessionStatus},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, Order, QueryFilter, QuerySelect, QueryTrait};
use serde_json::Value as Json;
use std::collections::HashMap;
use uuid::Uuid;

use super::{client_access, client_merge::standing, registration::Seat, wall_time::zone_of};
use crate::{
    access::{
        Access,
        secret::{self, Purpose, Secrets},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Kept, Part, Store, Tx, Visible, query, unique},
};

const WHY: &str = "a client's calendar";

/// The most appointments of one calendar.
const MOST: u64 = 1_000;

impl Part for private_calendar::Entity {}

/// A calendar that was made. Has no `Debug`: it holds a secret.
pub struct Made {
    /// Whose.
    pub client: Visible<client::Entity>,
    /// The key that stands in its link. Shown once: nothing where a repeated request is answered again.
    pub key: Option<String>,
}

impl Kept for Made {
    fn keep(&self) -> Json {
        self.client.keep()
    }

    async fn recall(store: &Store, access: &Access, kept: Json) -> Result<Self> {
        Ok(Self { client: Visible::recall(store, access, kept).await?, key: None })
    }
}

/// Makes the calendar of the client who asks, in place of one that they had: the link to that is over.
///
/// # Errors
/// `NotPermitted` for everyone else; refused with `STALE` when they make another at the same moment.
pub async fn create(store: &Store, access: &Access, secrets: &Secrets) -> Result<Made> {
    let mut tx = store.begin(access).await?;
    let client = oneself(&tx).await?;
    end(&tx, client.id).await?;
    let key = secret::generate();
    let row = private_calendar::ActiveModel {
        id: Set(Uuid::new_v4()),
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        key_hash: Set(secrets.of(Purpose::PrivateCalendar).hash(&key).to_vec()),
        created_at: Set(access.now),
    };
    tx.insert_parts::<private_calendar::Entity, _>(vec![row]).await.map_err(|error| unique(error, || Refusal::stale(None)))?;
    record(&mut tx, &client);
    tx.commit(Made { client, key: Some(key.to_string()) }).await
}

/// Ends the link to the calendar of the client who asks.
///
/// # Errors
/// `NotPermitted` for everyone else; refused with `IMMUTABLE` when there is none.
pub async fn revoke(store: &Store, access: &Access) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let client = oneself(&tx).await?;
    if tx.parts::<private_calendar::Entity>(of(client.id)).await?.is_empty() {
        return Err(Refusal::new(Code::Immutable, "You have no calendar with a link: there is nothing to end.").into());
    }
    end(&tx, client.id).await?;
    record(&mut tx, &client);
    tx.commit(client).await
}

/// The record of the client who asks, held until this is done.
async fn oneself(tx: &Tx) -> Result<Visible<client::Entity>> {
    tx.require(tx.access().acts_for_oneself())?;
    let id = tx.access().meant(None).ok_or(Error::NotPermitted)?;
    tx.hold_alone::<client::Entity>(id).await?;
    standing(tx, id, Action::Read).await
}

fn of(client: ClientId) -> Condition {
    Condition::all().add(private_calendar::Column::ClientId.eq(client))
}

/// Ends the link to a client's calendar within a larger command, if there is one.
pub(super) async fn end(tx: &Tx, client: ClientId) -> Result<()> {
    tx.delete_parts::<private_calendar::Entity>(of(client)).await
}

/// No other name than that of every change of access.
fn record(tx: &mut Tx, client: &client::Model) {
    let event = Event::new(EventKind::ClientAccessChanged, client.organization_id, client.id, client.version);
    tx.record(event.of_client(client.id).changed(["access"]));
}

/// Who reads the calendar to which a key belongs: the client, of all the records that are theirs. Nothing for a key that is none, and for
/// one that is over, whatever ended it.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn reader(store: &Store, secrets: &Secrets, request_id: &str, key: &str) -> Result<Option<Access>> {
    let now = store.clock().now();
    let hash = secrets.of(Purpose::PrivateCalendar).hash(key).to_vec();
    let this = Condition::all().add(private_calendar::Column::KeyHash.eq(hash));
    let Some(calendar) = store.parts::<private_calendar::Entity>(&Access::system(WHY, now), this).await?.pop() else { return Ok(None) };
    let (client, home) = (calendar.client_id, calendar.organization_id);
    if !client_access::lasts(store, client, now).await? {
        return Ok(None);
    }
    // An access that began later is another, of which this link is none.
    let known = store.client_caller(client, home, "", calendar.created_at).await?;
    Ok(known.map(|known| Access::oneself(home, known.organization_kind, known.records, Access::anonymous(request_id, now))))
}

/// How somebody is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// They come.
    Confirmed,
    /// A seat is held for them until they accept it.
    Tentative,
    /// It does not take place.
    Cancelled,
}

/// When somebody is expected. It says nothing of what for, and nothing of where.
#[derive(Clone, Debug)]
pub struct Appointment {
    /// By which registration.
    pub id: RegistrationId,
    /// UTC.
    pub starts_at: Instant,
    /// UTC.
    pub ends_at: Instant,
    /// The zone whose clocks it follows.
    pub zone: Tz,
    /// How it stands.
    pub expected: Expected,
    /// How often it changed.
    pub changes: i32,
    /// When it last did (UTC).
    pub changed_at: Instant,
}

/// When the client who asks is expected from now on, earliest first. Waiting in line is not being expected.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn appointments(store: &Store, access: &Access) -> Result<Vec<Appointment>> {
    use RegistrationStatus::{Attended, Offered, Partial, Registered};
    use registration::Column;
    let not_over = query::<session::Entity>().select_only().column(session::Column::Id).filter(session::Column::EndsAt.gt(access.now));
    let seats = Condition::all()
        .add(Column::Status.is_in([Registered, Offered, Attended, Partial]))
        .add(Column::SessionId.in_subquery(not_over.into_query()));
    let seats = store.find::<registration::Entity>(access).matching(Some(Class::ContactsAndNotes), seats);
    let seats = seats.ordered(Column::RegisteredAt, Order::Asc).first(MOST).await?;
    let sessions: Vec<_> = seats.iter().map(|seat| seat.session_id).collect();
    let sessions = store.by_ids::<session::Entity>(access, &sessions).await?;
    let gatherings: Vec<_> = sessions.iter().map(|session| session.gathering_id).collect();
    let gatherings = store.by_ids::<gathering::Entity>(access, &gatherings).await?;
    let gatherings: HashMap<GatheringId, _> = gatherings.iter().map(|of| (of.id, of)).collect();
    let sessions: HashMap<SessionId, _> = sessions.into_iter().map(|session| (session.id, session)).collect();
    let mut all = Vec::new();
    for registration in &seats {
        let seat: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
        let Some(session) = sessions.get(&registration.session_id) else { continue };
        let Some(gathering) = gatherings.get(&session.gathering_id) else { continue };
        let zone = session.occurrence.map_or(gathering.time_zone.as_str(), |planned| gathering.zone_on(planned.date()));
        let expected = match (session.status, *seat.status.read(&seat)) {
            (SessionStatus::Cancelled, _) => Expected::Cancelled,
            (_, Offered) => Expected::Tentative,
            _ => Expected::Confirmed,
        };
        all.push(Appointment {
            id: registration.id,
            starts_at: session.starts_at,
            ends_at: session.ends_at,
            zone: zone_of(zone)?,
            expected,
            changes: registration.version + session.version - 2,
            changed_at: registration.updated_at.max(session.updated_at),
        });
    }
    all.sort_by_key(|one| (one.starts_at, Uuid::from(one.id)));
    Ok(all)
}
