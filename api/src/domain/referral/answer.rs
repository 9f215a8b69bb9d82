//! How the receiver answers a referral: it accepts, declines, puts the person on the waiting list, or asks for more.

use chrono::TimeDelta;
use entity::{
    ClientId, Guarded, OrganizationId, ProgramId, ReferralId, class, client, client_program, consent, organization, program, referral,
    vocabulary::{DataClass, ReferralOrigin, ReferralStatus},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::super::{
    client::{self as clients},
    consent as consents, duplicate, peer_match, text,
};
use super::{
    snapshot::Person,
    step::{Moving, Said},
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Discloser, Store, Tx, Visible},
};

/// The longest time until a place on the waiting list is looked at again (domain 2.3, row 7).
const WAITLIST_REVIEW: TimeDelta = TimeDelta::days(7);
/// How many things are asked for at once.
const MOST_FIELDS: usize = 20;

/// Accepts a referral for the receiving program, which gets its own record of the person.
///
/// # Errors
/// `NotFound` if the caller cannot see it, `NotPermitted` if the caller only sent it; refused with `CONSENT_REQUIRED` when the consent
/// ended meanwhile, `INVALID_TRANSITION` if it is neither submitted nor on the waiting list, `STALE` if it changed.
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
    let moving = Moving::fetch(tx, id).await?;
    let step = moving.to(&["5", "8"], ReferralStatus::Accepted, Said::of_version(version))?;
    let client = match moving.referral.to_client_id {
        Some(client) => client,
        None => receive(tx, &moving.referral).await?,
    };
    let now = Guarded::new(tx.access().now);
    let change = referral::ActiveModel {
        to_client_id: Set(Some(client)),
        acknowledged_at: Set(acknowledged(&moving, tx)),
        accepted_at: Set(Some(now)),
        ..Default::default()
    };
    moving.advance(tx, step, change).await
}

/// When the receiver first decided: now, unless it did before.
fn acknowledged(moving: &Moving, tx: &Tx) -> Option<Guarded<class::ReferralStatus, Instant>> {
    let progress = moving.referral.open::<class::ReferralStatus>();
    progress.and_then(|progress| progress.acknowledged_at).or(Some(tx.access().now.into()))
}

/// The receiver's own record of the person: the one from an earlier referral of the same sender, or a new one where there was none or it
/// was erased. That is the disclosure which the consent is for, so it is accounted for here.
async fn receive(tx: &mut Tx, referral: &Visible<referral::Entity>) -> Result<ClientId> {
    let broken = || Error::internal("a submitted referral names no receiver");
    let (to, program) = referral.to_organization_id.zip(referral.to_program_id).ok_or_else(broken)?;
    if referral.origin != ReferralOrigin::Program {
        return Ok(referral.from_client_id);
    }
    let consent = covering(tx, referral, to).await?;
    consents::confirm_in(tx, &consent.row, to).await?;
    let discloser = Discloser { organization: referral.from_organization_id, client: referral.from_client_id, consenting: Vec::new() };
    let classes = [DataClass::Identity, DataClass::ReferralClinical].into_iter().filter(|class| consent.classes & class.bit() != 0);
    tx.disclose(&discloser, &consent.recipient, classes.collect(), &consent.row).await?;
    if let Some(known) = known_from_before(tx, referral.from_client_id, to).await? {
        let with = Condition::all().add(client_program::Column::ClientId.eq(known.id)).add(client_program::Column::ProgramId.eq(program));
        if tx.parts::<client_program::Entity>(with).await?.is_empty() {
            let membership = client_program::ActiveModel { organization_id: Set(to), client_id: Set(known.id), program_id: Set(program) };
            tx.insert_parts::<client_program::Entity, _>(vec![membership]).await?;
            duplicate::look_again(tx, &known).await?;
        }
        return Ok(known.id);
    }
    let this = tx.known::<referral::Entity>(referral.id, "acceptance").await?.ok_or_else(broken)?;
    let opened = this.open::<class::Identity>().ok_or_else(broken)?;
    let sealed = opened.person.as_ref().ok_or_else(broken)?;
    let person: Person = tx.unseal(&opened, referral::Column::Person, sealed).await?;
    let opened = this.open::<class::ReferralClinical>().ok_or_else(broken)?;
    let told = consent.classes & DataClass::ReferralClinical.bit() != 0;
    let clinical = if told { Some(tx.unseal(&opened, referral::Column::Clinical, &opened.clinical).await?) } else { None };
    let (identity, recovery) = person.into_client(clinical);
    clients::write(tx, to, &[program], &identity, &recovery).await
}

/// The record that an organization has of a sender's client since it accepted a referral of them before. An erasure waits for what is
/// written about them then; one that came before has left a record to which nothing is added.
async fn known_from_before(tx: &Tx, theirs: ClientId, to: OrganizationId) -> Result<Option<Visible<client::Entity>>> {
    let system = Access::system("acceptance", tx.access().now);
    let before = Condition::all()
        .add(referral::Column::FromClientId.eq(theirs))
        .add(referral::Column::ToOrganizationId.eq(to))
        .add(referral::Column::ToClientId.is_not_null())
        .add(referral::Column::ReceiverErasedAt.is_null());
    let before = tx.look::<referral::Entity>(&system, before).await?.pop();
    let Some(known) = before.and_then(|before| before.to_client_id) else { return Ok(None) };
    tx.hold::<client::Entity>(known).await?;
    let record = tx.known::<client::Entity>(known, "acceptance").await?;
    Ok(record.filter(|record| record.erased_at.is_none()))
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

/// Declines a referral for the receiving program, and may name a program that could serve the person.
///
/// # Errors
/// As [`accept`]; refused when the reason is none to decline for, is OTHER without a text, or the other program takes no referrals.
pub async fn decline(
    store: &Store,
    access: &Access,
    id: ReferralId,
    said: Said,
    suggested: Option<ProgramId>,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let declined = decline_in(&mut tx, id, said, suggested).await?;
    tx.commit(declined).await
}

/// Declines a referral within a larger command.
///
/// # Errors
/// As [`decline`].
pub async fn decline_in(tx: &mut Tx, id: ReferralId, said: Said, suggested: Option<ProgramId>) -> Result<Visible<referral::Entity>> {
    let moving = Moving::fetch(tx, id).await?;
    let mut step = moving.to(&["6"], ReferralStatus::Declined, said)?;
    step.suggested = match suggested {
        Some(id) => Some(takes_referrals(tx, id, &moving.referral).await?),
        None => None,
    };
    confirm_consent(tx, &moving.referral).await?;
    let change = referral::ActiveModel { acknowledged_at: Set(acknowledged(&moving, tx)), ..Default::default() };
    moving.advance(tx, step, change).await
}

async fn takes_referrals(tx: &Tx, id: ProgramId, declined: &referral::Model) -> Result<ProgramId> {
    let program = tx.fetch_for::<program::Entity>(id, Action::Read).await?;
    if !program.accepts_referrals || Some(program.id) == declined.to_program_id {
        let sentence = "`suggestedProgramId` is another program, one that takes referrals.";
        return Err(Refusal::invalid(sentence).at(["suggestedProgramId"]).into());
    }
    Ok(program.id)
}

/// Asks the sender for what is missing (domain 2.3, row 3).
///
/// # Errors
/// As [`accept`]; refused when nothing is named or no text is given.
pub async fn request_info(
    store: &Store,
    access: &Access,
    id: ReferralId,
    fields: Vec<String>,
    said: Said,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let mut step = moving.to(&["3"], ReferralStatus::NeedsInfo, said)?;
    step.fields = Some(checked_fields(&fields)?);
    confirm_consent(&mut tx, &moving.referral).await?;
    let asked = moving.advance(&mut tx, step, referral::ActiveModel::default()).await?;
    tx.commit(asked).await
}

fn checked_fields(fields: &[String]) -> Result<Vec<String>, Refusal> {
    if fields.is_empty() {
        return Err(Refusal::new(Code::Required, "Name what is missing in `fields`.").at(["fields"]));
    }
    if fields.len() > MOST_FIELDS {
        return Err(Refusal::new(Code::TooMany, format!("`fields` has at most {MOST_FIELDS} entries.")).at(["fields"]));
    }
    let checked: Result<Vec<_>, _> = fields.iter().map(|field| text::line("fields", field, 100)).collect();
    checked.map_err(|refusal| refusal.at(["fields"]))
}

/// Gives the receiver what it asked for (domain 2.3, row 4).
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused without a text, and as [`accept`].
pub async fn answer_info(store: &Store, access: &Access, id: ReferralId, said: Said) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let step = moving.to(&["4"], ReferralStatus::Submitted, said)?;
    let answered = moving.advance(&mut tx, step, referral::ActiveModel::default()).await?;
    tx.commit(answered).await
}

/// Puts the person on the program's waiting list (domain 2.3, row 7).
///
/// # Errors
/// As [`accept`]; refused without a text, and when it is not looked at again within seven days.
pub async fn waitlist(
    store: &Store,
    access: &Access,
    id: ReferralId,
    next_review_at: Instant,
    said: Said,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let mut step = moving.to(&["7"], ReferralStatus::Waitlisted, said)?;
    step.review_at = Some(within(next_review_at, access.now, WAITLIST_REVIEW, "nextReviewAt")?);
    confirm_consent(&mut tx, &moving.referral).await?;
    let change = referral::ActiveModel { acknowledged_at: Set(acknowledged(&moving, &tx)), ..Default::default() };
    let listed = moving.advance(&mut tx, step, change).await?;
    if let Some((client, organization)) = listed.to_client_id.zip(listed.to_organization_id) {
        peer_match::end_all(&mut tx, organization, client).await?;
    }
    tx.commit(listed).await
}

/// An instant that lies ahead, and not too far.
pub(super) fn within(at: Instant, now: Instant, most: TimeDelta, name: &'static str) -> Result<Instant, Refusal> {
    if at <= now || at > now + most {
        return Err(Refusal::invalid(format!("`{name}` is in the future, at most {} days from now.", most.num_days())).at([name]));
    }
    Ok(at)
}
