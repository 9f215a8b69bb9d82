//! What is done when a timer fires. Each asks again whether it is still to be done: what happened meanwhile counts.

use chrono::TimeDelta;
use entity::{
    BulkOperationId, ClientId, ConsentId, ContactId, FeedId, GatheringId, ProgramId, ReferralId, ReferralOfferId, RegistrationId,
    bulk_operation,
    vocabulary::{BulkStatus, TimerKind},
};

use super::{
    client_merge, consent,
    contact::{self, Unlogged},
    data_export::{self, Renders},
    feed::{self, Reads},
    gathering::{self, Ahead},
    program::{self, Found},
    referral, referral_offer, registration,
};
use crate::{
    clock::Instant,
    error::Result,
    store::{Due, Kept, Store, Taken, Tx, Visible},
};

/// What became of something that was due. Where nothing was committed the transaction is gone, and the timer stands.
enum Fired {
    /// There was nothing to do any more.
    Nothing,
    /// It was done.
    Done,
    /// It was begun and committed; the rest takes a while, and needs a transaction of its own.
    Begun(Box<Visible<bulk_operation::Entity>>),
    /// There was nothing to do now; it is looked at again then.
    Again(Instant),
    /// A feed is to be read, which waits for somebody else's server: without a transaction.
    ToRead(FeedId),
}

/// What takes a while. It has a loop of its own: what is done in a moment never waits for it.
pub const SLOW: &[TimerKind] = &[TimerKind::BulkRun];

/// What waits for servers of others, likewise.
pub const OUTSIDE: &[TimerKind] = &[TimerKind::FeedRead];

/// For how long a feed is with whoever reads it: longer than that takes.
const READING: TimeDelta = TimeDelta::minutes(15);

/// What is done in a moment.
pub fn quick() -> Vec<TimerKind> {
    TimerKind::ALL.iter().copied().filter(|kind| !SLOW.contains(kind) && !OUTSIDE.contains(kind)).collect()
}

/// Does one thing of these kinds that is due, in the order in which things fell due. Nothing when nothing is.
///
/// # Errors
/// `Database` when it cannot be asked. What cannot be done is logged, and put off.
pub async fn fire_one(store: &Store, renders: &dyn Renders, reads: &dyn Reads, kinds: &[TimerKind]) -> Result<Option<TimerKind>> {
    let system = crate::access::Access::system("a timer", store.clock().now());
    let Some(due) = store.take_due(&system, kinds).await? else { return Ok(None) };
    let (kind, taken) = (due.kind, due.taken());
    match Box::pin(fire(store, due)).await {
        Ok(Fired::Done) => {}
        Ok(Fired::Nothing) => store.forget_timer(taken).await?,
        Ok(Fired::Again(at)) => store.put_off_timer(taken, at).await?,
        Ok(Fired::ToRead(id)) => Box::pin(read(store, reads, taken, id)).await?,
        Ok(Fired::Begun(operation)) => Box::pin(data_export::run(store, renders, &operation)).await?,
        Err(error) => {
            tracing::error!(cause = %error, timer = ?taken, "what was due could not be done: it is put off");
            store.postpone_timer(taken).await?;
        }
    }
    Ok(Some(kind))
}

/// Has a feed read, once over all replicas, and again when it is time to.
async fn read(store: &Store, reads: &dyn Reads, taken: Taken, id: FeedId) -> Result<()> {
    let Some(taken) = store.claim_timer(taken, store.clock().now() + READING).await? else { return Ok(()) };
    match feed::refresh(store, reads, id).await {
        Ok(Some(next)) => store.put_off_timer(taken, next).await,
        Ok(None) => store.forget_timer(taken).await,
        Err(error) => {
            tracing::error!(cause = %error, timer = ?taken, "a feed could not be taken in: it is put off");
            store.postpone_timer(taken).await
        }
    }
}

async fn fire(store: &Store, due: Due) -> Result<Fired> {
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
            Found::Unchanged => {
                let now = tx.access().now;
                // It holds the place of SQLite's only writer.
                drop(tx);
                Ok(Fired::Again(program::confirm_capacity(store, ProgramId::from(subject), now).await?))
            }
            Found::Gone => Ok(Fired::Nothing),
        },
        TimerKind::BulkRun => {
            let Some(operation) = data_export::begin(&mut tx, BulkOperationId::from(subject)).await? else { return Ok(Fired::Nothing) };
            let operation = tx.commit(operation).await?;
            let begun = operation.status == BulkStatus::Running;
            Ok(if begun { Fired::Begun(Box::new(operation)) } else { Fired::Done })
        }
        TimerKind::ContactFollowUp => match contact::unlogged(&mut tx, ContactId::from(subject)).await? {
            Unlogged::Asked(planned) => done(tx, Some(*planned)).await,
            Unlogged::NotYet(at) => Ok(Fired::Again(at)),
            Unlogged::Nothing => Ok(Fired::Nothing),
        },
        TimerKind::SessionPlan => match gathering::plan_ahead(&mut tx, GatheringId::from(subject)).await? {
            Ahead::Planned(gathering) => done(tx, Some(*gathering)).await,
            Ahead::NotYet(at) => Ok(Fired::Again(at)),
            Ahead::Nothing => Ok(Fired::Nothing),
        },
        TimerKind::SeatOffer => {
            let ended = registration::offer_ended(&mut tx, RegistrationId::from(subject)).await?;
            done(tx, ended).await
        }
        TimerKind::GuestConfirmation => {
            let ended = registration::not_confirmed(&mut tx, RegistrationId::from(subject)).await?;
            done(tx, ended).await
        }
        TimerKind::GuestForgotten => {
            let forgotten = registration::forget(&mut tx, RegistrationId::from(subject)).await?;
            done(tx, forgotten).await
        }
        TimerKind::FeedRead => {
            // It holds the place of SQLite's only writer.
            drop(tx);
            Ok(Fired::ToRead(FeedId::from(subject)))
        }
        TimerKind::BulkExpiry => {
            let operation = data_export::remove(&mut tx, BulkOperationId::from(subject)).await?;
            done(tx, operation).await
        }
    }
}

/// Commits what was done, if there was anything.
async fn done<T: Kept>(tx: Tx, what: Option<T>) -> Result<Fired> {
    match what {
        Some(what) => tx.commit(what).await.map(|_| Fired::Done),
        None => Ok(Fired::Nothing),
    }
}
