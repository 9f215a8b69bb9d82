//! How a contact is logged, and what is added to it later.

use entity::{
    ClientId, ContactId, Guarded, List, PeerId, ReferralId, Sealed, class, client, contact, contact_addendum, peer,
    vocabulary::{ContactModality, ContactOutcome, EventKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use uuid::Uuid;

use super::{
    super::{client_merge::standing, episode, referral as referrals, referral_message, safe_channel, text},
    Occasion, checked_topics, identity_for, in_input,
    plan::{checked_time, plan_in},
    referral_of, row_of, supporting, unlogged,
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Protected, Store, Tx, Visible},
};

/// What is logged of a contact, or of an attempt at one.
#[derive(Clone, Debug)]
pub struct NewContact {
    /// With whom.
    pub client_id: ClientId,
    /// By which peer; the caller's own when none is named.
    pub peer_id: Option<PeerId>,
    /// For which referral; the client's open one with that peer when none is named.
    pub referral_id: Option<ReferralId>,
    /// How.
    pub modality: ContactModality,
    /// Whether the peer reached out.
    pub outbound: bool,
    /// What came of it.
    pub outcome: ContactOutcome,
    /// When it began.
    pub started_at: Instant,
    /// How long.
    pub minutes: Option<i32>,
    /// What was talked about.
    pub topics: Vec<String>,
    /// A short note.
    pub note: Option<String>,
    /// Whether the client may read it.
    pub note_shared: bool,
    /// Which planned contact this was, when it was planned.
    pub scheduled: Option<ContactId>,
    /// When the next one is planned, by the same means.
    pub next_at: Option<Instant>,
}

/// What the sender is told when somebody was not there.
const NO_SHOW: &str = "They were not there when we had planned to speak. We go on trying.";
/// The longest contact, in minutes.
pub(in crate::domain) const A_DAY: i32 = 24 * 60;
/// The most addenda of one contact.
const ADDENDA: usize = 50;
/// How many characters a note has at the most (domain 6.1).
const NOTE: usize = 2_000;

fn checked(new: NewContact, now: Instant) -> Result<NewContact, Refusal> {
    let at = in_input;
    if new.started_at > now {
        let sentence = "`startedAt` is not in the future: what is planned is scheduled, not logged.";
        return Err(Refusal::invalid(sentence).at(at("startedAt")));
    }
    if new.minutes.is_some_and(|minutes| !(1..=A_DAY).contains(&minutes)) {
        return Err(Refusal::invalid(format!("`minutes` is from 1 to {A_DAY}.")).at(at("minutes")));
    }
    if new.outcome == ContactOutcome::Completed && new.minutes.is_none() {
        return Err(Refusal::required("minutes").at(at("minutes")));
    }
    let note = text::optional("note", new.note, NOTE)?;
    Ok(NewContact { topics: checked_topics(&new.topics)?, note, ..new })
}

/// Whether an outcome is an attempt to reach the client (domain 2.5).
pub(in crate::domain) const fn is_attempt(outcome: ContactOutcome) -> bool {
    matches!(
        outcome,
        ContactOutcome::Completed
            | ContactOutcome::NoAnswer
            | ContactOutcome::LeftSafeMessage
            | ContactOutcome::WrongNumber
            | ContactOutcome::NoShow
    )
}

/// Logs a contact by a peer with a client who is assigned to them, and moves their referral on where it should.
///
/// # Errors
/// `NotFound` for clients, peers and referrals that are not there for the caller, `NotPermitted` for a peer that the caller is not;
/// refused when a field is wrong.
pub async fn log(store: &Store, access: &Access, new: NewContact) -> Result<Visible<contact::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = log_in(&mut tx, new).await?;
    tx.commit(made).await
}

/// Logs a contact within a larger command.
///
/// # Errors
/// As [`log`].
pub async fn log_in(tx: &mut Tx, new: NewContact) -> Result<Visible<contact::Entity>> {
    let client = standing(tx, new.client_id, Action::Support).await?;
    let planned = match new.scheduled {
        Some(id) => Some(planned(tx, id, client.id).await?),
        None => None,
    };
    let peer = supporting(tx, new.peer_id.or(planned.as_ref().map(|planned| planned.peer_id)), client.organization_id).await?;
    let new = checked(new, tx.access().now)?;
    if new.outcome == ContactOutcome::LeftSafeMessage && new.outbound {
        refuse_unsafe_message(tx, client.id, new.modality).await?;
    }
    let referral = referral_of(tx, &client, &peer, new.referral_id.or(planned.as_ref().and_then(|planned| planned.referral_id))).await?;
    let made = match &planned {
        Some(planned) => held(tx, planned, &new).await?,
        None => unplanned(tx, &client, &peer, referral.as_ref().map(|referral| referral.id), &new).await?,
    };
    tx.record(Event::new(EventKind::ContactLogged, made.organization_id, made.id, made.version).of_client(client.id));
    if planned.is_some() {
        unlogged::settled(tx, &made).await?;
    }
    if let Some(at) = new.next_at {
        checked_time(tx, client.id, new.modality, at, "nextContactAt").await?;
        let referral = referral.as_ref().map(|referral| referral.id);
        let next = Occasion { referral, modality: new.modality, outbound: true, at, topics: Vec::new() };
        plan_in(tx, &client, &peer, next).await?;
    }
    if let Some(referral) = referral.filter(|_| is_attempt(new.outcome)) {
        let two_way = new.outcome == ContactOutcome::Completed;
        if referrals::contacted(tx, &referral, two_way, new.started_at).await? && two_way {
            episode::begin(tx, &referral, client.id, new.started_at).await?;
        }
        if new.outcome == ContactOutcome::NoShow && planned.is_some() {
            referral_message::tell_sender(tx, &referral, NO_SHOW).await?;
        }
    }
    Ok(made)
}

/// That a message is left only where the client said that one may be.
async fn refuse_unsafe_message(tx: &Tx, client: ClientId, modality: ContactModality) -> Result<()> {
    if safe_channel::message_left(&identity_for(tx, client).await?, modality) {
        return Ok(());
    }
    let sentence = "On no channel for this `modality` did they say that a message may be left: log what came of it instead.";
    Err(Refusal::invalid(sentence).at(in_input("outcome")).into())
}

/// A planned contact with this client that has no outcome yet.
async fn planned(tx: &Tx, id: ContactId, client: ClientId) -> Result<Visible<contact::Entity>> {
    let planned = tx.fetch_for::<contact::Entity>(id, Action::Extend).await?;
    if planned.client_id != client {
        return Err(Error::NotFound);
    }
    if planned.outcome.is_some() {
        let sentence = "This contact has its outcome: log another one, or add to its note.";
        return Err(Refusal::new(Code::Immutable, sentence).at(in_input("scheduledContactId")).into());
    }
    Ok(planned)
}

/// Writes what came of a planned contact.
async fn held(tx: &Tx, planned: &Visible<contact::Entity>, new: &NewContact) -> Result<Visible<contact::Entity>> {
    let note = sealed_note(tx, contact::Entity::subject(planned), planned.id, new).await?;
    let topics = if new.topics.is_empty() { planned.topics.clone() } else { List(new.topics.clone()) };
    let change = contact::ActiveModel {
        modality: Set(new.modality),
        outbound: Set(new.outbound),
        outcome: Set(Some(new.outcome)),
        started_at: Set(new.started_at),
        minutes: Set(new.minutes),
        topics: Set(topics),
        note: Set(note),
        note_shared: Set(new.note_shared),
        version: Set(planned.version + 1),
        ..Default::default()
    };
    let held = tx.update_if(planned, change, contact::Column::Version.eq(planned.version)).await?;
    Ok(held.ok_or_else(|| Refusal::stale(None))?)
}

async fn unplanned(
    tx: &Tx,
    client: &Visible<client::Entity>,
    peer: &Visible<peer::Entity>,
    referral: Option<ReferralId>,
    new: &NewContact,
) -> Result<Visible<contact::Entity>> {
    let (modality, outbound, at) = (new.modality, new.outbound, new.started_at);
    let row = row_of(tx, client, peer, Occasion { referral, modality, outbound, at, topics: new.topics.clone() });
    let row = contact::ActiveModel {
        outcome: Set(Some(new.outcome)),
        minutes: Set(new.minutes),
        note: Set(sealed_note(tx, client.id.into(), *row.id.as_ref(), new).await?),
        note_shared: Set(new.note_shared),
        ..row
    };
    tx.insert::<contact::Entity, _>(row).await
}

async fn sealed_note(tx: &Tx, subject: Uuid, id: ContactId, new: &NewContact) -> Result<Option<Guarded<class::Notes, Sealed>>> {
    match &new.note {
        Some(note) => Ok(Some(tx.key_of(subject).await?.seal::<contact::Entity, class::Notes, _>(id, contact::Column::Note, note)?)),
        None => Ok(None),
    }
}

/// Adds to the note of a contact, which itself is never changed.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused when the text is empty or too long, and when there are too many already.
pub async fn amend(store: &Store, access: &Access, id: ContactId, text: &str) -> Result<Visible<contact::Entity>> {
    let mut tx = store.begin(access).await?;
    let contact = tx.fetch_for::<contact::Entity>(id, Action::Extend).await?;
    if contact.outcome.is_none() {
        return Err(Refusal::new(Code::Immutable, "This contact is planned: log what came of it first.").at(["id"]).into());
    }
    standing(&tx, contact.client_id, Action::Read).await?;
    let text = text::paragraph("text", text, NOTE).map_err(|refusal| refusal.at(["text"]))?;
    if text.is_empty() {
        return Err(Refusal::required("text").at(["text"]).into());
    }
    let of = Condition::all().add(contact_addendum::Column::ContactId.eq(id));
    if tx.parts::<contact_addendum::Entity>(of).await?.len() >= ADDENDA {
        let sentence = format!("A contact has at most {ADDENDA} addenda: log another contact.");
        return Err(Refusal::new(Code::TooMany, sentence).at(["id"]).into());
    }
    let addendum = Uuid::new_v4();
    let key = tx.key_of(contact::Entity::subject(&contact)).await?;
    let row = contact_addendum::ActiveModel {
        id: Set(addendum),
        contact_id: Set(id),
        text: Set(key.seal::<contact_addendum::Entity, class::Notes, _>(addendum, contact_addendum::Column::Text, &text)?),
        author: Set(tx.actor()),
        at: Set(access.now),
    };
    tx.insert_parts::<contact_addendum::Entity, _>(vec![row]).await?;
    let version = contact.version + 1;
    let change = contact::ActiveModel { version: Set(version), ..Default::default() };
    let amended = tx.update_if(&contact, change, contact::Column::Version.eq(contact.version)).await?;
    let amended = amended.ok_or_else(|| Refusal::stale(None))?;
    let happened = Event::new(EventKind::ContactAmended, amended.organization_id, id, version).of_client(amended.client_id);
    tx.record(happened.changed(["addenda"]));
    tx.commit(amended).await
}
