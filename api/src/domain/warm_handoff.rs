//! A live introduction of a client to their peer (domain 2.7): a completed contact when the client is there.

use entity::{
    PeerId, ReferralId, StaffMemberId, TypedId, WarmHandoffId, referral, staff_member,
    vocabulary::{ContactModality, ContactOutcome, EventKind, HandoffMethod},
    warm_handoff,
};
use sea_orm::ActiveValue::Set;

use super::{
    contact::{self, A_DAY, NewContact},
    referral::{Side, happened},
    text,
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Error, Refusal, Result},
    store::{Action, Event, Part, PartOf, Store, Tx, Visible},
};

impl Part for warm_handoff::Entity {}

impl PartOf<referral::Entity> for warm_handoff::Entity {
    fn parent_column() -> warm_handoff::Column {
        warm_handoff::Column::ReferralId
    }

    fn parent(part: &warm_handoff::Model) -> ReferralId {
        part.referral_id
    }

    fn order() -> warm_handoff::Column {
        warm_handoff::Column::CreatedAt
    }
}

/// An introduction that took place.
#[derive(Clone, Debug)]
pub struct NewWarmHandoff {
    /// How.
    pub method: HandoffMethod,
    /// When.
    pub occurred_at: Instant,
    /// Who of the sender's staff introduced them.
    pub staff_member_id: Option<StaffMemberId>,
    /// Whom the client met.
    pub peer_id: PeerId,
    /// Whether the client was there.
    pub client_present: bool,
    /// How long.
    pub minutes: i32,
    /// What came of it.
    pub outcome: Option<String>,
}

const fn modality(method: HandoffMethod) -> ContactModality {
    match method {
        HandoffMethod::InPerson => ContactModality::InPerson,
        HandoffMethod::ThreeWayCall => ContactModality::Phone,
        HandoffMethod::Video => ContactModality::Video,
    }
}

/// Records an introduction by the assigned peer. With the client there it is a completed contact, and moves the referral on as one.
///
/// # Errors
/// `NotFound` for referrals and staff that are not there, `NotPermitted` for others than the assigned peer; refused when a field is wrong.
pub async fn record(store: &Store, access: &Access, id: ReferralId, new: NewWarmHandoff) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Support).await?;
    let peer = tx.fetch_for::<entity::peer::Entity>(new.peer_id, Action::Support).await?;
    let client = referral.to_client_id.ok_or(Error::NotFound)?;
    if new.occurred_at > access.now {
        return Err(Refusal::invalid("`occurredAt` is not in the future.").at(["input", "occurredAt"]).into());
    }
    if !(1..=A_DAY).contains(&new.minutes) {
        return Err(Refusal::invalid(format!("`minutes` is from 1 to {A_DAY}.")).at(["input", "minutes"]).into());
    }
    let outcome = text::optional("outcome", new.outcome, 2_000)?;
    if let Some(staff) = new.staff_member_id {
        introduced_by(&tx, staff, &referral).await?;
    }
    let handoff = WarmHandoffId::new();
    let outcome = match outcome {
        Some(outcome) => Some(tx.key_of(id).await?.seal::<warm_handoff::Entity, _, _>(handoff, warm_handoff::Column::Outcome, &outcome)?),
        None => None,
    };
    let row = warm_handoff::ActiveModel {
        id: Set(handoff),
        organization_id: Set(peer.organization_id),
        referral_id: Set(id),
        peer_id: Set(peer.id.into()),
        staff_member_id: Set(new.staff_member_id),
        method: Set(new.method.into()),
        occurred_at: Set(new.occurred_at.into()),
        client_present: Set(new.client_present.into()),
        minutes: Set(new.minutes.into()),
        outcome: Set(outcome),
        created_at: Set(access.now),
    };
    tx.insert_parts::<warm_handoff::Entity, _>(vec![row]).await?;
    tx.record(Event { kind: EventKind::WarmHandoffRecorded, subject_version: None, ..happened(&referral, Side::Receiver, 1) });
    if new.client_present {
        let met = NewContact {
            client_id: client,
            peer_id: Some(peer.id),
            referral_id: Some(id),
            modality: modality(new.method),
            outbound: true,
            outcome: ContactOutcome::Completed,
            started_at: new.occurred_at,
            minutes: Some(new.minutes),
            topics: Vec::new(),
            note: None,
            note_shared: false,
            scheduled: None,
            next_at: None,
        };
        Box::pin(contact::log_in(&mut tx, met)).await?;
    }
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Read).await?;
    tx.commit(referral).await
}

/// That somebody works for the sender, or here: nothing else is said of them.
async fn introduced_by(tx: &Tx, staff: StaffMemberId, referral: &referral::Model) -> Result<()> {
    let found = tx.known::<staff_member::Entity>(staff, "who introduced a client").await?;
    let of = |home| Some(home) == referral.to_organization_id || home == referral.from_organization_id;
    match found.filter(|staff| of(staff.organization_id)) {
        Some(_) => Ok(()),
        None => Err(Error::NotFound),
    }
}
