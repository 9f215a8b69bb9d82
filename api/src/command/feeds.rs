//! Schedules of others: taken in, listed and given up here, so that what is shown of others is decided by whoever runs the server.

use chrono::SecondsFormat;
use chrono_tz::Tz;
use clap::{Args, Subcommand, ValueEnum};
use entity::{
    FeedId,
    vocabulary::{FeedFailure, FeedFormat},
};
use url::Url;

use super::line::{said, spoken};
use crate::{
    access::Access,
    app::{App, NotStarted},
    domain::{feed, text},
};

/// What can be done with schedules of others.
#[derive(Subcommand, Debug)]
pub enum FeedsCommand {
    /// Takes one in from now on, and prints its id.
    Add(FeedAdd),
    /// Lists them, with what is wrong with each.
    List,
    /// Takes one in no longer: its meetings go.
    Remove {
        /// Its id, as `feeds list` prints it.
        id: String,
    },
}

/// A schedule to take in.
#[derive(Args, Clone, Debug)]
pub struct FeedAdd {
    /// Where it is.
    pub url: String,
    /// How it is written.
    #[arg(long, value_enum)]
    pub format: Format,
    /// The IANA time zone of meetings of which it does not say theirs; they are left out without one.
    #[arg(long)]
    pub time_zone: Option<String>,
}

/// How a schedule is written, as people type it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The Meeting Guide format: JSON.
    MeetingGuide,
    /// The answer of BMLT's `GetSearchResults`: JSON.
    Bmlt,
    /// iCalendar.
    Ics,
}

/// Does it, and gives the lines to print.
///
/// # Errors
/// When something of it is wrong, in a sentence that says how to mend it.
pub async fn run(app: &App, command: FeedsCommand) -> Result<Vec<String>, NotStarted> {
    match command {
        FeedsCommand::Add(new) => Ok(vec![add(app, &new).await?.to_string()]),
        FeedsCommand::List => list(app).await,
        FeedsCommand::Remove { id } => {
            let system = Access::system("feeds remove", app.clock().now());
            let id: FeedId = id.parse().map_err(|wrong| said(format!("`{id}` is {wrong}")))?;
            feed::remove(&app.store, &system, id).await.map_err(|error| match error {
                crate::error::Error::NotFound => said("there is no feed with this id: `feeds list` shows those that there are"),
                error => spoken(error),
            })?;
            Ok(Vec::new())
        }
    }
}

async fn add(app: &App, new: &FeedAdd) -> Result<FeedId, NotStarted> {
    let url: Url = new.url.parse().map_err(|_| said("the URL is an address of the web, such as https://example.org/meetings.json"))?;
    app.outgoing.check(&url).map_err(|why| said(format!("the URL cannot be called: {why}")))?;
    let zone = new.time_zone.as_deref().map(|zone| text::time_zone("--time-zone", zone)).transpose();
    let zone: Option<Tz> = zone.map_err(|refusal| said(refusal.message))?.and_then(|zone| zone.parse().ok());
    let format = match new.format {
        Format::MeetingGuide => FeedFormat::MeetingGuide,
        Format::Bmlt => FeedFormat::Bmlt,
        Format::Ics => FeedFormat::Ics,
    };
    let system = Access::system("feeds add", app.clock().now());
    Ok(feed::add(&app.store, &system, url, format, zone).await.map_err(spoken)?.id)
}

async fn list(app: &App) -> Result<Vec<String>, NotStarted> {
    let system = Access::system("feeds list", app.clock().now());
    let feeds = feed::list(&app.store, &system).await?;
    let line = |feed: &entity::feed::Model| {
        let format = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let format = format
            .map(|format| format.get_name().to_owned())
            .find(|name| name.replace('-', "_").eq_ignore_ascii_case(feed.format.as_str()));
        let read = feed.read_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let skipped = if feed.skipped > 0 { format!(" ({} left out)", feed.skipped) } else { String::new() };
        let state = feed.failure.map_or("well", said_of);
        let (format, meetings) = (format.unwrap_or_default(), feed.meetings);
        format!("{}  {format}  {}  read {read}, {meetings} meetings{skipped}, {state}", feed.id, feed.url)
    };
    Ok(feeds.iter().map(|feed| line(feed.model())).collect())
}

/// What is wrong with a feed, for whoever can mend it.
fn said_of(failure: FeedFailure) -> &'static str {
    match failure {
        FeedFailure::BadAddress => "BAD_ADDRESS: not an https address without user and password",
        FeedFailure::NotAllowed => "NOT_ALLOWED: the address is not on the public internet",
        FeedFailure::NoConnection => "NO_CONNECTION: no trusted connection could be made",
        FeedFailure::TimedOut => "TIMED_OUT: no answer in time",
        FeedFailure::Redirected => "REDIRECTED: it is elsewhere now: remove it, and add its new address",
        FeedFailure::TooLarge => "TOO_LARGE: more than is taken in (AFTERCARE_FEEDS__MAX_BYTES)",
        FeedFailure::Broken => "BROKEN: the answer could not be read to its end",
        FeedFailure::Refused => "REFUSED: its server answers with an error",
        FeedFailure::Malformed => "MALFORMED: it is not written in this format, or no meeting in it can be understood",
        FeedFailure::Empty => "EMPTY: there were meetings in it, and now there is none",
    }
}
