//! The log: one line per thing that happened, to standard error, with fields to search for. Never names, contact data, tokens or bodies.

use tracing::Subscriber;
pub use tracing_subscriber::EnvFilter;
use tracing_subscriber::{Registry, fmt::MakeWriter, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::config::LogFormat;

/// What is said when `RUST_LOG` says nothing: ours in full, of the libraries what went wrong.
const DEFAULT_FILTER: &str = "warn,aftercare=info";

/// Changes what a log that runs chooses.
pub type Filter = reload::Handle<EnvFilter, Registry>;

/// Starts the log. What is logged is chosen by `RUST_LOG`, in the words of env-filter. A second call changes nothing, so that
/// nothing is logged twice.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    start_into(format, filter, std::io::stderr);
}

/// Likewise with what this filter chooses, into this writer: a test reads it. Nothing when a log is running already: the tests start
/// many servers in one process.
pub fn start_into<W>(format: LogFormat, filter: EnvFilter, writer: W) -> Option<Filter>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter);
    log(format, filter, writer).try_init().ok().map(|()| handle)
}

fn log<W>(format: LogFormat, filter: reload::Layer<EnvFilter, Registry>, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    match format {
        LogFormat::Json => Box::new(Registry::default().with(filter).with(lines.json().flatten_event(true))),
        LogFormat::Pretty => Box::new(Registry::default().with(filter).with(lines)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, sync::Arc};

    use super::*;

    fn logged(format: LogFormat) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = log(format, reload::Layer::new(EnvFilter::new(DEFAULT_FILTER)).0, Arc::new(File::create(file.path()).unwrap()));
        tracing::subscriber::with_default(log, || {
            tracing::info!(duration_ms = 3, "served");
            tracing::debug!("not asked for");
        });
        std::fs::read_to_string(file.path()).unwrap()
    }

    #[test]
    fn json_is_one_object_per_line_with_its_fields_on_top() {
        let text = logged(LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["message"], &line["duration_ms"]), (&"served".into(), &3.into()));
    }

    #[test]
    fn pretty_is_one_line_per_event() {
        let text = logged(LogFormat::Pretty);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("served"), "{text}");
    }

    #[test]
    fn a_second_start_changes_nothing() {
        start(LogFormat::Json);
        start(LogFormat::Pretty);
    }
}
