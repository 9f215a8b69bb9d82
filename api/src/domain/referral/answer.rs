//! How the receiver answers a referral and brings it to its end.

use entity::{
    ClientId, ConsentId, Guarded, OrganizationId, PeerId, ReferralId, class, client_program, consent, organization, peer, referral,
    vocabulary::{DataClass, ReasonCode, ReferralResult, ReferralStatus, Role},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition,
};

use super::super::{
    client::{self as clients},
    consent as consents, peer_match, text, transitions,
};
use super::{
    OPEN,
    snapshot::Person,
    step::{Advance, Side, Step, advance, happened, note, seen_of, step_of},
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Discloser, Protected, Store, Tx, Visible},
};

/// Accepts a submitted referral for the receiving program, which gets its own record of the person.
///
/// # Errors
/// `NotFound` if the caller cannot see it, `NotPermitted` if the caller only sent it; refused with `CONSENT_REQUIRED` when the consent
/// ended meanwhile, `INVALID_TRANSITION` if it is not submitted, `STALE` if it changed.
pub async fn accept(store: &Store, access: &Access, id: ReferralId, version: Option<i32>) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let accepted = accept_in(&mut tx, id, version).await?;
    tx.commit(accepted).await
}

/// Accepts a referral within a larger command.
///
/// # Errors
/// As [`accept`].
pub async fn accept_in(tx: &mut Tx, id: ReferralId, version: Option<i32>) -> Result<Visible<referral::Entity>> {
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Answer).await?;
    step_of(&referral, ReferralStatus::Accepted, version)?;
    let client = receive(tx, &referral).await?;
    let now = Guarded::new(tx.access().now);
    let change = referral::ActiveModel {
        to_client_id: Set(Some(client)),
        acknowledged_at: Set(Some(now)),
        accepted_at: Set(Some(now)),
        ..Default::default()
    };
    let step = Advance { to: ReferralStatus::Accepted, side: Side::Receiver, reason: None, text: None, change };
    advance(tx, &referral, version, step).await
}

/// The receiver's own record of the person: the one from an earlier referral of the same sender, or a new one. That is the disclosure
/// which the consent is for, so it is accounted for here.
async fn receive(tx: &mut Tx, referral: &Visible<referral::Entity>) -> Result<ClientId> {
    let broken = || Error::internal("a submitted referral names no receiver");
    let (to, program) = referral.to_organization_id.zip(referral.to_program_id).ok_or_else(broken)?;
    let system = Access::system("acceptance", tx.access().now);
    let consent = covering(tx, referral, to).await?;
    consents::confirm_in(tx, &consent.row, to).await?;
    let discloser = Discloser { organization: referral.from_organization_id, client: referral.from_client_id, consenting: Vec::new() };
    let classes = [DataClass::Identity, DataClass::ReferralClinical].into_iter().filter(|class| consent.classes & class.bit() != 0);
    tx.disclose(&discloser, &consent.recipient, classes.collect(), &consent.row).await?;
    let before = Condition::all()
        .add(referral::Column::FromClientId.eq(referral.from_client_id))
        .add(referral::Column::ToOrganizationId.eq(to))
        .add(referral::Column::ToClientId.is_not_null());
    if let Some(known) = tx.look::<referral::Entity>(&system, before).await?.pop().and_then(|before| before.to_client_id) {
        let with = Condition::all().add(client_program::Column::ClientId.eq(known)).add(client_program::Column::ProgramId.eq(program));
        if tx.parts::<client_program::Entity>(with).await?.is_empty() {
            let membership = client_program::ActiveModel { organization_id: Set(to), client_id: Set(known), program_id: Set(program) };
            tx.insert_parts::<client_program::Entity, _>(vec![membership]).await?;
        }
        return Ok(known);
    }
    let this = tx.look::<referral::Entity>(&system, Condition::all().add(referral::Column::Id.eq(referral.id))).await?.pop();
    let this = this.ok_or_else(broken)?;
    let opened = this.open::<class::Identity>().ok_or_else(broken)?;
    let sealed = opened.person.as_ref().ok_or_else(broken)?;
    let person: Person = tx.unseal(&opened, referral::Column::Person, sealed).await?;
    let opened = this.open::<class::ReferralClinical>().ok_or_else(broken)?;
    let told = consent.classes & DataClass::ReferralClinical.bit() != 0;
    let clinical = if told { Some(tx.unseal(&opened, referral::Column::Clinical, &opened.clinical).await?) } else { None };
    let (identity, recovery) = person.into_client(clinical);
    clients::write(tx, to, &[program], &identity, &recovery).await
}

/// Any answer confirms, for the receiver, the consent that the referral came with.
async fn confirm_consent(tx: &mut Tx, referral: &Visible<referral::Entity>) -> Result<()> {
    let Some((id, to)) = referral.consent_id.zip(referral.to_organization_id) else { return Ok(()) };
    match consents::named(tx, id).await? {
        Some(consent) => consents::confirm_in(tx, &consent, to).await,
        None => Ok(()),
    }
}

/// The consent that a referral was submitted under, as it holds now.
struct Covering {
    row: Visible<consent::Entity>,
    recipient: Visible<organization::Entity>,
    classes: i32,
}

async fn covering(tx: &Tx, referral: &Visible<referral::Entity>, to: OrganizationId) -> Result<Covering> {
    let ended = || Refusal::new(Code::ConsentRequired, "The consent that this referral came with has ended: ask the sender for another.");
    let id = referral.consent_id.ok_or_else(ended)?;
    let row = consents::named(tx, id).await?.ok_or_else(ended)?;
    let recipient = tx.fetch_for::<organization::Entity>(to, Action::Read).await?;
    let covered = consents::covered(tx, id, referral.from_client_id, referral.from_organization_id, &recipient).await?;
    let classes = covered & referral.disclosed_classes;
    if classes & DataClass::Identity.bit() == 0 {
        return Err(ended().into());
    }
    Ok(Covering { row, recipient, classes })
}

/// Reasons to decline (domain 2.3).
const DECLINING: &[ReasonCode] = &[
    ReasonCode::NoCapacity,
    ReasonCode::OutsideArea,
    ReasonCode::NotEligible,
    ReasonCode::NeedsHigherLevel,
    ReasonCode::Duplicate,
    ReasonCode::ModalityNotOffered,
    ReasonCode::Other,
];

/// Declines a submitted referral for the receiving program.
///
/// # Errors
/// As [`accept`]; refused when the reason is none to decline for, or is OTHER without a text.
pub async fn decline(
    store: &Store,
    access: &Access,
    id: ReferralId,
    reason: ReasonCode,
    text: Option<String>,
    version: Option<i32>,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let declined = decline_in(&mut tx, id, reason, text, version).await?;
    tx.commit(declined).await
}

/// Declines a referral within a larger command.
///
/// # Errors
/// As [`decline`].
pub async fn decline_in(
    tx: &mut Tx,
    id: ReferralId,
    reason: ReasonCode,
    text: Option<String>,
    version: Option<i32>,
) -> Result<Visible<referral::Entity>> {
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Answer).await?;
    step_of(&referral, ReferralStatus::Declined, version)?;
    let text = reasoned(DECLINING, reason, text)?;
    let now = tx.access().now;
    confirm_consent(tx, &referral).await?;
    let change = referral::ActiveModel { acknowledged_at: Set(Some(now.into())), ..Default::default() };
    let step = Advance { to: ReferralStatus::Declined, side: Side::Receiver, reason: Some(reason), text, change };
    advance(tx, &referral, version, step).await
}

/// Reasons for somebody to cancel (domain 2.3); a revoked consent cancels by itself.
const CANCELLING: &[ReasonCode] =
    &[ReasonCode::Readmitted, ReasonCode::Incarcerated, ReasonCode::Deceased, ReasonCode::RequesterWithdrew, ReasonCode::Other];

/// Cancels a referral before its first contact: its sender until it is accepted, and its receiver.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused when the reason is none to cancel for, or is OTHER without a text, and as [`accept`].
pub async fn cancel(
    store: &Store,
    access: &Access,
    id: ReferralId,
    reason: ReasonCode,
    text: Option<String>,
    version: Option<i32>,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Read).await?;
    let sender = referral::Entity::allows(access, Action::Submit, &referral) && referral.to_client_id.is_none();
    let side = if sender { Side::Sender } else { Side::Receiver };
    tx.require(sender || referral::Entity::allows(access, Action::Answer, &referral))?;
    step_of(&referral, ReferralStatus::Cancelled, version)?;
    let text = reasoned(CANCELLING, reason, text)?;
    if let Some((client, organization)) = referral.to_client_id.zip(referral.to_organization_id) {
        peer_match::end_all(&mut tx, organization, client).await?;
    }
    let step = Advance { to: ReferralStatus::Cancelled, side, reason: Some(reason), text, change: referral::ActiveModel::default() };
    let cancelled = advance(&mut tx, &referral, version, step).await?;
    tx.commit(cancelled).await
}

/// A reason of a list, with its text, which OTHER needs.
fn reasoned(list: &[ReasonCode], reason: ReasonCode, text: Option<String>) -> Result<Option<String>, Refusal> {
    if !list.contains(&reason) {
        let names: Vec<&str> = list.iter().map(|reason| reason.as_str()).collect();
        return Err(Refusal::invalid(format!("`reason` is one of {} here.", names.join(", "))).at(["reason"]));
    }
    let text = said(text)?;
    if reason == ReasonCode::Other && text.is_none() {
        return Err(Refusal::new(Code::Required, "Give `text` with the reason OTHER.").at(["text"]));
    }
    Ok(text)
}

/// What was said to a step.
fn said(text: Option<String>) -> Result<Option<String>, Refusal> {
    let text = text.map(|text| text::paragraph("text", &text, 2_000)).transpose().map_err(|refusal| refusal.at(["text"]))?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// Assigns a peer of the receiving program to an accepted referral.
///
/// # Errors
/// `NotFound` for referrals and peers that are not there for the caller, or a peer of another program; otherwise as [`accept`].
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
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Assign).await?;
    step_of(&referral, ReferralStatus::Assigned, version)?;
    let peer = tx.fetch_for::<peer::Entity>(peer, Action::Read).await?;
    if Some(peer.program_id) != referral.to_program_id {
        return Err(Error::NotFound);
    }
    let client = referral.to_client_id.ok_or_else(|| Error::internal("an accepted referral has no client of the receiver"))?;
    let change =
        referral::ActiveModel { peer_id: Set(Some(peer.id.into())), assigned_at: Set(Some(tx.access().now.into())), ..Default::default() };
    let step = Advance { to: ReferralStatus::Assigned, side: Side::Receiver, reason: None, text: None, change };
    // First, so that of two who assign at once the second learns that it changed, and pairs nobody.
    let assigned = advance(tx, &referral, version, step).await?;
    peer_match::begin(tx, client, &peer, client_chose).await?;
    Ok(assigned)
}

/// Says that the client is linked: the referral's work is done, while support goes on in its episode.
///
/// # Errors
/// As [`accept`]; `NotPermitted` for peers other than the one assigned.
pub async fn complete(
    store: &Store,
    access: &Access,
    id: ReferralId,
    result: ReferralResult,
    text: Option<String>,
    version: Option<i32>,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let completed = complete_in(&mut tx, id, result, text, version).await?;
    tx.commit(completed).await
}

/// Completes a referral within a larger command.
///
/// # Errors
/// As [`complete`].
pub async fn complete_in(
    tx: &mut Tx,
    id: ReferralId,
    result: ReferralResult,
    text: Option<String>,
    version: Option<i32>,
) -> Result<Visible<referral::Entity>> {
    let referral = tx.fetch_for::<referral::Entity>(id, Action::Complete).await?;
    step_of(&referral, ReferralStatus::Completed, version)?;
    let progress = referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
    if let Some(peer) = progress.peer_id.as_ref().filter(|_| !tx.access().has(Role::Supervisor)) {
        tx.fetch_for::<peer::Entity>(*peer.read(&progress), Action::Support).await?;
    }
    let text = said(text)?;
    let change = referral::ActiveModel { result: Set(Some(result.into())), ..Default::default() };
    let step = Advance { to: ReferralStatus::Completed, side: Side::Receiver, reason: None, text, change };
    advance(tx, &referral, version, step).await
}

/// Counts an attempt at contact, and moves the referral on where it should: with the first attempt, and with the first contact that was
/// two-way (domain 2.3, rows 10 and 11). Whether it moved.
pub(in crate::domain) async fn contacted(tx: &mut Tx, referral: &Visible<referral::Entity>, two_way: bool, at: Instant) -> Result<bool> {
    let progress = referral.open::<class::ReferralStatus>().ok_or(Error::NotPermitted)?;
    let status = *progress.status.read(&progress);
    let counted = progress.attempt_count.read(&progress) + 1;
    let to = if two_way { ReferralStatus::Connected } else { ReferralStatus::Outreach };
    if transitions::step(status, to).is_err() {
        let change = referral::ActiveModel { attempt_count: Set(counted.into()), ..Default::default() };
        let unchanged = Condition::all().add(referral::Column::AttemptCount.eq(counted - 1));
        return if tx.write_if(referral, change, unchanged).await? { Ok(false) } else { Err(Refusal::stale(None).into()) };
    }
    let attempted = progress.first_attempt_at.or(Some(at.into()));
    let connected = if two_way { Set(Some(at.into())) } else { NotSet };
    let attempt_count = Set(counted.into());
    let change = referral::ActiveModel { first_attempt_at: Set(attempted), connected_at: connected, attempt_count, ..Default::default() };
    advance(tx, referral, None, Advance { to, side: Side::Receiver, reason: None, text: None, change }).await?;
    Ok(true)
}

/// Cancels the referrals that a revoked consent was for, where there has been no first contact yet. From then on the receiver's support
/// goes on if the client wants it, and nothing more is told to the sender (domain 2.3).
pub(in crate::domain) async fn cancel_for_revoked(tx: &mut Tx, consent: ConsentId) -> Result<()> {
    let before: Vec<_> = OPEN.iter().copied().filter(|status| *status != ReferralStatus::Connected).collect();
    let of = Condition::all()
        .add(referral::Column::ConsentId.eq(consent))
        .add(referral::Column::ConnectedAt.is_null())
        .add(referral::Column::Status.is_in(before));
    let system = Access::system("consent revoked", tx.access().now);
    // In batches: what is cancelled is not found again.
    loop {
        let batch = tx.look::<referral::Entity>(&system, of.clone()).await?;
        if batch.is_empty() {
            return Ok(());
        }
        for referral in batch {
            cancel_one_for_revoked(tx, &referral).await?;
        }
    }
}

async fn cancel_one_for_revoked(tx: &mut Tx, referral: &Visible<referral::Entity>) -> Result<()> {
    if let Some((client, organization)) = referral.to_client_id.zip(referral.to_organization_id) {
        peer_match::end_all(tx, organization, client).await?;
    }
    let (seen, status) = seen_of(referral)?;
    let change = referral::ActiveModel {
        status: Set(ReferralStatus::Cancelled.into()),
        close_reason: Set(Some(ReasonCode::ConsentRevoked.into())),
        closed_at: Set(Some(tx.access().now.into())),
        updated_at: Set(tx.access().now.into()),
        version: Set((seen + 1).into()),
        ..Default::default()
    };
    if !tx.write_if(referral, change, Condition::all().add(referral::Column::Version.eq(seen))).await? {
        return Err(Refusal::stale(None).into());
    }
    let step = Step {
        side: Side::Receiver,
        from: Some(status),
        to: ReferralStatus::Cancelled,
        version: seen + 1,
        reason: Some(ReasonCode::ConsentRevoked),
        text: None,
    };
    note(tx, referral, &step).await?;
    tx.record(happened(referral, Side::Receiver, seen + 1));
    Ok(())
}
