//! One change of a referral's state: written under the version it saw, with its history and its event.

use entity::{
    Guarded, ReferralTransitionId, TypedId, class, referral, referral_transition,
    vocabulary::{EventKind, ExpiryEvent, ReasonCode, ReferralStatus, Role},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::super::{consent as consents, transitions};
use crate::{
    access::Access,
    error::{Error, Refusal, Result},
    store::{Event, Tx, Visible},
};

/// On which side of a referral something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum Side {
    Sender,
    Receiver,
}

/// One change of state, with the columns that go with it.
pub(super) struct Advance {
    pub(super) to: ReferralStatus,
    pub(super) side: Side,
    pub(super) reason: Option<ReasonCode>,
    pub(super) text: Option<String>,
    pub(super) change: referral::ActiveModel,
}

/// One change of state, as the history keeps it.
pub(super) struct Step {
    pub(super) side: Side,
    pub(super) from: Option<ReferralStatus>,
    pub(super) to: ReferralStatus,
    pub(super) version: i32,
    pub(super) reason: Option<ReasonCode>,
    pub(super) text: Option<String>,
}

/// The version and the state of a referral whose progress is open to the caller.
pub(super) fn seen_of(referral: &Visible<referral::Entity>) -> Result<(i32, ReferralStatus)> {
    let progress = referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
    Ok((*progress.version.read(&progress), *progress.status.read(&progress)))
}

/// Whether a referral can go to a state now, as the caller last saw it.
pub(super) fn step_of(referral: &Visible<referral::Entity>, to: ReferralStatus, seen: Option<i32>) -> Result<()> {
    let (current, status) = seen_of(referral)?;
    transitions::step(status, to)?;
    match seen {
        Some(seen) if seen != current => Err(Refusal::stale(Some(current)).into()),
        _ => Ok(()),
    }
}

/// Writes a change of state, its history and its event. Of two at once one wins: the write names the version it saw.
pub(super) async fn advance(
    tx: &mut Tx,
    referral: &Visible<referral::Entity>,
    seen: Option<i32>,
    step: Advance,
) -> Result<Visible<referral::Entity>> {
    step_of(referral, step.to, seen)?;
    let (current, from) = seen_of(referral)?;
    let (now, version, done) = (tx.access().now, current + 1, transitions::is_final(step.to));
    let change = referral::ActiveModel {
        status: Set(step.to.into()),
        updated_at: Set(now.into()),
        version: Set(version.into()),
        closed_at: if done { Set(Some(now.into())) } else { sea_orm::ActiveValue::NotSet },
        close_reason: step.reason.map_or(sea_orm::ActiveValue::NotSet, |reason| Set(Some(reason.into()))),
        ..step.change
    };
    let unchanged = Condition::all().add(referral::Column::Version.eq(current));
    let after = tx.update_if(referral, change, unchanged).await?.ok_or_else(|| Refusal::stale(None))?;
    let noted = Step { side: step.side, from: Some(from), to: step.to, version, reason: step.reason, text: step.text };
    note(tx, &after, &noted).await?;
    tx.record(happened(&after, step.side, version));
    if let Some(consent) = after.consent_id.filter(|_| done) {
        consents::expire_with(tx, consent, ExpiryEvent::ReferralCloses).await?;
    }
    Ok(after)
}

/// What happened to a referral on one of its sides: told to the other once it was submitted.
pub(in crate::domain) fn happened(referral: &referral::Model, side: Side, version: i32) -> Event {
    let (organization, other, client) = match (side, referral.to_organization_id) {
        (Side::Receiver, Some(to)) => (to, Some(referral.from_organization_id), referral.to_client_id),
        (_, to) => (referral.from_organization_id, to.filter(|_| referral.submitted_at.is_some()), Some(referral.from_client_id)),
    };
    let event = Event::new(EventKind::ReferralStatusChanged, organization, referral.id, version).of_referral(referral.id);
    Event { other_organization: other, client, ..event }
}

/// In which role someone moves a referral on: the first of theirs that may.
fn acting_role(access: &Access, side: Side) -> Option<Role> {
    let order = match side {
        Side::Sender => [Role::Referrer, Role::Coordinator, Role::PrivacyOfficer],
        Side::Receiver => [Role::Coordinator, Role::Supervisor, Role::Peer],
    };
    order.into_iter().find(|role| access.has(*role))
}

/// Writes a change of state into the referral's history.
pub(super) async fn note(tx: &Tx, referral: &Visible<referral::Entity>, step: &Step) -> Result<()> {
    let id = ReferralTransitionId::new();
    let organization = match (step.side, referral.to_organization_id) {
        (Side::Receiver, Some(to)) => to,
        _ => referral.from_organization_id,
    };
    let text = match &step.text {
        Some(text) => {
            let key = tx.key_of(referral.id).await?;
            Some(key.seal::<referral_transition::Entity, _, _>(id, referral_transition::Column::Text, text)?)
        }
        None => None,
    };
    let row = referral_transition::ActiveModel {
        id: Set(id),
        referral_id: Set(referral.id),
        version: Set(step.version),
        organization_id: Set(organization),
        from: Set(step.from.map(Guarded::new)),
        to: Set(step.to.into()),
        at: Set(tx.access().now),
        actor: Set(tx.actor()),
        role: Set(acting_role(tx.access(), step.side)),
        reason: Set(step.reason.map(Guarded::new)),
        text: Set(text),
    };
    tx.insert_parts::<referral_transition::Entity, _>(vec![row]).await
}
