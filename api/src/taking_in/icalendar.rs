//! iCalendar (RFC 5545): events that come again by rules. What is changed or added of one day is a meeting of its own, on that day.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use entity::{
    program::Address,
    vocabulary::{FeedFailure, Modality},
};

use super::{
    Context, LONGEST_NAME, LeftOut, USUAL_MINUTES, Understood, length,
    lines::{Property, lines},
    tidy::{self, LINE},
};
use crate::domain::{
    gathering::in_person,
    listed_meeting::{Days, Meeting},
    recurrence::Recurrence,
    text,
    wall_time::{instant_of, local_of},
};

/// The most days that are named one by one.
const MOST_DAYS: usize = 1_000;

/// Zones as calendars of one maker call them (Unicode CLDR, `windowsZones`), as far as they are those of feeds that are known.
const ZONES: &[(&str, &str)] = &[
    ("Eastern Standard Time", "America/New_York"),
    ("Central Standard Time", "America/Chicago"),
    ("Mountain Standard Time", "America/Denver"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("Alaskan Standard Time", "America/Anchorage"),
    ("Hawaiian Standard Time", "Pacific/Honolulu"),
    ("GMT Standard Time", "Europe/London"),
];

/// What a calendar says of all that is in it.
struct Calendar {
    zone: Option<Tz>,
    name: String,
}

/// The lines of one event.
#[derive(Default)]
struct Event(Vec<Property>);

impl Event {
    fn get(&self, name: &str) -> Option<&Property> {
        self.0.iter().find(|property| property.name == name)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.0.iter().filter(move |property| property.name == name)
    }

    fn is(&self, name: &str, values: &[&str]) -> bool {
        self.get(name).is_some_and(|property| values.iter().any(|value| property.value.trim().eq_ignore_ascii_case(value)))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(Property::text)
    }
}

/// What a calendar says.
pub(super) fn read(body: &[u8], context: &Context) -> Result<Understood, FeedFailure> {
    let lines = lines(body);
    let (outside, events) = parts(&lines).ok_or(FeedFailure::Malformed)?;
    let told = |names: &[&str]| names.iter().find_map(|name| outside.get(name)).map(|property| property.text());
    let zone = told(&["X-WR-TIMEZONE", "TIMEZONE-ID"]).and_then(|zone| zone_named(&zone)).or(context.zone);
    let name = told(&["NAME", "X-WR-CALNAME"]).and_then(|name| tidy::line(&name, LINE));
    let calendar = Calendar { zone, name: name.unwrap_or_else(|| context.host.clone()) };
    let mut by_name: HashMap<String, Vec<&Event>> = HashMap::new();
    let (mut names, mut nameless) = (Vec::new(), 0);
    for event in &events {
        match event.get("UID").map(|uid| uid.value.trim()).filter(|uid| (1..=LONGEST_NAME).contains(&uid.chars().count())) {
            Some(uid) => {
                let of_name = by_name.entry(uid.to_owned()).or_default();
                if of_name.is_empty() {
                    names.push(uid.to_owned());
                }
                of_name.push(event);
            }
            None => nameless += 1,
        }
    }
    let all = names.iter().flat_map(|name| meetings(name, &by_name[name], &calendar));
    let understood = Understood::of(all);
    Ok(Understood { skipped: understood.skipped + nameless, ..understood })
}

/// What stands in a calendar outside of its events, and the events; nothing where it is none, or cut off.
fn parts(lines: &[Property]) -> Option<(HashMap<&str, &Property>, Vec<Event>)> {
    let (mut within, mut outside, mut events, mut whole) = (Vec::new(), HashMap::new(), Vec::new(), false);
    for line in lines {
        let component = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                if within.is_empty() && component != "VCALENDAR" {
                    return None;
                }
                within.push(component);
                if within.len() == 2 && within[1] == "VEVENT" {
                    events.push(Event::default());
                }
            }
            "END" => {
                if within.pop() != Some(component) {
                    return None;
                }
                whole |= within.is_empty();
            }
            _ => match (&within[..], events.last_mut()) {
                ([_], _) => drop(outside.insert(line.name.as_str(), line)),
                ([_, event], Some(last)) if event == "VEVENT" => last.0.push(line.clone()),
                _ => {}
            },
        }
    }
    (whole && within.is_empty()).then_some((outside, events))
}

/// The meetings of one name: the one that comes again, and those of its days that are different.
fn meetings(name: &str, events: &[&Event], calendar: &Calendar) -> Vec<Result<Meeting, LeftOut>> {
    let (changed, main): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| event.get("RECURRENCE-ID").is_some());
    let mut all = Vec::new();
    for event in main {
        let meeting = calendar.meeting(name, event).map(|(mut meeting, zone)| {
            let days = changed.iter().filter_map(|other| calendar.moment(other.get("RECURRENCE-ID")?, zone));
            let days: Vec<NaiveDate> = days.map(|(_, at)| at.date()).collect();
            if let Days::From { except, .. } = &mut meeting.days {
                except.extend(days);
                except.sort_unstable();
                except.dedup();
            }
            (meeting, zone)
        });
        match meeting {
            Ok((meeting, zone)) => {
                all.extend(calendar.elsewhere(name, event, &meeting, zone).into_iter().map(Ok));
                all.push(Ok(meeting));
            }
            Err(why) => all.push(Err(why)),
        }
    }
    for event in changed {
        let day = event.get("RECURRENCE-ID").map(|day| day.value.trim()).unwrap_or_default();
        all.push(calendar.meeting(&format!("{name}#{day}"), event).map(|(meeting, _)| meeting));
    }
    all
}

impl Calendar {
    /// What an event says, and the zone in which it does.
    fn meeting(&self, name: &str, event: &Event) -> Result<(Meeting, Tz), LeftOut> {
        use LeftOut::Unclear;
        if event.is("STATUS", &["CANCELLED"]) || event.is("CLASS", &["PRIVATE", "CONFIDENTIAL"]) {
            return Err(LeftOut::NotHeld);
        }
        let again = event.get("RRULE");
        let start = event.get("DTSTART").ok_or(Unclear)?;
        // What comes again at an hour of UTC does so whatever clocks show.
        let home = if again.is_some() { Tz::UTC } else { self.zone.unwrap_or(Tz::UTC) };
        let (zone, local) = self.moment(start, home).filter(|(_, local)| (1970..=2100).contains(&local.year())).ok_or(Unclear)?;
        let local = local.date().and_time(whole_minute(local.time()));
        let minutes = self.minutes(event, zone, local).ok_or(Unclear)?;
        let recurrence = again.map(|rule| rule_of(&rule.value, zone).ok_or(Unclear)).transpose()?;
        let except = self.days(event, "EXDATE", zone).map(|(day, _)| day).collect();
        let extra = self.days(event, "RDATE", zone).filter(|(_, time)| time.is_none_or(|time| time == local.time())).map(|(day, _)| day);
        let place = event.text("LOCATION").unwrap_or_default();
        let (modality, place) = met(&place, event);
        let language = event.get("SUMMARY").and_then(|summary| summary.parameter("LANGUAGE"));
        let meeting = Meeting {
            external_id: name.to_owned(),
            title: event.text("SUMMARY").and_then(|title| tidy::line(&title, LINE)).ok_or(Unclear)?,
            description: event.text("DESCRIPTION").and_then(|text| tidy::paragraph(&text)),
            source: self.name.clone(),
            source_url: event.get("URL").and_then(|url| tidy::page(&url.value)),
            modality,
            languages: language.and_then(|tag| text::language("languages", tag).ok()).into_iter().collect(),
            accessibility: Vec::new(),
            audience: None,
            address: address(place.as_deref(), event).filter(|_| in_person(modality)),
            area: None,
            time_zone: zone,
            start_time: local.time(),
            minutes,
            days: Days::From { starts_on: local.date(), recurrence, except, extra: extra.filter(|day| *day != local.date()).collect() },
        };
        Ok((meeting, zone))
    }

    /// Further days at other hours than the event's own: a meeting each.
    fn elsewhere(&self, name: &str, event: &Event, meeting: &Meeting, zone: Tz) -> Vec<Meeting> {
        let further =
            self.days(event, "RDATE", zone).filter_map(|(day, time)| Some((day, time.filter(|time| *time != meeting.start_time)?)));
        let one = |(day, start_time): (NaiveDate, NaiveTime)| Meeting {
            external_id: format!("{name}#{day}T{start_time}"),
            start_time,
            days: Days::From { starts_on: day, recurrence: None, except: Vec::new(), extra: Vec::new() },
            ..meeting.clone()
        };
        further.map(one).collect()
    }

    /// A time on the wall and the zone of the wall: the zone that it names, the one that is given where it is an instant, or the calendar's
    /// own. Nothing where it is a whole day.
    fn moment(&self, of: &Property, home: Tz) -> Option<(Tz, NaiveDateTime)> {
        let value = of.value.trim();
        if let Some(utc) = value.strip_suffix('Z') {
            return Some((home, local_of(home, local(utc)?.and_utc())));
        }
        let zone = match of.parameter("TZID") {
            Some(name) => zone_named(name)?,
            None => self.zone?,
        };
        Some((zone, local(value)?))
    }

    /// Days that are named one by one, as the clocks of a zone have them, with their hour where they have one.
    fn days<'a>(&'a self, event: &'a Event, name: &'a str, zone: Tz) -> impl Iterator<Item = (NaiveDate, Option<NaiveTime>)> + 'a {
        let each = event.all(name).flat_map(|property| property.value.split(',').map(move |value| (property, value)));
        let day = move |(property, value): (&'a Property, &'a str)| {
            // Of a period, when it begins.
            let value = value.split('/').next().unwrap_or_default().trim();
            if let Ok(day) = NaiveDate::parse_from_str(value, "%Y%m%d") {
                return Some((day, None));
            }
            let (own, at) = self.moment(&Property { value: value.to_owned(), ..property.clone() }, zone)?;
            let at = if own == zone { at } else { local_of(zone, instant_of(own, at)) };
            Some((at.date(), Some(whole_minute(at.time()))))
        };
        each.filter_map(day).take(MOST_DAYS)
    }

    /// How long an event takes, from when it begins.
    fn minutes(&self, event: &Event, zone: Tz, begins: NaiveDateTime) -> Option<i32> {
        if let Some(end) = event.get("DTEND") {
            let (own, at) = self.moment(end, zone)?;
            return length((instant_of(own, at) - instant_of(zone, begins)).num_minutes());
        }
        match event.get("DURATION") {
            Some(takes) => length(duration(takes.value.trim())?.num_minutes()),
            None => Some(USUAL_MINUTES),
        }
    }
}

/// A date with a time (3.3.5).
fn local(value: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S").ok().filter(|_| value.len() == 15)
}

fn whole_minute(time: NaiveTime) -> NaiveTime {
    chrono::Timelike::with_second(&time, 0).unwrap_or(time)
}

/// A zone by a name that its calendar gives it: the one of IANA, at the end of a longer one too, or one of [`ZONES`].
fn zone_named(name: &str) -> Option<Tz> {
    let name = name.trim();
    let known = ZONES.iter().find(|(other, _)| *other == name).map_or(name, |(_, known)| *known);
    let ends = std::iter::once(known).chain(known.match_indices('/').map(|(at, _)| &known[at + 1..]));
    ends.filter(|end| !end.is_empty()).find_map(|end| end.parse().ok())
}

/// A rule as ours are written: `UNTIL` is an instant, where it may be the last day, or a time on the wall.
fn rule_of(value: &str, zone: Tz) -> Option<String> {
    let part = |part: &str| {
        let Some((name, until)) = part.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("UNTIL")) else {
            return Some(part.to_owned());
        };
        let until = until.trim();
        if until.ends_with('Z') {
            return Some(part.to_owned());
        }
        let last = match NaiveDate::parse_from_str(until, "%Y%m%d") {
            Ok(day) => day.and_hms_opt(23, 59, 59)?,
            Err(_) => local(until)?,
        };
        Some(format!("{name}={}", instant_of(zone, last).format("%Y%m%dT%H%M%SZ")))
    };
    let parts: Vec<String> = value.trim().split(';').filter(|part| !part.is_empty()).map(part).collect::<Option<_>>()?;
    Recurrence::parse(&parts.join(";")).ok().map(|rule| rule.to_string())
}

/// A span of time (3.3.6), as `PT1H30M`; none that goes back.
fn duration(value: &str) -> Option<TimeDelta> {
    let mut rest = value.strip_prefix('+').unwrap_or(value).strip_prefix('P')?;
    let (mut sum, mut of_day) = (TimeDelta::zero(), false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (of_day, rest) = (true, time);
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        sum = sum.checked_add(&match (rest.as_bytes().get(digits)?, of_day) {
            (b'W', false) => TimeDelta::try_weeks(number)?,
            (b'D', false) => TimeDelta::try_days(number)?,
            (b'H', true) => TimeDelta::try_hours(number)?,
            (b'M', true) => TimeDelta::try_minutes(number)?,
            (b'S', true) => TimeDelta::try_seconds(number)?,
            _ => return None,
        })?;
        rest = &rest[digits + 1..];
    }
    Some(sum)
}

/// How people meet, and where in person: a place that is a link, or says that there is none, is online.
fn met(location: &str, event: &Event) -> (Modality, Option<String>) {
    let place = tidy::line(location, LINE);
    let words = place.as_deref().unwrap_or_default().to_lowercase();
    let says_so = words.split(|letter: char| !letter.is_alphanumeric()).any(|word| ["online", "virtual", "zoom"].contains(&word));
    let linked = location.contains("://") || event.get("CONFERENCE").is_some() || event.get("X-GOOGLE-CONFERENCE").is_some();
    let place = place.filter(|_| !says_so);
    let modality = match (place.is_some() || event.get("GEO").is_some(), linked || says_so) {
        (true, true) => Modality::Hybrid,
        (false, true) => Modality::Online,
        (_, false) => Modality::InPerson,
    };
    (modality, place)
}

fn address(place: Option<&str>, event: &Event) -> Option<Address> {
    let degrees = event.get("GEO").and_then(|geo| geo.value.split_once(';'));
    let degrees = degrees.and_then(|(latitude, longitude)| tidy::degrees(Some(latitude), Some(longitude)));
    tidy::address(Address {
        line1: place.map(str::to_owned),
        country: tidy::country(place.and_then(|place| place.rsplit(',').next())),
        latitude: degrees.map(|place| place.0),
        longitude: degrees.map(|place| place.1),
        ..Address::default()
    })
}
