//! How fast it is, beside the least that could be done: `cargo bench -p aftercare-tests`, and a name to run one alone.
//!
//! A hand-written harness: what is compared runs in turns in one process, so that a ratio holds on a machine whose speed drifts.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops where it fails, and says what it found")]

mod commands;
mod lists;
mod measure;

use kit::databases::{TestDatabase, which_run};

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{}", which_run());
    let databases: [fn() -> Option<TestDatabase>; 2] = [|| Some(TestDatabase::sqlite()), TestDatabase::postgresql];
    // The server's workers are started from a LocalSet, as in the program.
    tokio::task::LocalSet::new().block_on(&runtime, async {
        for database in databases {
            let fresh = || database();
            if let Some(db) = fresh().filter(|_| wants("workshops")) {
                lists::workshops(db).await;
            }
            if let Some(db) = fresh().filter(|_| wants("referrals")) {
                lists::referrals(db).await;
            }
            if let Some(db) = fresh().filter(|_| wants("commands")) {
                commands::referring(db).await;
            }
            if let Some(db) = fresh().filter(|_| wants("latency")) {
                commands::hearing(db).await;
            }
            if let Some(db) = fresh().filter(|_| wants("demo")) {
                commands::loading(db).await;
            }
        }
    });
}
