//! A private PostgreSQL server for one process of tests, of the programs on this machine.
//!
//! A small shell guards it: it waits for the end of its standard input, which comes when the test process ends, however it ends;
//! then it stops the server and removes the folder. No port is taken: the server listens on a socket in that folder.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use url::Url;

const PREFIX: &str = "aftercare-postgresql-";

/// A folder this old whose process is gone was left by a guard that was killed.
const STALE: Duration = Duration::from_secs(6 * 60 * 60);

/// `$1` the server, `$2` its folder. An interrupt from the keyboard goes to the whole group: the guard must outlive it to tidy up.
const GUARD: &str = r#"
trap '' INT TERM HUP
"$1" -D "$2/data" -k "$2" -c listen_addresses='' -c max_connections=400 -c shared_buffers=64MB -c fsync=off \
    -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off -c timezone=UTC >"$2/log" 2>&1 &
server=$!
read -r _
kill -QUIT "$server"
wait "$server"
rm -rf "$2"
"#;

/// A running server. It ends with this process.
pub(super) struct Cluster {
    folder: PathBuf,
    /// Its standard input is what the guard waits on.
    _guard: Child,
}

impl Cluster {
    /// Makes and starts one, or says why not.
    pub(super) fn start() -> Result<Self, String> {
        let programs = programs().ok_or("no initdb and postgres on PATH or under /usr/lib/postgresql")?;
        remove_stale();
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir()
            .map_err(|error| format!("no temporary folder: {error}"))?;
        let servant = Servant::for_owner_of(&folder)?;

        let mut initdb = servant.command(&programs.join("initdb"));
        initdb.arg("-D").arg(folder.path().join("data"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let made = initdb.output().map_err(|error| format!("initdb does not start: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim()));
        }

        let mut guard = servant.command(Path::new("/bin/sh"));
        guard.args(["-c", GUARD, "guard"]).arg(programs.join("postgres")).arg(folder.path());
        let guard = guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let guard = guard.map_err(|error| format!("sh does not start: {error}"))?;
        Ok(Self { folder: folder.keep(), _guard: guard })
    }

    /// Where it will answer.
    pub(super) fn url(&self) -> Url {
        let mut url = Url::parse("postgres://postgres@localhost/postgres").expect("it is a URL");
        url.query_pairs_mut().append_pair("host", &self.folder.display().to_string());
        url
    }
}

/// The folder with both programs: the newest version installed, or what PATH names.
fn programs() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    let on_path = std::env::var_os("PATH").and_then(|path| std::env::split_paths(&path).find(complete));
    on_path.or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin"));
        versions.filter(complete).max_by_key(|folder| version_of(folder))
    })
}

fn version_of(programs: &Path) -> Option<u32> {
    programs.parent()?.file_name()?.to_str()?.parse().ok()
}

/// As whom the server runs: PostgreSQL refuses to be root.
struct Servant(Vec<String>);

impl Servant {
    /// Nobody else for a common user; for root somebody without rights, who is given the folder.
    fn for_owner_of(folder: &TempDir) -> Result<Self, String> {
        let owner = fs::metadata(folder.path()).map_err(|error| error.to_string())?.uid();
        if owner != 0 {
            return Ok(Self(Vec::new()));
        }
        let (name, user, group) = ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some((name, id_of("-u", name)?, id_of("-g", name)?)))
            .ok_or("we are root, which PostgreSQL refuses to be, and there is no user postgres or nobody")?;
        chown(folder.path(), Some(user), Some(group)).map_err(|error| format!("the folder cannot be given to {name}: {error}"))?;
        let words = if runs("setpriv") {
            vec!["setpriv".into(), format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into(), "--".into()]
        } else {
            vec!["runuser".into(), "-u".into(), name.into(), "--".into()]
        };
        Ok(Self(words))
    }

    fn command(&self, program: &Path) -> Command {
        let mut words = self.0.iter();
        let mut command = match words.next() {
            None => Command::new(program),
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(program);
                command
            }
        };
        // The present folder may be closed to the servant.
        command.current_dir("/").stdin(Stdio::null());
        command
    }
}

fn id_of(kind: &str, user: &str) -> Option<u32> {
    let Output { status, stdout, .. } = Command::new("id").args([kind, user]).output().ok()?;
    if status.success() { String::from_utf8(stdout).ok()?.trim().parse().ok() } else { None }
}

fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Removes old folders of ours whose process is gone. Where processes cannot be listed, none is taken for gone.
fn remove_stale() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(PREFIX));
        let Some(process) = name.and_then(|name| name.split('-').next()) else {
            continue;
        };
        let gone = Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists();
        let age = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
        if gone && age.is_some_and(|age| age > STALE) {
            // It may be another user's.
            let _ = fs::remove_dir_all(path);
        }
    }
}
