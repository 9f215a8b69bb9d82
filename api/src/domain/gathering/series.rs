//! When a gathering's sessions are: series as they are given, changed from a day on, and planned ahead. Pure rules.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime, TimeDelta, Timelike};
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

/// What of a schedule changes, and from when on. What is not given stays as it is; a rule of `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct SeriesChange {
    /// The first day of which it holds; from now on when none is given.
    pub from: Option<NaiveDate>,
    /// When sessions begin.
    pub start_time: Option<NaiveTime>,
    /// How long they take.
    pub minutes: Option<i32>,
    /// The rule by which they come again.
    pub recurrence: Option<Option<String>>,
    /// Days of the rule without a session.
    pub except_dates: Option<Vec<NaiveDate>>,
    /// The days of further sessions.
    pub extra_dates: Option<Vec<NaiveDate>>,
    /// Whether its hours are of another zone from the next session on. The series before name the one that they were in.
    pub other_zone: bool,
}

impl SeriesChange {
    /// Whether it changes anything, but for saying from when on.
    pub(super) fn changes(&self) -> bool {
        let Self { from: _, start_time, minutes, recurrence, except_dates, extra_dates, other_zone } = self;
        let days = recurrence.is_some() || except_dates.is_some() || extra_dates.is_some();
        start_time.is_some() || minutes.is_some() || days || *other_zone
    }
}

/// Looks at a series that somebody gives, in a zone and at an instant.
struct Check {
    zone: Tz,
    now: Instant,
    /// The name by which they gave its first day.
    first: &'static str,
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

    /// Different days after the first, each of which has its session ahead.
    fn days(&self, field: &'static str, days: &[NaiveDate], new: &NewSeries) -> Result<(), Refusal> {
        if days.len() >= MOST_OCCURRENCES {
            return Err(at(Refusal::new(Code::TooMany, format!("There are at most {MOST_OCCURRENCES} sessions.")), field));
        }
        let first = self.first;
        if days.iter().collect::<BTreeSet<_>>().len() < days.len() || days.contains(&new.starts_on) {
            return Err(at(Refusal::invalid(format!("`{field}` are different days, and none of them is `{first}`.")), field));
        }
        for day in days {
            self.ahead(field, *day, new.start_time)?;
            if *day < new.starts_on {
                return Err(at(Refusal::invalid(format!("`{field}` come after `{first}`.")), field));
            }
        }
        Ok(())
    }

    fn series(&self, new: NewSeries) -> Result<Series, Refusal> {
        within("minutes", new.minutes, 5, 1_440)?;
        let time = new.start_time.with_second(0).and_then(|time| time.with_nanosecond(0)).unwrap_or(new.start_time);
        let new = NewSeries { start_time: time, ..new };
        let first = self.first;
        self.ahead(first, new.starts_on, time)?;
        self.days("extraDates", &new.extra_dates, &new)?;
        self.days("exceptDates", &new.except_dates, &new)?;
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
            extra_dates: new.extra_dates,
            time_zone: None,
        })
    }
}

/// The series of a new gathering.
///
/// # Errors
/// Refused when a day, the time, the length or the rule is none that sessions can have.
pub(super) fn checked(new: NewSeries, zone: Tz, now: Instant) -> Result<Series, Refusal> {
    Check { zone, now, first: "startsOn" }.series(new)
}

/// Where a series is that a day belongs to: the last that has begun by then, or the first of all.
fn place_of(series: &[Series], day: NaiveDate) -> usize {
    series.iter().rposition(|series| series.starts_on <= day).unwrap_or_default()
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
    series.starts_on <= day && series.ends_before.is_none_or(|end| day < end)
}

/// The zone that a series is in, of a gathering that is in this one now.
///
/// # Errors
/// `Internal` when a zone was written that is none.
pub fn zone_in(series: &Series, zone: Tz) -> Result<Tz> {
    series.time_zone.as_deref().map_or(Ok(zone), zone_of)
}

/// The series of a gathering that leaves a zone: they are in it for as long as they last.
pub(super) fn leaving(series: &[Series], zone: &str) -> Vec<Series> {
    let in_it = |series: &Series| Some(series.time_zone.clone().unwrap_or_else(|| zone.to_owned()));
    series.iter().map(|series| Series { time_zone: in_it(series), ..series.clone() }).collect()
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
    series.extra_dates.iter().copied().chain([series.starts_on]).filter(|day| belongs(series, *day)).collect()
}

/// The days of its rule with a session, as far as they are its own and can be planned: no further ahead than any day can be named.
fn of_rule(series: &Series, zone: Tz) -> Result<impl Iterator<Item = NaiveDate>> {
    let zone = zone_in(series, zone)?;
    let days = rule_of(series)?.map(|rule| rule.occurrences(zone, series.starts_on, series.start_time));
    let days = days.into_iter().flatten().map(|occurrence| occurrence.local.date());
    Ok(days.take_while(|day| belongs(series, *day)).filter(|day| !series.except_dates.contains(day)))
}

fn has_day(series: &Series, day: NaiveDate, zone: Tz) -> Result<bool> {
    Ok(named(series).contains(&day) || of_rule(series, zone)?.find(|other| *other >= day) == Some(day))
}

fn has_days_from(series: &Series, from: NaiveDate, zone: Tz) -> Result<bool> {
    Ok(named(series).into_iter().any(|day| day >= from) || of_rule(series, zone)?.any(|day| day >= from))
}

/// The series after a change, if anything of them changes. What was before the first session of which it holds stays as it was.
///
/// # Errors
/// Refused when no session is left from then on, and as for a new series.
pub(super) fn changed(series: &[Series], change: SeriesChange, zone: Tz, now: Instant) -> Result<Option<Vec<Series>>> {
    if !change.changes() {
        return match change.from {
            Some(_) => Err(at(Refusal::required("startTime"), "from").into()),
            None => Ok(None),
        };
    }
    let mut today = local_of(zone, now).date();
    if change.other_zone {
        // Where it is another day in the zone before, the earlier of the two.
        for series in series {
            today = today.min(local_of(zone_in(series, zone)?, now).date());
        }
    }
    let from = change.from.unwrap_or(today);
    if from < today || from - today > FURTHEST {
        let sentence = format!("`from` is today or later, at most {} days ahead.", FURTHEST.num_days());
        return Err(at(Refusal::invalid(sentence), "from").into());
    }
    let mut place = place_of(series, from);
    // Between the last day of one series and the first of the next, the next is meant.
    while change.recurrence.is_none() && place + 1 < series.len() && !has_days_from(&series[place], from, zone)? {
        place += 1;
    }
    let Some(base) = series.get(place) else { return Ok(None) };
    let start_time = change.start_time.unwrap_or(base.start_time);
    // A day whose session has begun stays as it was, whatever the new time is.
    let of_base = zone_in(base, zone)?;
    let begun = |day: NaiveDate| Occurrence::new(of_base, day.and_time(base.start_time)).at <= now;
    let ahead = |day: &NaiveDate| *day >= from && !begun(*day) && Occurrence::new(zone, day.and_time(start_time)).at > now;
    let starts_on = match (&change.recurrence, change.from) {
        (Some(_), Some(from)) if has_day(base, from, zone)? && begun(from) => {
            return Err(at(Refusal::invalid("The session of this day has begun: name a later one."), "from").into());
        }
        (Some(_), Some(from)) => from,
        (Some(_), None) => {
            let sentence = "Give `from` as well: the day of the first session by the new rule.";
            return Err(at(Refusal::new(Code::Required, sentence), "from").into());
        }
        (None, _) => {
            if let Some(next) = series.get(place + 1) {
                let (field, instead) = match change.other_zone {
                    true => ("timeZone", "change the zone once it has begun"),
                    false => ("from", "name `from`, that day or later, or give `recurrence`"),
                };
                let sentence = format!("Another schedule begins on {}: {instead}.", next.starts_on);
                return Err(at(Refusal::invalid(sentence), field).into());
            }
            let by_rule = of_rule(base, zone)?.find(ahead);
            let by_name = named(base).into_iter().find(ahead);
            let sentence = "No session is left from then on: nothing changes.";
            let first = by_rule.or(by_name).ok_or_else(|| at(Refusal::invalid(sentence), "from"))?;
            if let Some(extra) = by_name.filter(|extra| *extra < first) {
                let sentence =
                    format!("The further session of {extra} comes before the rule's next: move it by itself, or name `from` after it.");
                return Err(at(Refusal::invalid(sentence), "from").into());
            }
            first
        }
    };
    let same_rule = change.recurrence.is_none();
    let recurrence = match change.recurrence {
        Some(given) => given,
        None => remaining(base, starts_on, of_base, (zone, start_time))?,
    };
    let carried = |days: &[NaiveDate]| days.iter().copied().filter(|day| *day > starts_on).collect::<Vec<_>>();
    // Exceptions of another rule are none of this one's.
    let except_dates = change.except_dates.unwrap_or_else(|| if same_rule { carried(&base.except_dates) } else { Vec::new() });
    let new = NewSeries {
        starts_on,
        start_time,
        minutes: change.minutes.unwrap_or(base.minutes),
        recurrence,
        except_dates,
        extra_dates: change.extra_dates.unwrap_or_else(|| carried(&base.extra_dates)),
    };
    let mut next = Check { zone, now, first: "from" }.series(new)?;
    let mut kept = series[..place].to_vec();
    if base.starts_on < starts_on {
        kept.push(Series { ends_before: Some(starts_on), ..base.clone() });
    } else {
        // It had not begun: calendars go on with the series that they know.
        next.id = base.id;
    }
    kept.push(next);
    Ok(Some(kept))
}

/// The rule of a series from a later one of its days on, at another time of day in a zone that may be another: fewer are left to count, and
/// the last day stays the last. None where the day is none of the rule's.
fn remaining(of: &Series, starts_on: NaiveDate, zone: Tz, other: (Tz, NaiveTime)) -> Result<Option<String>> {
    let Some(rule) = rule_of(of)? else { return Ok(None) };
    let days = || rule.occurrences(zone, of.starts_on, of.start_time).map(|occurrence| occurrence.local.date());
    if days().find(|day| *day >= starts_on) != Some(starts_on) {
        return Ok(None);
    }
    let passed = days().take_while(|day| *day < starts_on).count();
    let rule = rule.at_another_time(zone, of.starts_on, of.start_time, other);
    Ok(rule.after(passed).map(|rule| rule.to_string()))
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
