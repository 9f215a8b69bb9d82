//! Who supports whom.

use entity::{
    ClientId, OrganizationId, PeerMatchId, ProgramId, TypedId, peer, peer_match,
    vocabulary::{EventKind, PeerMatchStatus, Role},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait, Select};

use super::{client, contact};
use crate::{
    access::{Access, Actor, Scope},
    error::{Refusal, Result},
    store::{Action, Class, Event, Grants, Protected, Tx, Visible, always, never, query, unique},
};

/// The peers that the caller is; nothing when they act as none.
pub(super) fn me(access: &Access) -> Option<Select<peer::Entity>> {
    match access.actor {
        Actor::Staff(id) if access.has(Role::Peer) => {
            let mine = query::<peer::Entity>().select_only().column(peer::Column::Id);
            Some(mine.filter(peer::Column::StaffMemberId.eq(id)).filter(peer::Column::ProgramId.is_in(access.programs.iter().copied())))
        }
        _ => None,
    }
}

/// The active pairings with a peer that the caller is, to select a column of.
pub(super) fn with_me(access: &Access) -> Option<Select<peer_match::Entity>> {
    let active = query::<peer_match::Entity>().select_only().filter(peer_match::Column::Status.eq(PeerMatchStatus::Active));
    Some(active.filter(peer_match::Column::PeerId.in_subquery(me(access)?.into_query())))
}

impl Protected for peer_match::Entity {
    type Id = PeerMatchId;

    fn id_column() -> Self::Column {
        peer_match::Column::Id
    }

    fn id(row: &peer_match::Model) -> PeerMatchId {
        row.id
    }

    /// To whom the client's care is open.
    fn visible_to(access: &Access) -> Condition {
        if !access.scoped(&[Scope::ServicesRead, Scope::ServicesWrite]) {
            return never();
        }
        client::named_by(access, peer_match::Column::ClientId, client::supported(access))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none().open(Class::ContactsAndNotes, always())
    }

    fn allows(_: &Access, action: Action, _: &peer_match::Model) -> bool {
        action == Action::Read
    }

    fn row_class() -> Option<Class> {
        Some(Class::ContactsAndNotes)
    }
}

/// Pairs a client with a peer, in place of the peer before: reassigning is an event of its own, and ends nothing else (domain 2.1).
pub(super) async fn begin(tx: &mut Tx, client: ClientId, peer: &Visible<peer::Entity>, client_chose: bool) -> Result<()> {
    let now = tx.access().now;
    let of = Condition::all().add(peer_match::Column::ClientId.eq(client)).add(peer_match::Column::ProgramId.eq(peer.program_id));
    let of = of.add(peer_match::Column::Status.eq(PeerMatchStatus::Active));
    let system = Access::system("pairing", now);
    let before = tx.look::<peer_match::Entity>(&system, of).await?.pop();
    if let Some(before) = before {
        if before.peer_id == peer.id {
            return Ok(());
        }
        end(tx, &before).await?;
    }
    let id = PeerMatchId::new();
    let row = peer_match::ActiveModel {
        id: Set(id),
        organization_id: Set(peer.organization_id),
        client_id: Set(client),
        peer_id: Set(peer.id),
        program_id: Set(peer.program_id),
        status: Set(PeerMatchStatus::Active),
        client_chose: Set(client_chose),
        proposed_at: Set(now),
        started_at: Set(Some(now)),
        ended_at: Set(None),
        version: Set(1),
    };
    tx.insert_unseen(row).await.map_err(|error| unique(error, || Refusal::stale(None)))?;
    tx.record(Event::new(EventKind::PeerMatched, peer.organization_id, id, 1).of_client(client));
    Ok(())
}

/// Ends the active pairing of a client in a program.
pub(super) async fn end_in(tx: &mut Tx, program: ProgramId, client: ClientId) -> Result<()> {
    let of = Condition::all().add(peer_match::Column::ClientId.eq(client)).add(peer_match::Column::ProgramId.eq(program));
    end_each(tx, of).await
}

/// Ends the active pairings of a client in an organization.
pub(super) async fn end_all(tx: &mut Tx, organization: OrganizationId, client: ClientId) -> Result<()> {
    let of = Condition::all().add(peer_match::Column::ClientId.eq(client)).add(peer_match::Column::OrganizationId.eq(organization));
    end_each(tx, of).await
}

async fn end_each(tx: &mut Tx, of: Condition) -> Result<()> {
    let system = Access::system("pairing", tx.access().now);
    for before in tx.look::<peer_match::Entity>(&system, of.add(peer_match::Column::Status.eq(PeerMatchStatus::Active))).await? {
        end(tx, &before).await?;
    }
    Ok(())
}

async fn end(tx: &mut Tx, before: &Visible<peer_match::Entity>) -> Result<()> {
    let change = peer_match::ActiveModel {
        status: Set(PeerMatchStatus::Ended),
        ended_at: Set(Some(tx.access().now)),
        version: Set(before.version + 1),
        ..Default::default()
    };
    let active = Condition::all().add(peer_match::Column::Version.eq(before.version));
    if tx.write_if(before, change, active).await? {
        let ended = Event::new(EventKind::PeerMatchEnded, before.organization_id, before.id, before.version + 1);
        tx.record(ended.of_client(before.client_id));
        contact::call_off(tx, before.client_id, before.peer_id).await?;
    }
    Ok(())
}
