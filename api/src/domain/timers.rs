//! What is done when a timer fires. Each asks again whether it is still to be done: what happened meanwhile counts.

use entity::{ClientId, ConsentId, ProgramId, ReferralId, ReferralOfferId, vocabulary::TimerKind};

use super::{
    client_merge, consent,
    program::{self, Found},
    referral, referral_offer,
};
use crate::{
    error::Result,
    store::{Due, Kept, Store, Tx},
};

/// Does one thing that is due, in the order in which things fell due. Nothing when nothing is.
///
/// # Errors
/// `Database` when it cannot be asked. What cannot be done is logged, and put off.
pub async fn fire_one(store: &Store) -> Result<Option<TimerKind>> {
    let system = crate::access::Access::system("a timer", store.clock().now());
    let Some(due) = store.take_due(&system).await? else { return Ok(None) };
    let (kind, taken) = (due.kind, due.taken());
    match Box::pin(fire(due)).await {
        Ok(Fired::Done) => {}
        Ok(Fired::Nothing) => store.forget_timer(taken).await?,
        Ok(Fired::SameProgram(program)) => {
            let again = program::confirm_capacity(store, program, system.now).await?;
            store.put_off_timer(taken, again).await?;
        }
        Err(error) => {
            tracing::error!(cause = %error, timer = ?taken, "what was due could not be done: it is put off");
            store.postpone_timer(taken).await?;
        }
    }
    Ok(Some(kind))
}

/// What became of something that was due. Where nothing was committed the transaction is gone, and the timer stands.
enum Fired {
    /// It was done.
    Done,
    /// There was nothing to do any more.
    Nothing,
    /// The program can take on what it could.
    SameProgram(ProgramId),
}

async fn fire(due: Due) -> Result<Fired> {
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
        TimerKind::ProgramCapacity => match program::capacity_found(&mut tx, ProgramId::from(subject)).await? {
            Found::Changed(program) => done(tx, Some(*program)).await,
            Found::Unchanged => Ok(Fired::SameProgram(ProgramId::from(subject))),
            Found::Gone => Ok(Fired::Nothing),
        },
    }
}

/// Commits what was done, if there was anything.
async fn done<T: Kept>(tx: Tx, what: Option<T>) -> Result<Fired> {
    match what {
        Some(what) => tx.commit(what).await.map(|_| Fired::Done),
        None => Ok(Fired::Nothing),
    }
}
