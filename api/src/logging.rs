//! The log: one line per thing that happened, to standard error, with fields to search for. Never names, contact data, tokens or bodies.

use tracing_subscriber::{EnvFilter, Registry, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::LogFormat;

/// What is said when `RUST_LOG` says nothing: ours in full, of the libraries what went wrong.
const DEFAULT_FILTER: &str = "warn,aftercare=info";

/// Starts the log. What is logged is chosen by `RUST_LOG`, in the words of env-filter. A second call changes nothing, so that
/// nothing is logged twice.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // An error means that a log is running already: the tests start many servers in one process.
    let _ = match format {
        LogFormat::Json => Registry::default().with(filter).with(lines.json().flatten_event(true)).try_init(),
        LogFormat::Pretty => Registry::default().with(filter).with(lines).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_changes_nothing() {
        start(LogFormat::Json);
        start(LogFormat::Pretty);
        tracing::info!("said once");
    }
}
