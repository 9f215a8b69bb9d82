//! Who sees a contact, and how one is planned and logged.

mod log;
mod plan;
mod unlogged;

use entity::{
    ClientId, ContactId, List, OrganizationId, PeerId, ReferralId, TypedId, client, contact, contact_addendum, peer, referral,
    vocabulary::{ContactModality, ReferralStatus},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

pub(super) use log::{A_DAY, is_attempt};
pub use log::{NewContact, amend, log, log_in};
pub(super) use plan::call_off;
pub use plan::{Plan, schedule};
pub(super) use unlogged::{Unlogged, unlogged, watch_again};

use super::{
    client::{self as clients, Identity, identity_of},
    text,
};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Grants, Part, PartOf, Protected, Tx, Visible, always, never},
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

/// The most topics of one contact.
const MOST: usize = 20;

/// How and when a peer and a client speak, or mean to.
struct Occasion {
    referral: Option<ReferralId>,
    modality: ContactModality,
    outbound: bool,
    at: Instant,
    topics: Vec<String>,
}

/// The row of a contact that nothing came of yet.
fn row_of(tx: &Tx, client: &client::Model, peer: &peer::Model, occasion: Occasion) -> contact::ActiveModel {
    contact::ActiveModel {
        id: Set(ContactId::new()),
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        sealed_for_id: Set(None),
        program_id: Set(peer.program_id),
        peer_id: Set(peer.id),
        referral_id: Set(occasion.referral),
        modality: Set(occasion.modality),
        outbound: Set(occasion.outbound),
        outcome: Set(None),
        scheduled_for: Set(None),
        started_at: Set(occasion.at),
        minutes: Set(None),
        topics: Set(List(occasion.topics)),
        note: Set(None),
        note_shared: Set(false),
        created_at: Set(tx.access().now),
        version: Set(1),
    }
}

fn in_input(field: &'static str) -> [&'static str; 2] {
    ["input", field]
}

fn checked_topics(topics: &[String]) -> Result<Vec<String>, Refusal> {
    if topics.len() > MOST {
        return Err(Refusal::new(Code::TooMany, format!("`topics` has at most {MOST} entries.")).at(in_input("topics")));
    }
    topics.iter().map(|topic| text::line("topics", topic, 100)).collect()
}

/// How somebody is reached, for the rule that only safe channels are used.
async fn identity_for(tx: &Tx, client: ClientId) -> Result<Identity> {
    let client = tx.known::<client::Entity>(client, "safe channels").await?.ok_or(Error::NotFound)?;
    identity_of(tx, &client).await
}

/// The peer by whom a contact is logged: one that the caller is.
async fn supporting(tx: &Tx, named: Option<PeerId>, organization: OrganizationId) -> Result<Visible<peer::Entity>> {
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
