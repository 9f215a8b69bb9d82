//! How an offer is opened.

use std::collections::HashSet;

use chrono::TimeDelta;
use entity::{
    ProgramId, ReferralId, ReferralOfferId, TypedId, program, referral_offer, referral_offer_program,
    vocabulary::{EventKind, OfferStatus, TimerKind},
};
use sea_orm::ActiveValue::Set;

use super::{
    super::{deidentified, referral as referrals},
    Told, live, tell,
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Refusal, Result},
    store::{Action, Store, Tx, Visible, unique},
};

/// The most programs of one offer.
const MOST: usize = 20;

/// The longest that an offer stays open.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// What an offer is made of; all else that it tells is taken from the draft.
#[derive(Clone, Debug)]
pub struct NewOffer {
    /// Which draft.
    pub referral_id: ReferralId,
    /// To which programs.
    pub program_ids: Vec<ProgramId>,
    /// Where the person lives, as far as it may be told.
    pub region: Option<String>,
    /// Until when it can be claimed (UTC).
    pub expires_at: Instant,
}

/// Offers a draft to several programs of other organizations.
///
/// # Errors
/// `NotFound` and `NotPermitted` as for submitting the draft, `NotFound` for a program that is none; refused when a field is wrong, with
/// `IMMUTABLE` when the draft was submitted or asks a program, with `NOT_ELIGIBLE` for a program that takes no referrals, with
/// `DUPLICATE_OPEN_REFERRAL` for one to which the client has an open referral, with `ALREADY_EXISTS` while the draft is offered.
pub async fn open(store: &Store, access: &Access, new: NewOffer) -> Result<Visible<referral_offer::Entity>> {
    let mut tx = store.begin(access).await?;
    let opened = open_in(&mut tx, new).await?;
    tx.commit(opened).await
}

/// Offers a draft within a larger command.
///
/// # Errors
/// As [`open`].
pub async fn open_in(tx: &mut Tx, new: NewOffer) -> Result<Visible<referral_offer::Entity>> {
    let now = tx.access().now;
    checked(&new, now)?;
    let region = new.region.as_deref().map(|region| deidentified::region("region", region)).transpose()?;
    let offerable = referrals::offerable(tx, new.referral_id, &new.program_ids).await?;
    let draft = offerable.draft();
    let programs = tx.fetch_each::<program::Entity>(&new.program_ids, Action::Read).await?;
    for program in &programs {
        refuse_unable(program, draft.from_organization_id)?;
    }
    if let Some(offer) = live(tx, draft.id).await? {
        return Err(Refusal { existing: Some(offer.id.to_string()), ..offered_already() }.into());
    }
    let id = ReferralOfferId::new();
    let told = Told { level: offerable.level.clone(), languages: deidentified::languages(&offerable.languages), region };
    let told = tx.key_of(draft.id).await?.seal::<referral_offer::Entity, _, _>(id, referral_offer::Column::Told, &told)?;
    let row = referral_offer::ActiveModel {
        id: Set(id),
        organization_id: Set(draft.from_organization_id),
        referral_id: Set(draft.id),
        status: Set(OfferStatus::Open),
        urgency: Set(draft.urgency),
        services: Set(draft.requested_services.clone()),
        told: Set(told),
        expires_at: Set(new.expires_at),
        claimed_by_id: Set(None),
        opened_at: Set(now),
        version: Set(1),
    };
    let offer = tx.insert::<referral_offer::Entity, _>(row).await.map_err(|error| unique(error, offered_already))?;
    let made_to = programs.iter().map(|program| referral_offer_program::ActiveModel {
        offer_id: Set(id),
        program_id: Set(program.id),
        organization_id: Set(program.organization_id),
    });
    tx.insert_parts::<referral_offer_program::Entity, _>(made_to.collect()).await?;
    referrals::mark_offered(tx, &offerable).await?;
    tx.arm(TimerKind::OfferExpiry, id, new.expires_at).await?;
    tell(tx, &offer, EventKind::OfferOpened, offer.version, Vec::new()).await?;
    Ok(offer)
}

fn offered_already() -> Refusal {
    let sentence = "This referral is offered already: withdraw that offer first (`referralOfferWithdraw`).";
    Refusal::new(Code::AlreadyExists, sentence).at(["input", "referralId"])
}

/// What can be said of an offer without looking at anything.
fn checked(new: &NewOffer, now: Instant) -> Result<(), Refusal> {
    let at = ["input", "programIds"];
    if new.program_ids.is_empty() {
        return Err(Refusal::required("programIds").at(at));
    }
    if new.program_ids.len() > MOST {
        return Err(Refusal::new(Code::TooMany, format!("`programIds` has at most {MOST} programs.")).at(at));
    }
    if new.program_ids.iter().collect::<HashSet<_>>().len() < new.program_ids.len() {
        return Err(Refusal::invalid("`programIds` names each program once.").at(at));
    }
    if new.expires_at <= now || new.expires_at > now + LONGEST {
        return Err(Refusal::invalid("`expiresAt` is in the future, and at most 7 days from now.").at(["input", "expiresAt"]));
    }
    Ok(())
}

fn refuse_unable(program: &program::Model, from: entity::OrganizationId) -> Result<(), Refusal> {
    let at = ["input", "programIds"];
    if program.organization_id == from {
        let sentence = "`programIds` are programs of other organizations: within one, the client is with both programs.";
        return Err(Refusal::invalid(sentence).at(at));
    }
    if !program.accepts_referrals {
        let sentence = "One of these programs takes no referrals now: choose those with `acceptsReferrals`.";
        return Err(Refusal::new(Code::NotEligible, sentence).at(at));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_to_a_few_and_for_a_few_days() {
        let now: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
        let one = ProgramId::new();
        let some = |many: usize| (0..many).map(|_| ProgramId::new()).collect::<Vec<_>>();
        let cases = [
            (some(1), TimeDelta::seconds(1), None),
            (some(20), TimeDelta::days(7), None),
            (some(0), TimeDelta::days(1), Some(Code::Required)),
            (some(21), TimeDelta::days(1), Some(Code::TooMany)),
            (vec![one, one], TimeDelta::days(1), Some(Code::Invalid)),
            (some(2), TimeDelta::zero(), Some(Code::Invalid)),
            (some(2), TimeDelta::days(7) + TimeDelta::seconds(1), Some(Code::Invalid)),
        ];
        for (program_ids, ahead, expected) in cases {
            let new = NewOffer { referral_id: ReferralId::new(), program_ids, region: None, expires_at: now + ahead };
            assert_eq!(checked(&new, now).err().map(|refusal| refusal.code), expected, "{new:?}");
        }
    }
}
