//! Offers of a referral to several programs at once: who sees them, and how they end.
//!
//! Whoever an offer is made to learns what is asked for and nothing that identifies: not the person, not the sender, not the others. Of the
//! end they learn that there is one. What happens is therefore an event of its own in each organization, without the client.

mod claim;
mod open;

use std::collections::BTreeSet;

use entity::{
    OrganizationId, ProgramId, ReferralId, ReferralOfferId, referral, referral_offer, referral_offer_program,
    vocabulary::{AsamEdition, EventKind, OfferStatus, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::referral as referrals;
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Refusal, Result},
    store::{Action, Class, Event, Grants, Part, PartOf, Protected, Tx, Visible, always, never, query},
};

pub use claim::{claim, withdraw};
pub use open::{NewOffer, open, open_in};

/// Which rule an event is of, where it is not told who set it off.
const RULE: &str = "an offer to several programs";

/// The states in which an offer keeps its referral from being offered again.
const LIVE: [OfferStatus; 2] = [OfferStatus::Open, OfferStatus::Claimed];

/// What an offer tells, besides what everybody may know of a referral. Sealed as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The ASAM level that the person leaves.
    pub level: Option<(AsamEdition, String)>,
    /// Common ones, and `other`.
    pub languages: Vec<String>,
    /// A state, or a 3-digit ZIP code of more than 20,000 people.
    pub region: Option<String>,
}

/// Offers of referrals that the caller sends.
fn sent(access: &Access) -> Condition {
    let referrals = query::<referral::Entity>().select_only().column(referral::Column::Id).filter(referrals::sent_by(access));
    Condition::all().add(referral_offer::Column::ReferralId.in_subquery(referrals.into_query()))
}

/// Offers to one of the caller's programs.
fn received(access: &Access) -> Option<Condition> {
    let made = query::<referral_offer_program::Entity>().select_only().column(referral_offer_program::Column::OfferId);
    let made = made.filter(referral_offer_program::Column::ProgramId.is_in(access.programs.iter().copied()));
    may(access, Resource::ReferralOffer, Act::Read).then(|| Condition::all().add(referral_offer::Column::Id.in_subquery(made.into_query())))
}

impl Protected for referral_offer::Entity {
    type Id = ReferralOfferId;

    fn id_column() -> Self::Column {
        referral_offer::Column::Id
    }

    fn id(row: &referral_offer::Model) -> ReferralOfferId {
        row.id
    }

    fn visible_to(access: &Access) -> Condition {
        Self::arms(access).into_iter().fold(Condition::any(), Condition::add)
    }

    /// Whoever follows the referral as its sender, and the programs that it is offered to.
    fn arms(access: &Access) -> Vec<Condition> {
        let scoped = [Scope::ReferralsRead, Scope::ReferralsWrite].iter().any(|scope| access.scopes.contains(scope));
        if scoped { std::iter::once(sent(access)).chain(received(access)).collect() } else { vec![never()] }
    }

    /// What it tells is for everyone who sees it: it identifies nobody. Who claimed it is how the referral goes.
    fn grants(access: &Access) -> Grants {
        let own = referral_offer::Column::ClaimedById.is_in(access.programs.iter().copied());
        Grants::none()
            .open(Class::ReferralClinical, always())
            .open(Class::ReferralStatus, sent(access))
            .open(Class::ReferralStatus, Condition::all().add(own))
    }

    fn allows(access: &Access, action: Action, row: &referral_offer::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Answer => may(access, Resource::ReferralOffer, Act::Answer),
            Action::End => access.organization == Some(row.organization_id) && may(access, Resource::Referral, Act::Submit),
            _ => false,
        }
    }

    fn class_of(column: referral_offer::Column) -> Option<Class> {
        match column {
            referral_offer::Column::ClaimedById => Some(Class::ReferralStatus),
            _ => None,
        }
    }

    /// What it tells is sealed under the referral's key.
    fn subject(row: &referral_offer::Model) -> Uuid {
        row.referral_id.into()
    }
}

impl Part for referral_offer_program::Entity {}

impl PartOf<referral_offer::Entity> for referral_offer_program::Entity {
    fn parent_column() -> referral_offer_program::Column {
        referral_offer_program::Column::OfferId
    }

    fn parent(part: &referral_offer_program::Model) -> ReferralOfferId {
        part.offer_id
    }

    fn order() -> referral_offer_program::Column {
        referral_offer_program::Column::ProgramId
    }
}

/// The programs of an offer that somebody who sees it is told of: all of them on the sender's side, and otherwise their organization's.
pub fn programs_told(
    access: &Access,
    offer: &referral_offer::Model,
    made_to: &[referral_offer_program::Model],
) -> impl Iterator<Item = ProgramId> {
    let sent = access.organization == Some(offer.organization_id);
    let told = made_to.iter().filter(move |to| sent || access.organization == Some(to.organization_id));
    told.map(|to| to.program_id).collect::<Vec<_>>().into_iter()
}

/// Where an offer stands at an instant: its time may be over before that was noted.
pub fn status(offer: &referral_offer::Model, now: Instant) -> OfferStatus {
    match offer.status {
        OfferStatus::Open if offer.expires_at <= now => OfferStatus::Expired,
        status => status,
    }
}

/// Offers that can be claimed at an instant: what [`status`] calls open.
pub fn is_open(now: Instant) -> Condition {
    Condition::all().add(referral_offer::Column::Status.eq(OfferStatus::Open)).add(referral_offer::Column::ExpiresAt.gt(now))
}

/// The offer that keeps a referral from being offered again, for a rule that must know it.
async fn live(tx: &Tx, referral: ReferralId) -> Result<Option<Visible<referral_offer::Entity>>> {
    let system = Access::system(RULE, tx.access().now);
    let of = Condition::all().add(referral_offer::Column::ReferralId.eq(referral)).add(referral_offer::Column::Status.is_in(LIVE));
    Ok(tx.look::<referral_offer::Entity>(&system, of).await?.pop())
}

/// Refuses to give a draft another program while it is offered, or reserved for who claimed it.
///
/// # Errors
/// Refused with `IMMUTABLE` while there is such an offer.
pub(super) async fn refuse_offered(tx: &Tx, referral: ReferralId, at: &[&str]) -> Result<()> {
    let Some(offer) = live(tx, referral).await? else { return Ok(()) };
    let sentence = "This referral is offered to several programs: withdraw the offer first (`referralOfferWithdraw`).";
    let refusal = Refusal::new(Code::Immutable, sentence).at(at.iter().copied());
    Err(Refusal { existing: Some(offer.id.to_string()), ..refusal }.into())
}

/// Withdraws the offer of a draft that comes to its end.
pub(super) async fn end_with(tx: &mut Tx, referral: ReferralId) -> Result<()> {
    if let Some(offer) = live(tx, referral).await? {
        end(tx, &offer, OfferStatus::Withdrawn).await?;
    }
    Ok(())
}

/// Notes that an offer's time is over. Gives it; nothing when there was nothing to do.
pub(super) async fn expired(tx: &mut Tx, id: ReferralOfferId) -> Result<Option<Visible<referral_offer::Entity>>> {
    let Some(offer) = tx.known::<referral_offer::Entity>(id, RULE).await? else { return Ok(None) };
    if offer.status != OfferStatus::Open || status(&offer, tx.access().now) != OfferStatus::Expired {
        return Ok(None);
    }
    end(tx, &offer, OfferStatus::Expired).await?;
    tx.known::<referral_offer::Entity>(id, RULE).await
}

/// Ends an offer if it is as it was seen.
///
/// # Errors
/// Refused with `STALE` when it is not.
async fn end(tx: &mut Tx, offer: &Visible<referral_offer::Entity>, to: OfferStatus) -> Result<()> {
    // Before the row, as the timer itself does it: two that wait for each other would never end.
    tx.disarm(TimerKind::OfferExpiry, [Uuid::from(offer.id)]).await?;
    let version = offer.version + 1;
    let ended = referral_offer::ActiveModel { status: Set(to), version: Set(version), ..Default::default() };
    if !tx.write_if(offer, ended, referral_offer::Column::Version.eq(offer.version)).await? {
        return Err(Refusal::stale(None).into());
    }
    tell(tx, offer, EventKind::OfferWithdrawn, version, vec!["status"]).await
}

/// Records what happened to an offer in the sender's log and in those of all whom it is made to.
async fn tell(tx: &mut Tx, offer: &referral_offer::Model, kind: EventKind, version: i32, changed: Vec<&'static str>) -> Result<()> {
    let to = Condition::all().add(referral_offer_program::Column::OfferId.eq(offer.id));
    let to: BTreeSet<OrganizationId> =
        tx.parts::<referral_offer_program::Entity>(to).await?.into_iter().map(|to| to.organization_id).collect();
    let own = tx.access().organization;
    let event = |organization| {
        let event = Event::new(kind, organization, offer.id, version).changed(changed.clone());
        if own == Some(organization) { event } else { event.by_rule(RULE) }
    };
    tx.record(event(offer.organization_id).of_referral(offer.referral_id));
    to.into_iter().map(event).for_each(|event| tx.record(event));
    Ok(())
}
