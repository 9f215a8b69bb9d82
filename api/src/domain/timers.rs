//! What is done when a timer fires. Each asks again whether it is still to be done: what happened meanwhile counts.

use entity::{ClientId, ConsentId, ReferralId, vocabulary::TimerKind};

use super::{client_merge, consent, referral};
use crate::{
    error::Result,
    store::{Due, Store},
};

/// Does one thing that is due, in the order in which things fell due. False when nothing is.
///
/// # Errors
/// `Database` when it cannot be asked. What cannot be done is logged, and put off.
pub async fn fire_one(store: &Store) -> Result<bool> {
    let system = crate::access::Access::system("a timer", store.clock().now());
    let Some(due) = store.take_due(&system).await? else { return Ok(false) };
    let taken = due.taken();
    match Box::pin(fire(due)).await {
        Ok(true) => {}
        Ok(false) => store.forget_timer(taken).await?,
        Err(error) => {
            tracing::error!(cause = %error, timer = ?taken, "what was due could not be done: it is put off");
            store.postpone_timer(taken).await?;
        }
    }
    Ok(true)
}

/// Whether something was done and committed. Otherwise the transaction is gone, and the timer stands.
async fn fire(due: Due) -> Result<bool> {
    let Due { mut tx, kind, subject, at, .. } = due;
    let referral = match kind {
        TimerKind::Clock => referral::fell_due(&mut tx, subject).await?,
        TimerKind::ReferralExpiry => referral::expire(&mut tx, ReferralId::from(subject)).await?,
        TimerKind::ReferralReview => referral::reviewed(&mut tx, ReferralId::from(subject), at).await?,
        TimerKind::ClientMerge => {
            return match client_merge::settle(&mut tx, ClientId::from(subject)).await? {
                Some(kept) => tx.commit(kept).await.map(|_| true),
                None => Ok(false),
            };
        }
        TimerKind::ConsentExpiry => {
            let ended = consent::expired(&mut tx, ConsentId::from(subject)).await?;
            return match ended {
                Some(ended) => tx.commit(ended).await.map(|_| true),
                None => Ok(false),
            };
        }
    };
    match referral {
        Some(referral) => tx.commit(referral).await.map(|_| true),
        None => Ok(false),
    }
}
