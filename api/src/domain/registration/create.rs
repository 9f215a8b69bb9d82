//! How a client is registered for a session.

use chrono::TimeDelta;
use entity::{
    ClientId, List, OrganizationId, RegistrationId, SessionId, TypedId, gathering, registration, session,
    vocabulary::{AttendanceMode, Modality, RegistrationStatus, SessionStatus, StepCause},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::{
    at,
    line::{self, By, FIRST_COME, Seats, is_waited_for, settle},
    step::{Step, first},
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    domain::{
        client_merge::standing,
        gathering::{ACCESSIBILITY, runs},
        session::refuse_over,
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Store, Tx, Visible, query, unique},
};

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

/// How someone takes part, when the session offers it.
pub(super) fn attendance(modality: Modality, wanted: Option<AttendanceMode>) -> Result<AttendanceMode, Refusal> {
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
pub(super) fn needs(given: &[String]) -> Result<Option<List<String>>, Refusal> {
    if given.iter().any(|code| !ACCESSIBILITY.contains(&code.as_str())) {
        let sentence = format!("`accessibilityNeeds` holds some of {}.", ACCESSIBILITY.join(", "));
        return Err(at(Refusal::invalid(sentence), "accessibilityNeeds"));
    }
    let different = ACCESSIBILITY.iter().filter(|code| given.iter().any(|given| given == *code));
    let different: List<_> = different.map(|code| (*code).to_owned()).collect();
    Ok((!different.is_empty()).then_some(different))
}

/// Refuses who may not come to this, or has not agreed to what all who come agree to.
pub(super) fn refuse_closed(tx: &Tx, gathering: &gathering::Model, agrees: bool) -> Result<(), Refusal> {
    if gathering.published_at.is_none() {
        return Err(at(Refusal::new(Code::Immutable, "This is a draft: publish it first."), "sessionId"));
    }
    let own = tx.access().is_system() || runs(tx.access(), gathering.program_id);
    if !gathering.open && !own {
        let sentence = "This group is closed: ask those who run it to take you in.";
        return Err(at(Refusal::new(Code::NotEligible, sentence), "sessionId"));
    }
    if gathering.confidentiality.is_some() && !agrees {
        let sentence = "Give `agreesToConfidentiality: true`: whoever comes agrees to what the group says of confidentiality.";
        return Err(at(Refusal::new(Code::Required, sentence), "agreesToConfidentiality"));
    }
    Ok(())
}

/// Whose session it is.
///
/// # Errors
/// Refused with `NOT_ELIGIBLE` when it is a listed meeting's: nobody here has its seats.
pub(super) fn host(session: &session::Model) -> Result<OrganizationId, Refusal> {
    let sentence = "This meeting is listed from elsewhere, and nobody registers for it here: its `sourceUrl` says where it is told.";
    session.organization_id.ok_or_else(|| at(Refusal::new(Code::NotEligible, sentence), "sessionId"))
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
    if host(&session)? != client.organization_id || !client.may_open(Class::ContactsAndNotes) {
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
    let seated = status == RegistrationStatus::Registered;
    let waiting_since = if seated { None } else { Some(line::behind_all(tx, session.id).await?.into()) };
    let id = RegistrationId::new();
    let row = registration::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        session_id: Set(session.id),
        client_id: Set(Some(client.id.into())),
        attendance: Set(attendance.into()),
        status: Set(status.into()),
        seated: Set(seated.into()),
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
    line::count(tx, &session, By::entering(seated, attendance)).await?;
    settle(tx, session.id).await?;
    // In the last hours whoever waits may come first.
    tx.fetch_for::<registration::Entity>(id, Action::Read).await
}

/// A registration of nobody yet, of which all that may be missing is.
pub(super) fn blank() -> registration::ActiveModel {
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
pub(super) async fn place(tx: &Tx, session: &session::Model, attendance: AttendanceMode) -> Result<(RegistrationStatus, StepCause)> {
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
