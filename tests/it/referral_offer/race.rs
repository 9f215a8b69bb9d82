//! Ten programs of ten organizations that want the same offer at the same moment: one gets it.

use aftercare::domain::{
    client,
    referral::{Clinical, NewReferral, Who, create_in},
    referral_offer::{NewOffer, open_in},
};
use chrono::TimeDelta;
use entity::{
    ProgramId, ReferralOfferId,
    vocabulary::{DischargeType, OrganizationKind, ReferralOrigin, ReferralUrgency},
};
use futures_util::future::{join, join_all};
use kit::{
    app::{Home, TestApp, somebody},
    handover::Handover,
    on_both,
};
use serde_json::json;

use super::{bidder, claim};

const ROUNDS: usize = 200;
/// How many are opened with one transaction.
const BATCH: usize = 20;

fn a_draft(clinic: &Home, who: Who) -> NewReferral {
    NewReferral {
        from_program_id: Some(clinic.program),
        to_program_id: None,
        who,
        under: None,
        urgency: ReferralUrgency::Routine,
        clinical: Clinical {
            discharged_at: None,
            expected_discharge_on: None,
            discharge_type: DischargeType::NotYetDischarged,
            level: None,
            communities: vec![],
            pathways: vec![],
            moud: None,
            match_preferences: vec![],
            reason: None,
        },
        requested_services: vec![],
        external_identifiers: vec![],
        origin: ReferralOrigin::Program,
        re_referral_of: None,
        submit: false,
    }
}

/// As many drafts of one client, each offered to the same programs.
async fn offers(app: &TestApp, clinic: &Home, program_ids: &[ProgramId]) -> Vec<ReferralOfferId> {
    let mut tx = app.store.begin(&app.system()).await.unwrap();
    let client = client::create_in(&mut tx, clinic.organization, somebody(clinic)).await.unwrap();
    let client = tx.commit(client).await.unwrap();
    let mut offers = Vec::new();
    while offers.len() < ROUNDS {
        let mut tx = app.store.begin(&app.system()).await.unwrap();
        let mut batch = Vec::new();
        for _ in 0..BATCH {
            let draft = create_in(&mut tx, a_draft(clinic, Who::Known(client.id))).await.unwrap();
            let expires_at = app.clock().now() + TimeDelta::days(1);
            let new = NewOffer { referral_id: draft.id, program_ids: program_ids.to_vec(), region: None, expires_at };
            batch.push(open_in(&mut tx, new).await.unwrap());
        }
        offers.extend(batch.iter().map(|offer| offer.id));
        tx.commit(batch.pop().unwrap()).await.unwrap();
    }
    offers
}

on_both! {
    async fn one_of_ten_organizations_gets_each_of_two_hundred_offers(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let clinic = app.home("Harbor", OrganizationKind::TreatmentProvider).await;
        let mut bidders = Vec::new();
        for number in 0..10 {
            bidders.push(bidder(&app, &format!("Bidder {number}")).await);
        }
        let programs: Vec<_> = bidders.iter().map(|bidder| bidder.home.program).collect();
        let offers = offers(&app, &clinic, &programs).await;

        for offer in &offers {
            let offer = offer.to_string();
            let answers = join_all(bidders.iter().map(|bidder| claim(&bidder.coordinator, &offer, bidder.home.program))).await;
            let codes: Vec<_> = answers.iter().map(|answer| answer.user_error_codes()).collect();
            let won = answers.iter().filter(|answer| answer.body["data"]["referralOfferClaim"]["referralOffer"]["status"] == "CLAIMED").count();
            let taken = codes.iter().filter(|codes| **codes == ["OFFER_TAKEN"]).count();
            assert_eq!((won, taken), (1, 9), "{codes:?}");
        }

        let held = "FROM referral_offer offer JOIN referral ON referral.id = offer.referral_id
            WHERE offer.status = 'CLAIMED' AND offer.version = 2 AND referral.status = 'DRAFT' AND referral.to_program_id = offer.claimed_by_id";
        assert_eq!(app.database.count(held).await, ROUNDS, "each is reserved for who claimed it");
        assert_eq!(app.database.count("FROM event WHERE kind = 'OFFER_CLAIMED'").await, ROUNDS * 11, "and each organization is told once");
        assert_eq!(app.database.count("FROM timer WHERE kind = 'OFFER_EXPIRY'").await, 0);
        assert_eq!(app.database.count("FROM audit_event WHERE action = 'REFUSED:referralOfferClaim'").await, ROUNDS * 9);
    }

    async fn whoever_claims_withdraws_changes_and_cancels_at_once_is_each_answered(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (cedar, dale) = (bidder(&app, "Cedar").await, bidder(&app, "Dale").await);
        for round in 0..24 {
            let draft = them.drafted(&app, json!({})).await;
            let offer = them.offered(&app, &draft, &[cedar.home.program, dale.home.program]).await;
            let ends = match round % 2 {
                0 => format!("mutation {{ referralOfferWithdraw(id: \"{offer}\") {{ userErrors {{ code }} }} }}"),
                _ => format!("mutation {{ referralCancel(id: \"{draft}\", reason: READMITTED) {{ userErrors {{ code }} }} }}"),
            };
            let change = format!("mutation {{ referralUpdate(input: {{ id: \"{draft}\", urgency: ROUTINE }}) {{ userErrors {{ code }} }} }}");
            let (claims, sender) = join(
                join(claim(&cedar.coordinator, &offer, cedar.home.program), claim(&dale.coordinator, &offer, dale.home.program)),
                join(them.referrer.ask(&ends), them.referrer.ask(&change)),
            )
            .await;
            for (who, answer) in [("a claim", &claims.0), ("a claim", &claims.1), ("an end", &sender.0), ("a change", &sender.1)] {
                let known = |code: &&str| ["OFFER_TAKEN", "OFFER_EXPIRED", "STALE", "IMMUTABLE"].contains(code);
                assert!(answer.error_codes().is_empty() && answer.user_error_codes().iter().all(known), "{who}: {}", answer.raw);
            }
            for answer in [&claims.0, &claims.1] {
                assert!(!answer.user_error_codes().contains(&"STALE"), "who claims is not told what the sender does: {}", answer.raw);
            }
        }
        let drafts = "FROM referral JOIN referral_offer offer ON offer.referral_id = referral.id WHERE referral.status = 'DRAFT'";
        let asked = app.database.count(&format!("{drafts} AND referral.to_program_id IS NOT NULL")).await;
        assert_eq!(app.database.count(&format!("{drafts} AND offer.status = 'CLAIMED' AND referral.to_program_id = offer.claimed_by_id")).await, asked);
        assert_eq!(app.database.count("FROM referral JOIN referral_offer offer ON offer.referral_id = referral.id
            WHERE referral.status = 'CANCELLED' AND offer.status <> 'WITHDRAWN'").await, 0);
        assert_eq!(app.database.count("FROM referral_offer WHERE status = 'OPEN'").await, app.database.count("FROM timer WHERE kind = 'OFFER_EXPIRY'").await);
    }
}
