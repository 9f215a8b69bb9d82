//! Referrals that mutations move on, so that each is done for somebody.

use entity::episode;
use sea_orm::{ColumnTrait, QueryFilter};
use serde_json::json;

use super::{super::two_sides::STAGES, Handovers, rows};

/// Referrals that mutations move on, and how they come to where they can be.
const SPARE: &[(&str, &[&str])] = &[
    ("spareDraft", &["draft"]),
    ("spareChanged", &["draft"]),
    ("spareUnasked", &["draft", "unasked"]),
    ("spareOffer", &["draft", "unasked", "offer"]),
    ("spareRegret", &["draft", "unasked", "offer"]),
    ("spareOffered", &[]),
    ("spareUnwanted", &[]),
    ("spareWithdrawn", &[]),
    ("spareConsent", &[]),
    ("spareUnclear", &[]),
    ("spareAsked", &["ask"]),
    ("spareWaiting", &[]),
    ("spareMistaken", &[]),
    ("spareAccepted", &["accept"]),
    ("spareKept", &["accept"]),
    ("spareMerged", &["accept"]),
    ("spareParted", &["accept", "merge"]),
    ("spareErased", &["accept", "leave"]),
    ("spareInvited", &["accept", "invite"]),
    ("spareUnwilling", &["accept"]),
    ("spareHeld", &["accept"]),
    ("spareResumed", &["accept", "hold"]),
    ("spareUnreached", &["accept", "assign", "try"]),
    ("spareWork", &["accept", "assign", "try", "give up"]),
    ("spareApproved", &["accept", "assign", "try", "give up"]),
    ("spareRejected", &["accept", "assign", "try", "give up"]),
    ("spareLeft", &["accept", "assign"]),
    ("spareIntroduced", &["accept", "assign"]),
    ("spareConnected", &["accept", "assign", "contact"]),
    ("spareEpisode", &["accept", "assign", "contact"]),
];

impl Handovers {
    /// Referrals for mutations to move on: nobody looks for anything of them.
    pub(super) async fn spare(&mut self) {
        let covers = json!(STAGES[1].covers);
        for (placeholder, steps) in SPARE {
            let told = self.refer(&self.them, placeholder, &covers, [!steps.contains(&"unasked"), !steps.contains(&"draft")]).await;
            let (id, mut ours, mut work, mut offer) = (told.referral.to_string(), String::new(), String::new(), String::new());
            for step in *steps {
                match *step {
                    "accept" => ours = self.them.accepted(&id).await,
                    "offer" => offer = self.them.offered(&self.app, &id, &[self.them.support.program]).await,
                    "assign" => self.them.assigned(&id).await,
                    "contact" => drop(self.them.contact(&self.app, &ours, "COMPLETED").await),
                    "try" => self.them.tried(&ours).await,
                    "give up" => work = self.them.given_up(&id).await,
                    "ask" => drop(
                        self.them.act(&self.them.coordinator, "referralRequestInfo", &id, "fields: [\"phone\"] text: \"Which?\"").await,
                    ),
                    "invite" => drop(self.app.invited(&self.them.coordinator, &ours).await),
                    "leave" => drop(self.them.act(&self.them.coordinator, "referralClientDeclines", &id, "reason: NOT_NOW").await),
                    "merge" => {
                        let kept = &self.ids.iter().find(|id| id.placeholder == "spareKept").unwrap().text;
                        let merge =
                            "mutation($kept: ID!, $merged: ID!) { clientMerge(keepId: $kept, mergeId: $merged) { userErrors { code } } }";
                        let merged = self.them.coordinator.ask_with(merge, json!({ "kept": kept, "merged": ours })).await;
                        assert_eq!(merged.user_error_codes(), [""; 0], "{}", merged.raw);
                    }
                    "hold" => {
                        let more = "text: \"Away\" reviewAt: \"2026-03-09T12:00:00Z\"";
                        drop(self.them.act(&self.them.coordinator, "referralHold", &id, more).await);
                    }
                    _ => {}
                }
            }
            let id = match *placeholder {
                "spareConsent" => told.consent,
                "spareKept" | "spareMerged" | "spareParted" | "spareErased" | "spareInvited" => ours,
                "spareOffer" | "spareRegret" => offer,
                "spareWork" | "spareApproved" | "spareRejected" => work,
                "spareEpisode" => {
                    let of = episode::Column::ReferralId.eq(told.referral);
                    rows::<episode::Entity>().filter(of).one(&self.connection).await.unwrap().unwrap().id.to_string()
                }
                _ => id,
            };
            self.id(placeholder, None, id);
        }
    }
}
