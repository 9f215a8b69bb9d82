//! Somebody made up.

use chrono::{Days, NaiveDate};
use entity::vocabulary::{ContactMethodKind, Experience, PlanDimension, RecoveryPathway};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use crate::domain::client::{ContactMethod, Identity, NewClient, Recovery};

const GIVEN: &[&str] =
    &["Alex", "Bailey", "Cameron", "Dana", "Emery", "Finley", "Gray", "Harper", "Jordan", "Kai", "Lee", "Morgan", "Nico", "Reese"];
const FAMILY: &[&str] =
    &["Abbott", "Brooks", "Castillo", "Dawson", "Ellis", "Flores", "Garner", "Hayes", "Irwin", "Jensen", "Keller", "Lopez"];

/// Somebody made up, who is with no program yet.
pub(super) fn made_up(rng: &mut StdRng, number: usize) -> NewClient {
    let mut pick = |words: &[&str]| words.choose(rng).copied().unwrap_or_default().to_owned();
    let (given_name, family_name) = (pick(GIVEN), pick(FAMILY));
    let born = NaiveDate::from_ymd_opt(1955, 1, 1).unwrap_or_default() + Days::new(rng.random_range(0..18_000));
    let method = ContactMethod {
        id: "1".to_owned(),
        kind: ContactMethodKind::Email,
        value: format!("person{number}@example.org"),
        safe: true,
        may_mention_recovery: rng.random_bool(0.3),
        may_leave_message: rng.random_bool(0.5),
        from: None,
        to: None,
    };
    NewClient {
        identity: Identity {
            given_name,
            family_name,
            preferred_name: None,
            pronouns: None,
            date_of_birth: born,
            gender: None,
            race_ethnicity: Vec::new(),
            contact_methods: vec![method],
            address: None,
            time_zone: "America/New_York".to_owned(),
            languages: vec![if rng.random_bool(0.3) { "es" } else { "en" }.to_owned()],
            interpreter_needed: false,
            payer: None,
            external_identifiers: Vec::new(),
        },
        recovery: Recovery {
            communities: Vec::new(),
            match_preferences: Vec::new(),
            pathways: RecoveryPathway::ALL.choose(rng).copied().into_iter().collect(),
            experiences: Experience::ALL.choose(rng).copied().into_iter().collect(),
            needs: PlanDimension::ALL.choose(rng).copied().into_iter().collect(),
            moud: rng.random_bool(0.4).then_some(true),
        },
        program_ids: Vec::new(),
    }
}
