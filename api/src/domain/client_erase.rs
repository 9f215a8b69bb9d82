//! A person is erased: the key that everything of them is sealed under is destroyed, in backups as well (architecture, "Storage"). What
//! stays is a stone: ids, pseudonym, the log and the accounting, which name nobody.

use std::collections::HashSet;

use entity::{
    ClientId, OrganizationId, client, client_search, emergency_access, episode, erasure, peer_match, referral, referral_search,
    registration, session,
    vocabulary::{EpisodeStatus, EventKind, PeerMatchStatus, ReferralStatus, RegistrationStatus, SessionStatus, TimerKind, WorkItemKind},
    work_item,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use super::{
    client_access, client_merge::with_merged, data_export, duplicate, message, referral::OPEN, registration as registrations, text,
    work_item as work_items,
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Erasing, Event, Forgotten, Part, PartOf, Protected, Store, Tx, Visible, query},
};

impl Part for erasure::Entity {}

impl PartOf<client::Entity> for erasure::Entity {
    fn parent_column() -> erasure::Column {
        erasure::Column::ClientId
    }

    fn parent(part: &erasure::Model) -> ClientId {
        part.client_id
    }

    fn order() -> erasure::Column {
        erasure::Column::SubjectId
    }
}

fn immutable(sentence: &'static str) -> Refusal {
    Refusal::new(Code::Immutable, sentence)
}

/// Why nothing can be done to this record any more.
pub(super) fn refusal(row: &client::Model) -> Option<Refusal> {
    row.erased_at.is_some().then(|| immutable("This person was erased: nothing can be added to their record or changed."))
}

/// Erases a person of the caller's organization: the record that stands for them with all that were merged into it. A referral's snapshot
/// goes with the last side that holds it: the sender's until it is accepted, then both sides', each for itself.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` while something of theirs goes on that somebody relies on, for a record
/// that was merged into another and for one that was erased, with `REQUIRED` or `INVALID` for the reason, `STALE` when it changed
/// meanwhile.
pub async fn erase(store: &Store, access: &Access, id: ClientId, reason: &str) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let client = tx.fetch_for::<client::Entity>(id, Action::Erase).await?;
    let reason = text::line("reason", reason, 500).map_err(|refusal| refusal.at(["reason"]))?;
    if client.merged_into_id.is_some() {
        return Err(immutable("This record was merged into another: erase that one, its `mergedInto`.").at(["id"]).into());
    }
    let records = with_merged(&tx, client).await?;
    // First: whoever writes about the person from now on waits, and whoever did before is seen by what follows.
    for record in &records {
        carve(&mut tx, record, access.now).await?;
    }
    let clients: Vec<_> = records.iter().map(|record| record.id).collect();
    let running = running(&tx, &clients).await?;
    if !running.is_empty() {
        return Err(Error::Refused(running));
    }
    let (referrals, organization) = (sides(&tx, &clients).await?, records[0].organization_id);
    let whom = Forgotten {
        organization,
        client: id,
        referrals: referrals.iter().filter(|side| side.held_by_nobody()).map(|side| side.referral.id).collect(),
        clients,
        at: access.now,
        reason: Some(reason),
    };
    let erasing = tx.begin_erasure(&whom).await?;
    forget(&mut tx, &whom, &referrals).await?;
    let stone = tx.fetch_for::<client::Entity>(id, Action::Read).await?;
    settle(store, tx, erasing, stone).await
}

/// Repeats an erasure that the journal knows and a restored database does not, for one record. Why is lost. Whether there was anything to
/// erase.
///
/// # Errors
/// `Database` when it cannot be written.
pub async fn erase_again(store: &Store, system: &Access, id: ClientId, at: Instant, known: &HashSet<Uuid>) -> Result<bool> {
    let mut tx = store.begin(system).await?;
    let Some(record) = tx.known::<client::Entity>(id, "an erasure").await?.filter(|row| row.erased_at.is_none()) else { return Ok(false) };
    carve(&mut tx, &record, at).await?;
    let referrals = sides(&tx, &[id]).await?;
    let whom = Forgotten {
        organization: record.organization_id,
        client: id,
        clients: vec![id],
        // What the journal does not name was held by somebody, whom an older copy of the database may not know yet.
        referrals: referrals.iter().map(|side| side.referral.id).filter(|id| known.contains(&Uuid::from(*id))).collect(),
        at,
        reason: None,
    };
    let erasing = tx.repeat_erasure(&whom).await?;
    forget(&mut tx, &whom, &referrals).await?;
    settle(store, tx, erasing, record).await.map(|_| true)
}

/// Commits, and destroys the keys. Where their store does not answer it is done later: that the person is erased stands already.
async fn settle(store: &Store, tx: Tx, erasing: Erasing, stone: Visible<client::Entity>) -> Result<Visible<client::Entity>> {
    let (stone, erased) = tx.commit_erasure(erasing, stone).await?;
    if let Err(error) = store.destroy_keys(erased).await {
        tracing::error!(cause = %error, client.id = %stone.id, "a key could not be destroyed: trying again");
    }
    Ok(stone)
}

/// Says of a record that it was erased.
async fn carve(tx: &mut Tx, record: &Visible<client::Entity>, at: Instant) -> Result<()> {
    let version = record.version + 1;
    let change =
        client::ActiveModel { erased_at: Set(Some(at)), updated_at: Set(tx.access().now), version: Set(version), ..Default::default() };
    if !tx.write_if(record, change, client::Column::Version.eq(record.version)).await? {
        return Err(Refusal::stale(None).into());
    }
    tx.record(Event::new(EventKind::ClientErased, record.organization_id, record.id, version).of_client(record.id));
    Ok(())
}

/// What of a person goes on, that somebody relies on. Of what another organization does with a referral that it accepted nothing is asked:
/// it has its own record, and the answer would tell how the referral goes.
async fn running(tx: &Tx, clients: &[ClientId]) -> Result<Vec<Refusal>> {
    let waiting = OPEN.iter().copied().chain([ReferralStatus::Draft]);
    let sent = Condition::all()
        .add(referral::Column::FromClientId.is_in(clients.iter().copied()))
        .add(referral::Column::ToClientId.is_null())
        .add(referral::Column::Status.is_in(waiting));
    let received = Condition::all()
        .add(referral::Column::ToClientId.is_in(clients.iter().copied()))
        .add(referral::Column::Status.is_in(OPEN.iter().copied()));
    let episode = Condition::all()
        .add(episode::Column::ClientId.is_in(clients.iter().copied()))
        .add(episode::Column::Status.ne(EpisodeStatus::Ended));
    let pairing = Condition::all()
        .add(peer_match::Column::ClientId.is_in(clients.iter().copied()))
        .add(peer_match::Column::Status.is_in([PeerMatchStatus::Proposed, PeerMatchStatus::Active]));
    let to_come = query::<session::Entity>()
        .select_only()
        .column(session::Column::Id)
        .filter(session::Column::StartsAt.gt(tx.access().now))
        .filter(session::Column::Status.eq(SessionStatus::Scheduled));
    let seated =
        [RegistrationStatus::Unconfirmed, RegistrationStatus::Registered, RegistrationStatus::Waitlisted, RegistrationStatus::Offered];
    let seat = Condition::all()
        .add(registration::Column::ClientId.is_in(clients.iter().copied()))
        .add(registration::Column::Status.is_in(seated))
        .add(registration::Column::SessionId.in_subquery(to_come.into_query()));
    let review = Condition::all()
        .add(work_item::Column::ClientId.is_in(clients.iter().copied()))
        .add(work_item::Column::Kind.eq(WorkItemKind::EmergencyAccessReview))
        .add(work_item::Column::ClosedAt.is_null());
    let found = [
        (some::<referral::Entity>(tx, sent).await?, "A referral of this person is a draft or waits for an answer: cancel it first."),
        (some::<referral::Entity>(tx, received).await?, "A referral of this person is open: bring it to its end first."),
        (some::<episode::Entity>(tx, episode).await?, "This person is supported: end the episode first, with `episodeEnd`."),
        (some::<peer_match::Entity>(tx, pairing).await?, "A peer is paired with this person: end that first."),
        (
            some::<registration::Entity>(tx, seat).await?,
            "This person has a seat in a session to come: cancel it first, with `registrationCancel`.",
        ),
        (
            some::<work_item::Entity>(tx, review).await?,
            "What was released of this person in an emergency is to be reviewed first, in its work item.",
        ),
    ];
    Ok(found.into_iter().filter(|(found, _)| *found).map(|(_, sentence)| immutable(sentence).at(["id"])).collect())
}

async fn some<E: Protected>(tx: &Tx, of: Condition) -> Result<bool> {
    let system = Access::system("what of a person goes on", tx.access().now);
    Ok(!tx.look::<E>(&system, of).await?.is_empty())
}

/// A referral of an erased person, and on which of its sides they are erased now.
struct Sided {
    referral: Visible<referral::Entity>,
    sent: bool,
    received: bool,
}

impl Sided {
    /// Whether no side holds the snapshot any more: the sender's was always one, the receiver's is one since it accepted.
    fn held_by_nobody(&self) -> bool {
        let row = &self.referral;
        let received = row.to_client_id.is_none() || self.received || row.receiver_erased_at.is_some();
        (self.sent || row.sender_erased_at.is_some()) && received
    }
}

async fn sides(tx: &Tx, clients: &[ClientId]) -> Result<Vec<Sided>> {
    let of = Condition::any()
        .add(referral::Column::FromClientId.is_in(clients.iter().copied()))
        .add(referral::Column::ToClientId.is_in(clients.iter().copied()));
    let sided = |referral: Visible<referral::Entity>| {
        let (sent, received) =
            (clients.contains(&referral.from_client_id), referral.to_client_id.is_some_and(|client| clients.contains(&client)));
        Sided { referral, sent, received }
    };
    Ok(tx.every::<referral::Entity>(of, "an erasure").await?.into_iter().map(sided).collect())
}

/// Takes away what the person could be found by and what is to be done about them, and closes their side of referrals.
async fn forget(tx: &mut Tx, whom: &Forgotten, referrals: &[Sided]) -> Result<()> {
    let clients = || whom.clients.iter().copied();
    tx.delete_parts::<client_search::Entity>(client_search::Column::ClientId.is_in(clients())).await?;
    for side in referrals {
        close_side(tx, whom, side).await?;
    }
    for client in clients() {
        duplicate::forgotten(tx, client).await?;
        work_items::close(tx, client, WorkItemKind::ALL, None).await?;
    }
    let ended = emergency_access::ActiveModel { ended_at: Set(Some(tx.access().now)), ..Default::default() };
    let of = Condition::all().add(emergency_access::Column::ClientId.is_in(clients())).add(emergency_access::Column::EndedAt.is_null());
    tx.update_parts::<emergency_access::Entity, _>(ended, of).await?;
    data_export::forget(tx, &whom.clients).await?;
    client_access::forget(tx, &whom.clients).await?;
    message::forget(tx, &whom.clients).await?;
    registrations::forget_needs(tx, &whom.clients).await?;
    tx.disarm(TimerKind::ClientMerge, clients().map(Uuid::from)).await
}

/// From now on this side reads nothing of the referral's that is sealed. The other side's version of the row stays as it is.
async fn close_side(tx: &Tx, whom: &Forgotten, side: &Sided) -> Result<()> {
    let row = &side.referral;
    let change = referral::ActiveModel {
        sender_erased_at: Set(if side.sent { Some(whom.at) } else { row.sender_erased_at }),
        receiver_erased_at: Set(if side.received { Some(whom.at) } else { row.receiver_erased_at }),
        ..Default::default()
    };
    tx.write_if(row, change, Condition::all()).await?;
    let own = if side.held_by_nobody() { None } else { Some(referral_search::Column::OrganizationId.eq(whom.organization)) };
    let words = Condition::all().add(referral_search::Column::ReferralId.eq(row.id)).add_option(own);
    tx.delete_parts::<referral_search::Entity>(words).await
}

/// Whether the caller's side of a referral was erased: nothing of it is open to them, and no role or consent would change that.
pub fn on_side_of(access: &Access, row: &referral::Model) -> bool {
    let of = |organization: Option<OrganizationId>| access.organization.is_some() && access.organization == organization;
    of(Some(row.from_organization_id)) && row.sender_erased_at.is_some() || of(row.to_organization_id) && row.receiver_erased_at.is_some()
}
