//! Who sees that somebody comes to a session, and how seats are taken, offered and freed (domain 6.5).

mod attendance;
mod create;
mod guest;
mod line;
mod notice;
mod step;

use entity::{
    ClientId, OrganizationId, RegistrationId, SessionId, class, gathering, registration, registration_step, session,
    vocabulary::{EventKind, RegistrationStatus, StepCause},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use self::line::settle;
pub use self::{
    attendance::{Entry, Recorded, record},
    create::{NewRegistration, create, create_in},
    guest::{Held, NewGuest, confirm, forget, invite, link, not_confirmed},
    line::{accept, offer_ended},
    step::because,
};
pub(in crate::domain) use self::{
    attendance::{begun_to_come, has_come},
    line::{moved, release_timers},
    notice::tell_change,
};
use super::{client as clients, schedule::upcoming, session::refuse_over};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Opened, Part, PartOf, Protected, Store, Tx, Visible, never, query},
};

/// What is class C of a registration that is open.
pub type Seat<'a> = Opened<'a, registration::Entity, class::ContactsAndNotes>;

/// Registrations of clients whose class C the caller may see.
fn of_my_clients(access: &Access) -> Condition {
    let scoped = access.scoped(&[Scope::ClientsRead, Scope::RegistrationsWrite]);
    if !scoped || !access.is_oneself() && !may(access, Resource::Registration, Act::Read) {
        return never();
    }
    clients::named_by(access, registration::Column::ClientId, clients::supported(access))
}

/// Registrations of guests of the caller's programs.
fn of_my_guests(access: &Access) -> Condition {
    if !access.scopes.contains(&Scope::RegistrationsWrite) || !may(access, Resource::Registration, Act::Read) {
        return never();
    }
    let sessions = query::<session::Entity>().select_only().column(session::Column::Id);
    let sessions = sessions.filter(session::Column::ProgramId.is_in(access.programs.iter().copied()));
    let here = registration::Column::SessionId.in_subquery(sessions.into_query());
    Condition::all().add(registration::Column::ClientId.is_null()).add(here)
}

/// The one registration of a guest whose ticket the caller holds.
fn ticketed(access: &Access) -> Option<Condition> {
    use registration::Column;
    let ticket = access.ticket?;
    let this = Condition::all().add(Column::Id.eq(ticket.registration())).add(Column::ClientId.is_null());
    Some(this.add(Column::TicketExpiresAt.gt(access.now)))
}

/// Those that exist for the caller, whose class C is open to them.
fn seen(access: &Access) -> Condition {
    Condition::any().add(of_my_clients(access)).add(of_my_guests(access)).add_option(ticketed(access))
}

impl Protected for registration::Entity {
    type Id = RegistrationId;

    fn id_column() -> Self::Column {
        registration::Column::Id
    }

    fn id(row: &registration::Model) -> RegistrationId {
        row.id
    }

    /// Those of clients of a program that the caller coordinates or supervises, and their own: that someone comes at all is class C. Those
    /// of guests of the caller's programs, and the one whose ticket they hold.
    fn visible_to(access: &Access) -> Condition {
        seen(access)
    }

    fn grants(access: &Access) -> Grants {
        Grants::none().open(Class::ContactsAndNotes, seen(access))
    }

    fn allows(access: &Access, action: Action, row: &registration::Model) -> bool {
        let holds = access.ticket.is_some_and(|ticket| ticket.registration() == row.id);
        match action {
            Action::Read => true,
            Action::End => holds || access.acts_for_oneself() || may(access, Resource::Registration, Act::End),
            Action::Update => may(access, Resource::Registration, Act::Update),
            _ => false,
        }
    }

    /// What is sealed of a registration is a guest's.
    fn sealed_by(row: &registration::Model) -> Option<OrganizationId> {
        Some(row.organization_id)
    }

    fn class_of(column: registration::Column) -> Option<Class> {
        use registration::Column;
        match column {
            Column::ClientId
            | Column::Attendance
            | Column::Status
            | Column::Seated
            | Column::WaitingSince
            | Column::OfferExpiresAt
            | Column::CheckedInAt
            | Column::Needs
            | Column::GuestName
            | Column::GuestContact => Some(Class::ContactsAndNotes),
            _ => None,
        }
    }
}

impl Part for registration_step::Entity {}

impl PartOf<registration::Entity> for registration_step::Entity {
    fn parent_column() -> registration_step::Column {
        registration_step::Column::RegistrationId
    }

    fn parent(part: &registration_step::Model) -> RegistrationId {
        part.registration_id
    }

    fn order() -> registration_step::Column {
        registration_step::Column::Version
    }
}

fn at(refusal: Refusal, field: &'static str) -> Refusal {
    refusal.at(["input", field])
}

/// Takes a session that has not begun, of a registration that the caller may change, and holds it.
///
/// # Errors
/// Refused with `IMMUTABLE` when it is cancelled or has begun.
async fn hold_session(tx: &Tx, id: SessionId, path: &'static [&'static str]) -> Result<Visible<session::Entity>> {
    tx.hold_alone::<session::Entity>(id).await?;
    let session = tx.known::<session::Entity>(id, "seats of a session").await?.ok_or(Error::NotFound)?;
    refuse_over(&session, path, tx.access().now)?;
    Ok(session)
}

/// Leaves a session: a seat that was taken becomes free, for whoever is first in line.
///
/// # Errors
/// `NotFound` when the caller does not see it; refused with `IMMUTABLE` when it is cancelled already or the session has begun, with
/// `STALE` when it changed meanwhile.
pub async fn cancel(store: &Store, access: &Access, id: RegistrationId) -> Result<Visible<registration::Entity>> {
    use RegistrationStatus::{Cancelled, Offered, Registered, Unconfirmed, Waitlisted};
    let mut tx = store.begin(access).await?;
    let seen = tx.fetch_for::<registration::Entity>(id, Action::End).await?;
    // First the timers, then the session, as the timers themselves have it.
    line::forget_timers(&tx, id).await?;
    tx.hold_alone::<session::Entity>(seen.session_id).await?;
    let registration = tx.fetch_for::<registration::Entity>(id, Action::End).await?;
    let opened: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
    match *opened.status.read(&opened) {
        Unconfirmed | Registered | Waitlisted | Offered => {}
        Cancelled => return Err(Refusal::new(Code::Immutable, "It is cancelled already.").at(["id"]).into()),
        _ => return Err(Refusal::new(Code::Immutable, "It was recorded whether they came: that stays.").at(["id"]).into()),
    }
    let session = tx.known::<session::Entity>(registration.session_id, "seats of a session").await?.ok_or(Error::NotFound)?;
    if session.starts_at <= access.now {
        let sentence = "The session has begun: its seats are no longer freed.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
    }
    if !line::end(&mut tx, &registration, &session, StepCause::Left).await? {
        return Err(Refusal::stale(None).at(["id"]).into());
    }
    let cancelled = tx.fetch_for::<registration::Entity>(id, Action::Read).await?;
    tx.commit(cancelled).await
}

/// Has the seats of a gathering's sessions that are still to come be as many as it says now. Nobody is removed where there are fewer;
/// where there are more, those who wait are offered them. `otherwise`: people meet in another way than they did.
///
/// # Errors
/// Refused with `STALE` when a session changed meanwhile.
pub(super) async fn resize(tx: &mut Tx, gathering: &gathering::Model, otherwise: bool) -> Result<()> {
    let of_gathering = upcoming(tx.access().now).add(session::Column::GatheringId.eq(gathering.id));
    let sessions = tx.every::<session::Entity>(of_gathering, "seats of a gathering").await?;
    for id in sessions.iter().map(|session| session.id) {
        tx.hold_alone::<session::Entity>(id).await?;
        let Some(session) = tx.known::<session::Entity>(id, "seats of a session").await? else { continue };
        let of_it = (gathering.capacity_in_person, gathering.capacity_online, gathering.waitlist_size);
        let resized = (session.capacity_in_person, session.capacity_online, session.waitlist_size) != of_it;
        if !resized && !otherwise {
            continue;
        }
        let change = session::ActiveModel {
            capacity_in_person: Set(of_it.0),
            capacity_online: Set(of_it.1),
            waitlist_size: Set(of_it.2),
            updated_at: Set(tx.access().now),
            version: Set(session.version + 1),
            ..Default::default()
        };
        if !tx.write_if(&session, change, session::Column::Version.eq(session.version)).await? {
            return Err(Refusal::stale(None).into());
        }
        if gathering.published_at.is_some() {
            let event = Event::new(EventKind::SessionChanged, session.organization_id, session.id, session.version + 1);
            tx.record(event.changed([otherwise.then_some("modality"), resized.then_some("capacity")].into_iter().flatten()));
        }
        settle(tx, id).await?;
    }
    Ok(())
}

/// Takes away what people needed who are being erased: no key of theirs seals it.
pub(super) async fn forget_needs(tx: &Tx, clients: &[ClientId]) -> Result<()> {
    let of =
        Condition::all().add(registration::Column::ClientId.is_in(clients.iter().copied())).add(registration::Column::Needs.is_not_null());
    for registration in tx.every::<registration::Entity>(of, "an erasure").await? {
        let change = registration::ActiveModel { needs: Set(None), ..Default::default() };
        tx.write_if(&registration, change, Condition::all()).await?;
    }
    Ok(())
}
