//! Other implementations, in Python, that ours are compared with.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use kit::databases::say;
use serde_json::Value;

/// A Python that has them, made where builds are kept; nothing where there is no Python.
static PYTHON: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let found = Command::new("python3").args(["-c", "import ensurepip, venv"]).output().is_ok_and(|output| output.status.success());
    if !found {
        assert_ne!(std::env::var("AFTERCARE_TEST_REQUIRE_PYTHON").as_deref(), Ok("1"), "there is no `python3` with `venv`");
        say("skipped: no Python");
        return None;
    }
    let requirements = script("requirements.txt");
    let wanted = fs::read_to_string(&requirements).unwrap();
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let python = home.join("bin/python");
    if fs::read_to_string(home.join("installed")).is_ok_and(|installed| installed == wanted) {
        return Some(python);
    }
    let ran = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
    ran(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r"]).arg(&requirements));
    fs::write(home.join("installed"), wanted).unwrap();
    Some(python)
});

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/python").join(name)
}

/// What a script makes of what it is asked; nothing where there is no Python.
pub(crate) fn asked(name: &str, what: &Value) -> Option<Value> {
    let python = PYTHON.as_ref()?;
    // The zones of the pinned package, and not the machine's.
    let command = &mut Command::new(python);
    let mut child = command.arg(script(name)).env("PYTHONTZPATH", "").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(what.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{name} says why above");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
