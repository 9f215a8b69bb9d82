//! Schedules of others, in the formats in which they are written: Meeting Guide, BMLT, iCalendar. Mapping only: what becomes of a meeting,
//! `domain` says. A meeting that cannot be understood is left out and counted; the others do not suffer from it.

mod bmlt;
mod icalendar;
mod lines;
mod meeting_guide;
#[cfg(test)]
mod tests;
mod tidy;

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{NaiveTime, Weekday};
use chrono_tz::Tz;
use entity::{
    feed,
    vocabulary::{FeedFailure, FeedFormat},
};
use reqwest::{
    StatusCode,
    header::{ACCEPT, ETAG, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED},
};
use url::Url;

use crate::{
    domain::{
        feed::{Read, Reads},
        listed_meeting::Meeting,
    },
    outgoing::{Bounds, Failure, Outgoing},
};

/// How long a meeting takes of which nobody says so, in minutes.
const USUAL_MINUTES: i32 = 60;
/// The longest name of a meeting in its feed, in characters.
const LONGEST_NAME: usize = 500;

/// What is known of meetings before their feed is read.
#[derive(Clone, Debug)]
struct Context {
    /// The zone of those that do not say theirs.
    zone: Option<Tz>,
    /// Who lists those that do not say it: the host of the feed.
    host: String,
}

/// Why a meeting is not among those that are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LeftOut {
    /// It is not held, or not public: its feed says so.
    NotHeld,
    /// It cannot be understood.
    Unclear,
}

/// What was understood of a feed.
#[derive(Debug, Default)]
struct Understood {
    meetings: Vec<Meeting>,
    skipped: usize,
}

impl Understood {
    /// Of meetings with one name the first counts.
    fn of(all: impl IntoIterator<Item = Result<Meeting, LeftOut>>) -> Self {
        let (mut understood, mut names) = (Self::default(), HashSet::new());
        for one in all {
            match one {
                Ok(meeting) if names.insert(meeting.external_id.clone()) => understood.meetings.push(meeting),
                Ok(_) | Err(LeftOut::Unclear) => understood.skipped += 1,
                Err(LeftOut::NotHeld) => {}
            }
        }
        understood
    }
}

/// What a feed says.
fn understood(format: FeedFormat, body: &[u8], context: &Context) -> Result<Understood, FeedFailure> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match format {
        FeedFormat::MeetingGuide => meeting_guide::read(body, context),
        FeedFormat::Bmlt => bmlt::read(body, context),
        FeedFormat::Ics => icalendar::read(body, context),
    }
}

/// A day of the week, counted from Sunday.
fn from_sunday(days: i64) -> Option<Weekday> {
    const WEEK: [Weekday; 7] = [Weekday::Sun, Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat];
    WEEK.get(usize::try_from(days).ok()?).copied()
}

/// A time of day, as `18:30` or `18:30:00`; a minute is whole.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let time = NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S")).ok()?;
    chrono::Timelike::with_second(&time, 0)
}

/// Minutes that a session can take.
fn length(minutes: i64) -> Option<i32> {
    i32::try_from(minutes).ok().filter(|minutes| (1..=1_440).contains(minutes))
}

/// Fetches feeds and understands them.
#[derive(Debug)]
pub struct Feeds {
    outgoing: Outgoing,
    bounds: Bounds,
}

impl Feeds {
    /// By this client, within these bounds.
    pub const fn new(outgoing: Outgoing, bounds: Bounds) -> Self {
        Self { outgoing, bounds }
    }
}

#[async_trait]
impl Reads for Feeds {
    async fn read(&self, feed: &feed::Model) -> Result<Read, FeedFailure> {
        let url: Url = feed.url.parse().map_err(|_| FeedFailure::BadAddress)?;
        let answer = self.outgoing.get_within(&url, asking(feed), self.bounds).await.map_err(failure)?;
        match answer.status {
            // What was read once is there as it was.
            StatusCode::NOT_MODIFIED if feed.read_at.is_some() => return Ok(Read::Unchanged),
            StatusCode::OK => {}
            _ => return Err(FeedFailure::Refused),
        }
        let told = |name| answer.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        let told = |name| told(name).filter(|value| value.len() <= LONGEST_NAME);
        let (etag, last_modified) = (told(ETAG), told(LAST_MODIFIED));
        let context = Context {
            zone: feed.time_zone.as_deref().and_then(|zone| zone.parse().ok()),
            host: url.host_str().unwrap_or_default().to_owned(),
        };
        let format = feed.format;
        // On another thread: it may be long.
        let understood = tokio::task::spawn_blocking(move || understood(format, &answer.body, &context)).await;
        let Understood { meetings, skipped } = understood.map_err(|_| FeedFailure::Malformed)??;
        Ok(Read::Meetings { meetings, skipped, etag, last_modified })
    }
}

/// The headers that ask for a feed, unless it is as it was.
fn asking(feed: &feed::Model) -> HeaderMap {
    let accept = match feed.format {
        FeedFormat::MeetingGuide | FeedFormat::Bmlt => "application/json",
        FeedFormat::Ics => "text/calendar",
    };
    let known = [(IF_NONE_MATCH, &feed.etag), (IF_MODIFIED_SINCE, &feed.last_modified)];
    let known = known.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value.as_deref()?).ok()?)));
    [(ACCEPT, HeaderValue::from_static(accept))].into_iter().chain(known).collect()
}

fn failure(why: Failure) -> FeedFailure {
    match why {
        Failure::BadAddress => FeedFailure::BadAddress,
        Failure::NotAllowed => FeedFailure::NotAllowed,
        Failure::NoConnection => FeedFailure::NoConnection,
        Failure::TimedOut => FeedFailure::TimedOut,
        Failure::Redirected => FeedFailure::Redirected,
        Failure::TooLarge => FeedFailure::TooLarge,
        Failure::Broken => FeedFailure::Broken,
    }
}
