//! Made-up data: the six organizations that the documentation names, with people, programs and clients. It goes through the commands
//! that everyone uses, many joined in one transaction, so that history and events are real.

use chrono::{Days, NaiveDate};
use clap::Args;
use entity::{
    program,
    vocabulary::{ContactMethodKind, Experience, OrganizationKind, PlanDimension, RecoveryPathway, Role, ServiceKind},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::line::spoken;
use crate::{
    access::Access,
    app::{App, NotStarted},
    config::Environment,
    domain::{
        client::{self, ContactMethod, Identity, NewClient, Recovery},
        organization::{self, NewOrganization},
        program::NewProgram,
        staff_member::{self, NewStaffMember},
    },
    store::Visible,
};

/// How much of it.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many clients, over the organizations that support people.
    #[arg(long, default_value_t = 40)]
    pub clients: u32,
    /// What the random choices begin with: the same seed gives the same people.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { clients: 40, seed: 1 }
    }
}

/// How many clients are joined in one transaction.
const BATCH: usize = 100;

const ORGANIZATIONS: &[(&str, OrganizationKind, &[&str])] = &[
    ("Harbor Treatment Center", OrganizationKind::TreatmentProvider, &["Harbor Residential", "Harbor Outpatient"]),
    ("Cedar Clinic", OrganizationKind::TreatmentProvider, &["Cedar Intensive Outpatient"]),
    ("Open Door Recovery", OrganizationKind::RecoveryCommunityOrganization, &["Open Door Peer Support", "Open Door Workshops"]),
    ("Riverbend Peers", OrganizationKind::RecoveryCommunityOrganization, &["Riverbend Recovery Coaching"]),
    ("Meeting Finder", OrganizationKind::PartnerApp, &[]),
    ("State Block Grant Office", OrganizationKind::Funder, &[]),
];

const ROLES: &[(Role, &str)] = &[
    (Role::Administrator, "Avery"),
    (Role::Referrer, "Robin"),
    (Role::Coordinator, "Casey"),
    (Role::Peer, "Parker"),
    (Role::Supervisor, "Sidney"),
    (Role::Billing, "Blake"),
    (Role::Analyst, "Ari"),
    (Role::PrivacyOfficer, "Quinn"),
];

const GIVEN: &[&str] =
    &["Alex", "Bailey", "Cameron", "Dana", "Emery", "Finley", "Gray", "Harper", "Jordan", "Kai", "Lee", "Morgan", "Nico", "Reese"];
const FAMILY: &[&str] =
    &["Abbott", "Brooks", "Castillo", "Dawson", "Ellis", "Flores", "Garner", "Hayes", "Irwin", "Jensen", "Keller", "Lopez"];

/// Loads it into an empty development database.
///
/// # Errors
/// In production, and when the database is not empty.
pub async fn load(app: &App, plan: &Plan, with_progress: bool) -> Result<(), NotStarted> {
    if app.environment == Environment::Production {
        return Err(NotStarted("made-up data is refused in a production database".to_owned()));
    }
    if !app.store.is_empty().await? {
        return Err(NotStarted("the database is not empty: made-up data goes into a new one".to_owned()));
    }
    let system = Access::system("demonstration data", app.clock().now());
    let mut tx = app.store.begin(&system).await?;
    let mut supporting: Vec<Visible<program::Entity>> = Vec::new();
    let mut last = None;
    for (name, kind, programs) in ORGANIZATIONS {
        let home = NewOrganization { name: (*name).to_owned(), kind: *kind, time_zone: "America/New_York".to_owned() };
        let home = organization::create_in(&mut tx, home).await.map_err(spoken)?;
        let mut ids = Vec::new();
        for name in *programs {
            let new = NewProgram {
                name: (*name).to_owned(),
                languages: vec!["en".to_owned(), "es".to_owned()],
                services: vec![ServiceKind::OneOnOne, ServiceKind::Telephone, ServiceKind::Workshop],
                serves_remotely: true,
                accepts_referrals: *kind == OrganizationKind::RecoveryCommunityOrganization,
                ..NewProgram::default()
            };
            let made = crate::domain::program::create_in(&mut tx, &home, new).await.map_err(spoken)?;
            ids.push(made.id);
            if *kind == OrganizationKind::RecoveryCommunityOrganization {
                supporting.push(made);
            }
        }
        for (role, person) in ROLES {
            let address = format!("{}.{}@{}.example", person, role.as_str().replace('_', "-"), name.replace(' ', "-")).to_lowercase();
            let new =
                NewStaffMember { display_name: (*person).to_owned(), email: Some(address), roles: vec![*role], program_ids: ids.clone() };
            staff_member::create_in(&mut tx, &home, new).await.map_err(spoken)?;
        }
        last = Some(home);
    }
    if let Some(last) = last {
        tx.commit(last).await?;
    }
    clients(app, &system, plan, &supporting, with_progress).await
}

async fn clients(
    app: &App,
    system: &Access,
    plan: &Plan,
    programs: &[Visible<program::Entity>],
    with_progress: bool,
) -> Result<(), NotStarted> {
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let target = if with_progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let progress = ProgressBar::with_draw_target(Some(plan.clients.into()), target);
    if let Ok(style) = ProgressStyle::with_template("clients {bar:40} {pos}/{len} {per_sec} {eta}") {
        progress.set_style(style);
    }
    let people: Vec<(usize, NewClient)> =
        (0..plan.clients as usize).filter_map(|n| Some((n, person(&mut rng, n, &[programs.get(n % programs.len().max(1))?.id])))).collect();
    for batch in people.chunks(BATCH) {
        let mut tx = app.store.begin(system).await?;
        let mut last = None;
        for (n, new) in batch {
            let Some(program) = programs.get(n % programs.len().max(1)) else { continue };
            last = Some(client::create_in(&mut tx, program.organization_id, new.clone()).await.map_err(spoken)?);
            progress.inc(1);
        }
        if let Some(last) = last {
            tx.commit(last).await?;
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// Somebody made up.
fn person(rng: &mut StdRng, number: usize, programs: &[entity::ProgramId]) -> NewClient {
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
            pathways: RecoveryPathway::ALL.choose(rng).copied().into_iter().collect(),
            experiences: Experience::ALL.choose(rng).copied().into_iter().collect(),
            needs: PlanDimension::ALL.choose(rng).copied().into_iter().collect(),
            moud: rng.random_bool(0.4).then_some(true),
        },
        program_ids: programs.to_vec(),
    }
}
