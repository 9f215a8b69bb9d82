//! How a contact is planned, and called off.

use chrono::TimeDelta;
use entity::{
    ClientId, ContactId, List, PeerId, ReferralId, TypedId, client, contact, peer,
    vocabulary::{ContactModality, ContactOutcome, EventKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    super::{
        client::Identity,
        client_merge::standing,
        safe_channel::{self, Unsafe},
    },
    checked_topics, identity_for, in_input, referral_of, supporting,
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Refusal, Result},
    store::{Action, Event, Store, Tx, Visible},
};

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

/// That a contact is planned at a time to come, by a channel that is safe then.
pub(super) fn checked_plan(identity: &Identity, modality: ContactModality, at: Instant, now: Instant, field: &'static str) -> Result<()> {
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

pub(super) async fn plan_in(
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
pub(in crate::domain) async fn call_off(tx: &mut Tx, client: ClientId, peer: PeerId) -> Result<()> {
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
