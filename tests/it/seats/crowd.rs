//! Many people over few seats, on two processes over one database, of which one is killed: no seat is taken twice, the line keeps its order,
//! and each registration tells how it came to stand where it does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aftercare::clock::Clock;
use futures_util::future::{join, join_all};
use kit::{
    databases::{TestDatabase, say_skipped},
    program::Installation,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::sleep;

/// Who asks at once, how often each, and how many there are to ask for.
const WORKERS: usize = 20;
const TURNS: usize = 15;
const SESSIONS: usize = 20;
const SEATS: i32 = 2;
const CLIENTS: usize = 60;
/// After how many answers a process is killed.
const KILLED_AT: [usize; 3] = [60, 140, 220];

const REGISTER: &str = "mutation($session: ID!, $client: ID!) { done: registrationCreate(input: { sessionId: $session,
    registrant: { clientId: $client }, despiteConflict: true }) { registration { id status } userErrors { code } } }";
const CANCEL: &str = "mutation($id: ID!) { done: registrationCancel(id: $id) { registration { id status } userErrors { code } } }";
const ACCEPT: &str = "mutation($id: ID!) { done: registrationAcceptOffer(id: $id) { registration { id status } userErrors { code } } }";
const MINE: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Registration { id status } } }";

struct Crowd<'a> {
    places: &'a [Installation; 2],
    http: reqwest::Client,
    token: String,
    answers: AtomicUsize,
}

impl Crowd<'_> {
    /// Asks one of the two, and the other when it does not answer: the key tells a repetition.
    async fn ask(&self, first: usize, key: Option<&str>, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        for turn in 0..2_000 {
            let place = &self.places[(first + turn) % 2];
            let mut request = self.http.post(format!("http://{}/graphql", place.address)).bearer_auth(&self.token).json(&body);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            if let Ok(answer) = request.send().await
                && let Ok(body) = answer.json::<Value>().await
                && body["errors"].is_null()
            {
                self.answers.fetch_add(1, Ordering::Relaxed);
                return body["data"].clone();
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody answers {query}");
    }

    /// What one of the crowd does: registers people, looks at what became of them, accepts what is offered, and leaves again.
    async fn worker(&self, number: usize, sessions: &[String], clients: &[String]) {
        let mut random = StdRng::seed_from_u64(number as u64);
        let mut own: Vec<String> = Vec::new();
        for turn in 0..TURNS {
            let key = format!("{number}.{turn}");
            let looked = self.ask(number + turn, None, MINE, json!({ "ids": own })).await;
            let offered = looked["nodes"].as_array().into_iter().flatten().find(|one| one["status"] == "OFFERED");
            let done = match offered {
                Some(one) if random.random_bool(0.8) => self.ask(number + turn, Some(&key), ACCEPT, json!({ "id": one["id"] })).await,
                _ if !own.is_empty() && random.random_bool(0.35) => {
                    let id = own.swap_remove(random.random_range(0..own.len()));
                    self.ask(number + turn, Some(&key), CANCEL, json!({ "id": id })).await
                }
                _ => {
                    let session = &sessions[random.random_range(0..sessions.len())];
                    let client = &clients[random.random_range(0..clients.len())];
                    let made = self.ask(number + turn, Some(&key), REGISTER, json!({ "session": session, "client": client })).await;
                    own.extend(made["done"]["registration"]["id"].as_str().map(str::to_owned));
                    made
                }
            };
            let refused = done["done"]["userErrors"][0]["code"].as_str();
            assert!(matches!(refused, None | Some("ALREADY_EXISTS")), "{done}");
        }
    }
}

/// One step of one registration, as the database has it.
#[derive(Debug)]
struct Step {
    session: String,
    version: i32,
    status: String,
    at: String,
    since: String,
}

async fn steps(database: &TestDatabase) -> BTreeMap<String, Vec<Step>> {
    let all =
        "SELECT CAST(r.id AS TEXT) || ' ' || CAST(r.session_id AS TEXT) || ' ' || CAST(s.version AS TEXT) || ' ' || s.status || ' ' ||
        replace(CAST(s.at AS TEXT), ' ', 'T') || ' ' || replace(COALESCE(CAST(r.waiting_since AS TEXT), '-'), ' ', 'T')
        FROM registration r JOIN registration_step s ON s.registration_id = r.id ORDER BY r.id, s.version";
    let mut by_registration: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for row in database.texts(all).await {
        let [id, session, version, status, at, since] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let owned = str::to_owned;
        let step =
            Step { session: owned(session), version: version.parse().unwrap(), status: owned(status), at: owned(at), since: owned(since) };
        by_registration.entry(owned(id)).or_default().push(step);
    }
    by_registration
}

/// Whoever is offered a seat was the first of those who waited then.
fn assert_order_of_the_line(steps: &BTreeMap<String, Vec<Step>>) -> usize {
    let mut offers = 0;
    let offered = steps.iter().flat_map(|(id, all)| all.iter().filter(|step| step.status == "OFFERED").map(move |step| (id, step)));
    for (id, offer) in offered {
        offers += 1;
        for (other, all) in steps.iter().filter(|(other, all)| *other != id && all[0].session == offer.session) {
            let waits = |pair: &[Step]| pair[0].status == "WAITLISTED" && pair[0].at < offer.at && pair[1].at > offer.at;
            let still = all.last().is_some_and(|last| last.status == "WAITLISTED" && last.at < offer.at);
            let earlier = all[0].since < offer.since;
            assert!(!(earlier && (still || all.windows(2).any(waits))), "{other} waited before {id}: {all:?} {offer:?}");
        }
    }
    offers
}

async fn three_hundred_on_two_processes(database: TestDatabase) {
    let database = Arc::new(database);
    let places = [Installation::beside(Arc::clone(&database)), Installation::beside(Arc::clone(&database))];
    let (clients, none) = (CLIENTS.to_string(), "0");
    places[0].run(&["demo", "load", "--clients", &clients, "--workshops", none, "--registrations", none]);
    let token = places[0].run(&["token", "--role", "COORDINATOR", "--organization", "Open Door Recovery"]);
    let crowd = Crowd { places: &places, http: reqwest::Client::new(), token, answers: AtomicUsize::new(0) };
    let mut servers = [Some(places[0].serve().await), Some(places[1].serve().await)];

    let found =
        crowd.ask(0, None, "{ programs { nodes { id name } } clients(first: 100) { nodes { id programs { id } } } }", json!({})).await;
    let nodes = |of: &str| found[of]["nodes"].as_array().unwrap().clone();
    let program = nodes("programs").into_iter().find(|program| program["name"] == "Open Door Peer Support").unwrap()["id"].clone();
    let clients: Vec<_> = nodes("clients").iter().map(|client| client["id"].as_str().unwrap().to_owned()).collect();
    let create = "mutation($input: WorkshopCreateInput!) { workshopCreate(input: $input) { workshop { id sessions(first: 100) { nodes { id } } } userErrors { message } } }";
    let day = (Clock::system().now() + chrono::TimeDelta::days(20)).format("%Y-%m-%d").to_string();
    let input = json!({ "programId": program, "title": "Few seats", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC", "capacityOnline": SEATS,
        "startsOn": day, "startTime": "18:00", "minutes": 60, "recurrence": format!("FREQ=DAILY;COUNT={SESSIONS}") });
    let made = crowd.ask(0, None, create, json!({ "input": input })).await;
    let workshop = &made["workshopCreate"]["workshop"];
    let sessions: Vec<_> =
        workshop["sessions"]["nodes"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(sessions.len(), SESSIONS, "{made}");
    let publish = "mutation($id: ID!) { workshopPublish(id: $id) { userErrors { message } } }";
    crowd.ask(0, None, publish, json!({ "id": workshop["id"] })).await;

    crowd.answers.store(0, Ordering::Relaxed);
    let kill = async {
        for (turn, at) in KILLED_AT.into_iter().enumerate() {
            while crowd.answers.load(Ordering::Relaxed) < 2 * at {
                sleep(Duration::from_millis(1)).await;
            }
            drop(servers[turn % 2].take());
            servers[turn % 2] = Some(places[turn % 2].serve().await);
        }
    };
    join(join_all((0..WORKERS).map(|number| crowd.worker(number, &sessions, &clients))), kill).await;
    while database.count("FROM event WHERE position IS NULL").await > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    drop(servers);

    let counted = "(SELECT COUNT(*) FROM registration r WHERE r.session_id = session.id AND";
    let wrong = format!(
        "FROM session WHERE registered_online <> {counted} r.seated) OR registered_online > {SEATS} OR registered_online < 0
            OR waiting <> {counted} NOT r.seated AND r.status IN ('WAITLISTED', 'OFFERED'))
            OR (waiting > 0 AND registered_online < {SEATS})"
    );
    assert_eq!(database.count(&wrong).await, 0, "what is counted is what is there, and nobody waits where a seat is free");
    let steps = steps(&database).await;
    for (id, all) in &steps {
        assert!(all.iter().enumerate().all(|(at, step)| step.version == at as i32 + 1), "{id}: every change is told: {all:?}");
        for pair in all.windows(2) {
            let allowed: &[&str] = match pair[0].status.as_str() {
                "REGISTERED" => &["CANCELLED"],
                "WAITLISTED" => &["OFFERED", "CANCELLED"],
                "OFFERED" => &["REGISTERED", "CANCELLED"],
                _ => &[],
            };
            assert!(allowed.contains(&pair[1].status.as_str()), "{id}: {all:?}");
        }
    }
    let told =
        "FROM registration r WHERE NOT EXISTS (SELECT 1 FROM registration_step s WHERE s.registration_id = r.id AND s.version = r.version
        AND s.status = r.status)";
    assert_eq!(database.count(told).await, 0, "the last step is where it stands");
    let events = database.count("FROM event WHERE kind IN ('REGISTRATION_CHANGED', 'REGISTRATION_OFFERED')").await;
    assert_eq!(events, steps.values().map(Vec::len).sum::<usize>(), "each step has one event");
    let offers = assert_order_of_the_line(&steps);
    assert!(steps.len() > 100 && offers > 5, "there was a crowd: {} registrations, {offers} offers", steps.len());
    let twice = "FROM (SELECT session_id, client_id FROM registration WHERE status <> 'CANCELLED' GROUP BY session_id, client_id HAVING COUNT(*) > 1) AS twice";
    assert_eq!(database.count(twice).await, 0);
    let whole = places[0].run(&["verify"]);
    assert!(whole.starts_with("the chains hold"), "{whole}");
}

/// SQLite has one process.
#[tokio::test]
async fn three_hundred_over_twenty_sessions_on_two_processes_of_which_one_is_killed() {
    match TestDatabase::postgresql() {
        Some(database) => Box::pin(three_hundred_on_two_processes(database)).await,
        None => say_skipped(),
    }
}
