//! Who sees that somebody comes to a session, and how seats are taken, offered and freed (domain 6.5).

mod attendance;
mod guest;
mod line;
mod step;

use chrono::TimeDelta;
use entity::{
    ClientId, GatheringId, List, OrganizationId, RegistrationId, SessionId, TypedId, class, gathering, registration, registration_step,
    session,
    vocabulary::{AttendanceMode, EventKind, Modality, RegistrationStatus, SessionStatus, StepCause},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

pub use self::{
    attendance::{Entry, Recorded, record},
    guest::{Held, NewGuest, confirm, forget, invite, link, not_confirmed},
    line::{accept, offer_ended},
    step::because,
};
pub(in crate::domain) use self::{
    guest::tell,
    line::{moved, release_timers},
};
use self::{
    line::{Enters, FIRST_COME, Seats, is_waited_for, settle},
    step::{Step, first, take},
};
use super::{client as clients, client_merge::standing, gathering::ACCESSIBILITY, schedule::upcoming, session::refuse_over};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Grants, Opened, Part, PartOf, Protected, Store, Tx, Visible, never, query, unique},
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

/// What a registration is made of.
#[derive(Clone, Debug)]
pub struct NewRegistration {
    /// For which session.
    pub session_id: SessionId,
    /// Who comes; the client who asks when none is named.
    pub client_id: Option<ClientId>,
    /// How; what the session offers when it offers one.
    pub attendance: Option<AttendanceMode>,
    /// What they need to take part, by the codes of [`ACCESSIBILITY`].
    pub needs: Vec<String>,
    /// Whether they agree to keep among those who come what is said there.
    pub agrees: bool,
    /// Whether they come although they are registered for something else at that time.
    pub despite_conflict: bool,
}

impl NewRegistration {
    /// A client who comes to a session, and of whom nothing else is said.
    pub const fn of(session_id: SessionId, client_id: ClientId) -> Self {
        Self { session_id, client_id: Some(client_id), attendance: None, needs: Vec::new(), agrees: false, despite_conflict: false }
    }
}

fn at(refusal: Refusal, field: &'static str) -> Refusal {
    refusal.at(["input", field])
}

/// How someone takes part, when the session offers it.
fn attendance(modality: Modality, wanted: Option<AttendanceMode>) -> Result<AttendanceMode, Refusal> {
    let only = match modality {
        Modality::InPerson => AttendanceMode::InPerson,
        Modality::Online | Modality::Phone => AttendanceMode::Online,
        Modality::Hybrid => {
            let sentence = "Give `attendance`: this session is in a room and online.";
            return wanted.ok_or_else(|| at(Refusal::new(Code::Required, sentence), "attendance"));
        }
    };
    match wanted {
        Some(other) if other != only => Err(at(Refusal::invalid(format!("`attendance` is {only} at this session.")), "attendance")),
        _ => Ok(only),
    }
}

/// What someone needs to take part: different codes that are all known.
fn needs(given: &[String]) -> Result<Option<List<String>>, Refusal> {
    if given.iter().any(|code| !ACCESSIBILITY.contains(&code.as_str())) {
        let sentence = format!("`accessibilityNeeds` holds some of {}.", ACCESSIBILITY.join(", "));
        return Err(at(Refusal::invalid(sentence), "accessibilityNeeds"));
    }
    let different = ACCESSIBILITY.iter().filter(|code| given.iter().any(|given| given == *code));
    let different: List<_> = different.map(|code| (*code).to_owned()).collect();
    Ok((!different.is_empty()).then_some(different))
}

/// Refuses who may not come to this, or has not agreed to what all who come agree to.
fn refuse_closed(tx: &Tx, gathering: &gathering::Model, agrees: bool) -> Result<(), Refusal> {
    if gathering.published_at.is_none() {
        return Err(at(Refusal::new(Code::Immutable, "This is a draft: publish it first."), "sessionId"));
    }
    let runs = tx.access().is_system() || tx.access().programs.contains(&gathering.program_id);
    if !gathering.open && !runs {
        let sentence = "This group is closed: ask those who run it to take you in.";
        return Err(at(Refusal::new(Code::NotEligible, sentence), "sessionId"));
    }
    if gathering.confidentiality.is_some() && !agrees {
        let sentence = "Give `agreesToConfidentiality: true`: whoever comes agrees to what the group says of confidentiality.";
        return Err(at(Refusal::new(Code::Required, sentence), "agreesToConfidentiality"));
    }
    Ok(())
}

fn known_already() -> Refusal {
    at(Refusal::new(Code::AlreadyExists, "This client is registered for this session already."), "registrant")
}

/// Refuses somebody who is registered already, before anything is said of seats.
async fn refuse_known(tx: &Tx, session: &session::Model, client: ClientId) -> Result<()> {
    let this = Condition::all()
        .add(registration::Column::SessionId.eq(session.id))
        .add(registration::Column::ClientId.eq(client))
        .add(registration::Column::Status.ne(RegistrationStatus::Cancelled));
    match tx.how_many::<registration::Entity>(this, "one registration of a client and session").await? {
        0 => Ok(()),
        _ => Err(known_already().into()),
    }
}

/// Refuses somebody who is registered for something else at that time, and does not know it.
async fn refuse_conflict(tx: &Tx, session: &session::Model, client: ClientId) -> Result<()> {
    let other = query::<session::Entity>().select_only().column(session::Column::Id).filter(overlapping(session));
    let of_client = registration::Column::ClientId.eq(client);
    let live = registration::Column::Status.ne(RegistrationStatus::Cancelled);
    let all = Condition::all().add(of_client).add(live).add(registration::Column::SessionId.in_subquery(other.into_query()));
    if tx.how_many::<registration::Entity>(all, "nobody is in two places at once").await? > 0 {
        let sentence = "They are registered for another session at that time: give `despiteConflict: true` to register them all the same.";
        return Err(at(Refusal::new(Code::ScheduleConflict, sentence), "sessionId").into());
    }
    Ok(())
}

/// Other sessions at the same time.
fn overlapping(session: &session::Model) -> Condition {
    use session::Column;
    Condition::all()
        .add(Column::Id.ne(session.id))
        .add(Column::Status.ne(SessionStatus::Cancelled))
        .add(Column::StartsAt.lt(session.ends_at))
        // Sessions end within a day.
        .add(Column::StartsAt.gt(session.starts_at - TimeDelta::days(1)))
        .add(Column::EndsAt.gt(session.starts_at))
}

/// Registers a client of the caller's organization for a session of it: with a seat, or with a place in line where none is left.
///
/// # Errors
/// `NotFound` when the caller does not see the client or the session, `NotPermitted` when they may see neither class C of the client nor
/// register for the session; refused with `ALREADY_EXISTS` when the client is registered, with `SESSION_FULL` when neither a seat nor a
/// place in line is left, with `SCHEDULE_CONFLICT` when they come to something else at that time, with `NOT_ELIGIBLE` when the group is
/// closed, with `IMMUTABLE` when the session is a draft's, cancelled or has begun.
pub async fn create(store: &Store, access: &Access, new: NewRegistration) -> Result<Visible<registration::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = Box::pin(create_in(&mut tx, new)).await?;
    tx.commit(made).await
}

/// Registers a client within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, new: NewRegistration) -> Result<Visible<registration::Entity>> {
    tx.require(tx.access().acts_for_oneself() || may(tx.access(), Resource::Registration, Act::Create))?;
    let client = tx.access().meant(new.client_id).ok_or_else(|| at(Refusal::required("registrant"), "registrant"))?;
    let client = standing(tx, client, Action::Read).await?;
    // Of all who ask for its seats at once, one after the other.
    tx.hold_alone::<session::Entity>(new.session_id).await?;
    let session = tx.fetch_for::<session::Entity>(new.session_id, Action::Extend).await?;
    if session.organization_id != client.organization_id || !client.may_open(Class::ContactsAndNotes) {
        return Err(Error::NotPermitted);
    }
    let gathering = tx.fetch_for::<gathering::Entity>(session.gathering_id, Action::Read).await?;
    let now = tx.access().now;
    refuse_over(&session, &["input", "sessionId"], now)?;
    refuse_closed(tx, &gathering, new.agrees)?;
    let attendance = attendance(gathering.modality, new.attendance)?;
    let needs = needs(&new.needs)?;
    if !new.despite_conflict {
        refuse_conflict(tx, &session, client.id).await?;
    }
    refuse_known(tx, &session, client.id).await?;
    let (status, cause) = place(tx, &session, attendance).await?;
    let waiting_since = match status {
        RegistrationStatus::Waitlisted => Some(line::behind_all(tx, session.id).await?.into()),
        _ => None,
    };
    let id = RegistrationId::new();
    let row = registration::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        session_id: Set(session.id),
        client_id: Set(Some(client.id.into())),
        attendance: Set(attendance.into()),
        status: Set(status.into()),
        seated: Set((status == RegistrationStatus::Registered).into()),
        waiting_since: Set(waiting_since),
        needs: Set(needs.map(Into::into)),
        agreed_at: Set(gathering.confidentiality.as_ref().map(|_| now)),
        registered_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
        ..blank()
    };
    tx.insert_unseen(row).await.map_err(|error| unique(error, known_already))?;
    let made = tx.fetch_for::<registration::Entity>(id, Action::Read).await?;
    first(tx, &made, Step::to(status, cause)).await?;
    let seated = status == RegistrationStatus::Registered;
    line::count(tx, &session, Enters { seated, attendance }.by()).await?;
    settle(tx, session.id).await?;
    // In the last hours whoever waits may come first.
    tx.fetch_for::<registration::Entity>(id, Action::Read).await
}

/// A registration of nobody yet, of which all that may be missing is.
fn blank() -> registration::ActiveModel {
    registration::ActiveModel {
        client_id: Set(None),
        waiting_since: Set(None),
        offer_expires_at: Set(None),
        checked_in_at: Set(None),
        needs: Set(None),
        agreed_at: Set(None),
        guest_name: Set(None),
        guest_contact: Set(None),
        guest_hash: Set(None),
        confirm_by: Set(None),
        code_hash: Set(None),
        ticket_expires_at: Set(None),
        api_client_id: Set(None),
        ..Default::default()
    }
}

/// Where somebody stands who asks for a seat now: with one, or in line behind the others, of a session that the caller holds.
async fn place(tx: &Tx, session: &session::Model, attendance: AttendanceMode) -> Result<(RegistrationStatus, StepCause)> {
    let seats = Seats::of(session, attendance);
    let cause = match seats.free() {
        0 => StepCause::Full,
        _ if session.starts_at - tx.access().now < FIRST_COME => return Ok((RegistrationStatus::Registered, StepCause::Registered)),
        _ if !is_waited_for(tx, session, attendance).await? => return Ok((RegistrationStatus::Registered, StepCause::Registered)),
        _ => StepCause::Others,
    };
    if session.waitlist_size.is_some_and(|size| session.waiting >= size) {
        let sentence = "Neither a seat nor a place in line is left: choose another session.";
        return Err(at(Refusal::new(Code::SessionFull, sentence), "sessionId").into());
    }
    Ok((RegistrationStatus::Waitlisted, cause))
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
    let mut tx = store.begin(access).await?;
    let seen = tx.fetch_for::<registration::Entity>(id, Action::End).await?;
    // First the timers, then the session, as the timers themselves have it.
    line::forget_timers(&tx, id).await?;
    tx.hold_alone::<session::Entity>(seen.session_id).await?;
    let registration = tx.fetch_for::<registration::Entity>(id, Action::End).await?;
    let opened: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
    use RegistrationStatus::{Cancelled, Offered, Registered, Unconfirmed, Waitlisted};
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
    let freed = line::leaving(&opened);
    let step = Step::to(Cancelled, StepCause::Left);
    if !take(&mut tx, &registration, gone(&registration), step).await? {
        return Err(Refusal::stale(None).at(["id"]).into());
    }
    line::count(&tx, &session, freed).await?;
    settle(&mut tx, session.id).await?;
    let cancelled = tx.fetch_for::<registration::Entity>(id, Action::Read).await?;
    tx.commit(cancelled).await
}

/// What is left of a registration that ended: of a guest nothing.
fn gone(registration: &registration::Model) -> registration::ActiveModel {
    let left = if registration.client_id.is_none() { guest::forgotten() } else { registration::ActiveModel::default() };
    registration::ActiveModel { seated: Set(false.into()), offer_expires_at: Set(None), ..left }
}

/// Has the seats of a gathering's sessions that are still to come be as many as it says now. Nobody is removed where there are fewer;
/// where there are more, those who wait are offered them.
///
/// # Errors
/// Refused with `STALE` when a session changed meanwhile.
pub(super) async fn resize(tx: &mut Tx, gathering: &gathering::Model) -> Result<()> {
    let of_gathering = upcoming(tx.access().now).add(session::Column::GatheringId.eq(gathering.id));
    let sessions = tx.every::<session::Entity>(of_gathering, "seats of a gathering").await?;
    for id in sessions.iter().map(|session| session.id) {
        tx.hold_alone::<session::Entity>(id).await?;
        let Some(session) = tx.known::<session::Entity>(id, "seats of a session").await? else { continue };
        let of_it = (gathering.capacity_in_person, gathering.capacity_online, gathering.waitlist_size);
        if (session.capacity_in_person, session.capacity_online, session.waitlist_size) == of_it {
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
            let event = crate::store::Event::new(EventKind::SessionChanged, session.organization_id, session.id, session.version + 1);
            tx.record(event.changed(["capacity"]));
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

/// The sessions at which somebody has come in already, of those of a gathering that begin before long.
pub(super) async fn begun_to_come(tx: &Tx, gathering: GatheringId) -> Result<Vec<SessionId>> {
    let soon = upcoming(tx.access().now)
        .add(session::Column::GatheringId.eq(gathering))
        .add(session::Column::StartsAt.lte(tx.access().now + attendance::EARLY));
    let mut there = Vec::new();
    for session in tx.every::<session::Entity>(soon, "whoever has come in").await? {
        // Whoever comes in meanwhile is there before this looks, or after it is done.
        tx.hold_alone::<session::Entity>(session.id).await?;
        if has_come(tx, session.id).await? {
            there.push(session.id);
        }
    }
    Ok(there)
}

/// Whether somebody has come in at a session.
pub(super) async fn has_come(tx: &Tx, session: SessionId) -> Result<bool> {
    let came = Condition::all().add(registration::Column::SessionId.eq(session)).add(registration::Column::CheckedInAt.is_not_null());
    Ok(tx.how_many::<registration::Entity>(came, "whoever has come in").await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_take_part_as_the_session_offers() {
        use AttendanceMode::{InPerson, Online};
        let cases = [
            (Modality::InPerson, None, Ok(InPerson)),
            (Modality::InPerson, Some(Online), Err(Code::Invalid)),
            (Modality::Online, None, Ok(Online)),
            (Modality::Online, Some(InPerson), Err(Code::Invalid)),
            (Modality::Phone, Some(Online), Ok(Online)),
            (Modality::Hybrid, None, Err(Code::Required)),
            (Modality::Hybrid, Some(InPerson), Ok(InPerson)),
            (Modality::Hybrid, Some(Online), Ok(Online)),
        ];
        for (modality, wanted, expected) in cases {
            assert_eq!(attendance(modality, wanted).map_err(|refusal| refusal.code), expected, "{modality} {wanted:?}");
        }
    }
}
