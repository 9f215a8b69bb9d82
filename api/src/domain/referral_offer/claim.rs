//! How an offer is claimed, and how its sender takes it back.

use entity::{
    ProgramId, ReferralOfferId, class, program, referral, referral_offer, referral_offer_program,
    vocabulary::{EventKind, OfferStatus, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use uuid::Uuid;

use super::{super::referral as referrals, end, is_open, status, tell};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Store, Tx, Visible},
};

/// Claims an offer for one of the caller's programs: the first to do so is reserved the referral, which its sender then submits under a
/// consent that names them. Whoever claimed it gets it again as it is.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused when it is not made to that program or the caller does not work there, with `OFFER_TAKEN`
/// when another was first, with `OFFER_EXPIRED` when its time is over or it was withdrawn.
pub async fn claim(store: &Store, access: &Access, id: ReferralOfferId, by: ProgramId) -> Result<Visible<referral_offer::Entity>> {
    let mut tx = store.begin(access).await?;
    let offer = tx.fetch_for::<referral_offer::Entity>(id, Action::Answer).await?;
    let program = offered_to(&tx, &offer, by).await?;
    let claimed = match status(&offer, access.now) {
        OfferStatus::Open => take(&mut tx, &offer, &program).await?,
        _ => false,
    };
    if claimed {
        let offer = tx.fetch_for::<referral_offer::Entity>(id, Action::Read).await?;
        return tx.commit(offer).await;
    }
    // As it is now, which need not be as it was read. Nothing was changed, and nothing is committed.
    let offer = tx.fetch_for::<referral_offer::Entity>(id, Action::Read).await?;
    if offer.status == OfferStatus::Claimed && claimed_by(&offer) == Some(by) {
        return Ok(offer);
    }
    Err(gone(&offer, access.now).into())
}

/// The program that somebody claims for, if the offer is made to it and they work there. Whether it is made to another is not told.
async fn offered_to(tx: &Tx, offer: &referral_offer::Model, by: ProgramId) -> Result<Visible<program::Entity>> {
    let to =
        Condition::all().add(referral_offer_program::Column::OfferId.eq(offer.id)).add(referral_offer_program::Column::ProgramId.eq(by));
    if !tx.access().programs.contains(&by) || tx.parts::<referral_offer_program::Entity>(to).await?.is_empty() {
        let sentence = "`programId` is a program that you work in and that this offer is made to.";
        return Err(Refusal::invalid(sentence).at(["programId"]).into());
    }
    tx.fetch_for::<program::Entity>(by, Action::Read).await
}

/// Of all who claim at once, the one whose write finds it open.
async fn take(tx: &mut Tx, offer: &Visible<referral_offer::Entity>, program: &program::Model) -> Result<bool> {
    // Before the row, as the timer itself does it: two that wait for each other would never end.
    tx.disarm(TimerKind::OfferExpiry, [Uuid::from(offer.id)]).await?;
    let version = offer.version + 1;
    let claimed = referral_offer::ActiveModel {
        status: Set(OfferStatus::Claimed),
        claimed_by_id: Set(Some(program.id.into())),
        version: Set(version),
        ..Default::default()
    };
    if !tx.write_if(offer, claimed, is_open(tx.access().now)).await? {
        return Ok(false);
    }
    if !referrals::reserve(tx, offer.referral_id, program).await? {
        return Err(Error::internal("an open offer is of a referral that is no free draft"));
    }
    tell(tx, offer, EventKind::OfferClaimed, version, vec!["status"]).await?;
    Ok(true)
}

fn claimed_by(offer: &Visible<referral_offer::Entity>) -> Option<ProgramId> {
    let opened = offer.open::<class::ReferralStatus>()?;
    opened.claimed_by_id.as_ref().map(|by| *by.read(&opened))
}

/// Why it cannot be claimed: the same for everyone who did not.
fn gone(offer: &referral_offer::Model, now: Instant) -> Refusal {
    let (code, sentence) = match status(offer, now) {
        OfferStatus::Claimed => (Code::OfferTaken, "Another program was first: this offer is taken."),
        OfferStatus::Withdrawn => (Code::OfferExpired, "This offer was withdrawn: there is nothing to claim any more."),
        OfferStatus::Open | OfferStatus::Expired => (Code::OfferExpired, "The time of this offer is over: it cannot be claimed any more."),
    };
    Refusal::new(code, sentence).at(["id"])
}

/// Takes an offer back. One that was claimed frees its referral: it asks nobody again.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when it has ended or the referral was submitted to who claimed it, with
/// `STALE` when it changed meanwhile.
pub async fn withdraw(store: &Store, access: &Access, id: ReferralOfferId) -> Result<Visible<referral_offer::Entity>> {
    let mut tx = store.begin(access).await?;
    let offer = tx.fetch_for::<referral_offer::Entity>(id, Action::End).await?;
    let referral = tx.fetch_for::<referral::Entity>(offer.referral_id, Action::Submit).await?;
    let was = status(&offer, access.now);
    if !super::LIVE.contains(&was) {
        return Err(Refusal::new(Code::Immutable, "This offer has ended already.").at(["id"]).into());
    }
    end(&mut tx, &offer, OfferStatus::Withdrawn).await?;
    if was == OfferStatus::Claimed {
        referrals::free(&mut tx, referral).await?;
    }
    let withdrawn = tx.fetch_for::<referral_offer::Entity>(id, Action::Read).await?;
    tx.commit(withdrawn).await
}
