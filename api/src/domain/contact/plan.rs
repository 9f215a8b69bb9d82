//! How a contact is planned, and called off.

use chrono::TimeDelta;
use entity::{
    ClientId, PeerId, ReferralId, client, contact, peer,
    vocabulary::{ContactModality, ContactOutcome, EventKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    super::{
        client_merge::standing,
        safe_channel::{self, Unsafe},
    },
    Occasion, checked_topics, identity_for, in_input, referral_of, row_of, supporting, unlogged,
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
pub(super) async fn checked_time(tx: &Tx, client: ClientId, modality: ContactModality, at: Instant, field: &'static str) -> Result<()> {
    let (identity, now) = (identity_for(tx, client).await?, tx.access().now);
    if at <= now || at > now + AHEAD {
        let sentence = format!("`{field}` is in the future, at most {} days from now.", AHEAD.num_days());
        return Err(Refusal::invalid(sentence).at(in_input(field)).into());
    }
    Ok(safe_channel::reached(&identity, modality, at)?.map_err(|reason| match reason {
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
    checked_time(&tx, client.id, plan.modality, plan.at, "scheduledFor").await?;
    let topics = checked_topics(&plan.topics)?;
    let referral = referral_of(&tx, &client, &peer, plan.referral_id).await?.map(|referral| referral.id);
    let occasion = Occasion { referral, modality: plan.modality, outbound: plan.outbound, at: plan.at, topics };
    let planned = plan_in(&mut tx, &client, &peer, occasion).await?;
    tx.commit(planned).await
}

pub(super) async fn plan_in(
    tx: &mut Tx,
    client: &Visible<client::Entity>,
    peer: &Visible<peer::Entity>,
    occasion: Occasion,
) -> Result<Visible<contact::Entity>> {
    if tx.how_many::<contact::Entity>(still_planned(client.id), "how many contacts are planned").await? >= PLANNED {
        let sentence = format!("At most {PLANNED} contacts are planned with one person at a time: log what came of the earlier ones.");
        return Err(Refusal::new(Code::TooMany, sentence).at(in_input("clientId")).into());
    }
    let at = occasion.at;
    let row = contact::ActiveModel { scheduled_for: Set(Some(at)), ..row_of(tx, client, peer, occasion) };
    let planned = tx.insert::<contact::Entity, _>(row).await?;
    unlogged::watch(tx, planned.id, at).await?;
    tx.record(Event::new(EventKind::ContactScheduled, planned.organization_id, planned.id, 1).of_client(client.id));
    Ok(planned)
}

pub(super) fn still_planned(client: ClientId) -> Condition {
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
            unlogged::settled(tx, &planned).await?;
        }
    }
    Ok(())
}
