//! What the server says of itself, in its log and its counters: nobody may find a person there.

use std::{
    io::{self, Write},
    sync::{Mutex, OnceLock, PoisonError},
};

use aftercare::{
    config::LogFormat,
    logging::{EnvFilter, Filter, start_into},
};
use kit::app::TestApp;

use super::detector::Finder;

/// Everything of ours, and of the libraries all that an operator asks for who looks for a mistake.
const FILTER: &str = "debug,aftercare=trace";

static FILTERED: OnceLock<Filter> = OnceLock::new();
static HEARD: Mutex<Heard> = Mutex::new(Heard { listeners: 0, lines: Vec::new() });

/// What was said since somebody listens.
struct Heard {
    listeners: usize,
    lines: Vec<u8>,
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HEARD.lock().unwrap_or_else(PoisonError::into_inner).lines.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Somebody who listens. When nobody does, nothing is said: the other tests of this process need not write it.
#[must_use = "it listens until it is dropped"]
pub(crate) struct Listening(());

/// Hears the log of all servers of this process from now on.
pub(crate) fn listen() -> Listening {
    let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
    heard.listeners += 1;
    let filter = FILTERED.get_or_init(|| start_into(LogFormat::Json, EnvFilter::new("off"), || Lines).expect("no other log runs"));
    filter.reload(EnvFilter::new(FILTER)).unwrap();
    Listening(())
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner);
        heard.listeners -= 1;
        if heard.listeners == 0 {
            FILTERED.get().unwrap().reload(EnvFilter::new("off")).unwrap();
            heard.lines = Vec::new();
        }
    }
}

/// The lines in which one of these texts stands, of all that was logged and counted so far.
pub(crate) fn told<'a>(app: &TestApp, canaries: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lines = HEARD.lock().unwrap_or_else(PoisonError::into_inner).lines.clone();
    let text = String::from_utf8_lossy(&lines).into_owned() + &app.metrics.text();
    assert!(text.contains("\"level\":\"INFO\"") && text.contains("aftercare_http_requests_total"), "the log and the counters are heard");
    let told = Finder::of(canaries.filter(|canary| canary.starts_with("canary-")));
    let told = told.found_in(&text).into_iter();
    told.map(|canary| {
        let line = text.lines().find(|line| line.contains(canary)).unwrap_or_default();
        format!("the log tells {canary}: {}", &line[..line.len().min(400)])
    })
    .collect()
}
