//! How a referral comes to its end.

use entity::{
    ConsentId, ReferralId, referral,
    vocabulary::{EpisodeEndReason, EpisodeStatus, ReasonCode, ReferralResult, ReferralStatus},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::super::{episode, referral_message};
use super::{
    OPEN,
    step::{Moving, Said},
    support::end_pairings,
};
use crate::{
    access::Access,
    error::{Code, Refusal, Result},
    store::{Store, Tx, Visible},
};

/// Says that the client is linked: the referral's work is done, while support goes on in its episode.
///
/// # Errors
/// As [`accept`](super::accept); `NotPermitted` for peers other than the one assigned.
pub async fn complete(
    store: &Store,
    access: &Access,
    id: ReferralId,
    result: ReferralResult,
    said: Said,
) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let completed = complete_in(&mut tx, id, result, said).await?;
    tx.commit(completed).await
}

/// Completes a referral within a larger command.
///
/// # Errors
/// As [`complete`].
pub async fn complete_in(tx: &mut Tx, id: ReferralId, result: ReferralResult, said: Said) -> Result<Visible<referral::Entity>> {
    let moving = Moving::fetch(tx, id).await?;
    let step = moving.to(&["12"], ReferralStatus::Completed, said)?;
    let said = step.text.clone();
    let change = referral::ActiveModel { result: Set(Some(result.into())), ..Default::default() };
    let completed = moving.advance(tx, step, change).await?;
    referral_message::close_loop(tx, &completed, result, said.as_deref()).await?;
    Ok(completed)
}

/// Records that the client does not want the support (domain 2.3, row 13). It is theirs to decide at every step, and closes nothing for
/// later.
///
/// # Errors
/// As [`accept`](super::accept); refused when the reason is none of a client's, or is OTHER without a text.
pub async fn client_declines(store: &Store, access: &Access, id: ReferralId, said: Said) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let step = moving.to(&["13"], ReferralStatus::ClientDeclined, said)?;
    let declined = moving.advance(&mut tx, step, referral::ActiveModel::default()).await?;
    end_pairings(&mut tx, &declined).await?;
    episode::end_of(&mut tx, id, EpisodeEndReason::ClientChoice).await?;
    tx.commit(declined).await
}

/// Cancels a referral: its sender until it is accepted, and its receiver; once there was a contact only where life has overtaken it.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused when the reason is none to cancel for, or is OTHER without a text, and as
/// [`accept`](super::accept).
pub async fn cancel(store: &Store, access: &Access, id: ReferralId, said: Said) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let ends = match said.reason {
        Some(ReasonCode::Incarcerated) => EpisodeEndReason::Incarcerated,
        Some(ReasonCode::Deceased) => EpisodeEndReason::Deceased,
        _ => EpisodeEndReason::HigherLevelOfCare,
    };
    let step = moving.to(&["17"], ReferralStatus::Cancelled, said)?;
    let cancelled = moving.advance(&mut tx, step, referral::ActiveModel::default()).await?;
    end_pairings(&mut tx, &cancelled).await?;
    episode::end_of(&mut tx, id, ends).await?;
    tx.commit(cancelled).await
}

/// Marks a referral as entered in error (domain 2.3, row 19): it is in no list and no measure any more, and stays in the audit.
///
/// # Errors
/// As [`accept`](super::accept); refused without a text, and while an episode of support goes on.
pub async fn enter_in_error(store: &Store, access: &Access, id: ReferralId, said: Said) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let step = moving.to(&["19"], ReferralStatus::EnteredInError, said)?;
    if episode::of_referral(&tx, id).await?.is_some_and(|episode| episode.status != EpisodeStatus::Ended) {
        let sentence = "Somebody is supported because of this referral: end the episode first.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
    }
    let marked = moving.advance(&mut tx, step, referral::ActiveModel::default()).await?;
    end_pairings(&mut tx, &marked).await?;
    tx.commit(marked).await
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
            let said = Said { reason: Some(ReasonCode::ConsentRevoked), ..Said::default() };
            let moving = Moving::by_rule(tx, referral).await?;
            let step = moving.to(&["17"], ReferralStatus::Cancelled, said)?;
            let cancelled = moving.advance(tx, step, referral::ActiveModel::default()).await?;
            end_pairings(tx, &cancelled).await?;
        }
    }
}

/// Ends a referral that lay idle too long (domain 2.3, row 18). Gives it; nothing when there was nothing to do.
pub(in crate::domain) async fn expire(tx: &mut Tx, id: ReferralId) -> Result<Option<Visible<referral::Entity>>> {
    let system = Access::system("a referral lay idle", tx.access().now);
    let idle = Condition::all().add(referral::Column::Id.eq(id)).add(referral::Column::ExpiresAt.lte(tx.access().now));
    let Some(referral) = tx.look::<referral::Entity>(&system, idle).await?.pop() else { return Ok(None) };
    let moving = Moving::by_rule(tx, referral).await?;
    let Ok(step) = moving.to(&["18"], ReferralStatus::Expired, Said::default()) else { return Ok(None) };
    moving.advance(tx, step, referral::ActiveModel::default()).await.map(Some)
}
