//! The public schedule under load, over HTTP: told again, out of memory, and from the database, beside a handler that only returns the
//! same bytes. Each is a process of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use aftercare::clock::Clock;
use chrono::TimeDelta;
use entity::{
    RegistrationId, SessionId, TypedId, client, gathering, gathering_facilitator, organization, peer, registration, session,
    vocabulary::{AttendanceMode, GatheringKind, Modality, RegistrationStatus},
};
use kit::{
    databases::TestDatabase,
    program::{Installation, Server},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};

use crate::{
    lists::RECEIVER,
    load::{Asks, CONNECTIONS, post, steady},
    measure::{Times, ms, sized},
    memory::memory,
};

const WORKSHOPS: usize = sized(1_000);
const SESSIONS_EACH: usize = 10;
const PEOPLE: usize = sized(2_000);
const REGISTRATIONS: usize = sized(100_000);
/// How many rows are written with one statement: databases bound the number of its values.
const BATCH: usize = 400;
/// How long one load lasts, and how often each is put on in turns.
const LASTS: Duration = Duration::from_secs(sized(5) as u64);
const TURNS: usize = sized(5);
/// Registrations a second while the schedule is read.
const WRITES: u32 = 50;

/// The word by which this program knows that it only returns bytes.
const BARE: &str = "--bare";

const SOME: &str = "query($from: DateTime!, $topics: [String!], $after: String) { sessions(first: 20, after: $after,
    filter: { starts: { from: $from }, topics: $topics }) { nodes { id status startsAt endsAt localStart seatsLeftInPerson seatsLeftOnline waitlistOpen
        gathering { id title modality languages topics { code label } facilitators { displayName } } } pageInfo { hasNextPage endCursor } } }";

/// The load that is put on a server.
struct Load<'a> {
    what: &'a str,
    address: &'a str,
    asks: Asks,
}

/// Serves the bytes that it is handed, where this program was started to.
pub(crate) async fn served_bare() -> bool {
    if !std::env::args().any(|word| word == BARE) {
        return false;
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    let bytes = web::Bytes::from(bytes);
    // It reads what it is asked, or the connection could not serve another request.
    let answer = move |_: web::Bytes| {
        let bytes = bytes.clone();
        async move { HttpResponse::Ok().content_type("application/json; charset=utf-8").body(bytes) }
    };
    let server = HttpServer::new(move || App::new().route("/graphql", web::post().to(answer.clone()))).bind("127.0.0.1:0").unwrap();
    println!("{}", server.addrs()[0]);
    server.run().await.unwrap();
    true
}

/// A process that only returns these bytes, and where it listens.
fn bare(bytes: &str) -> (Child, String) {
    let mut run = Command::new(std::env::current_exe().unwrap());
    let mut child = run.arg(BARE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes.as_bytes()).unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    (child, address.trim().to_owned())
}

/// All that is measured of the schedule, on one database.
pub(crate) async fn serving(db: TestDatabase) {
    let kind = db.kind;
    let place = Installation::over(db);
    let number = |number: usize| number.to_string();
    place.run(&[
        "demo",
        "load",
        "--clients",
        &number(PEOPLE),
        "--workshops",
        &number(WORKSHOPS),
        "--sessions",
        &number(SESSIONS_EACH),
        "--registrations",
        "0",
    ]);
    let connection = place.database.connect().await;
    let seats = fill(&connection).await;
    place.database.tamper("ANALYZE").await;
    let from_database = Installation::beside(Arc::clone(&place.database)).with("AFTERCARE_SCHEDULE__IN_MEMORY", "false");
    let from_memory = Installation::beside(Arc::clone(&place.database)).with("AFTERCARE_SCHEDULE__ANSWERS_BYTES", "0");
    let (told, memory_only, database_only) = (place.serve().await, from_memory.serve().await, from_database.serve().await);
    for address in [&place.address, &from_memory.address] {
        in_memory(address).await;
    }
    let sessions = place.database.count("FROM session").await;
    println!("{kind:?}: {sessions} sessions, {} registrations", place.database.count("FROM registration").await);
    println!(
        "{kind:?}: memory at rest: {} with the schedule in memory, {} without",
        memory(&memory_only, "VmRSS"),
        memory(&database_only, "VmRSS")
    );

    let first = first_session(&connection).await;
    let same = json!({ "query": SOME, "variables": { "from": first } }).to_string();
    let answer = ask(&place.address, &same).await;
    println!("{kind:?}: an answer has {} bytes", answer.len());
    let (mut bare, bare_address) = bare(&answer);
    let ask_same = |address: &str| -> Asks {
        let request = post(address, &same);
        Arc::new(move |_| request.clone())
    };
    // No two alike: each from another moment on, and every second of a topic.
    let ask_other = |address: &str, salt: i64| -> Asks {
        let address = address.to_owned();
        Arc::new(move |number| {
            let from = first + TimeDelta::microseconds(salt * 1_000_000_000 + i64::try_from(number).unwrap());
            let topics = if number % 2 == 0 { json!(null) } else { json!(["COPING.STRESS", "RP.TRIGGERS"]) };
            post(&address, &json!({ "query": SOME, "variables": { "from": from, "topics": topics } }).to_string())
        })
    };
    let loads = [
        Load { what: "the same, told again", address: &place.address, asks: ask_same(&place.address) },
        Load { what: "a bare handler with the same bytes", address: &bare_address, asks: ask_same(&bare_address) },
    ];
    compare(&format!("{kind:?}"), &loads).await;
    bare.kill().unwrap();
    bare.wait().unwrap();
    let loads = [
        Load { what: "no two alike, from memory", address: &from_memory.address, asks: ask_other(&from_memory.address, 0) },
        Load { what: "the same from the database", address: &from_database.address, asks: ask_other(&from_database.address, 0) },
    ];
    compare(&format!("{kind:?}"), &loads).await;

    let fiftieth = page(&from_memory.address, first, sized(50)).await;
    let numbered = |address: &str, after: Value| -> Asks {
        let address = address.to_owned();
        Arc::new(move |_| post(&address, &json!({ "query": SOME, "variables": { "from": first, "after": after } }).to_string()))
    };
    let far = format!("page {}", sized(50));
    let loads = [
        Load { what: "the first page, from memory", address: &from_memory.address, asks: numbered(&from_memory.address, Value::Null) },
        Load { what: &far, address: &from_memory.address, asks: numbered(&from_memory.address, fiftieth) },
    ];
    compare(&format!("{kind:?}"), &loads).await;

    let token = place.run(&["token", "--role", "COORDINATOR", "--organization", RECEIVER]);
    let enough = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let writing = tokio::spawn(register(place.address.clone(), token, seats, Arc::clone(&enough)));
    let loads = [
        Load { what: "the same, while 50 register a second", address: &place.address, asks: ask_same(&place.address) },
        Load { what: "no two alike, likewise", address: &from_memory.address, asks: ask_other(&from_memory.address, 1) },
    ];
    compare(&format!("{kind:?}"), &loads).await;
    enough.store(true, Ordering::Relaxed);
    let rate = writing.await.unwrap() as f64 / begun.elapsed().as_secs_f64();
    println!("{kind:?}: {rate:.0} registrations a second meanwhile");
    drop::<[Server; 3]>([told, memory_only, database_only]);
}

/// Puts loads on in turns, and says how the first compares with the second.
async fn compare(kind: &str, loads: &[Load<'_>; 2]) {
    let mut rates = [Vec::new(), Vec::new()];
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..=TURNS {
        for (number, load) in loads.iter().enumerate() {
            let (rate, took) = steady(load.address, LASTS, &load.asks).await;
            // The first turn makes it warm.
            if turn > 0 {
                rates[number].push(rate);
                times[number].extend(took.all());
            }
        }
    }
    let median = |mut rates: Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    let (rates, times) = (rates.map(median), times.map(Times::of));
    for (load, (rate, times)) in loads.iter().zip(rates.iter().zip(&times)) {
        println!(
            "{kind}: {}: {rate:.0} a second over {CONNECTIONS} connections, p50 {}, p99 {}",
            load.what,
            ms(times.at(50)),
            ms(times.at(99))
        );
    }
    println!("{kind}: ratio {:.2}", rates[0] / rates[1]);
}

async fn ask(address: &str, body: &str) -> String {
    let asked = reqwest::Client::new().post(format!("http://{address}/graphql")).header("content-type", "application/json");
    let answer = asked.body(body.to_owned()).send().await.unwrap().text().await.unwrap();
    assert!(answer.starts_with("{\"data\":{") && !answer.contains("\"errors\""), "{answer}");
    answer
}

/// Waits until a server answers from memory: then its answers in an address have a tag.
async fn in_memory(address: &str) {
    let query = "%7Bworkshops(first:1)%7Bnodes%7Bid%7D%7D%7D";
    for _ in 0..6_000 {
        let asked = reqwest::get(format!("http://{address}/graphql?query={query}")).await.unwrap();
        if asked.headers().contains_key("etag") {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the schedule is not read into memory");
}

/// The cursor after which a page begins.
async fn page(address: &str, from: chrono::DateTime<chrono::Utc>, number: usize) -> Value {
    let mut after = Value::Null;
    for _ in 1..number {
        let answer = ask(address, &json!({ "query": SOME, "variables": { "from": from, "after": after } }).to_string()).await;
        after = serde_json::from_str::<Value>(&answer).unwrap()["data"]["sessions"]["pageInfo"]["endCursor"].clone();
    }
    after
}

async fn first_session(connection: &DatabaseConnection) -> chrono::DateTime<chrono::Utc> {
    #[expect(clippy::disallowed_methods, reason = "a benchmark looks at rows")]
    let first = session::Entity::find().order_by_asc(session::Column::StartsAt).one(connection).await;
    first.unwrap().unwrap().starts_at
}

/// Has peers lead what there is, and people come, as the rows that it would be. Gives who is registered nowhere, and where they can be.
#[expect(clippy::disallowed_methods, reason = "a benchmark makes rows that nobody asked for")]
async fn fill(connection: &DatabaseConnection) -> Vec<(String, String)> {
    let peers = peer::Entity::find().all(connection).await.unwrap();
    let gatherings = gathering::Entity::find().all(connection).await.unwrap();
    let leads = gatherings.iter().enumerate().filter_map(|(number, row)| {
        let of_program: Vec<_> = peers.iter().filter(|peer| Some(peer.organization_id) == row.organization_id).collect();
        let leader = of_program.get(number % of_program.len().max(1))?;
        Some(gathering_facilitator::ActiveModel {
            organization_id: Set(leader.organization_id),
            gathering_id: Set(row.id),
            peer_id: Set(leader.id),
            place: Set(0),
        })
    });
    gathering_facilitator::Entity::insert_many(leads.collect::<Vec<_>>()).exec_without_returning(connection).await.unwrap();
    let organization =
        organization::Entity::find().filter(organization::Column::Name.eq(RECEIVER)).one(connection).await.unwrap().unwrap().id;
    let clients = client::Entity::find().filter(client::Column::OrganizationId.eq(organization)).all(connection).await.unwrap();
    // Where people come online; and not to groups, for whose seats some wait already.
    let online = |row: &&gathering::Model| row.kind == GatheringKind::Workshop && row.modality != Modality::InPerson;
    let workshops: Vec<_> = gatherings.iter().filter(online).map(|row| row.id).collect();
    let sessions = session::Entity::find().filter(session::Column::OrganizationId.eq(organization));
    let sessions = sessions.filter(session::Column::GatheringId.is_in(workshops)).order_by_asc(session::Column::StartsAt);
    let sessions: Vec<SessionId> = sessions.all(connection).await.unwrap().into_iter().map(|session| session.id).collect();
    // Some come to everything, and the others to nothing yet.
    let each = REGISTRATIONS.div_ceil(sessions.len());
    let (coming, others) = clients.split_at(each.min(clients.len() / 2));
    let pairs: Vec<_> =
        sessions.iter().flat_map(|session| coming.iter().map(move |client| (client.id, *session))).take(REGISTRATIONS).collect();
    let now = Clock::system().now();
    for some in pairs.chunks(BATCH) {
        let rows = some.iter().map(|(client, session)| registration::ActiveModel {
            id: Set(RegistrationId::new()),
            organization_id: Set(organization),
            session_id: Set(*session),
            client_id: Set(Some((*client).into())),
            attendance: Set(AttendanceMode::Online.into()),
            status: Set(RegistrationStatus::Registered.into()),
            seated: Set(true.into()),
            registered_at: Set(now),
            updated_at: Set(now),
            version: Set(1),
            ..Default::default()
        });
        registration::Entity::insert_many(rows).exec_without_returning(connection).await.unwrap();
    }
    let count = "UPDATE session SET registered_online = (SELECT COUNT(*) FROM registration WHERE registration.session_id = session.id)";
    sea_orm::ConnectionTrait::execute_unprepared(connection, count).await.unwrap();
    others
        .iter()
        .flat_map(|client| sessions.iter().rev().take(100).map(move |session| (client.id.to_string(), session.to_string())))
        .collect()
}

/// Registers people, so many a second, until it is enough. Gives how many.
async fn register(address: String, token: String, seats: Vec<(String, String)>, enough: Arc<AtomicBool>) -> usize {
    let document =
        "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) { registration { id } userErrors { code } } }";
    let client = reqwest::Client::new();
    let mut beat = interval(Duration::from_secs(1) / WRITES);
    let mut registering = JoinSet::new();
    for (who, session) in seats {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        beat.tick().await;
        let input = json!({ "sessionId": session, "registrant": { "clientId": who }, "attendance": "ONLINE", "despiteConflict": true });
        let body = json!({ "query": document, "variables": { "input": input } });
        let asked =
            client.post(format!("http://{address}/graphql")).bearer_auth(&token).header("x-purpose-of-use", "TREATMENT").json(&body);
        registering.spawn(async move {
            let answer = asked.send().await.unwrap().text().await.unwrap();
            assert!(answer.contains("\"userErrors\":[]"), "{answer}");
        });
    }
    registering.join_all().await.len()
}
