//! How people come to a peer recovery organization: most are referred under a consent of theirs and stand somewhere between discharge
//! and support, some come by themselves.

use chrono::{Days, TimeDelta};
use entity::{
    ClientId, ReferralId,
    vocabulary::{
        AsamEdition, ConsentKind, ContactModality, ContactOutcome, DataClass, DischargeType, PurposeOfUse, ReasonCode, ReferralOrigin,
        ReferralResult, ReferralStatus, ReferralUrgency, Role, ServiceKind, SignatureMethod, SignerCapacity,
    },
};

use super::{
    Known,
    cast::{Cast, Home, Place},
};
use crate::{
    app::App,
    clock::Instant,
    domain::{
        client::{self, NewClient},
        consent::NewConsent,
        contact::{self, NewContact},
        referral::{self, Clinical, NewReferral, Said, Under, Who},
    },
    error::{Error, Result},
    store::{Kept, Tx},
};

/// How far the first, the second and so on has come, and again from the beginning.
const STANDING: &[ReferralStatus] = &[
    ReferralStatus::Connected,
    ReferralStatus::Submitted,
    ReferralStatus::Completed,
    ReferralStatus::Assigned,
    ReferralStatus::Outreach,
    ReferralStatus::Declined,
    ReferralStatus::Accepted,
];

/// Every so many people one comes without a referral.
const ONE_IN: usize = 4;

/// A referral that somebody is to take further.
struct Underway<'a> {
    id: ReferralId,
    /// The receiver's own client, once there is one.
    client: Option<ClientId>,
    to: &'a Home,
    place: &'a Place,
    standing: ReferralStatus,
}

/// Brings one batch of people to where they stand. The first of them has this number.
pub(super) async fn all(app: &App, cast: &Cast, first: usize, people: &[NewClient], known: &mut Known) -> Result<()> {
    let places = cast.places();
    let numbered = || people.iter().enumerate().map(|(at, person)| (first + at, person));
    let place_of = |number: usize| places[number % places.len()];
    let mut underway = Vec::new();
    for (at, home) in cast.providers.iter().enumerate() {
        let theirs = numbered().filter(|(number, _)| !by_themselves(*number) && number % cast.providers.len() == at);
        refer(app, home, theirs.map(|(number, person)| (number, person, place_of(number))), &mut underway).await?;
    }
    for home in &cast.supporters {
        let mine = |to: &Home| to.id == home.id;
        let alone = numbered().filter(|(number, _)| by_themselves(*number) && mine(place_of(*number).0));
        let alone = alone.map(|(number, person)| NewClient { program_ids: vec![place_of(number).1.program], ..person.clone() });
        let known = known.entry(home.id).or_default();
        welcome(app, home, alone.collect(), known).await?;
        answer(app, home, underway.iter_mut().filter(|referral| mine(referral.to)), known).await?;
    }
    for (home, place) in &places {
        support(app, home, place, underway.iter().filter(|referral| referral.place.program == place.program)).await?;
    }
    Ok(())
}

const fn by_themselves(number: usize) -> bool {
    number % ONE_IN == ONE_IN - 1
}

/// A treatment provider refers people, each to a place.
async fn refer<'a>(
    app: &App,
    home: &Home,
    people: impl Iterator<Item = (usize, &NewClient, (&'a Home, &'a Place))>,
    underway: &mut Vec<Underway<'a>>,
) -> Result<()> {
    let now = app.clock().now();
    let mut tx = app.store.begin(&home.acting(Role::Referrer, now)?).await?;
    let mut last = None;
    for (number, person, (to, place)) in people {
        let from = &home.places[number % home.places.len()];
        let made = referral::create_in(&mut tx, new_referral(number, person, from, home, to, place, now)).await?;
        let standing = STANDING[number % STANDING.len()];
        underway.push(Underway { id: made.id, client: None, to, place, standing });
        last = Some(made);
    }
    finish(tx, last).await
}

fn no_capacity() -> Said {
    Said { reason: Some(ReasonCode::NoCapacity), ..Said::default() }
}

fn new_referral(number: usize, person: &NewClient, from: &Place, home: &Home, to: &Home, place: &Place, now: Instant) -> NewReferral {
    // Who was discharged yesterday is to be met soon.
    let days = number as u64 % 21 + 1;
    NewReferral {
        origin: ReferralOrigin::Program,
        re_referral_of: None,
        from_program_id: Some(from.program),
        to_program_id: Some(place.program),
        who: Who::New(Box::new(person.clone())),
        under: Some(Under::New(Box::new(consent(person, home, to, now)))),
        urgency: if days == 1 { ReferralUrgency::Urgent } else { ReferralUrgency::Routine },
        clinical: Clinical {
            discharged_at: now.checked_sub_days(Days::new(days)),
            expected_discharge_on: None,
            discharge_type: DischargeType::Completed,
            level: Some((AsamEdition::Fourth, "3.5".to_owned())),
            communities: Vec::new(),
            match_preferences: Vec::new(),
            pathways: Vec::new(),
            moud: None,
            reason: Some("Asks for somebody who has been there.".to_owned()),
        },
        requested_services: vec![ServiceKind::OneOnOne, ServiceKind::Telephone],
        external_identifiers: Vec::new(),
        submit: true,
    }
}

/// A closed loop: each of the two may tell the other.
fn consent(person: &NewClient, home: &Home, to: &Home, now: Instant) -> NewConsent {
    NewConsent {
        kind: ConsentKind::Specific,
        disclosers: vec![home.id, to.id],
        recipients: vec![home.id, to.id],
        recipient_class: None,
        data_classes: vec![DataClass::Identity, DataClass::ReferralClinical, DataClass::ReferralStatus],
        purposes: vec![PurposeOfUse::Treatment],
        signed_at: now,
        signed_by: format!("{} {}", person.identity.given_name, person.identity.family_name),
        signer_capacity: SignerCapacity::Oneself,
        signature_method: SignatureMethod::Electronic,
        evidence_sha256: None,
        language: None,
        expires_at: Some(now + TimeDelta::days(365)),
        expiry_event: None,
        never_expires: false,
    }
}

/// A peer recovery organization takes in who came by themselves.
async fn welcome(app: &App, home: &Home, people: Vec<NewClient>, known: &mut Vec<ClientId>) -> Result<()> {
    let mut tx = app.store.begin(&home.acting(Role::Coordinator, app.clock().now())?).await?;
    let mut last = None;
    for person in people {
        let made = client::create_in(&mut tx, home.id, person).await?;
        known.push(made.id);
        last = Some(made);
    }
    finish(tx, last).await
}

/// A peer recovery organization answers what it was asked, and finds peers.
async fn answer<'a, 'b: 'a>(
    app: &App,
    home: &Home,
    referrals: impl Iterator<Item = &'a mut Underway<'b>>,
    known: &mut Vec<ClientId>,
) -> Result<()> {
    let mut tx = app.store.begin(&home.acting(Role::Coordinator, app.clock().now())?).await?;
    let mut last = None;
    for referral in referrals {
        match referral.standing {
            ReferralStatus::Submitted => {}
            ReferralStatus::Declined => {
                last = Some(referral::decline_in(&mut tx, referral.id, no_capacity(), None).await?);
            }
            standing => {
                let accepted = referral::accept_in(&mut tx, referral.id, None).await?;
                referral.client = accepted.to_client_id;
                known.extend(accepted.to_client_id);
                let peer = referral.place.peer.filter(|_| standing != ReferralStatus::Accepted);
                last = Some(match peer {
                    Some((_, peer)) => referral::assign_in(&mut tx, referral.id, peer, true, None).await?,
                    None => accepted,
                });
            }
        }
    }
    finish(tx, last).await
}

/// A peer gets in touch.
async fn support<'a, 'b: 'a>(app: &App, home: &Home, place: &Place, referrals: impl Iterator<Item = &'a Underway<'b>>) -> Result<()> {
    let now = app.clock().now();
    let Some((staff, _)) = place.peer else { return Ok(()) };
    let mut tx = app.store.begin(&home.at_work(staff, Role::Peer, now)).await?;
    let mut last = None;
    for referral in referrals {
        let outcomes: &[ContactOutcome] = match referral.standing {
            ReferralStatus::Outreach => &[ContactOutcome::NoAnswer],
            ReferralStatus::Connected => &[ContactOutcome::NoAnswer, ContactOutcome::Completed],
            ReferralStatus::Completed => &[ContactOutcome::Completed],
            _ => continue,
        };
        for outcome in outcomes {
            last = Some(contact::log_in(&mut tx, new_contact(referral, *outcome, now)?).await?);
        }
        if referral.standing == ReferralStatus::Completed {
            referral::complete_in(&mut tx, referral.id, ReferralResult::Engaged, Said::default()).await?;
        }
    }
    finish(tx, last).await
}

fn new_contact(referral: &Underway<'_>, outcome: ContactOutcome, now: Instant) -> Result<NewContact> {
    let two_way = outcome == ContactOutcome::Completed;
    Ok(NewContact {
        client_id: referral.client.ok_or_else(|| Error::internal("made-up data supports somebody who was not accepted"))?,
        peer_id: referral.place.peer.map(|(_, peer)| peer),
        referral_id: Some(referral.id),
        modality: ContactModality::Phone,
        outbound: true,
        outcome,
        started_at: now,
        minutes: two_way.then_some(20),
        topics: Vec::new(),
        note: two_way.then(|| "Spoke about the week ahead.".to_owned()),
        note_shared: false,
        scheduled: None,
        next_at: None,
    })
}

/// Commits what was done, if anything was.
async fn finish<T: Kept>(tx: Tx, last: Option<T>) -> Result<()> {
    match last {
        Some(last) => tx.commit(last).await.map(drop),
        None => Ok(()),
    }
}
