//! The public schedule as iCalendar (RFC 5545; domain 10.3): each series of a gathering is an event that comes again, and each session
//! that was moved or cancelled stands in the place of one of its occurrences.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use entity::{
    AnyId,
    gathering::{self, Series},
    session,
    vocabulary::{GatheringKind, SessionStatus},
};
use uuid::Uuid;

use super::{
    filter, gathering_of,
    icalendar::{Lines, escaped, utc},
    time_zone,
};
use crate::{
    clock::Instant,
    domain::{
        gathering::{address_for_all, belongs, in_calendars, online, rule_of, zone_in},
        recurrence::Occurrence,
        schedule::{About, Published, Standing, published, published_one},
        topic::by_code,
        wall_time::{local_of, zone_of},
    },
    error::Result,
    store::Store,
};

/// Who writes the calendar (3.7.3).
const WRITER: &str = "-//aftercare//Public schedule//EN";

/// The most gatherings of one calendar.
const MOST: u64 = 2_000;

/// For how many years ahead zones are told: whoever follows asks again long before.
const YEARS: i32 = 5;

/// The calendar of all public workshops that an address asks for; without `from`, those that have a session to come.
///
/// # Errors
/// Refused when the parameters are wrong or ask for too many.
pub async fn workshops(store: &Store, host: &str, parameters: &[(String, String)]) -> Result<String> {
    let (about, standing) = filter::read(parameters)?;
    let about = About { kinds: Some(vec![GatheringKind::Workshop]), ..about };
    let now = store.clock().now();
    let standing = Standing { from: standing.from.or(Some(now)), ..standing };
    calendar(&published(store, &about, &standing, MOST).await?, "Workshops", host, now)
}

/// The calendar of one public workshop or support group; nothing when there is none with this id.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn gathering(store: &Store, host: &str, id: AnyId) -> Result<Option<String>> {
    let Some(named) = gathering_of(id) else { return Ok(None) };
    let one = published_one(store, named).await?.filter(|one| one.gathering.known_as() == id);
    let Some(one) = one else { return Ok(None) };
    let title = one.gathering.title.clone();
    calendar(&[one], &title, host, store.clock().now()).map(Some)
}

fn calendar(all: &[Published], name: &str, host: &str, now: Instant) -> Result<String> {
    let mut lines = Lines::new();
    lines.within("VCALENDAR", |lines| {
        lines.line("VERSION", "2.0");
        lines.line("PRODID", WRITER);
        lines.text("X-WR-CALNAME", name);
        lines.line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
        for (zone, from) in zones(all)? {
            time_zone::write(lines, zone, from, now.year().max(from) + YEARS);
        }
        all.iter().try_for_each(|one| events(lines, one, host))
    })?;
    Ok(lines.finish())
}

/// The zones of gatherings, each with the year in which the first of its series begins.
fn zones(all: &[Published]) -> Result<Vec<(Tz, i32)>> {
    let mut zones: BTreeMap<&str, i32> = BTreeMap::new();
    for one in all {
        for series in one.gathering.series.iter() {
            let year = series.begins_on().year();
            let first = zones.entry(series.time_zone.as_ref().unwrap_or(&one.gathering.time_zone)).or_insert(year);
            *first = year.min(*first);
        }
    }
    // The year before as well: where it is still that year, clocks were changed in it.
    zones.into_iter().map(|(zone, year)| Ok((zone_of(zone)?, year - 1))).collect()
}

/// The events of a gathering.
fn events(lines: &mut Lines, one: &Published, host: &str) -> Result<()> {
    let zone = zone_of(&one.gathering.time_zone)?;
    for series in one.gathering.series.iter().flat_map(in_calendars) {
        let zone = zone_in(&series, zone)?;
        let uid = format!("{}@{host}", series.id);
        lines.within("VEVENT", |lines| series_event(lines, &one.gathering, &series, &uid, zone))?;
        for session in &one.apart {
            let Some(planned) = session.occurrence.filter(|at| belongs(&series, at.date())).map(|at| Occurrence::new(zone, at)) else {
                continue;
            };
            lines.within("VEVENT", |lines| session_event(lines, &one.gathering, session, Some(planned), &uid, zone))?;
        }
    }
    // Those that were moved away from a day which is none of the series any more.
    for session in one.apart.iter().filter(|session| session.occurrence.is_none()) {
        let uid = format!("{}@{host}", Uuid::from(session.id));
        lines.within("VEVENT", |lines| session_event(lines, &one.gathering, session, None, &uid, zone))?;
    }
    Ok(())
}

fn series_event(lines: &mut Lines, gathering: &gathering::Model, series: &Series, uid: &str, zone: Tz) -> Result<()> {
    let at = |day: NaiveDate| day.and_time(series.start_time);
    about(lines, gathering, uid, gathering.version, gathering.updated_at);
    lines.zoned("DTSTART", zone, at(series.starts_on));
    lines.line("DURATION", &format!("PT{}M", series.minutes));
    if let Some(rule) = rule_of(series)? {
        let rule = match series.ends_before {
            Some(end) => rule.until(zone, series.starts_on, series.start_time, end),
            None => rule,
        };
        lines.line("RRULE", &rule.to_string());
    }
    for day in series.except_dates.iter().filter(|day| belongs(series, **day)) {
        lines.zoned("EXDATE", zone, at(*day));
    }
    for day in series.extra_dates.iter().filter(|day| belongs(series, **day)) {
        lines.zoned("RDATE", zone, at(*day));
    }
    lines.line("STATUS", "CONFIRMED");
    Ok(())
}

fn session_event(
    lines: &mut Lines,
    gathering: &gathering::Model,
    session: &session::Model,
    planned: Option<Occurrence>,
    uid: &str,
    zone: Tz,
) -> Result<()> {
    // What it says is the gathering's as well as its own: a change of either is a change of it.
    about(lines, gathering, uid, gathering.version + session.version - 1, gathering.updated_at.max(session.updated_at));
    if let Some(planned) = planned {
        lines.zoned("RECURRENCE-ID", zone, planned.local);
    }
    // What clocks show: where they show it twice, it is the first, as the standard has it.
    lines.zoned("DTSTART", zone, local_of(zone, session.starts_at));
    lines.line("DURATION", &format!("PT{}M", (session.ends_at - session.starts_at).num_minutes()));
    lines.line("STATUS", if session.status == SessionStatus::Cancelled { "CANCELLED" } else { "CONFIRMED" });
    if let Some(note) = &session.note {
        lines.text("COMMENT", note);
    }
    Ok(())
}

/// What all events of a gathering say. Its version counts from 1, a sequence from 0.
fn about(lines: &mut Lines, gathering: &gathering::Model, uid: &str, version: i32, changed: Instant) {
    lines.line("UID", uid);
    // It changes with what it tells: the same calendar is the same bytes.
    lines.line("DTSTAMP", &utc(changed));
    lines.line("LAST-MODIFIED", &utc(changed));
    lines.line("SEQUENCE", &(version - 1).to_string());
    lines.text("SUMMARY", &gathering.title);
    if let Some(description) = &gathering.description {
        lines.text("DESCRIPTION", description);
    }
    if let Some(place) = place(gathering) {
        lines.text("LOCATION", &place);
    }
    let topics: Vec<_> = gathering.topics.iter().filter_map(|code| by_code(code)).map(|topic| escaped(topic.label)).collect();
    if !topics.is_empty() {
        lines.line("CATEGORIES", &topics.join(","));
    }
    lines.line("CLASS", "PUBLIC");
    lines.line("TRANSP", "OPAQUE");
}

/// Where it is, as everyone may know: the address where all are told it, else roughly where.
fn place(gathering: &gathering::Model) -> Option<String> {
    let address = address_for_all(gathering).map(|address| {
        let parts = [&address.line1, &address.line2, &address.city, &address.region, &address.postal_code];
        parts.into_iter().flatten().cloned().collect::<Vec<_>>().join(", ")
    });
    let room = address.filter(|address| !address.is_empty()).or_else(|| gathering.area.clone());
    room.or_else(|| online(gathering.modality).then(|| "Online".to_owned()))
}
