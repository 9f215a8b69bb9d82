//! The server is killed under load, again and again: what it said is done is done, once, and what it did not say can be asked again.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use futures_util::future::join_all;
use kit::databases::TestDatabase;
use serde_json::{Value, json};
use tokio::time::sleep;

const ROUNDS: usize = 8;
const WORKERS: usize = 4;
const CREATE: &str = "mutation($name: String!) { programCreate(input: { name: $name }) { program { id } userErrors { code } } }";

/// The program itself, beside the test's executable; made when it is missing or older than the tests.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap();
    let binary = folder.join(format!("aftercare{}", std::env::consts::EXE_SUFFIX));
    let written = |file: &Path| file.metadata().and_then(|file| file.modified()).ok();
    if written(&binary) < written(&own) {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "aftercare"]).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        build.arg("--target-dir").arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the program builds");
    }
    binary
}

/// An installation: the program, its database and its address.
struct Installation {
    binary: PathBuf,
    database: TestDatabase,
    address: String,
}

impl Installation {
    fn new() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { binary: binary(), database: TestDatabase::sqlite(), address: free.to_string() }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(self.database.folder()).stdin(Stdio::null());
        command.env("AFTERCARE_DATABASE__URL", &self.database.url).env("AFTERCARE_LISTEN", &self.address);
        command.env("AFTERCARE_KEYS_DIR", self.database.folder().join("keys")).env("AFTERCARE_ENV", "development");
        command.env("AFTERCARE_METRICS_LISTEN", "off").env("AFTERCARE_RATE_LIMIT__PER_SECOND", "0");
        command
    }

    fn run(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        assert!(status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap().trim().to_owned()
    }

    /// Starts the server and waits until it answers.
    async fn serve(&self) -> Server {
        let log = std::fs::File::create(self.database.folder().join("log")).unwrap();
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut server = Server(child);
        for _ in 0..600 {
            if reqwest::get(format!("http://{}/healthz", self.address)).await.is_ok() {
                return server;
            }
            let log = || std::fs::read_to_string(self.database.folder().join("log")).unwrap();
            assert!(server.0.try_wait().unwrap().is_none(), "the server ended: {}", log());
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not answer");
    }

    /// Asks for a program, with its name as the key. Gives its id, and whether it is told again; nothing when no answer came.
    async fn create(&self, client: &reqwest::Client, token: &str, name: &str) -> Option<(String, bool)> {
        let body = json!({ "query": CREATE, "variables": { "name": name } });
        let request = client.post(format!("http://{}/graphql", self.address)).bearer_auth(token);
        let answer = request.header("idempotency-key", name).json(&body).send().await.ok()?;
        let replayed = answer.headers().contains_key("idempotency-replayed");
        let body: Value = answer.json().await.ok()?;
        let id = body["data"]["programCreate"]["program"]["id"].as_str();
        Some((id.unwrap_or_else(|| panic!("{name}: {body}")).to_owned(), replayed))
    }
}

/// A running server, which does not outlive its test.
struct Server(Child);

impl Drop for Server {
    /// SIGKILL: it hears nothing of it.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_once_after_every_crash() {
    let place = Installation::new();
    place.run(&["demo", "load", "--clients", "1"]);
    let token = place.run(&["token", "--role", "ADMINISTRATOR", "--organization", "Open Door Recovery"]);
    let (mut acknowledged, mut unanswered, mut recovered) = (BTreeMap::<String, String>::new(), Vec::<String>::new(), 0);

    for round in 0..ROUNDS {
        let server = place.serve().await;
        let client = reqwest::Client::new();
        for name in std::mem::take(&mut unanswered) {
            let (id, replayed) = place.create(&client, &token, &name).await.expect("an idle server answers");
            recovered += usize::from(replayed);
            acknowledged.insert(name, id);
        }
        let load = join_all((0..WORKERS).map(|worker| {
            let (place, client, token) = (&place, &client, &token);
            async move {
                let mut done = Vec::new();
                for n in 0.. {
                    let name = format!("Program {round}.{worker}.{n}");
                    match place.create(client, token, &name).await {
                        Some((id, _)) => done.push((name, id)),
                        None => return (done, name),
                    }
                }
                unreachable!("there is always another number")
            }
        }));
        let kill = async {
            sleep(Duration::from_millis(150 + 37 * round as u64)).await;
            drop(server);
        };
        for (done, last) in futures_util::future::join(load, kill).await.0 {
            acknowledged.extend(done);
            unanswered.push(last);
        }
    }

    let server = place.serve().await;
    let client = reqwest::Client::new();
    for name in unanswered {
        let (id, _) = place.create(&client, &token, &name).await.expect("an idle server answers");
        acknowledged.insert(name, id);
    }
    for (name, id) in acknowledged.iter().step_by(7) {
        assert_eq!(place.create(&client, &token, name).await, Some((id.clone(), true)), "the answer is kept over the crash");
    }
    drop(server);
    let names = place.database.texts("SELECT name FROM program WHERE name LIKE 'Program %' ORDER BY name").await;
    assert_eq!(names, acknowledged.keys().cloned().collect::<Vec<_>>(), "each once, and none that nobody asked for");
    assert!(names.len() > ROUNDS * WORKERS, "there was a load");
    let with_one_event = "FROM program WHERE name LIKE 'Program %' AND
        (SELECT COUNT(*) FROM event WHERE event.subject_id = program.id) = 1 AND
        (SELECT COUNT(*) FROM audit_event WHERE audit_event.subject_id = program.id AND action <> 'READ') = 1";
    assert_eq!(place.database.count(with_one_event).await, names.len());
    let whole = place.run(&["verify"]);
    assert!(whole.starts_with("the chains hold"), "{whole}");
    println!("{} programs, {recovered} done and unanswered; {whole}", names.len());
}
