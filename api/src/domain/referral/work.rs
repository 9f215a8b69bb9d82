//! What somebody has to do about a referral, and the one step that two people take.

use entity::{
    ReferralId, WorkItemId, class, client, contact, program, referral,
    vocabulary::{ReferralStatus, WorkItemKind},
    work_item,
};
use sea_orm::{ColumnTrait, Condition};

use super::super::{
    attempts::{self, Attempt, Channels},
    client::identity_of,
    contact::is_attempt,
    safe_channel,
    transitions::is_final,
    wall_time::{local_of, zone_of},
    work_item::{self as work_items, NewWork},
};
use super::{
    step::{Moving, Said},
    support::end_pairings,
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Store, Tx, Visible},
};

/// What a step closes, and what it opens.
pub(super) async fn follow(tx: &mut Tx, referral: &Visible<referral::Entity>, from: ReferralStatus, to: ReferralStatus) -> Result<()> {
    let left: &[WorkItemKind] = match from {
        // A draft's is what an offer's claim asks for.
        ReferralStatus::Draft | ReferralStatus::NeedsInfo => &[WorkItemKind::InfoRequested],
        ReferralStatus::Waitlisted => &[WorkItemKind::WaitlistReview],
        ReferralStatus::OnHold => &[WorkItemKind::HoldReview],
        ReferralStatus::Outreach => &[WorkItemKind::Approval],
        _ => &[],
    };
    // An approval closes itself with its decision.
    let left: Vec<_> = left.iter().copied().filter(|kind| *kind != WorkItemKind::Approval || to != ReferralStatus::NotReached).collect();
    if !left.is_empty() {
        work_items::close(tx, referral.id, &left, None).await?;
    }
    if is_final(to) {
        work_items::close(tx, referral.id, &[WorkItemKind::ClockDue, WorkItemKind::ClockBreached, WorkItemKind::FollowUpDue], None).await?;
    }
    if to == ReferralStatus::NeedsInfo {
        ask_sender(tx, referral, super::step::idle_until(to, tx.access().now)).await?;
    }
    Ok(())
}

/// Opens for the sender what the receiver asks for.
pub(super) async fn ask_sender(tx: &mut Tx, referral: &referral::Model, due_at: Option<Instant>) -> Result<()> {
    let asked = NewWork {
        organization: referral.from_organization_id,
        program: referral.from_program_id,
        kind: WorkItemKind::InfoRequested,
        about: referral.id.into(),
        clock: None,
        due_at,
        assignee: None,
        note: None,
        requested: false,
    };
    work_items::open(tx, asked).await.map(drop)
}

/// Opens what is to be done by the receiver.
pub(super) async fn open_for_receiver(
    tx: &mut Tx,
    referral: &referral::Model,
    kind: WorkItemKind,
    of: impl FnOnce(NewWork) -> NewWork,
) -> Result<Option<WorkItemId>> {
    let Some((organization, program)) = referral.to_organization_id.zip(referral.to_program_id) else { return Ok(None) };
    let new = NewWork {
        organization,
        program,
        kind,
        about: referral.id.into(),
        clock: None,
        due_at: None,
        assignee: None,
        note: None,
        requested: false,
    };
    work_items::open(tx, of(new)).await.map(Some)
}

/// Says that a place on the waiting list, or a hold, is to be looked at again. Gives the referral; nothing when it moved on.
pub(in crate::domain) async fn reviewed(tx: &mut Tx, id: ReferralId, at: Instant) -> Result<Option<Visible<referral::Entity>>> {
    let Some(referral) = tx.known::<referral::Entity>(id, "a review is due").await? else { return Ok(None) };
    let progress = referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
    let kind = match progress.status.read(&progress) {
        ReferralStatus::Waitlisted => WorkItemKind::WaitlistReview,
        ReferralStatus::OnHold => WorkItemKind::HoldReview,
        _ => return Ok(None),
    };
    open_for_receiver(tx, &referral, kind, |new| NewWork { due_at: Some(at), ..new }).await?;
    Ok(Some(referral))
}

/// Asks to close a referral as not reached, after enough attempts (domain 2.5): a supervisor's approval does it. Gives the referral as it
/// still stands, and what the supervisor decides.
///
/// # Errors
/// As [`accept`](super::accept); `NotPermitted` for others than the assigned peer; refused with `ATTEMPTS_TOO_FEW` and what is missing.
pub async fn not_reached(
    store: &Store,
    access: &Access,
    id: ReferralId,
    said: Said,
) -> Result<(Visible<referral::Entity>, Visible<work_item::Entity>)> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    // Whoever approves takes the step; until then its words are the request's.
    let note = moving.to(&["14"], ReferralStatus::NotReached, said)?.text;
    enough_attempts(&tx, &moving.referral).await?;
    let asked = |new| NewWork { note, requested: true, ..new };
    let item = open_for_receiver(&mut tx, &moving.referral, WorkItemKind::Approval, asked).await?.ok_or(Error::NotFound)?;
    let item = tx.fetch_for::<work_item::Entity>(item, Action::Read).await?;
    if item.requested_by != Some(tx.actor()) {
        return Err(Refusal::new(Code::AlreadyExists, "A colleague has asked for this: their request is open.").at(["id"]).into());
    }
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Read).await?;
    tx.commit((referral, item)).await
}

/// Closes a referral as not reached, as a supervisor approved.
pub(in crate::domain) async fn not_reached_approved(tx: &mut Tx, id: ReferralId, text: Option<String>) -> Result<()> {
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Read).await?;
    let moving = Moving::approved(tx, referral).await?;
    let step = moving.to(&["14"], ReferralStatus::NotReached, Said { text, ..Said::default() })?;
    let closed = moving.advance(tx, step, referral::ActiveModel::default()).await?;
    end_pairings(tx, &closed).await
}

/// That enough was tried.
async fn enough_attempts(tx: &Tx, referral: &Visible<referral::Entity>) -> Result<()> {
    const RULE: &str = "the rule of attempts";
    let broken = || Error::internal("a referral in outreach lacks its client or its program");
    let (id, program) = referral.to_client_id.zip(referral.to_program_id).ok_or_else(broken)?;
    let client = tx.known::<client::Entity>(id, RULE).await?.ok_or_else(broken)?;
    let identity = identity_of(tx, &client).await?;
    let safe: Vec<_> = identity.contact_methods.iter().filter(|method| method.safe).collect();
    let channels = Channels { safe: !safe.is_empty(), message: safe.iter().any(|method| method.may_leave_message) };
    let of = Condition::all().add(contact::Column::ReferralId.eq(referral.id)).add(contact::Column::Outcome.is_not_null());
    let mut contacts = tx.every::<contact::Entity>(of, RULE).await?;
    contacts.sort_by_key(|contact| contact.started_at);
    let zone = zone_of(&tx.known::<program::Entity>(program, RULE).await?.ok_or_else(broken)?.time_zone)?;
    let mut tried = Vec::new();
    for contact in &contacts {
        let Some(outcome) = contact.outcome.filter(|outcome| is_attempt(*outcome)) else { continue };
        // Whoever reaches out where or when it is not safe has not tried what the rule asks for.
        if !contact.outbound || safe_channel::reached(&identity, contact.modality, contact.started_at)?.is_ok() {
            tried.push(Attempt { at: local_of(zone, contact.started_at), modality: contact.modality, outcome });
        }
    }
    let missing = attempts::missing(&tried, channels);
    if missing.is_empty() {
        return Ok(());
    }
    let sentence = format!(
        "Before somebody counts as not reached there are {}. Only attempts on channels and at times that they called safe count.",
        missing.join("; ")
    );
    Err(Refusal::new(Code::AttemptsTooFew, sentence).at(["id"]).into())
}
