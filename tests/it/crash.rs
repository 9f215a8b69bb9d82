//! The server is killed under load, again and again: what it said is done is done, once and whole, and what it did not say can be
//! asked again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};
use kit::{databases::TestDatabase, on_both, program::Installation};
use serde_json::{Value, json};
use tokio::time::sleep;

const ROUNDS: usize = 30;
/// How many mutations of a round are answered at least.
const LEAST: usize = 8;
const WORKERS: usize = 4;
const PROGRAM: &str =
    "mutation($name: String!) { made: programCreate(input: { name: $name }) { row: program { id } userErrors { code } } }";
const CLIENT: &str = "mutation($name: String!, $program: ID!) { made: clientCreate(input: { givenName: \"Ada\", familyName: $name,
    dateOfBirth: \"1980-12-10\", contactMethods: [], programIds: [$program] }) { row: client { id } userErrors { code } } }";

/// Two people who work at the server, and what they were told.
struct Load<'a> {
    place: &'a Installation,
    http: reqwest::Client,
    administrator: String,
    coordinator: String,
    /// Where the clients go.
    program: String,
    acknowledged: BTreeMap<String, String>,
    unanswered: Vec<String>,
    /// How many answers came.
    answers: AtomicUsize,
}

impl Load<'_> {
    async fn ask(&self, token: &str, key: Option<&str>, body: &Value) -> Option<(Value, bool)> {
        let mut request = self.http.post(format!("http://{}/graphql", self.place.address)).bearer_auth(token).json(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.send().await.ok()?;
        let replayed = answer.headers().contains_key("idempotency-replayed");
        Some((answer.json().await.ok()?, replayed))
    }

    /// Asks for a program or a client, as the name says, with the name as the key. Gives its id, and whether it is told again; nothing
    /// when no answer came.
    async fn make(&self, name: &str) -> Option<(String, bool)> {
        let (token, query) = if name.starts_with("Program") { (&self.administrator, PROGRAM) } else { (&self.coordinator, CLIENT) };
        let body = json!({ "query": query, "variables": { "name": name, "program": self.program } });
        let (body, replayed) = self.ask(token, Some(name), &body).await?;
        let id = body["data"]["made"]["row"]["id"].as_str();
        self.answers.fetch_add(1, Ordering::Relaxed);
        Some((id.unwrap_or_else(|| panic!("{name}: {body}")).to_owned(), replayed))
    }

    /// Asks again for what was not answered: done or not, it is answered now.
    async fn ask_again(&mut self) {
        for name in std::mem::take(&mut self.unanswered) {
            let (id, _) = self.make(&name).await.expect("an idle server answers");
            self.acknowledged.insert(name, id);
        }
    }

    /// Asks as fast as it can until no answer comes.
    async fn until_the_end(&self, round: usize, worker: usize) -> (Vec<(String, String)>, String) {
        let kind = if worker.is_multiple_of(2) { "Program" } else { "Client" };
        let mut done = Vec::new();
        for n in 0.. {
            let name = format!("{kind} {round}.{worker}.{n}");
            match self.make(&name).await {
                Some((id, _)) => done.push((name, id)),
                None => return (done, name),
            }
        }
        unreachable!("there is always another number")
    }

    fn ids_of(&self, kind: &str) -> BTreeSet<&str> {
        self.acknowledged.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, id)| id.as_str()).collect()
    }
}

/// Every row has one event and one audit entry of its making, and every one of these a row.
async fn nothing_is_half(database: &TestDatabase, table: &str, prefix: &str, kind: &str) {
    let one = |log: &str, column: &str| format!("(SELECT COUNT(*) FROM {log} WHERE subject_id = {table}.id AND {column} = '{kind}') = 1");
    let whole = format!("FROM {table} WHERE {} AND {}", one("event", "kind"), one("audit_event", "action"));
    assert_eq!(database.count(&whole).await, database.count(&format!("FROM {table}")).await, "each {table} was made once");
    for log in ["event", "audit_event"] {
        let without = format!("FROM {log} WHERE subject_kind = '{prefix}' AND subject_id NOT IN (SELECT id FROM {table})");
        assert_eq!(database.count(&without).await, 0, "no {log} without its {table}");
    }
}

/// The identities of all clients, with the coordinator's eyes.
async fn identities(load: &Load<'_>) -> Vec<String> {
    let query = "query($after: String) { clients(first: 100, after: $after) { nodes { identity { familyName } } pageInfo { endCursor hasNextPage } } }";
    let (mut names, mut after) = (Vec::new(), Value::Null);
    loop {
        let body = json!({ "query": query, "variables": { "after": after } });
        let (answer, _) = load.ask(&load.coordinator, None, &body).await.expect("it answers");
        let clients = &answer["data"]["clients"];
        let nodes = clients["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
        names.extend(nodes.iter().map(|node| node["identity"]["familyName"].as_str().expect("its key is there").to_owned()));
        if clients["pageInfo"]["hasNextPage"] != true {
            return names;
        }
        after = clients["pageInfo"]["endCursor"].clone();
    }
}

on_both! {
    async fn what_was_acknowledged_is_there_once_and_whole_after_thirty_crashes(db: TestDatabase) {
        let place = Installation::over(db);
        place.run(&["demo", "load", "--clients", "1"]);
        let token = |role: &str| place.run(&["token", "--role", role, "--organization", "Open Door Recovery"]);
        let mut load = Load {
            place: &place,
            http: reqwest::Client::new(),
            administrator: token("ADMINISTRATOR"),
            coordinator: token("COORDINATOR"),
            program: String::new(),
            acknowledged: BTreeMap::new(),
            unanswered: Vec::new(),
            answers: AtomicUsize::new(0),
        };
        let (programs, clients) = (place.database.count("FROM program").await, place.database.count("FROM client").await);

        for round in 0..ROUNDS {
            let server = place.serve().await;
            if load.program.is_empty() {
                let (answer, _) = load.ask(&load.coordinator, None, &json!({ "query": "{ programs { nodes { id name } } }" })).await.unwrap();
                let nodes = answer["data"]["programs"]["nodes"].as_array().unwrap();
                let own = nodes.iter().find(|node| node["name"] == "Open Door Peer Support").unwrap();
                load.program = own["id"].as_str().unwrap().to_owned();
            }
            load.ask_again().await;
            // In the middle of the load however slow the machine is, and each time at another point of a mutation.
            let enough = load.answers.load(Ordering::Relaxed) + LEAST + round % 8;
            let kill = async {
                while load.answers.load(Ordering::Relaxed) < enough {
                    sleep(Duration::from_millis(1)).await;
                }
                sleep(Duration::from_micros(700 * round as u64)).await;
                drop(server);
            };
            let workers = join_all((0..WORKERS).map(|worker| load.until_the_end(round, worker)));
            for (done, last) in join(workers, kill).await.0 {
                load.acknowledged.extend(done);
                load.unanswered.push(last);
            }
        }

        let server = place.serve().await;
        load.ask_again().await;
        for (name, id) in load.acknowledged.iter().step_by(11) {
            assert_eq!(load.make(name).await, Some((id.clone(), true)), "the answer is kept over the crash");
        }
        let mut names = identities(&load).await;
        names.retain(|name| name.starts_with("Client"));
        names.sort();
        let wanted: Vec<_> = load.acknowledged.keys().filter(|name| name.starts_with("Client")).cloned().collect();
        assert_eq!(names, wanted, "each once, none that nobody asked for, and the key of each was there before it");
        while place.database.count("FROM event WHERE position IS NULL").await > 0 {
            sleep(Duration::from_millis(20)).await;
        }
        drop(server);

        let names = place.database.texts("SELECT name FROM program WHERE name LIKE 'Program %' ORDER BY name").await;
        assert_eq!(names, load.acknowledged.keys().filter(|name| name.starts_with("Program")).cloned().collect::<Vec<_>>());
        assert_eq!(place.database.count("FROM program").await, programs + load.ids_of("Program").len());
        assert_eq!(place.database.count("FROM client").await, clients + load.ids_of("Client").len());
        assert!(load.acknowledged.len() >= LEAST * ROUNDS, "there was a load");
        nothing_is_half(&place.database, "program", "prg", "PROGRAM_CHANGED").await;
        nothing_is_half(&place.database, "client", "cli", "CLIENT_CREATED").await;
        let whole = place.run(&["verify"]);
        assert!(whole.starts_with("the chains hold"), "{whole}");
    }
}
