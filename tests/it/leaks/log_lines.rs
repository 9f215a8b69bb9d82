//! What the server says of itself, in its log and its counters: nobody may find a person there.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use aftercare::{
    config::LogFormat,
    logging::{EnvFilter, start_into},
};
use kit::app::TestApp;

/// Everything of ours, and of the libraries all that an operator asks for who looks for a mistake.
const FILTER: &str = "debug,aftercare=trace";

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hears the log of all servers of this process from now on.
pub(crate) fn listen() {
    start_into(LogFormat::Json, EnvFilter::new(FILTER), || Lines);
}

/// The lines in which one of these texts stands, of all that was logged and counted so far.
pub(crate) fn told<'a>(app: &TestApp, canaries: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&lines).into_owned() + &app.metrics.text();
    assert!(text.contains("\"level\":\"INFO\"") && text.contains("aftercare_http_requests_total"), "the log and the counters are heard");
    let told = canaries.filter(|canary| canary.starts_with("canary-") && text.contains(canary));
    told.map(|canary| {
        let line = text.lines().find(|line| line.contains(canary)).unwrap_or_default();
        format!("the log tells {canary}: {}", &line[..line.len().min(400)])
    })
    .collect()
}
