//! How the receiver finds the person a peer, reaches them, and pauses.

use chrono::TimeDelta;
use entity::{
    PeerId, ReferralId, class, peer, referral,
    vocabulary::{ReferralStatus, WorkItemKind},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition,
};

use super::super::{
    episode, peer_match,
    transitions::{self, Party},
    work_item::{self as work_items, NewWork},
};
use super::{
    answer::within,
    clocks,
    step::{Moving, Said, Side},
    work::open_for_receiver,
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Store, Tx, Visible},
};

/// The longest hold until it is looked at again (domain 2.3, row 15).
const HOLD_REVIEW: TimeDelta = TimeDelta::days(30);
/// How soon a new peer of somebody who is connected speaks with them (domain 2.3, rules).
const NEW_PEER: TimeDelta = TimeDelta::days(7);

/// Assigns a peer of the receiving program to an accepted referral, or another in place of the one before: that is an event and leaves
/// the state as it is (domain 2.3).
///
/// # Errors
/// `NotFound` for referrals and peers that are not there for the caller, or a peer of another program; otherwise as
/// [`accept`](super::accept).
pub async fn assign(
    store: &Store,
    access: &Access,
    id: ReferralId,
    peer: PeerId,
    client_chose: bool,
    version: Option<i32>,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let assigned = assign_in(&mut tx, id, peer, client_chose, version).await?;
    tx.commit(assigned).await
}

/// Assigns a peer within a larger command.
///
/// # Errors
/// As [`assign`].
pub async fn assign_in(
    tx: &mut Tx,
    id: ReferralId,
    peer: PeerId,
    client_chose: bool,
    version: Option<i32>,
) -> Result<Visible<referral::Entity>> {
    let moving = Moving::fetch(tx, id).await?;
    let served = [ReferralStatus::Assigned, ReferralStatus::Outreach, ReferralStatus::Connected].contains(&moving.standing.status);
    let step = match moving.to(&["9"], ReferralStatus::Assigned, Said::of_version(version)) {
        Ok(step) => Some(step),
        Err(Error::Refused(_)) if served && (moving.is_by(Party::Receiver) || moving.is_by(Party::Supervisor)) => {
            moving.unchanged_since(version)?;
            None
        }
        Err(error) => return Err(error),
    };
    let peer = tx.fetch_for::<peer::Entity>(peer, Action::Read).await?;
    if Some(peer.program_id) != moving.referral.to_program_id {
        return Err(Error::NotFound);
    }
    let client = moving.referral.to_client_id.ok_or_else(|| Error::internal("an accepted referral has no client of the receiver"))?;
    // First, so that of two who assign at once the second learns that it changed, and pairs nobody.
    let assigned = match step {
        Some(step) => {
            let assigned_at = Set(Some(tx.access().now.into()));
            let change = referral::ActiveModel { peer_id: Set(Some(peer.id.into())), assigned_at, ..Default::default() };
            moving.advance(tx, step, change).await?
        }
        None => {
            let progress = moving.referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
            if progress.peer_id.as_ref().is_some_and(|before| *before.read(&progress) == peer.id) {
                return Err(Refusal::new(Code::AlreadyExists, "This peer is assigned already.").at(["peerId"]).into());
            }
            let change = referral::ActiveModel { peer_id: Set(Some(peer.id.into())), ..Default::default() };
            let changed = moving.change(tx, Side::Receiver, change, vec!["peer"]).await?;
            if moving.standing.status == ReferralStatus::Connected {
                follow_up(tx, &changed, &peer).await?;
            }
            changed
        }
    };
    peer_match::begin(tx, client, &peer, client_chose).await?;
    Ok(assigned)
}

/// A new peer of somebody who is connected speaks with them within seven days (domain 2.3, rules).
async fn follow_up(tx: &mut Tx, referral: &referral::Model, peer: &peer::Model) -> Result<()> {
    work_items::close(tx, referral.id, &[WorkItemKind::FollowUpDue], None).await?;
    let due_at = Some(tx.access().now + NEW_PEER);
    let assignee = Some(peer.staff_member_id);
    open_for_receiver(tx, referral, WorkItemKind::FollowUpDue, |new| NewWork { due_at, assignee, ..new }).await.map(drop)
}

/// Takes the peer away again, and no other is there yet (domain 2.3, row 9b).
///
/// # Errors
/// As [`accept`](super::accept); refused without a text.
pub async fn unassign(store: &Store, access: &Access, id: ReferralId, said: Said) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let step = moving.to(&["9b"], ReferralStatus::Accepted, said)?;
    let change = referral::ActiveModel { peer_id: Set(None), ..Default::default() };
    let unassigned = moving.advance(&mut tx, step, change).await?;
    end_pairings(&mut tx, &unassigned).await?;
    tx.commit(unassigned).await
}

/// Ends who supports the client of a referral.
pub(super) async fn end_pairings(tx: &mut Tx, referral: &referral::Model) -> Result<()> {
    match referral.to_client_id.zip(referral.to_organization_id) {
        Some((client, organization)) => peer_match::end_all(tx, organization, client).await,
        None => Ok(()),
    }
}

/// Counts an attempt at contact, and moves the referral on where it should: with the first attempt, and with the first contact that was
/// two-way (domain 2.3, rows 10 and 11). Whether it moved.
pub(in crate::domain) async fn contacted(tx: &mut Tx, referral: &Visible<referral::Entity>, two_way: bool, at: Instant) -> Result<bool> {
    let moving = Moving::of(tx, referral.clone()).await?;
    let progress = referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
    let counted = progress.attempt_count.read(&progress) + 1;
    let to = if two_way { ReferralStatus::Connected } else { ReferralStatus::Outreach };
    let Ok(step) = moving.to(&["10", "11"], to, Said::default()) else {
        let change = referral::ActiveModel { attempt_count: Set(counted.into()), ..Default::default() };
        let unchanged = Condition::all().add(referral::Column::AttemptCount.eq(counted - 1));
        if !tx.write_if(referral, change, unchanged).await? {
            return Err(Refusal::stale(None).into());
        }
        if two_way {
            work_items::close(tx, referral.id, &[WorkItemKind::FollowUpDue], None).await?;
            if moving.standing.status == ReferralStatus::Connected {
                clocks::engaged(tx, referral.id, at).await?;
            }
        }
        return Ok(false);
    };
    let change = referral::ActiveModel {
        first_attempt_at: Set(progress.first_attempt_at.or(Some(at.into()))),
        connected_at: if two_way { Set(Some(at.into())) } else { NotSet },
        attempt_count: Set(counted.into()),
        ..Default::default()
    };
    moving.advance(tx, step, change).await?;
    Ok(true)
}

/// Puts a referral on hold, and with it the support that it led to (domain 2.3, row 15).
///
/// # Errors
/// As [`accept`](super::accept); refused without a text, and when it is not looked at again within thirty days.
pub async fn hold(store: &Store, access: &Access, id: ReferralId, review_at: Instant, said: Said) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let mut step = moving.to(&["15"], ReferralStatus::OnHold, said)?;
    step.review_at = Some(within(review_at, access.now, HOLD_REVIEW, "reviewAt")?);
    let held = moving.advance(&mut tx, step, referral::ActiveModel::default()).await?;
    episode::pause(&mut tx, id).await?;
    tx.commit(held).await
}

/// Goes on from a hold, where the referral was held (domain 2.3, row 16).
///
/// # Errors
/// As [`accept`](super::accept).
pub async fn resume(store: &Store, access: &Access, id: ReferralId, version: Option<i32>) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let Some(held) = moving.standing.held else {
        if !moving.is_by(Party::Receiver) && !moving.is_by(Party::AssignedPeer) {
            return Err(Error::NotPermitted);
        }
        let allowed = transitions::next(&moving.standing);
        let refusal = Refusal::new(Code::InvalidTransition, "This referral is not on hold.");
        return Err(Refusal { allowed_transitions: Some(allowed), ..refusal }.into());
    };
    let step = moving.to(&["16"], held, Said::of_version(version))?;
    let resumed = moving.advance(&mut tx, step, referral::ActiveModel::default()).await?;
    episode::resume(&mut tx, id).await?;
    tx.commit(resumed).await
}
