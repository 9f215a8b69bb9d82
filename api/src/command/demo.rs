//! Made-up data: the six organizations that the documentation names, with people, programs, clients handed over from one to another, and
//! workshops. It goes through the commands that everyone uses, each done by whoever would do it, many joined in one transaction, so that
//! history and events are real.

mod cast;
mod handover;
mod person;
mod schedule;

use std::collections::BTreeMap;

use clap::Args;
use entity::{ClientId, OrganizationId};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rand::{SeedableRng, rngs::StdRng};

use super::line::spoken;
use crate::{
    app::{App, NotStarted},
    config::Environment,
};

/// How much of it.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many people: three in four are referred by a treatment provider, the others come by themselves.
    #[arg(long, default_value_t = 40)]
    pub clients: u32,
    /// How many programs: the five that always are, and more of the peer recovery organizations.
    #[arg(long, default_value_t = 5)]
    pub programs: u32,
    /// How many workshops, all published for everyone.
    #[arg(long, default_value_t = 8)]
    pub workshops: u32,
    /// How many sessions each workshop has.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub sessions: u32,
    /// How many registrations, as far as there are people and sessions for them.
    #[arg(long, default_value_t = 30)]
    pub registrations: u32,
    /// Over how many days from tomorrow the sessions of a workshop are spread.
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u32).range(1..=700))]
    pub days: u32,
    /// What the random choices begin with: the same seed gives the same people.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self { clients: 40, programs: 5, workshops: 8, sessions: 5, registrations: 30, days: 28, seed: 1 }
    }
}

/// How many people, workshops or registrations are joined in one transaction.
const BATCH: usize = 100;

/// Whom each organization knows, in the order in which they came.
type Known = BTreeMap<OrganizationId, Vec<ClientId>>;

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
    let progress = progress(plan, with_progress);
    let cast = cast::gather(app, plan.programs as usize).await.map_err(spoken)?;
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let people: Vec<_> = (0..plan.clients as usize).map(|number| person::made_up(&mut rng, number)).collect();
    let mut known = Known::new();
    for (batch, people) in people.chunks(BATCH).enumerate() {
        handover::all(app, &cast, batch * BATCH, people, &mut known).await.map_err(spoken)?;
        progress.inc(people.len() as u64);
    }
    schedule::all(app, &cast, plan, &mut rng, &known, &progress).await.map_err(spoken)?;
    // What follows the log finds a whole one, and so does `verify`.
    while app.store.seal_batch().await? > 0 {}
    progress.finish_and_clear();
    Ok(())
}

fn progress(plan: &Plan, shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let all = u64::from(plan.clients) + u64::from(plan.workshops) + u64::from(plan.registrations);
    let progress = ProgressBar::with_draw_target(Some(all), target);
    if let Ok(style) = ProgressStyle::with_template("made-up data {bar:40} {pos}/{len} {per_sec} {eta}") {
        progress.set_style(style);
    }
    progress
}
