//! Messages that are sent to people. The command that wants one sent writes it among its rows, sealed under the key of whom it is for; a
//! task of its own sends it afterwards, through a port that this module does not know the inside of.
//!
//! What a message says is neutral: it names nobody, and unless the person allowed that it may mention recovery it tells neither who wrote
//! nor what they do. It goes only where they called it safe, asked again at the moment of sending.

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::{
    ClientId, OrganizationId, OutgoingMessageId, RegistrationId, TypedId, class, client, organization, outgoing_message, registration,
    vocabulary::{ContactMethodKind, MessageKind, RegistrationStatus},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use serde::{Deserialize, Serialize};

use super::client::{ContactMethod, Identity};
use crate::{
    access::Access,
    clock::Instant,
    error::Result,
    store::{Action, Attempt, Grants, Protected, Store, SubjectKey, Tx, Visible, never},
};

/// After how long a message that could not be sent is given up.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(3);
/// How long it waits after the first attempt, and twice as long after each further one.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How long it waits at the most.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// A message as it is sent. Has no `Debug`: what is sent to whom is in no log.
pub struct Letter {
    /// Which: the same at each attempt, so that a receiver can tell a repetition.
    pub id: OutgoingMessageId,
    /// An e-mail address.
    pub to: String,
    /// The subject, one line.
    pub subject: String,
    /// The words, as plain text.
    pub text: String,
    /// When it was written (UTC).
    pub at: Instant,
}

/// Why a message was not sent: a closed list, for what a mail server says may quote an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// It cannot be reached.
    #[error("the mail server cannot be reached")]
    Unreachable,
    /// It took too long.
    #[error("the mail server does not answer in time")]
    TimedOut,
    /// It was reached, and did not take the message.
    #[error("the mail server did not take the message")]
    NotTaken,
    /// It is no message, because an address is none.
    #[error("the message could not be written")]
    NotWritten,
}

/// What sends messages.
#[async_trait]
pub trait Sends: Send + Sync {
    /// Sends one, within a minute.
    ///
    /// # Errors
    /// Why it was not sent. It may have been all the same, when the connection broke at its end.
    async fn send(&self, letter: &Letter) -> Result<(), NotSent>;
}

/// What a message says, with what its words need to know.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Words {
    /// Somebody is invited to read what is held about them.
    ClientAccessInvitation {
        /// Where.
        link: String,
    },
    /// A guest is asked to confirm that they registered.
    RegistrationConfirmation {
        /// With this.
        code: String,
        /// Until when, as clocks show it there.
        until: String,
    },
    /// A seat is offered to somebody.
    SeatOffered {
        /// Until when.
        until: String,
    },
    /// What somebody registered for does not take place.
    SessionCancelled {
        /// When it was to.
        was: String,
    },
    /// What somebody registered for is at another time.
    SessionMoved {
        /// When it was to be.
        was: String,
        /// When it is.
        now: String,
    },
}

impl Words {
    const fn kind(&self) -> MessageKind {
        match self {
            Self::ClientAccessInvitation { .. } => MessageKind::ClientAccessInvitation,
            Self::RegistrationConfirmation { .. } => MessageKind::RegistrationConfirmation,
            Self::SeatOffered { .. } => MessageKind::SeatOffered,
            Self::SessionCancelled { .. } => MessageKind::SessionCancelled,
            Self::SessionMoved { .. } => MessageKind::SessionMoved,
        }
    }

    /// Subject and text. With a name only where recovery may be mentioned: names of organizations tell what they do. Of a
    /// seat nothing is named, neither what it is in nor who runs that.
    fn written(&self, from: Option<&str>) -> (String, String) {
        let (subject, said) = match (self, from) {
            (Self::ClientAccessInvitation { link }, from) => {
                let (subject, who) = match from {
                    Some(name) => (format!("{name}: a private page for you"), format!("{name} has opened a private page for you.")),
                    None => (
                        "A private page for you".to_owned(),
                        "Somebody to whom you gave this address has opened a private page for you.".to_owned(),
                    ),
                };
                let said = format!("{who}\nYou can open it with this link:\n\n{link}\n\nThe link works once, and for three days.\n");
                (subject, said)
            }
            (Self::RegistrationConfirmation { code, until }, _) => (
                "Your code to confirm".to_owned(),
                format!(
                    "You asked for a place with this address. To confirm it, enter this code where you asked:\n\n{code}\n\nThe place is \
                     held for you until {until}.\n"
                ),
            ),
            (Self::SeatOffered { until }, _) => (
                "A place has become free for you".to_owned(),
                format!("A place that you asked for has become free. You can accept it where you asked for it, until {until}.\n"),
            ),
            (Self::SessionCancelled { was }, _) => {
                ("Your appointment does not take place".to_owned(), format!("What you registered for, on {was}, does not take place.\n"))
            }
            (Self::SessionMoved { was, now }, _) => (
                "Your appointment is at another time".to_owned(),
                format!("What you registered for, on {was}, is on {now} instead. Your place is kept.\n"),
            ),
        };
        let text = format!(
            "Hello,\n\n{said}If you did not expect this message, you need not do anything.\nNobody reads this mailbox: please do not reply.\n"
        );
        (subject, text)
    }
}

impl Protected for outgoing_message::Entity {
    type Id = OutgoingMessageId;

    fn id_column() -> Self::Column {
        outgoing_message::Column::Id
    }

    fn id(row: &outgoing_message::Model) -> OutgoingMessageId {
        row.id
    }

    /// Nobody reads what was written to somebody but the task that sends it.
    fn visible_to(_: &Access) -> Condition {
        never()
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(_: &Access, _: Action, _: &outgoing_message::Model) -> bool {
        false
    }

    fn subject(row: &outgoing_message::Model) -> uuid::Uuid {
        row.client_id.map_or_else(|| row.organization_id.into(), Into::into)
    }

    fn sealed_by(row: &outgoing_message::Model) -> Option<OrganizationId> {
        row.client_id.is_none().then_some(row.organization_id)
    }
}

/// Whether mail may be sent there.
pub(super) const fn takes_mail(method: &ContactMethod) -> bool {
    method.safe && matches!(method.kind, ContactMethodKind::Email)
}

/// Writes a message to a client, to be sent once the command is committed; about a registration of theirs, while what it says of it holds.
///
/// # Errors
/// `NotFound` when the person was erased.
pub(super) async fn queue(tx: &Tx, client: &client::Model, about: Option<RegistrationId>, address: &str, words: &Words) -> Result<()> {
    let key = tx.key_of(client.id).await?;
    write(tx, client.organization_id, (Some(client.id), about), &key, address, words).await
}

/// Writes a message to a guest, who is known by their registration alone, likewise.
///
/// # Errors
/// `Sealing` when it cannot be sealed.
pub(super) async fn queue_guest(tx: &Tx, registration: &registration::Model, address: &str, words: &Words) -> Result<()> {
    let key = tx.own_key(registration.organization_id)?;
    write(tx, registration.organization_id, (None, Some(registration.id)), &key, address, words).await
}

async fn write(
    tx: &Tx,
    organization: OrganizationId,
    (client, registration): (Option<ClientId>, Option<RegistrationId>),
    key: &SubjectKey,
    address: &str,
    words: &Words,
) -> Result<()> {
    let (id, now) = (OutgoingMessageId::new(), tx.access().now);
    let row = outgoing_message::ActiveModel {
        id: Set(id),
        kind: Set(words.kind()),
        organization_id: Set(organization),
        client_id: Set(client),
        registration_id: Set(registration),
        address: Set(Some(key.seal::<outgoing_message::Entity, _, _>(id, outgoing_message::Column::Address, &address)?)),
        parameters: Set(Some(key.seal::<outgoing_message::Entity, _, _>(id, outgoing_message::Column::Parameters, words)?)),
        due_at: Set(Some(now)),
        attempts: Set(0),
        created_at: Set(now),
        sent_at: Set(None),
        failed_at: Set(None),
    };
    tx.insert_unseen(row).await
}

/// Takes back what waits to be sent to a client, of one kind.
pub(super) async fn take_back(tx: &Tx, client: ClientId, kind: MessageKind) -> Result<()> {
    let waiting = outgoing_message::Column::DueAt.is_not_null();
    tx.delete_each::<outgoing_message::Entity>(of(&[client]).add(outgoing_message::Column::Kind.eq(kind)).add(waiting)).await
}

/// Takes away all messages to people who are being erased.
pub(super) async fn forget(tx: &Tx, clients: &[ClientId]) -> Result<()> {
    tx.delete_each::<outgoing_message::Entity>(of(clients)).await
}

fn of(clients: &[ClientId]) -> Condition {
    Condition::all().add(outgoing_message::Column::ClientId.is_in(clients.iter().copied()))
}

/// Sends one message that is due. Whether there was one. What could not be sent waits and is tried again, for three days.
///
/// # Errors
/// `Database` when messages cannot be asked for.
pub async fn send_one(store: &Store, sends: &dyn Sends) -> Result<bool> {
    let system = Access::system("messages to people", store.clock().now());
    let Some(taken) = store.take_message(&system).await? else { return Ok(false) };
    let attempt = Box::pin(attempted(store, &system, sends, &taken)).await;
    store.settle_message(&taken, attempt).await?;
    Ok(true)
}

async fn attempted(store: &Store, system: &Access, sends: &dyn Sends, taken: &Visible<outgoing_message::Entity>) -> Attempt {
    let (id, attempts) = (taken.id, taken.attempts + 1);
    // A clock that is moved, or a server that stood still: what is too old helps nobody.
    let until = taken.created_at + GIVEN_UP_AFTER;
    if until <= system.now {
        tracing::warn!(outgoing_message.id = %id, attempts = taken.attempts, "a message could not be sent for three days: it is given up");
        return Attempt::GivenUp;
    }
    let why = match letter(store, system, taken).await {
        Ok(Some(letter)) => match sends.send(&letter).await {
            Ok(()) => return Attempt::Sent,
            Err(why) => why.to_string(),
        },
        Ok(None) => {
            tracing::info!(outgoing_message.id = %id, "a message is not sent: nobody waits for it there any more");
            return Attempt::GivenUp;
        }
        Err(error) => error.to_string(),
    };
    tracing::warn!(outgoing_message.id = %id, attempts, why, "a message could not be sent: trying again");
    let doubled = 2_i32.saturating_pow(u32::try_from(taken.attempts).unwrap_or_default().min(10));
    Attempt::Again(store.clock().now() + (AGAIN * doubled).min(LONGEST))
}

/// What is to be sent; nothing when the person is gone, or does not call its address safe any more.
async fn letter(store: &Store, system: &Access, taken: &Visible<outgoing_message::Entity>) -> Result<Option<Letter>> {
    let Some(opened) = taken.open::<class::Identity>() else { return Ok(None) };
    let (Some(address), Some(parameters)) = (&opened.address, &opened.parameters) else { return Ok(None) };
    let to: String = store.unseal(&opened, outgoing_message::Column::Address, address).await?;
    let words: Words = store.unseal(&opened, outgoing_message::Column::Parameters, parameters).await?;
    if let Some(registration) = opened.registration_id
        && !waits(store, system, registration, &words).await?
    {
        return Ok(None);
    }
    let from = match opened.client_id {
        Some(client) => name_for(store, system, client, &to).await?,
        None => Some(None),
    };
    let Some(from) = from else { return Ok(None) };
    let (subject, text) = words.written(from.as_deref());
    Ok(Some(Letter { id: taken.id, to, subject, text, at: taken.created_at }))
}

/// Whether a client can be written to there, and under which name, if under any.
async fn name_for(store: &Store, system: &Access, client: ClientId, to: &str) -> Result<Option<Option<String>>> {
    let Some(client) = store.fetch::<client::Entity>(system, client).await?.filter(|row| row.erased_at.is_none()) else { return Ok(None) };
    let Some(theirs) = client.open::<class::Identity>() else { return Ok(None) };
    let identity: Identity = store.unseal(&theirs, client::Column::Identity, &theirs.identity).await?;
    let Some(method) = identity.contact_methods.iter().find(|method| takes_mail(method) && method.value == to) else { return Ok(None) };
    let home = match method.may_mention_recovery {
        true => store.fetch::<organization::Entity>(system, client.organization_id).await?,
        false => None,
    };
    Ok(Some(home.map(|home| home.name.clone())))
}

/// Whether somebody still waits for this: who was forgotten, or left, is written to no more.
async fn waits(store: &Store, system: &Access, registration: RegistrationId, words: &Words) -> Result<bool> {
    let Some(row) = store.fetch::<registration::Entity>(system, registration).await? else { return Ok(false) };
    let Some(opened) = row.open::<class::ContactsAndNotes>() else { return Ok(false) };
    let status = *opened.status.read(&opened);
    Ok((row.client_id.is_some() || opened.guest_contact.is_some())
        && match words {
            Words::RegistrationConfirmation { .. } => status == RegistrationStatus::Unconfirmed,
            Words::SeatOffered { .. } => status == RegistrationStatus::Offered,
            _ => status != RegistrationStatus::Cancelled,
        })
}
