//! What people are told by mail of the seat that they have or wait for, in neutral words: guests, and clients who read their own data. Whoever
//! is neither is told by those who support them.

use entity::{
    ClientId, client, gathering, registration, session,
    vocabulary::{RegistrationStatus, SessionStatus},
};
use sea_orm::{ColumnTrait, Condition};

use super::line;
use crate::{
    clock::Instant,
    domain::{
        client::identity_of,
        client_access,
        message::{self, Words, takes_mail},
        wall_time::{shown, zone_of},
    },
    error::{Error, Result},
    store::{Tx, Visible},
};

/// How many people are looked up at once.
const BATCH: usize = 500;

const WHY: &str = "a person is told what becomes of their seat";

/// An instant as the clock shows it where people come together.
pub(super) fn clock(gathering: &gathering::Model, at: Instant) -> Result<String> {
    Ok(shown(zone_of(&gathering.time_zone)?, at))
}

/// Tells whoever is registered for a session what became of it.
pub(in crate::domain) async fn tell_change(tx: &Tx, session: &session::Model, gathering: &gathering::Model, was: Instant) -> Result<()> {
    let registered = Condition::all()
        .add(registration::Column::SessionId.eq(session.id))
        .add(registration::Column::Status.ne(RegistrationStatus::Cancelled));
    let (was, now) = (clock(gathering, was)?, clock(gathering, session.starts_at)?);
    let words = if session.status == SessionStatus::Cancelled { Words::SessionCancelled { was } } else { Words::SessionMoved { was, now } };
    tell(tx, &tx.every::<registration::Entity>(registered, WHY).await?, &words).await
}

/// Tells people that a seat is offered to them, and until when.
pub(super) async fn tell_offers(
    tx: &Tx,
    session: &session::Model,
    offered: &[Visible<registration::Entity>],
    until: Instant,
) -> Result<()> {
    if offered.is_empty() {
        return Ok(());
    }
    let Some(gathering) = tx.known::<gathering::Entity>(session.gathering_id, WHY).await? else { return Ok(()) };
    tell(tx, offered, &Words::SeatOffered { until: clock(&gathering, until)? }).await
}

async fn tell(tx: &Tx, registered: &[Visible<registration::Entity>], words: &Words) -> Result<()> {
    for some in registered.chunks(BATCH) {
        let clients = some.iter().map(client_of).collect::<Result<Vec<_>>>()?;
        let reading = client_access::reading(tx, clients.iter().flatten().copied().collect()).await?;
        for (registration, client) in some.iter().zip(clients) {
            match client {
                Some(client) if reading.contains(&client) => tell_client(tx, registration, client, words).await?,
                Some(_) => {}
                None => tell_guest(tx, registration, words).await?,
            }
        }
    }
    Ok(())
}

/// Whose a registration is; nobody's that is known where it is a guest's.
fn client_of(registration: &Visible<registration::Entity>) -> Result<Option<ClientId>> {
    let opened = line::to_the_system(registration)?;
    Ok(opened.client_id.as_ref().map(|client| *client.read(&opened)))
}

/// Tells a guest, unless they were forgotten.
async fn tell_guest(tx: &Tx, registration: &Visible<registration::Entity>, words: &Words) -> Result<()> {
    let address: String = {
        let opened = line::to_the_system(registration)?;
        let Some(contact) = &opened.guest_contact else { return Ok(()) };
        tx.unseal(&opened, registration::Column::GuestContact, contact).await?
    };
    message::queue_guest(tx, registration, &address, words).await
}

/// Tells a client, where they gave an address that they call safe.
async fn tell_client(tx: &Tx, registration: &registration::Model, id: ClientId, words: &Words) -> Result<()> {
    let Some(client) = tx.known::<client::Entity>(id, WHY).await?.filter(|client| client.erased_at.is_none()) else { return Ok(()) };
    let told = async {
        let identity = identity_of(tx, &client).await?;
        let Some(method) = identity.contact_methods.iter().find(|method| takes_mail(method)) else { return Ok(()) };
        message::queue(tx, &client, Some(registration.id), &method.value, words).await
    };
    match told.await {
        // They are erased at this moment.
        Err(Error::NotFound) => Ok(()),
        told => told,
    }
}
