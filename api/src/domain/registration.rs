//! Who sees that a client comes to a session, and how seats are taken and freed.

use entity::{
    ClientId, RegistrationId, SessionId, TypedId, class, registration, session,
    vocabulary::{AttendanceMode, EventKind, Modality, RegistrationStatus, SessionStatus},
    workshop,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ExprTrait,
    sea_query::{CaseStatement, Expr},
};

use super::{client as clients, client_merge::standing, schedule::seats_move_at, session::refuse_over};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Opened, Protected, Store, Tx, Visible, never, unique},
};

/// Registrations of clients whose class C the caller may see.
fn of_my_clients(access: &Access) -> Condition {
    let scoped = access.scoped(&[Scope::ClientsRead, Scope::RegistrationsWrite]);
    if !scoped || !access.is_oneself() && !may(access, Resource::Registration, Act::Read) {
        return never();
    }
    clients::named_by(access, registration::Column::ClientId, clients::supported(access))
}

impl Protected for registration::Entity {
    type Id = RegistrationId;

    fn id_column() -> Self::Column {
        registration::Column::Id
    }

    fn id(row: &registration::Model) -> RegistrationId {
        row.id
    }

    /// Those of clients of a program that the caller coordinates or supervises, and their own: that someone comes at all is class C.
    fn visible_to(access: &Access) -> Condition {
        of_my_clients(access)
    }

    fn grants(access: &Access) -> Grants {
        Grants::none().open(Class::ContactsAndNotes, of_my_clients(access))
    }

    fn allows(access: &Access, action: Action, _: &registration::Model) -> bool {
        match action {
            Action::Read => true,
            Action::End => may(access, Resource::Registration, Act::End),
            _ => false,
        }
    }

    fn class_of(column: registration::Column) -> Option<Class> {
        match column {
            registration::Column::ClientId | registration::Column::Attendance | registration::Column::Status => {
                Some(Class::ContactsAndNotes)
            }
            _ => None,
        }
    }
}

/// What a registration is made of.
#[derive(Clone, Debug)]
pub struct NewRegistration {
    /// For which session.
    pub session_id: SessionId,
    /// Who comes.
    pub client_id: ClientId,
    /// How; what the session offers when it offers one.
    pub attendance: Option<AttendanceMode>,
}

/// How someone takes part, when the session offers it.
fn attendance(modality: Modality, wanted: Option<AttendanceMode>) -> Result<AttendanceMode, Refusal> {
    let only = match modality {
        Modality::InPerson => AttendanceMode::InPerson,
        Modality::Online | Modality::Phone => AttendanceMode::Online,
        Modality::Hybrid => {
            let sentence = "Give `attendance`: this session is in a room and online.";
            return wanted.ok_or_else(|| Refusal::new(Code::Required, sentence).at(["input", "attendance"]));
        }
    };
    match wanted {
        Some(other) if other != only => {
            Err(Refusal::invalid(format!("`attendance` is {only} at this session.")).at(["input", "attendance"]))
        }
        _ => Ok(only),
    }
}

/// Registers a client of the caller's organization for a session of it.
///
/// # Errors
/// `NotFound` when the caller does not see the client or the session, `NotPermitted` when they may see neither class C of the client nor
/// register for the session; refused with `ALREADY_EXISTS` when the client is registered, with `SESSION_FULL` when no seat is left, with
/// `IMMUTABLE` when the session is a draft's, cancelled or has begun.
pub async fn create(store: &Store, access: &Access, new: NewRegistration) -> Result<Visible<registration::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = create_in(&mut tx, new).await?;
    tx.commit(made).await
}

/// Registers a client within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, new: NewRegistration) -> Result<Visible<registration::Entity>> {
    tx.require(may(tx.access(), Resource::Registration, Act::Create))?;
    let client = standing(tx, new.client_id, Action::Read).await?;
    let session = tx.fetch_for::<session::Entity>(new.session_id, Action::Extend).await?;
    if session.organization_id != client.organization_id || !client.may_open(Class::ContactsAndNotes) {
        return Err(Error::NotPermitted);
    }
    let workshop = tx.fetch_for::<workshop::Entity>(session.workshop_id, Action::Read).await?;
    let now = tx.access().now;
    refuse_over(&session, &["input", "sessionId"], now)?;
    if workshop.published_at.is_none() {
        let sentence = "This workshop is a draft: publish it first.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["input", "sessionId"]).into());
    }
    let attendance = attendance(workshop.modality, new.attendance)?;
    let id = RegistrationId::new();
    let row = registration::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        session_id: Set(session.id),
        client_id: Set(client.id.into()),
        attendance: Set(attendance.into()),
        status: Set(RegistrationStatus::Registered.into()),
        registered_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let known = || {
        let sentence = "This client is registered for this session already.";
        Refusal::new(Code::AlreadyExists, sentence).at(["input", "registrant"])
    };
    tx.insert_unseen(row).await.map_err(|error| unique(error, known))?;
    take_seat(tx, &session, attendance).await?;
    let made = tx.fetch_for::<registration::Entity>(id, Action::Read).await?;
    tx.record(Event::new(EventKind::RegistrationChanged, made.organization_id, id, made.version).of_client(client.id).changed(["status"]));
    Ok(made)
}

/// Cancels a registration, which frees its seat.
///
/// # Errors
/// `NotFound` when the caller does not see it; refused with `IMMUTABLE` when it is cancelled already or the session has begun, with
/// `STALE` when it changed meanwhile.
pub async fn cancel(store: &Store, access: &Access, id: RegistrationId) -> Result<Visible<registration::Entity>> {
    let mut tx = store.begin(access).await?;
    let registration = tx.fetch_for::<registration::Entity>(id, Action::End).await?;
    let opened: Opened<'_, _, class::ContactsAndNotes> = registration.open().ok_or(Error::NotPermitted)?;
    let (client, attendance) = (*opened.client_id.read(&opened), *opened.attendance.read(&opened));
    if *opened.status.read(&opened) != RegistrationStatus::Registered {
        return Err(Refusal::new(Code::Immutable, "It is cancelled already.").at(["id"]).into());
    }
    let session = tx.fetch_for::<session::Entity>(registration.session_id, Action::Read).await?;
    let now = access.now;
    if session.starts_at <= now {
        let sentence = "The session has begun: its seats are no longer freed.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
    }
    let change = registration::ActiveModel {
        status: Set(RegistrationStatus::Cancelled.into()),
        updated_at: Set(now),
        version: Set(registration.version + 1),
        ..Default::default()
    };
    let unchanged = registration::Column::Version.eq(registration.version);
    let unchanged = Condition::all().add(unchanged).add(registration::Column::Status.eq(RegistrationStatus::Registered));
    let cancelled = tx.update_if(&registration, change, unchanged).await?.ok_or_else(|| Error::from(Refusal::stale(None).at(["id"])))?;
    let freed = tx.count_if(&session, counted(attendance, -1, now), Condition::all()).await?;
    if !freed {
        return Err(Error::internal("a registration has no session"));
    }
    tx.record(
        Event::new(EventKind::RegistrationChanged, cancelled.organization_id, id, cancelled.version).of_client(client).changed(["status"]),
    );
    tx.commit(cancelled).await
}

/// Takes a seat if there is one at the moment of writing: however many ask at once, the database counts.
async fn take_seat(tx: &Tx, session: &Visible<session::Entity>, attendance: AttendanceMode) -> Result<()> {
    let now = tx.access().now;
    let (capacity, registered, _) = columns(attendance);
    let left = Condition::any().add(capacity.is_null()).add(registered.into_expr().lt(capacity.into_expr()));
    let open = Condition::all().add(session::Column::Status.eq(SessionStatus::Scheduled)).add(session::Column::StartsAt.gt(now)).add(left);
    if tx.count_if(session, counted(attendance, 1, now), open).await? {
        return Ok(());
    }
    let now_is = tx.fetch_for::<session::Entity>(session.id, Action::Extend).await?;
    refuse_over(&now_is, &["input", "sessionId"], now)?;
    Err(Refusal::new(Code::SessionFull, "No seat is left: choose another session.").at(["input", "sessionId"]).into())
}

const fn columns(attendance: AttendanceMode) -> (session::Column, session::Column, session::Column) {
    use session::Column;
    match attendance {
        AttendanceMode::InPerson => (Column::CapacityInPerson, Column::RegisteredInPerson, Column::BeforeInPerson),
        AttendanceMode::Online => (Column::CapacityOnline, Column::RegisteredOnline, Column::BeforeOnline),
    }
}

/// One seat more or less. The first change in five minutes keeps what was counted before them, which is what everyone may read.
fn counted(attendance: AttendanceMode, by: i32, now: Instant) -> Vec<(session::Column, Expr)> {
    use session::Column;
    let these = seats_move_at(now);
    let first = |then: Expr, otherwise: Expr| {
        Expr::Case(Box::new(CaseStatement::new().case(Column::SeatsChangedAt.lt(these), then).finally(otherwise)))
    };
    let kept = |registered: Column, before: Column| (before, first(registered.into_expr(), before.into_expr()));
    let (_, registered, _) = columns(attendance);
    vec![
        kept(Column::RegisteredInPerson, Column::BeforeInPerson),
        kept(Column::RegisteredOnline, Column::BeforeOnline),
        (Column::SeatsChangedAt, first(Expr::val(these), Column::SeatsChangedAt.into_expr())),
        (registered, registered.into_expr().add(by)),
    ]
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
