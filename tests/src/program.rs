//! The program itself, run as a user runs it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::sleep;

use crate::databases::TestDatabase;

/// The program, beside the test's executable; made when it is missing or older than the tests.
fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("we run");
    let folder = own.parent().and_then(Path::parent).expect("we lie in a folder of cargo's");
    let binary = folder.join(format!("aftercare{}", std::env::consts::EXE_SUFFIX));
    let written = |file: &Path| file.metadata().and_then(|file| file.modified()).ok();
    // One makes it while the others wait.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if written(&binary) < written(&own) {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        // With the tests' own features, or cargo would compile the server and half of its dependencies once more for it.
        build
            .args(["build", "--quiet", "-p", "aftercare", "-p", "aftercare-tests", "--bin", "aftercare"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        build.arg("--target-dir").arg(folder.parent().expect("it lies in the target folder"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success(), "the program builds");
        // Cargo leaves a program that is up to date as it is.
        let _ = std::fs::File::open(&binary).and_then(|file| file.set_modified(std::time::SystemTime::now()));
    }
    binary
}

/// An installation: the program, its database and its address.
#[derive(Debug)]
pub struct Installation {
    binary: PathBuf,
    /// Its database.
    pub database: Arc<TestDatabase>,
    /// Where it listens.
    pub address: String,
    settings: Vec<(String, String)>,
}

impl Installation {
    /// One over a migrated database, not started yet.
    ///
    /// # Panics
    /// When the program cannot be made.
    pub fn over(database: TestDatabase) -> Self {
        Self::beside(Arc::new(database))
    }

    /// Likewise over a database that somebody else uses too.
    ///
    /// # Panics
    /// When the program cannot be made.
    pub fn beside(database: Arc<TestDatabase>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port is free");
        Self { binary: binary(), database, address: free.to_string(), settings: Vec::new() }
    }

    /// The same with a setting, as an `AFTERCARE_*` variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(self.database.folder()).stdin(Stdio::null());
        command.env("AFTERCARE_DATABASE__URL", &self.database.url).env("AFTERCARE_LISTEN", &self.address);
        command.env("AFTERCARE_KEYS_DIR", self.database.folder().join("keys")).env("AFTERCARE_ENV", "development");
        command.env("AFTERCARE_METRICS_LISTEN", "off").env("AFTERCARE_RATE_LIMIT__PER_SECOND", "0");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command that succeeds. Gives what it answers.
    ///
    /// # Panics
    /// When it fails.
    pub fn run(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(words).output().expect("the program starts");
        assert!(status.success(), "{words:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("it answers in UTF-8").trim().to_owned()
    }

    /// Runs a command that fails. Gives what it complains about.
    ///
    /// # Panics
    /// When it succeeds.
    pub fn refused(&self, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(words).output().expect("the program starts");
        assert!(!status.success(), "{words:?} is refused, and it answered {}", String::from_utf8_lossy(&stdout));
        String::from_utf8(stderr).expect("it complains in UTF-8").trim().to_owned()
    }

    /// Runs a script as somebody does who has this program on their path, in an empty folder. `$AFTERCARE` is where it listens. Gives
    /// what it answers.
    ///
    /// # Panics
    /// When it fails.
    pub fn script(&self, script: &str, folder: &Path) -> String {
        let own = self.command(&[]);
        let program = self.binary.parent().expect("it lies in a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(program.to_owned()).chain(std::env::split_paths(&path));
        let mut shell = Command::new("bash");
        shell.args(["-eu", "-c", script]).current_dir(folder).stdin(Stdio::null());
        shell.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("PATH", std::env::join_paths(path).expect("a path has no colon")).env("AFTERCARE", format!("http://{}", self.address));
        let Output { status, stdout, stderr } = shell.output().expect("bash is there");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{stdout}\n{stderr}");
        stdout.into_owned()
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub async fn serve(&self) -> Server {
        let path = self.database.folder().join(format!("log-{}", self.address.replace(':', "-")));
        let log = std::fs::File::create(&path).expect("its log can be made");
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(log).spawn().expect("the program starts");
        let mut server = Server(child);
        for _ in 0..3000 {
            if reqwest::get(format!("http://{}/healthz", self.address)).await.is_ok() {
                return server;
            }
            let log = || std::fs::read_to_string(&path).unwrap_or_default();
            let ended = server.0.try_wait().expect("it can be asked");
            assert!(ended.is_none(), "the server ended: {}", log());
            sleep(Duration::from_millis(10)).await;
        }
        panic!("the server does not answer");
    }
}

/// A running server, which does not outlive its test.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Its process, as the system numbers it.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    /// SIGKILL: it hears nothing of it.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
