//! What one request costs in instructions and allocations, which no neighbour on the machine changes.
//!
//! Valgrind runs this program again over a database that is loaded already, once for some requests and once for twice as many; the
//! difference, divided, is one request without the start. It counts this process: SQLite within it, PostgreSQL not. Allocations are those
//! of the system's allocator, which this program has; the server has another, and makes as many.

use std::{
    io::ErrorKind,
    process::{Command, Stdio},
};

use aftercare::{
    app::App,
    clock::Clock,
    config::{Config, Environment},
};
use kit::{app::NOW, databases::TestDatabase};

use crate::{
    lists::{Asked, List},
    measure::sized,
};

/// The word by which this program knows that it is counted.
const COUNTED: &str = "--counted";
/// How many requests are between the two runs.
const ROUNDS: usize = sized(60);
/// How many are made before that, in either run.
const WARM: usize = sized(20);

const WAYS: [&str; 2] = ["ours", "by-hand"];

/// One way to count, and the words before the number in what Valgrind says.
struct Count {
    words: &'static [&'static str],
    before: &'static str,
}

const INSTRUCTIONS: Count = Count { words: &["--tool=callgrind", "--callgrind-out-file=/dev/null"], before: "Collected :" };
const ALLOCATIONS: Count = Count { words: &["--tool=memcheck", "--leak-check=no", "--undef-value-errors=no"], before: "total heap usage:" };

/// Counts a list in both ways.
pub(crate) async fn count(list: List, db: TestDatabase) {
    let kind = db.kind;
    if let Err(error) = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status()
        && error.kind() == ErrorKind::NotFound
    {
        println!("{kind:?}: {}: instructions are not counted: there is no valgrind", list.name());
        return;
    }
    let app = Box::pin(list.loaded(db)).await;
    for way in WAYS {
        let each = |count: &Count| {
            let [some, twice] = [ROUNDS, 2 * ROUNDS].map(|rounds| total(&app, count, list, way, rounds));
            twice.saturating_sub(some) / ROUNDS as u64
        };
        let (instructions, allocations) = (each(&INSTRUCTIONS), each(&ALLOCATIONS));
        println!("{kind:?}: {}, {way}: {instructions} instructions, {allocations} allocations a request", list.name());
    }
}

/// What this count comes to for a run of this program.
fn total(app: &App, count: &Count, list: List, way: &str, rounds: usize) -> u64 {
    let mut run = Command::new("valgrind");
    run.args(count.words).arg(std::env::current_exe().unwrap()).args([COUNTED, list.name(), way, &rounds.to_string()]);
    run.env("AFTERCARE_DATABASE__URL", app.config.database_url.expose()).env("AFTERCARE_KEYS_DIR", &app.config.keys_dir);
    let said = run.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&said.stderr);
    let number = said.lines().find_map(|line| line.split_once(count.before)).map(|(_, rest)| rest.trim().split(' ').next().unwrap());
    let digits = number.unwrap_or_else(|| panic!("valgrind counts: {said}")).replace(',', "");
    digits.parse().unwrap()
}

/// What is counted, where this program was started to be.
pub(crate) async fn counted() -> bool {
    let mut words = std::env::args().skip_while(|word| word != COUNTED).skip(1);
    let (Some(list), Some(way), Some(rounds)) = (words.next(), words.next(), words.next()) else { return false };
    let config = Config::from_process(Vec::new()).unwrap();
    let app = App::open(config, Clock::fixed(NOW.parse().unwrap()), Environment::Development).await.unwrap();
    let asked = Asked::of(List::named(&list).unwrap(), &app).await;
    for _ in 0..WARM + rounds.parse::<usize>().unwrap() {
        if way == WAYS[0] {
            asked.ours().await;
        } else {
            asked.by_hand().await;
        }
    }
    true
}
