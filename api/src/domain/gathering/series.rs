//! When a gathering's sessions are: series as they are given, and planned ahead. Pure rules.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use entity::gathering::Series;
use uuid::Uuid;

use super::{FURTHEST, at, within};
use crate::{
    clock::Instant,
    domain::{
        recurrence::{MOST_OCCURRENCES, Occurrence, Recurrence},
        wall_time::{local_of, zone_of},
    },
    error::{Code, Refusal, Result},
};

/// How far ahead the sessions of a rule are planned (domain 6.5). Days that are named one by one are planned at once.
pub(super) const AHEAD: TimeDelta = TimeDelta::days(180);

/// When sessions are.
#[derive(Clone, Debug)]
pub struct NewSeries {
    /// The day of the first session.
    pub starts_on: NaiveDate,
    /// When sessions begin, on the clock of the zone.
    pub start_time: NaiveTime,
    /// How long they take.
    pub minutes: i32,
    /// The rule by which they come again; none where all days are named.
    pub recurrence: Option<String>,
    /// Days of the rule without a session.
    pub except_dates: Vec<NaiveDate>,
    /// The days of further sessions.
    pub extra_dates: Vec<NaiveDate>,
}

/// Looks at a series that somebody gives, in a zone and at an instant.
pub(super) struct Check {
    pub(super) zone: Tz,
    pub(super) now: Instant,
    /// The name by which they gave its first day.
    pub(super) first: &'static str,
    /// Of a schedule that goes on, the day from which on days are named. They need not come after the first of the rule.
    pub(super) from: Option<NaiveDate>,
}

impl Check {
    /// When a day's session begins, which lies in the future and not too far.
    fn ahead(&self, field: &'static str, day: NaiveDate, time: NaiveTime) -> Result<Occurrence, Refusal> {
        // Refused by the day first: what a zone did long ago, or will do at the end of time, is nobody's business here.
        let near = (day - self.now.date_naive()).abs() <= FURTHEST;
        let occurrence = near.then(|| Occurrence::new(self.zone, day.and_time(time)));
        occurrence.filter(|occurrence| occurrence.at > self.now).ok_or_else(|| {
            let sentence = format!("`{field}` lies in the future, at most {} days ahead.", FURTHEST.num_days());
            at(Refusal::invalid(sentence), field)
        })
    }

    /// Different days, each of which has its session ahead.
    fn days(&self, field: &'static str, days: &[NaiveDate], new: &NewSeries) -> Result<(), Refusal> {
        if days.len() >= MOST_OCCURRENCES {
            return Err(at(Refusal::new(Code::TooMany, format!("There are at most {MOST_OCCURRENCES} sessions.")), field));
        }
        let first = self.first;
        if days.iter().collect::<BTreeSet<_>>().len() < days.len() || self.from.is_none() && days.contains(&new.starts_on) {
            let nor_first = self.from.map_or_else(|| format!(", and none of them is `{first}`"), |_| String::new());
            return Err(at(Refusal::invalid(format!("`{field}` are different days{nor_first}.")), field));
        }
        for day in days {
            self.ahead(field, *day, new.start_time)?;
            let sentence = match self.from {
                None if *day < new.starts_on => format!("`{field}` come after `{first}`."),
                Some(from) if *day < from => format!("`{field}` are from `{first}` on: {day} is before it."),
                _ => continue,
            };
            return Err(at(Refusal::invalid(sentence), field));
        }
        Ok(())
    }

    /// A series of what they gave.
    pub(super) fn series(&self, new: NewSeries) -> Result<Series, Refusal> {
        within("minutes", new.minutes, 5, 1_440)?;
        let time = new.start_time.with_second(0).and_then(|time| time.with_nanosecond(0)).unwrap_or(new.start_time);
        let new = NewSeries { start_time: time, ..new };
        let first = self.first;
        self.days("extraDates", &new.extra_dates, &new)?;
        self.days("exceptDates", &new.except_dates, &new)?;
        self.ahead(first, new.starts_on, time)?;
        let rule = new.recurrence.as_deref().map(Recurrence::parse).transpose().map_err(|refusal| at(refusal, "recurrence"))?;
        let named = new.extra_dates.len();
        if let Some(rule) = &rule {
            match rule.occurrences(self.zone, new.starts_on, time).next() {
                Some(start) if start.local.date() == new.starts_on => {}
                Some(start) => {
                    let sentence = format!("`{first}` is no day of the rule: the first after it is {}.", start.local.date());
                    return Err(at(Refusal::invalid(sentence), first));
                }
                None => {
                    let sentence = format!("No day from `{first}` on is one of the rule: it has no sessions.");
                    return Err(at(Refusal::invalid(sentence), "recurrence"));
                }
            }
            rule.check_length(self.zone, new.starts_on, time, named).map_err(|refusal| at(refusal, "recurrence"))?;
        }
        let last = new.except_dates.iter().max().copied().unwrap_or(new.starts_on);
        let of_rule = rule.iter().flat_map(|rule| rule.occurrences(self.zone, new.starts_on, time));
        let days: BTreeSet<_> = of_rule.map(|occurrence| occurrence.local.date()).take_while(|day| *day <= last).collect();
        if let Some(other) = new.except_dates.iter().find(|day| !days.contains(day)) {
            return Err(at(Refusal::invalid(format!("{other} is no day of the rule: leave it out.")), "exceptDates"));
        }
        if let Some(both) = new.extra_dates.iter().find(|day| new.except_dates.contains(day)) {
            return Err(at(Refusal::invalid(format!("{both} is in `exceptDates` and in `extraDates`: choose one.")), "exceptDates"));
        }
        Ok(Series {
            id: Uuid::new_v4(),
            starts_on: new.starts_on,
            ends_before: None,
            start_time: time,
            minutes: new.minutes,
            recurrence: rule.map(|rule| rule.to_string()),
            except_dates: new.except_dates,
            extra_dates: new.extra_dates.into_iter().filter(|day| *day != new.starts_on).collect(),
            time_zone: None,
        })
    }
}

/// The series of a new gathering.
///
/// # Errors
/// Refused when a day, the time, the length or the rule is none that sessions can have.
pub(super) fn checked(new: NewSeries, zone: Tz, now: Instant) -> Result<Series, Refusal> {
    Check { zone, now, first: "startsOn", from: None }.series(new)
}

/// Where a series is that a day belongs to: the last that has begun by then, or the first of all.
pub(super) fn place_of(series: &[Series], day: NaiveDate) -> usize {
    series.iter().rposition(|series| series.begins_on() <= day).unwrap_or_default()
}

/// The series by which a gathering's sessions are at an instant; the first where none has begun.
pub fn in_force(series: &[Series], zone: Tz, now: Instant) -> Option<&Series> {
    series.get(place_of(series, local_of(zone, now).date()))
}

/// Those that are in force after it.
pub fn later(series: &[Series], zone: Tz, now: Instant) -> &[Series] {
    series.get(place_of(series, local_of(zone, now).date()) + 1..).unwrap_or_default()
}

/// Whether a day is a series' own, and not one of the series before it or after.
pub fn belongs(series: &Series, day: NaiveDate) -> bool {
    series.begins_on() <= day && series.ends_before.is_none_or(|end| day < end)
}

/// A series as calendars have it: their first day is one of the rule (RFC 5545, 3.8.5.3). Days that are named before it are a series of
/// their own, known by the same id for as long as the first of them is the same.
pub fn in_calendars(series: &Series) -> impl Iterator<Item = Series> + use<> {
    let (first, starts_on) = (series.begins_on(), series.starts_on);
    let named = |from, to| series.extra_dates.iter().copied().filter(|day| from < *day && *day < to).collect();
    let before = (first < starts_on).then(|| Series {
        id: Uuid::from_u128(series.id.as_u128() ^ u128::from(first.num_days_from_ce().unsigned_abs())),
        starts_on: first,
        ends_before: Some(series.ends_before.unwrap_or(starts_on).min(starts_on)),
        recurrence: None,
        except_dates: Vec::new(),
        extra_dates: named(first, starts_on),
        ..series.clone()
    });
    let since = belongs(series, starts_on).then(|| Series { extra_dates: named(starts_on, NaiveDate::MAX), ..series.clone() });
    before.into_iter().chain(since)
}

/// The zone that a series is in, of a gathering that is in this one now.
///
/// # Errors
/// `Internal` when a zone was written that is none.
pub fn zone_in(series: &Series, zone: Tz) -> Result<Tz> {
    series.time_zone.as_deref().map_or(Ok(zone), zone_of)
}

/// The rule of a series, where its days are not all named.
///
/// # Errors
/// `Internal` when a rule was written that is none.
pub fn rule_of(series: &Series) -> Result<Option<Recurrence>> {
    series.recurrence.as_deref().map(Recurrence::stored).transpose()
}

/// The days that are named one by one, as far as they are the series' own.
fn named(series: &Series) -> BTreeSet<NaiveDate> {
    let first = Some(series.starts_on).filter(|day| belongs(series, *day) && !series.except_dates.contains(day));
    further_days(series).chain(first).collect()
}

/// Those besides the first, likewise.
pub(super) fn further_days(series: &Series) -> impl Iterator<Item = NaiveDate> {
    series.extra_dates.iter().copied().filter(|day| belongs(series, *day))
}

/// The days of its rule, as far as they are its own and can be planned: no further ahead than any day can be named.
pub(super) fn days_of_rule(series: &Series, zone: Tz) -> Result<impl Iterator<Item = NaiveDate>> {
    let zone = zone_in(series, zone)?;
    let days = rule_of(series)?.map(|rule| rule.occurrences(zone, series.starts_on, series.start_time));
    let days = days.into_iter().flatten().map(|occurrence| occurrence.local.date());
    Ok(days.take_while(|day| belongs(series, *day)))
}

/// Those of them with a session.
fn of_rule(series: &Series, zone: Tz) -> Result<impl Iterator<Item = NaiveDate>> {
    Ok(days_of_rule(series, zone)?.filter(|day| !series.except_dates.contains(day)))
}

/// The first of its days of which something holds that holds of all later ones as well.
pub(super) fn first_day(series: &Series, zone: Tz, holds: impl Fn(&NaiveDate) -> bool) -> Result<Option<NaiveDate>> {
    Ok(named(series).into_iter().find(&holds).into_iter().chain(of_rule(series, zone)?.find(&holds)).min())
}

/// The sessions of a series that begin between two instants, in the order of their days.
///
/// # Errors
/// `Internal` when a rule was written that is none.
pub(in crate::domain) fn between(series: &Series, zone: Tz, from: Instant, to: Instant) -> Result<Vec<Occurrence>> {
    // A day more on either side: what day it is there is another question.
    let end = to.date_naive() + TimeDelta::days(2);
    let rule = rule_of(series)?.map(|rule| rule.until(zone, series.starts_on, series.start_time, end).to_string());
    let near = Series { recurrence: rule, ..series.clone() };
    let days: BTreeSet<_> = of_rule(&near, zone)?.chain(named(&near)).collect();
    let sessions = days.into_iter().map(|day| Occurrence::new(zone, day.and_time(series.start_time)));
    Ok(sessions.filter(|session| session.at >= from && session.at <= to).collect())
}

/// What is to happen of a gathering's series.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Planned {
    /// The sessions that are to be there, and how many minutes they take, by their days.
    pub(super) sessions: BTreeMap<NaiveDate, (Occurrence, i32)>,
    /// When the next session begins that is too far ahead; nothing when there is none.
    pub(super) next: Option<Instant>,
}

/// The sessions that are still to come: those of rules as far as they are planned ahead, those that are named one by one all.
///
/// # Errors
/// `Internal` when a rule was written that is none.
pub(super) fn planned(series: &[Series], zone: Tz, now: Instant) -> Result<Planned> {
    let mut planned = Planned::default();
    for series in series {
        let zone = zone_in(series, zone)?;
        let session = |day: NaiveDate| Occurrence::new(zone, day.and_time(series.start_time));
        for day in named(series) {
            planned.sessions.insert(day, (session(day), series.minutes));
        }
        for day in of_rule(series, zone)? {
            let occurrence = session(day);
            if occurrence.at > now + AHEAD && !planned.sessions.contains_key(&day) {
                planned.next = Some(planned.next.map_or(occurrence.at, |next| next.min(occurrence.at)));
                break;
            }
            planned.sessions.insert(day, (occurrence, series.minutes));
        }
    }
    planned.sessions.retain(|_, (occurrence, _)| occurrence.at > now);
    Ok(planned)
}
