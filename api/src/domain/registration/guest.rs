//! Guests: people who come through an application and are nobody's clients. Their contact confirms, and a ticket does the rest. They are
//! never looked for among people who are known.

use chrono::TimeDelta;
use data_encoding::BASE32_NOPAD;
use entity::{
    ClientId, RegistrationId, SessionId, TypedId, client, gathering, registration, session,
    vocabulary::{AttendanceMode, ContactMethodKind, GatheringVisibility, RegistrationStatus, Role, StepCause, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde_json::Value as Json;

use super::{
    Seat, at,
    create::{attendance, blank, host, needs, place, refuse_closed},
    hold_session,
    line::{self, By},
    notice::clock,
    step::{Step, first, take, unchanged},
};
use crate::{
    access::{
        Access, Actor,
        policy::{Act, Resource, may},
        secret::{Purpose, Secrets},
        ticket::Ticket,
    },
    domain::{
        client_merge::standing,
        message::{self, Words},
        session::refuse_over,
        text,
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Kept, Searchable, Store, Tx, Visible, unique},
};

/// How long a seat is held for the contact to confirm.
const CONFIRM_WITHIN: TimeDelta = TimeDelta::hours(2);
/// How long after the session a ticket is good, and a guest's details are kept.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);
/// How many registrations one contact has within [`A_DAY`], and one application within [`AN_HOUR`].
const MOST_OF_CONTACT: usize = 10;
const MOST_OF_APPLICATION: usize = 1_000;
const A_DAY: TimeDelta = TimeDelta::hours(24);
const AN_HOUR: TimeDelta = TimeDelta::hours(1);
/// How many letters and digits a code has, of five bits each.
const CODE: usize = 16;

/// The kind of what a contact is hashed as.
const CONTACT: &str = "guest contact";

const WHY: &str = "a guest's registration";

/// What a guest's registration is made of.
#[derive(Clone)]
pub struct NewGuest {
    /// For which session.
    pub session_id: SessionId,
    /// As they are called there.
    pub display_name: String,
    /// How they are reached: where they confirm.
    pub contact: (ContactMethodKind, String),
    /// How they take part; what the session offers when it offers one.
    pub attendance: Option<AttendanceMode>,
    /// What they need to take part, by code.
    pub needs: Vec<String>,
    /// Whether they agree to keep among those who come what is said there.
    pub agrees: bool,
}

/// A guest's registration, as whoever holds its ticket sees it.
#[derive(Clone, Debug)]
pub struct Held(pub Visible<registration::Entity>);

impl Kept for Held {
    fn keep(&self) -> Json {
        self.0.keep()
    }

    /// The answer is kept for the caller who was given the ticket with it.
    async fn recall(store: &Store, access: &Access, kept: Json) -> Result<Self> {
        let id: RegistrationId =
            kept["id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| Error::internal("a kept answer has no id"))?;
        let holding = access.holding(Ticket::of(id));
        store.fetch::<registration::Entity>(&holding, id).await?.map(Self).ok_or(Error::NotFound)
    }
}

/// Refuses a gathering that is not for guests.
fn refuse_uninvited(access: &Access, gathering: &gathering::Model) -> Result<(), Refusal> {
    let hosts = gathering.organization_id.is_some_and(|own| access.organization == Some(own));
    let sentence = if gathering.visibility == GatheringVisibility::ClientsOnly || !gathering.open {
        "This is not for guests: those who run it take people in."
    } else if !hosts && !access.has(Role::PartnerApp) {
        "Guests come through an application, or through those who run it."
    } else {
        return Ok(());
    };
    Err(at(Refusal::new(Code::NotEligible, sentence), "registrant"))
}

/// Where a guest can be sent a code.
fn address(contact: &(ContactMethodKind, String)) -> Result<String, Refusal> {
    match contact {
        (ContactMethodKind::Email, address) => text::email("registrant", address),
        _ => {
            let sentence = "`contact` is an e-mail address (`kind: EMAIL`): the guest confirms there.";
            Err(at(Refusal::invalid(sentence), "registrant"))
        }
    }
}

/// Refuses more than one contact has of one application, or one application has at once. Whether the contact may be written to once more:
/// what they asked for elsewhere is not told, and ends in no more mail.
async fn refuse_many(tx: &Tx, hash: &[u8]) -> Result<bool> {
    let lately = |span: TimeDelta| Condition::all().add(registration::Column::RegisteredAt.gt(tx.access().now - span));
    let of_contact = || lately(A_DAY).add(registration::Column::GuestHash.eq(hash.to_vec()));
    if let Actor::Api(id) = tx.access().actor {
        let of_both = of_contact().add(registration::Column::ApiClientId.eq(id));
        if tx.how_many::<registration::Entity>(of_both, WHY).await? >= MOST_OF_CONTACT {
            let sentence = format!("This contact was registered {MOST_OF_CONTACT} times within a day: wait until tomorrow.");
            return Err(at(Refusal::new(Code::TooMany, sentence), "registrant").into());
        }
        let of_application = lately(AN_HOUR).add(registration::Column::ApiClientId.eq(id));
        if tx.how_many::<registration::Entity>(of_application, WHY).await? >= MOST_OF_APPLICATION {
            let sentence = format!("This application has registered {MOST_OF_APPLICATION} guests within an hour: wait a while.");
            return Err(at(Refusal::new(Code::TooMany, sentence), "registrant").into());
        }
    }
    Ok(tx.how_many::<registration::Entity>(of_contact(), WHY).await? < MOST_OF_CONTACT)
}

/// A code to be typed, in groups of four.
fn new_code() -> String {
    let bits = rand::random::<[u8; CODE * 5 / 8]>();
    let code = BASE32_NOPAD.encode(&bits);
    code.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-")
}

/// A code as it was meant, however it was typed.
fn hash_of(secrets: &Secrets, code: &str) -> Vec<u8> {
    let meant: String = code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    secrets.of(Purpose::GuestCode).hash(&meant).to_vec()
}

/// Registers a guest: a seat is held for them, or a place in line, until their contact confirms. Whether the contact is registered already
/// is nobody's to know: it comes out when it confirms.
///
/// # Errors
/// `NotFound` when the caller does not see the session, `NotPermitted` for other roles; refused with `NOT_ELIGIBLE` when it is not for
/// guests, with `SESSION_FULL` when neither a seat nor a place in line is left, with `TOO_MANY` when the contact or the application has asked too often, with `INVALID` for another contact than an e-mail address.
pub async fn invite(store: &Store, access: &Access, secrets: &Secrets, sends_mail: bool, new: NewGuest) -> Result<Held> {
    let mut tx = store.begin(access).await?;
    tx.require(may(access, Resource::GuestRegistration, Act::Create))?;
    tx.hold_alone::<session::Entity>(new.session_id).await?;
    let session = tx.fetch_for::<session::Entity>(new.session_id, Action::Read).await?;
    let gathering = tx.fetch_for::<gathering::Entity>(session.gathering_id, Action::Read).await?;
    let now = access.now;
    refuse_over(&session, &["input", "sessionId"], now)?;
    let organization = host(&session)?;
    refuse_uninvited(access, &gathering)?;
    refuse_closed(&tx, &gathering, new.agrees)?;
    if !sends_mail {
        let sentence = "This server sends no mail, with which guests confirm: whoever runs it sets AFTERCARE_MAIL__URL first.";
        return Err(at(Refusal::new(Code::NotPermitted, sentence), "registrant").into());
    }
    let address = address(&new.contact)?;
    let name = text::line("registrant", &new.display_name, 100)?;
    let attendance = attendance(gathering.modality, new.attendance)?;
    let needs = needs(&new.needs)?;
    // A hash of its own kind: it is that of nobody who is known.
    let words = tx.search_words(organization, &[Searchable::ExternalIdentifier(CONTACT, &address)])?;
    let hash = words.into_iter().next().map(|word| word.hash).ok_or_else(|| Error::internal("an address has no hash"))?;
    let written_to = refuse_many(&tx, &hash).await?;
    let (status, _) = place(&tx, &session, attendance).await?;
    let seated = status == RegistrationStatus::Registered;
    let waiting_since = if seated { None } else { Some(line::behind_all(&tx, session.id).await?.into()) };
    let (id, key, code) = (RegistrationId::new(), tx.own_key(organization)?, new_code());
    let confirm_by = Ord::min(session.starts_at, now + CONFIRM_WITHIN);
    let row = registration::ActiveModel {
        id: Set(id),
        organization_id: Set(organization),
        session_id: Set(session.id),
        attendance: Set(attendance.into()),
        status: Set(RegistrationStatus::Unconfirmed.into()),
        seated: Set(seated.into()),
        waiting_since: Set(waiting_since),
        needs: Set(needs.map(Into::into)),
        agreed_at: Set(gathering.confidentiality.as_ref().map(|_| now)),
        guest_name: Set(Some(key.seal::<registration::Entity, _, _>(id, registration::Column::GuestName, &name)?)),
        guest_contact: Set(Some(key.seal::<registration::Entity, _, _>(id, registration::Column::GuestContact, &address)?)),
        guest_hash: Set(Some(hash)),
        confirm_by: Set(Some(confirm_by)),
        code_hash: Set(Some(hash_of(secrets, &code))),
        ticket_expires_at: Set(Some(session.ends_at + KEPT_FOR)),
        api_client_id: Set(match access.actor {
            Actor::Api(id) => Some(id),
            _ => None,
        }),
        registered_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
        ..blank()
    };
    tx.insert_unseen(row).await?;
    let made = held(&tx, id).await?;
    first(&mut tx, &made, Step::to(RegistrationStatus::Unconfirmed, StepCause::Requested).until(confirm_by)).await?;
    line::count(&tx, &session, By::entering(seated, attendance)).await?;
    tx.arm(TimerKind::GuestConfirmation, id, confirm_by).await?;
    tx.arm(TimerKind::GuestForgotten, id, session.ends_at + KEPT_FOR).await?;
    if written_to {
        let words = Words::RegistrationConfirmation { code, until: clock(&gathering, confirm_by)? };
        message::queue_guest(&tx, &made, &address, &words).await?;
    }
    tx.commit(Held(made)).await
}

/// A registration as whoever holds its ticket sees it.
async fn held(tx: &Tx, id: RegistrationId) -> Result<Visible<registration::Entity>> {
    let holding = tx.access().holding(Ticket::of(id));
    let this = Condition::all().add(registration::Column::Id.eq(id));
    tx.look::<registration::Entity>(&holding, this).await?.pop().ok_or(Error::NotFound)
}

/// Confirms a registration by the code that was sent to its contact.
///
/// # Errors
/// Refused with `NOT_FOUND` when no registration waits for this code, with `ALREADY_EXISTS` when the contact confirmed another, with
/// `IMMUTABLE` when the session is cancelled or has begun.
pub async fn confirm(store: &Store, access: &Access, secrets: &Secrets, code: &str) -> Result<Held> {
    let system = Access::system(WHY, access.now);
    let waits =
        Condition::all().add(registration::Column::CodeHash.eq(hash_of(secrets, code))).add(registration::Column::ConfirmBy.gt(access.now));
    let found = store.find::<registration::Entity>(&system).matching(None, waits).first(1).await?.pop();
    let unknown = || {
        let sentence = "No registration waits for this code: check it, or register again.";
        Error::from(Refusal::new(Code::NotFound, sentence).at(["code"]))
    };
    let seen = found.ok_or_else(unknown)?;
    let mut tx = store.begin(&access.holding(Ticket::of(seen.id))).await?;
    // First the timers, then the session, as the timers themselves have it.
    line::forget_timers(&tx, seen.id).await?;
    let session = hold_session(&tx, seen.session_id, &["code"]).await?;
    let registration = held(&tx, seen.id).await.map_err(|_| unknown())?;
    let opened: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
    if *opened.status.read(&opened) != RegistrationStatus::Unconfirmed {
        return Err(unknown());
    }
    let to = if *opened.seated.read(&opened) { RegistrationStatus::Registered } else { RegistrationStatus::Waitlisted };
    let change = registration::ActiveModel { code_hash: Set(None), confirm_by: Set(None), ..Default::default() };
    let taken = take(&mut tx, &registration, change, Step::to(to, StepCause::Confirmed)).await;
    let known = || Refusal::new(Code::AlreadyExists, "You are registered for this already: nothing more is needed.").at(["code"]);
    if !taken.map_err(|error| unique(error, known))? {
        return Err(Refusal::stale(None).at(["code"]).into());
    }
    line::settle(&mut tx, session.id).await?;
    let confirmed = held(&tx, seen.id).await?;
    tx.commit(Held(confirmed)).await
}

/// Ends a registration that nobody confirmed in time: its seat is whoever's is next, and what was told of the guest is forgotten.
///
/// # Errors
/// `Database` when it cannot be done.
pub async fn not_confirmed(tx: &mut Tx, id: RegistrationId) -> Result<Option<Visible<registration::Entity>>> {
    let over = |seat: &Seat<'_>, _: &session::Model, now| {
        *seat.status.read(seat) == RegistrationStatus::Unconfirmed && seat.confirm_by.is_some_and(|until| until <= now)
    };
    line::lapse(tx, id, StepCause::NotConfirmed, over).await
}

/// Forgets a guest whose session was long ago.
///
/// # Errors
/// `Database` when it cannot be done.
pub async fn forget(tx: &mut Tx, id: RegistrationId) -> Result<Option<Visible<registration::Entity>>> {
    let Some(registration) = tx.known::<registration::Entity>(id, WHY).await? else { return Ok(None) };
    if registration.guest_hash.is_none() {
        return Ok(None);
    }
    let change = registration::ActiveModel { guest_hash: Set(None), updated_at: Set(tx.access().now), ..forgotten() };
    tx.write_if(&registration, change, Condition::all()).await?;
    unchanged(tx, &registration);
    Ok(Some(registration))
}

/// What is left of a guest of whom nothing is to be known any more, but the hash by which their contact is not written to too often.
pub(super) fn forgotten() -> registration::ActiveModel {
    registration::ActiveModel {
        guest_name: Set(None),
        guest_contact: Set(None),
        code_hash: Set(None),
        confirm_by: Set(None),
        needs: Set(None),
        ..Default::default()
    }
}

/// Finds a guest to be a client of the program that runs the session: the registration is the client's from then on, and the ticket ends.
///
/// # Errors
/// `NotFound` when the caller does not see one of the two, `NotPermitted` when they do not run it; refused with `IMMUTABLE` when it is a
/// client's already or has ended, with `ALREADY_EXISTS` when the client is registered for the session.
pub async fn link(store: &Store, access: &Access, id: RegistrationId, client: ClientId) -> Result<Visible<registration::Entity>> {
    let mut tx = store.begin(access).await?;
    let seen = tx.fetch_for::<registration::Entity>(id, Action::Update).await?;
    let client: Visible<client::Entity> = standing(&tx, client, Action::Read).await?;
    line::forget_timers(&tx, id).await?;
    tx.disarm(TimerKind::GuestForgotten, [id.into()]).await?;
    tx.hold_alone::<session::Entity>(seen.session_id).await?;
    let registration = tx.fetch_for::<registration::Entity>(id, Action::Update).await?;
    if client.organization_id != registration.organization_id || !client.may_open(Class::ContactsAndNotes) {
        return Err(Error::NotPermitted);
    }
    let opened: Seat<'_> = registration.open().ok_or(Error::NotPermitted)?;
    let status = *opened.status.read(&opened);
    if registration.client_id.is_some() || matches!(status, RegistrationStatus::Cancelled | RegistrationStatus::Unconfirmed) {
        let sentence = "It is a client's already, has ended, or was not confirmed yet.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
    }
    let (until, needs) = (opened.offer_expires_at.as_ref().map(|until| *until.read(&opened)), opened.needs.clone());
    let change = registration::ActiveModel {
        client_id: Set(Some(client.id.into())),
        guest_hash: Set(None),
        ticket_expires_at: Set(None),
        ..forgotten()
    };
    let change = registration::ActiveModel { needs: Set(needs), ..change };
    let taken = take(&mut tx, &registration, change, Step::to(status, StepCause::Linked)).await;
    let known = || Refusal::new(Code::AlreadyExists, "This client is registered for this session already.").at(["clientId"]);
    if !taken.map_err(|error| unique(error, known))? {
        return Err(Refusal::stale(None).at(["id"]).into());
    }
    if let (RegistrationStatus::Offered, Some(until)) = (status, until) {
        tx.arm(TimerKind::SeatOffer, id, until).await?;
    }
    let linked = tx.fetch_for::<registration::Entity>(id, Action::Read).await?;
    tx.commit(linked).await
}

/// Keeps the guests of a session that was moved for as long as those of any: until some time after it.
pub(super) async fn moved(tx: &Tx, session: &session::Model) -> Result<()> {
    let guests = Condition::all()
        .add(registration::Column::SessionId.eq(session.id))
        .add(registration::Column::ClientId.is_null())
        .add(registration::Column::GuestHash.is_not_null());
    let kept_until = session.ends_at + KEPT_FOR;
    for guest in tx.every::<registration::Entity>(guests, WHY).await? {
        let confirm_by = guest.confirm_by.map(|until| Ord::min(until, session.starts_at));
        let change =
            registration::ActiveModel { confirm_by: Set(confirm_by), ticket_expires_at: Set(Some(kept_until)), ..Default::default() };
        tx.write_if(&guest, change, Condition::all()).await?;
        if let Some(until) = confirm_by {
            tx.arm(TimerKind::GuestConfirmation, guest.id, until).await?;
        }
        tx.arm(TimerKind::GuestForgotten, guest.id, kept_until).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let secrets = Secrets::new(&[7; 32]);
        let code = new_code();
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        assert_ne!(code, new_code());
        for typed in [code.to_lowercase(), code.replace('-', ""), code.replace('-', " "), format!("  {code}\n")] {
            assert_eq!(hash_of(&secrets, &typed), hash_of(&secrets, &code), "{typed}");
        }
    }
}
