//! What becomes of a draft while it is offered to several programs.

use chrono::TimeDelta;
use entity::{
    ProgramId, ReferralId, class, client, program, referral,
    vocabulary::{AsamEdition, ReferralStatus, WorkItemKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, sea_query::Expr};

use super::super::{client::identity_of, work_item as work_items};
use super::{
    send::refuse_duplicate,
    snapshot::Clinical,
    step::{Moving, Side},
    work::ask_sender,
};
use crate::{
    error::{Code, Error, Refusal, Result},
    store::{Action, Tx, Visible},
};

/// How soon after a claim its sender submits the referral, as a hard ceiling of an answer would have it (domain 2.4).
const CONSENT_DUE: TimeDelta = TimeDelta::days(3);

/// A draft that can be offered, with what of it is told.
pub(in crate::domain) struct Offerable {
    moving: Moving,
    /// The level that the person leaves.
    pub(in crate::domain) level: Option<(AsamEdition, String)>,
    /// What they speak: BCP 47.
    pub(in crate::domain) languages: Vec<String>,
}

impl Offerable {
    /// The draft.
    pub(in crate::domain) fn draft(&self) -> &Visible<referral::Entity> {
        &self.moving.referral
    }
}

/// The draft with this id, if the caller can offer it to these programs.
///
/// # Errors
/// `NotFound` and `NotPermitted` as for submitting it; refused with `IMMUTABLE` when it is no draft any more or asks a program, and with
/// `DUPLICATE_OPEN_REFERRAL` when the client has an open referral to one of these programs.
pub(in crate::domain) async fn offerable(tx: &Tx, id: ReferralId, to: &[ProgramId]) -> Result<Offerable> {
    let draft = tx.fetch_for::<referral::Entity>(id, Action::Submit).await?;
    let moving = Moving::of(tx, draft).await?;
    let draft = &moving.referral;
    let barred = match (moving.standing.status, draft.to_program_id) {
        (ReferralStatus::Draft, None) => None,
        (ReferralStatus::Draft, Some(_)) => Some("This draft asks a program already: offer one that was written without `toProgramId`."),
        _ => Some("Only a draft is offered: write a new referral, with `reReferralOfId` when it follows on this one."),
    };
    if let Some(sentence) = barred {
        return Err(Refusal::new(Code::Immutable, sentence).at(["input", "referralId"]).into());
    }
    refuse_duplicate(tx, draft, to, &["input", "programIds"]).await?;
    let broken = || Error::internal("the client of a draft is gone");
    let client = tx.known::<client::Entity>(draft.from_client_id, "what an offer tells").await?.ok_or_else(broken)?;
    let languages = identity_of(tx, &client).await?.languages;
    let opened = draft.open::<class::ReferralClinical>().ok_or(Error::NotPermitted)?;
    let clinical: Clinical = tx.unseal(&opened, referral::Column::Clinical, &opened.clinical).await?;
    Ok(Offerable { level: clinical.level, languages, moving })
}

/// Writes that a draft is offered, if it is as it was seen: whoever changes it at the same time is told.
pub(in crate::domain) async fn mark_offered(tx: &mut Tx, offered: &Offerable) -> Result<()> {
    offered.moving.change(tx, Side::Sender, referral::ActiveModel::default(), vec!["offer"]).await.map(drop)
}

/// Makes a program the one that a draft asks, whoever that rule was set off by. False when it is no draft any more.
pub(in crate::domain) async fn reserve(tx: &mut Tx, id: ReferralId, to: &program::Model) -> Result<bool> {
    let gone = || Error::internal("an offer has no referral");
    let draft = tx.known::<referral::Entity>(id, "a claim").await?.ok_or_else(gone)?;
    // Nobody else writes it from here on: who claimed first must not be told that the sender changed something meanwhile.
    let free = Condition::all().add(referral::Column::Status.eq(ReferralStatus::Draft)).add(referral::Column::ToProgramId.is_null());
    if !tx.count_if(&draft, [(referral::Column::UpdatedAt, Expr::val(tx.access().now))], free).await? {
        return Ok(false);
    }
    let draft = tx.known::<referral::Entity>(id, "a claim").await?.ok_or_else(gone)?;
    let asks =
        referral::ActiveModel { to_organization_id: Set(Some(to.organization_id)), to_program_id: Set(Some(to.id)), ..Default::default() };
    let reserved = Moving::by_rule(tx, draft).await?.change(tx, Side::Sender, asks, vec!["to"]).await?;
    // Whoever claimed it waits for a consent that names them, and nobody else can take the person on meanwhile.
    ask_sender(tx, &reserved, Some(tx.access().now + CONSENT_DUE)).await?;
    Ok(true)
}

/// Lets a draft ask nobody again, as long as it is one.
///
/// # Errors
/// Refused with `IMMUTABLE` once it was submitted, with `STALE` when it changed meanwhile.
pub(in crate::domain) async fn free(tx: &mut Tx, draft: Visible<referral::Entity>) -> Result<()> {
    if draft.submitted_at.is_some() {
        let sentence = "The referral was submitted to the program that claimed it: cancel the referral instead.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
    }
    let asks = referral::ActiveModel { to_organization_id: Set(None), to_program_id: Set(None), ..Default::default() };
    let freed = Moving::of(tx, draft).await?.change(tx, Side::Sender, asks, vec!["to"]).await?;
    work_items::close(tx, freed.id, &[WorkItemKind::InfoRequested], None).await
}
