//! The program itself under a steady load of reads: how much it answers, and how much memory it takes.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kit::{
    databases::TestDatabase,
    program::{Installation, Server},
};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    lists::{RECEIVER, REFERRALS, WORKSHOPS},
    measure::{Times, ms, sized},
};

const CONNECTIONS: usize = 32;
const LASTS: Duration = Duration::from_secs(sized(20) as u64);

/// What is asked for in turns, and whether a coordinator asks or anyone.
const READS: [(&str, bool); 4] = [
    (WORKSHOPS, false),
    (REFERRALS, true),
    ("{ programs(first: 20) { nodes { name services organization { name } } } }", false),
    ("{ viewer { roles scopes organization { name } } }", true),
];

/// Mixed reads over HTTP, on connections that stay open.
pub(crate) async fn serving(db: TestDatabase) {
    let kind = db.kind;
    let place = Installation::over(db);
    let many = |number| sized(number).to_string();
    let plan = ["demo", "load", "--clients", &many(1_000), "--workshops", &many(100), "--sessions", "10", "--registrations", &many(1_000)];
    place.run(&plan);
    let token = place.run(&["token", "--role", "COORDINATOR", "--organization", RECEIVER]);
    let server = place.serve().await;
    sleep(Duration::from_secs(1)).await;
    let at_rest = memory(&server, "VmRSS");
    let begun = Instant::now();
    let url = format!("http://{}/graphql", place.address);
    let times = join_all((0..CONNECTIONS).map(|number| asking(&url, &token, number, begun))).await.concat();
    let (took, answered) = (begun.elapsed().as_secs_f64(), times.len());
    let peak = memory(&server, "VmHWM");
    sleep(Duration::from_secs(2)).await;
    let after = memory(&server, "VmRSS");
    let times = Times::of(times);
    let (rate, half, most) = (answered as f64 / took, ms(times.at(50)), ms(times.at(99)));
    println!("{kind:?}: {CONNECTIONS} connections: {rate:.0} reads a second, p50 {half}, p99 {most}");
    println!("{kind:?}: memory: {at_rest} at rest, {peak} at most, {after} after");
}

/// One connection, which asks for as long as it lasts. Gives how long each answer took.
async fn asking(url: &str, token: &str, number: usize, begun: Instant) -> Vec<Duration> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
    let mut times = Vec::new();
    for (document, known) in READS.iter().cycle().skip(number) {
        if begun.elapsed() >= LASTS {
            break;
        }
        let asked = Instant::now();
        let mut request = client.post(url).json(&json!({ "query": document }));
        if *known {
            request = request.bearer_auth(token).header("x-purpose-of-use", "TREATMENT");
        }
        let answer = request.send().await.unwrap().text().await.unwrap();
        assert!(answer.starts_with("{\"data\":{") && !answer.contains("\"errors\""), "{answer}");
        times.push(asked.elapsed());
    }
    times
}

/// What the system says of the server's memory; Linux alone says it.
pub(crate) fn memory(server: &Server, which: &str) -> String {
    let said = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    let line = said.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.map_or_else(|| "not known (this is not Linux)".to_owned(), |kilobytes| format!("{} MB", kilobytes / 1024))
}
