//! Who sees a contact, and how one is planned and logged.

use chrono::TimeDelta;
use entity::{
    ClientId, ContactId, List, PeerId, ReferralId, TypedId, class, client, contact, contact_addendum, peer, referral,
    vocabulary::{ContactModality, ContactOutcome, EventKind, ReferralStatus},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    client::{self as clients, Identity, identity_of},
    client_merge::standing,
    episode, referral as referrals, referral_message,
    safe_channel::{self, Unsafe},
    text,
};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Part, PartOf, Protected, Store, Tx, Visible, always, never},
};

impl Protected for contact::Entity {
    type Id = ContactId;

    fn id_column() -> Self::Column {
        contact::Column::Id
    }

    fn id(row: &contact::Model) -> ContactId {
        row.id
    }

    /// To whom the client's care is open.
    fn visible_to(access: &Access) -> Condition {
        if !access.scoped(&[Scope::ServicesRead, Scope::ServicesWrite]) {
            return never();
        }
        clients::named_by(access, contact::Column::ClientId, clients::supported(access))
    }

    /// The client reads the notes that were shared with them.
    fn grants(access: &Access) -> Grants {
        let confided = clients::named_by(access, contact::Column::ClientId, clients::confided(access));
        let shared = access.own(contact::Column::ClientId).map(|own| own.add(contact::Column::NoteShared.eq(true)));
        let notes = Condition::any().add(confided).add_option(shared);
        Grants::none().open(Class::ContactsAndNotes, always()).open(Class::Notes, notes)
    }

    fn allows(access: &Access, action: Action, _: &contact::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Extend => may(access, Resource::Contact, Act::Create),
            _ => false,
        }
    }

    fn class_of(column: contact::Column) -> Option<Class> {
        matches!(column, contact::Column::Note).then_some(Class::Notes)
    }

    fn subject(row: &contact::Model) -> uuid::Uuid {
        row.sealed_for_id.unwrap_or(row.client_id).into()
    }

    fn row_class() -> Option<Class> {
        Some(Class::ContactsAndNotes)
    }
}

impl Part for contact_addendum::Entity {}

impl PartOf<contact::Entity> for contact_addendum::Entity {
    fn parent_column() -> contact_addendum::Column {
        contact_addendum::Column::ContactId
    }

    fn parent(part: &contact_addendum::Model) -> ContactId {
        part.contact_id
    }

    fn order() -> contact_addendum::Column {
        contact_addendum::Column::At
    }
}

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

/// A contact that is planned.
#[derive(Clone, Debug)]
pub struct Plan {
    /// With whom.
    pub client_id: ClientId,
    /// By which peer; the caller's own when none is named.
    pub peer_id: Option<PeerId>,
    /// For which referral; the client's open one with that peer when none is named.
    pub referral_id: Option<ReferralId>,
    /// How.
    pub modality: ContactModality,
    /// Whether the peer reaches out.
    pub outbound: bool,
    /// When.
    pub at: Instant,
    /// What is to be talked about.
    pub topics: Vec<String>,
}

/// How far ahead contacts are planned.
const AHEAD: TimeDelta = TimeDelta::days(366);
/// The most contacts that are planned with one client at a time.
const PLANNED: usize = 50;
/// What the sender is told when somebody was not there.
const NO_SHOW: &str = "They were not there when we had planned to speak. We go on trying.";
/// The longest contact, in minutes.
pub(super) const A_DAY: i32 = 24 * 60;
/// The most topics of one contact.
const MOST: usize = 20;
/// The most addenda of one contact.
const ADDENDA: usize = 50;
/// How many characters a note has at the most (domain 6.1).
const NOTE: usize = 2_000;

fn in_input(field: &'static str) -> [&'static str; 2] {
    ["input", field]
}

fn checked_topics(topics: &[String]) -> Result<Vec<String>, Refusal> {
    if topics.len() > MOST {
        return Err(Refusal::new(Code::TooMany, format!("`topics` has at most {MOST} entries.")).at(in_input("topics")));
    }
    topics.iter().map(|topic| text::line("topics", topic, 100)).collect()
}

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

/// That a contact is planned at a time to come, by a channel that is safe then.
fn checked_plan(identity: &Identity, modality: ContactModality, at: Instant, now: Instant, field: &'static str) -> Result<()> {
    if at <= now || at > now + AHEAD {
        let sentence = format!("`{field}` is in the future, at most {} days from now.", AHEAD.num_days());
        return Err(Refusal::invalid(sentence).at(in_input(field)).into());
    }
    Ok(safe_channel::reached(identity, modality, at)?.map_err(|reason| match reason {
        Unsafe::Channel => {
            let sentence = format!("They called no channel for {modality} safe: choose another `modality`, or ask them for a channel.");
            Refusal::invalid(sentence).at(in_input("modality"))
        }
        Unsafe::Time => {
            let sentence = format!("At that time of their day no channel for {modality} is safe: see their contact methods' hours.");
            Refusal::invalid(sentence).at(in_input(field))
        }
    })?)
}

/// Whether an outcome is an attempt to reach the client (domain 2.5).
pub(super) const fn is_attempt(outcome: ContactOutcome) -> bool {
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
    let identity = identity_for(tx, client.id).await?;
    if new.outcome == ContactOutcome::LeftSafeMessage && new.outbound && !safe_channel::message_left(&identity, new.modality) {
        let sentence = "On no channel for this `modality` did they say that a message may be left: log what came of it instead.";
        return Err(Refusal::invalid(sentence).at(in_input("outcome")).into());
    }
    let referral = referral_of(tx, &client, &peer, new.referral_id.or(planned.as_ref().and_then(|planned| planned.referral_id))).await?;
    let made = match &planned {
        Some(planned) => held(tx, planned, &new).await?,
        None => unplanned(tx, &client, &peer, referral.as_ref(), &new).await?,
    };
    tx.record(Event::new(EventKind::ContactLogged, made.organization_id, made.id, made.version).of_client(client.id));
    if let Some(at) = new.next_at {
        checked_plan(&identity, new.modality, at, tx.access().now, "nextContactAt")?;
        let plan = Plan {
            client_id: client.id,
            peer_id: Some(peer.id),
            referral_id: referral.as_ref().map(|referral| referral.id),
            modality: new.modality,
            outbound: true,
            at,
            topics: Vec::new(),
        };
        plan_in(tx, &client, &peer, plan).await?;
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
    referral: Option<&Visible<referral::Entity>>,
    new: &NewContact,
) -> Result<Visible<contact::Entity>> {
    let id = ContactId::new();
    let row = contact::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        sealed_for_id: Set(None),
        program_id: Set(peer.program_id),
        peer_id: Set(peer.id),
        referral_id: Set(referral.map(|referral| referral.id)),
        modality: Set(new.modality),
        outbound: Set(new.outbound),
        outcome: Set(Some(new.outcome)),
        scheduled_for: Set(None),
        started_at: Set(new.started_at),
        minutes: Set(new.minutes),
        topics: Set(List(new.topics.clone())),
        note: Set(sealed_note(tx, client.id.into(), id, new).await?),
        note_shared: Set(new.note_shared),
        created_at: Set(tx.access().now),
        version: Set(1),
    };
    tx.insert::<contact::Entity, _>(row).await
}

async fn sealed_note(
    tx: &Tx,
    subject: uuid::Uuid,
    id: ContactId,
    new: &NewContact,
) -> Result<Option<entity::Guarded<class::Notes, entity::Sealed>>> {
    match &new.note {
        Some(note) => Ok(Some(tx.key_of(subject).await?.seal::<contact::Entity, class::Notes, _>(id, contact::Column::Note, note)?)),
        None => Ok(None),
    }
}

/// How somebody is reached, for the rule that only safe channels are used.
async fn identity_for(tx: &Tx, client: ClientId) -> Result<Identity> {
    let client = tx.known::<client::Entity>(client, "safe channels").await?.ok_or(Error::NotFound)?;
    identity_of(tx, &client).await
}

/// Plans a contact by a peer with a client who is assigned to them, on a channel and at a time that they called safe.
///
/// # Errors
/// As [`log`]; refused when no channel is safe then.
pub async fn schedule(store: &Store, access: &Access, plan: Plan) -> Result<Visible<contact::Entity>> {
    let mut tx = store.begin(access).await?;
    let client = standing(&tx, plan.client_id, Action::Support).await?;
    let peer = supporting(&tx, plan.peer_id, client.organization_id).await?;
    let identity = identity_for(&tx, client.id).await?;
    checked_plan(&identity, plan.modality, plan.at, access.now, "scheduledFor")?;
    let topics = checked_topics(&plan.topics)?;
    let referral = referral_of(&tx, &client, &peer, plan.referral_id).await?.map(|referral| referral.id);
    let planned = plan_in(&mut tx, &client, &peer, Plan { referral_id: referral, topics, ..plan }).await?;
    tx.commit(planned).await
}

async fn plan_in(
    tx: &mut Tx,
    client: &Visible<client::Entity>,
    peer: &Visible<peer::Entity>,
    plan: Plan,
) -> Result<Visible<contact::Entity>> {
    if tx.how_many::<contact::Entity>(still_planned(client.id), "how many contacts are planned").await? >= PLANNED {
        let sentence = format!("At most {PLANNED} contacts are planned with one person at a time: log what came of the earlier ones.");
        return Err(Refusal::new(Code::TooMany, sentence).at(in_input("clientId")).into());
    }
    let id = ContactId::new();
    let row = contact::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        sealed_for_id: Set(None),
        program_id: Set(peer.program_id),
        peer_id: Set(peer.id),
        referral_id: Set(plan.referral_id),
        modality: Set(plan.modality),
        outbound: Set(plan.outbound),
        outcome: Set(None),
        scheduled_for: Set(Some(plan.at)),
        started_at: Set(plan.at),
        minutes: Set(None),
        topics: Set(List(plan.topics)),
        note: Set(None),
        note_shared: Set(false),
        created_at: Set(tx.access().now),
        version: Set(1),
    };
    let planned = tx.insert::<contact::Entity, _>(row).await?;
    tx.record(Event::new(EventKind::ContactScheduled, planned.organization_id, id, 1).of_client(client.id));
    Ok(planned)
}

fn still_planned(client: ClientId) -> Condition {
    Condition::all().add(contact::Column::ClientId.eq(client)).add(contact::Column::Outcome.is_null())
}

/// Calls off what a peer had planned with a client whom they do not support any more.
pub(super) async fn call_off(tx: &mut Tx, client: ClientId, peer: PeerId) -> Result<()> {
    let of = still_planned(client).add(contact::Column::PeerId.eq(peer));
    for planned in tx.every::<contact::Entity>(of, "a pairing ended").await? {
        let version = planned.version + 1;
        let outcome = Set(Some(ContactOutcome::CancelledByPeer));
        let change = contact::ActiveModel { outcome, version: Set(version), ..Default::default() };
        if tx.write_if(&planned, change, contact::Column::Version.eq(planned.version)).await? {
            tx.record(Event::new(EventKind::ContactLogged, planned.organization_id, planned.id, version).of_client(client));
        }
    }
    Ok(())
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
    let addendum = uuid::Uuid::new_v4();
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

/// The peer by whom a contact is logged: one that the caller is.
async fn supporting(tx: &Tx, named: Option<PeerId>, organization: entity::OrganizationId) -> Result<Visible<peer::Entity>> {
    if let Some(id) = named {
        return tx.fetch_for::<peer::Entity>(id, Action::Support).await;
    }
    let me = super::peer_match::me(tx.access()).ok_or(Error::NotPermitted)?;
    let me = Condition::all()
        .add(peer::Column::OrganizationId.eq(organization))
        .add(peer::Column::Id.in_subquery(sea_orm::QueryTrait::into_query(me)));
    let mut peers = tx.look::<peer::Entity>(tx.access(), me).await?;
    match (peers.pop(), peers.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Refusal::required("peerId").at(["input", "peerId"]).into()),
    }
}

/// The referral that a contact serves: the one that was named, or the client's open one with that peer.
async fn referral_of(
    tx: &Tx,
    client: &Visible<client::Entity>,
    peer: &Visible<peer::Entity>,
    named: Option<ReferralId>,
) -> Result<Option<Visible<referral::Entity>>> {
    if let Some(id) = named {
        let referral = tx.fetch_for::<referral::Entity>(id, Action::Support).await?;
        return if referral.to_client_id == Some(client.id) { Ok(Some(referral)) } else { Err(Error::NotFound) };
    }
    let served = [ReferralStatus::Assigned, ReferralStatus::Outreach, ReferralStatus::Connected];
    let of = Condition::all()
        .add(referral::Column::ToClientId.eq(client.id))
        .add(referral::Column::PeerId.eq(peer.id))
        .add(referral::Column::Status.is_in(served));
    Ok(tx.look::<referral::Entity>(tx.access(), of).await?.pop())
}
