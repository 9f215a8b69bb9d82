//! What is done when a timer fires. Each asks again whether it is still to be done: what happened meanwhile counts.

use entity::{ClientId, ConsentId, ReferralId, ReferralOfferId, vocabulary::TimerKind};

use super::{client_merge, consent, referral, referral_offer};
use crate::{
    error::Result,
    store::{Due, Kept, Store, Tx},
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
    match kind {
        TimerKind::Clock => {
            let referral = referral::fell_due(&mut tx, subject).await?;
            done(tx, referral).await
        }
        TimerKind::ReferralExpiry => {
            let referral = referral::expire(&mut tx, ReferralId::from(subject)).await?;
            done(tx, referral).await
        }
        TimerKind::ReferralReview => {
            let referral = referral::reviewed(&mut tx, ReferralId::from(subject), at).await?;
            done(tx, referral).await
        }
        TimerKind::ConsentExpiry => {
            let consent = consent::expired(&mut tx, ConsentId::from(subject)).await?;
            done(tx, consent).await
        }
        TimerKind::ClientMerge => {
            let kept = client_merge::settle(&mut tx, ClientId::from(subject)).await?;
            done(tx, kept).await
        }
        TimerKind::OfferExpiry => {
            let offer = referral_offer::expired(&mut tx, ReferralOfferId::from(subject)).await?;
            done(tx, offer).await
        }
    }
}

/// Commits what was done. Whether there was anything.
async fn done<T: Kept>(tx: Tx, what: Option<T>) -> Result<bool> {
    match what {
        Some(what) => tx.commit(what).await.map(|_| true),
        None => Ok(false),
    }
}
