//! How fast it is, beside the least that could be done: `cargo bench -p aftercare-tests`, and a name to run one alone,
//! or a database.
//!
//! A hand-written harness: what is compared runs in turns in one process, so that a ratio holds on a machine whose speed drifts.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops where it fails, and says what it found")]

mod by_hand;
mod commands;
mod denials;
mod instructions;
mod lists;
mod load;
mod measure;
mod memory;
mod pages;
mod schedule;

use kit::databases::{TestDatabase, which_run};
use lists::List;

/// By which words one database alone is asked for.
const KINDS: [&str; 2] = ["sqlite", "postgresql"];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // The server's workers are started from a LocalSet, as in the program.
    tokio::task::LocalSet::new().block_on(&runtime, async {
        if !instructions::counted().await && !schedule::served_bare().await {
            Box::pin(measured()).await;
        }
    });
}

async fn measured() {
    let words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
    let (kinds, wanted): (Vec<String>, Vec<String>) = words.partition(|word| KINDS.contains(&word.as_str()));
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    println!("{}", which_run());
    let databases: [fn() -> Option<TestDatabase>; 2] = [|| Some(TestDatabase::sqlite()), TestDatabase::postgresql];
    let asked_for = |kind: &str| kinds.is_empty() || kinds.iter().any(|asked| asked == kind);
    for (_, database) in KINDS.iter().zip(databases).filter(|(kind, _)| asked_for(kind)) {
        let fresh = |name: &str| if wants(name) { database() } else { None };
        for list in List::ALL {
            if let Some(db) = fresh(list.name()) {
                Box::pin(lists::compare(list, db)).await;
            }
        }
        if let Some(db) = fresh("commands") {
            commands::referring(db).await;
        }
        if let Some(db) = fresh("denials") {
            Box::pin(denials::compare(db)).await;
        }
        if let Some(db) = fresh("pages") {
            Box::pin(pages::compare(db)).await;
        }
        if let Some(db) = fresh("timers") {
            Box::pin(commands::firing(db)).await;
        }
        if let Some(db) = fresh("latency") {
            commands::hearing(db).await;
        }
        if let Some(db) = fresh("demo") {
            Box::pin(commands::loading(db)).await;
        }
        if let Some(db) = fresh("schedule") {
            Box::pin(schedule::serving(db)).await;
        }
        if let Some(db) = fresh("memory") {
            memory::serving(db).await;
        }
        for list in List::ALL {
            if let Some(db) = fresh("instructions") {
                Box::pin(instructions::count(list, db)).await;
            }
        }
    }
}
