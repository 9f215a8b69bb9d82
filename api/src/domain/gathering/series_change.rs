//! What a change from a day on does to a gathering's series. Pure rules.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use entity::gathering::Series;

use super::{
    FURTHEST, at,
    series::{Check, NewSeries, days_of_rule, first_day, further_days, place_of, rule_of, zone_in},
};
use crate::{
    clock::Instant,
    domain::{recurrence::Occurrence, wall_time::local_of},
    error::{Code, Error, Refusal, Result},
};

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

/// The series of a gathering that leaves a zone: they are in it for as long as they last.
pub(super) fn leaving(series: &[Series], zone: &str) -> Vec<Series> {
    let in_it = |series: &Series| Some(series.time_zone.clone().unwrap_or_else(|| zone.to_owned()));
    series.iter().map(|series| Series { time_zone: in_it(series), ..series.clone() }).collect()
}

/// A series as far as it is before a day.
fn ended(series: &Series, end: NaiveDate) -> Series {
    let end = series.ends_before.unwrap_or(end).min(end);
    let before = |days: &[NaiveDate]| days.iter().copied().filter(|day| *day < end).collect();
    Series {
        ends_before: Some(end),
        except_dates: before(&series.except_dates),
        extra_dates: before(&series.extra_dates),
        ..series.clone()
    }
}

/// Whether the session of a day of one of these series has begun.
fn has_begun(series: &[Series], day: NaiveDate, zone: Tz, now: Instant) -> Result<bool> {
    let Some(of_day) = series.get(place_of(series, day)) else { return Ok(false) };
    let begun = Occurrence::new(zone_in(of_day, zone)?, day.and_time(of_day.start_time)).at <= now;
    Ok(begun && first_day(of_day, zone, |own| *own >= day)? == Some(day))
}

/// The first day of which a change holds.
fn first_of(change: &SeriesChange, series: &[Series], zone: Tz, now: Instant) -> Result<NaiveDate> {
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
    Ok(from)
}

/// The series after a change, if anything of them changes. What was before the first session of which it holds stays as it was.
///
/// # Errors
/// Refused when no session is left from then on, and as for a new series.
pub(super) fn changed(series: &[Series], change: &SeriesChange, zone: Tz, now: Instant) -> Result<Option<Vec<Series>>> {
    if !change.changes() {
        return match change.from {
            Some(_) => Err(at(Refusal::required("startTime"), "from").into()),
            None => Ok(None),
        };
    }
    let from = first_of(change, series, zone, now)?;
    let mut place = place_of(series, from);
    let Some(mut base) = series.get(place) else { return Ok(None) };
    // Between the last day of one series and the first of the next, the next is meant.
    if change.recurrence.is_none()
        && let Some(next) = series.get(place + 1)
    {
        let of_base = zone_in(base, zone)?;
        let to_come = |day: &NaiveDate| *day >= from && Occurrence::new(of_base, day.and_time(base.start_time)).at > now;
        if first_day(base, zone, to_come)?.is_none() {
            (place, base) = (place + 1, next);
        }
    }
    let new_first = change.from.filter(|_| change.recurrence.is_some()).map(|day| ("from", day));
    let with = change.extra_dates.iter().flatten().map(|day| ("extraDates", *day));
    let without = change.except_dates.iter().flatten().map(|day| ("exceptDates", *day));
    for (field, day) in new_first.into_iter().chain(with).chain(without) {
        if has_begun(series, day, zone, now)? {
            return Err(at(Refusal::invalid(format!("The session of {day} has begun: name a later day.")), field).into());
        }
    }
    let changing = Changing { base, later: &series[place + 1..], zone, now, from };
    let (end, next) = match &change.recurrence {
        Some(rule) => changing.to_rule(rule.clone(), change)?,
        None => changing.by_its_rule(change)?,
    };
    let mut all = Vec::new();
    for one in &series[..=place] {
        if first_day(one, zone, |_| true)?.is_some_and(|first| first < end) {
            all.push(ended(one, end));
        }
    }
    // Where it had not begun, calendars go on with the series that they know.
    let id = if all.iter().any(|one| one.id == base.id) { next.id } else { base.id };
    all.push(Series { id, ..next });
    Ok(Some(all))
}

/// A series that changes from a day on.
struct Changing<'a> {
    base: &'a Series,
    /// Those after it.
    later: &'a [Series],
    zone: Tz,
    now: Instant,
    from: NaiveDate,
}

impl Changing<'_> {
    /// By another rule, or by none, in place of it and of those after it. And the day on which it ends.
    fn to_rule(&self, recurrence: Option<String>, change: &SeriesChange) -> Result<(NaiveDate, Series)> {
        let Some(starts_on) = change.from else {
            let sentence = "Give `from` as well: the day of the first session by the new rule.";
            return Err(at(Refusal::new(Code::Required, sentence), "from").into());
        };
        let further = || [self.base].into_iter().chain(self.later).flat_map(further_days).filter(|day| *day > starts_on).collect();
        let new = NewSeries {
            starts_on,
            start_time: change.start_time.unwrap_or(self.base.start_time),
            minutes: change.minutes.unwrap_or(self.base.minutes),
            recurrence,
            // Exceptions of another rule are none of this one's.
            except_dates: change.except_dates.clone().unwrap_or_default(),
            extra_dates: change.extra_dates.clone().unwrap_or_else(further),
        };
        Ok((starts_on, Check { zone: self.zone, now: self.now, first: "from", from: None }.series(new)?))
    }

    /// By the rule that it has, at other times or on other days of it. And the first of its days that changes.
    fn by_its_rule(&self, change: &SeriesChange) -> Result<(NaiveDate, Series)> {
        let Self { base, zone, now, from, .. } = *self;
        if let Some(next) = self.later.first() {
            let (field, instead) = match change.other_zone {
                true => ("timeZone", "change the zone once it has begun"),
                false => ("from", "name `from`, that day or later, or give `recurrence`"),
            };
            let sentence = format!("Another schedule begins on {}: {instead}.", next.begins_on());
            return Err(at(Refusal::invalid(sentence), field).into());
        }
        let of_base = zone_in(base, zone)?;
        let start_time = change.start_time.unwrap_or(base.start_time);
        let to_come = |day: &NaiveDate| *day >= from && Occurrence::new(zone, day.and_time(start_time)).at > now;
        // A day whose session has begun stays as it was, whatever the new time is.
        let ahead = |day: &NaiveDate| to_come(day) && Occurrence::new(of_base, day.and_time(base.start_time)).at > now;
        let going_on = |days: Vec<NaiveDate>| days.into_iter().filter(ahead).collect::<Vec<_>>();
        let except_dates = change.except_dates.clone().unwrap_or_else(|| going_on(base.except_dates.clone()));
        let mut named = change.extra_dates.clone().unwrap_or_else(|| going_on(further_days(base).collect()));
        let first = base.recurrence.is_none().then_some(base.starts_on).filter(|day| ahead(day) && !named.contains(day));
        named.extend(first);
        let by_rule = || Ok::<_, Error>(days_of_rule(base, zone)?.filter(ahead));
        let is_left = !named.is_empty() || by_rule()?.any(|day| !except_dates.contains(&day));
        // The next day of the rule, with a session or without: what it is reckoned from.
        let first = by_rule()?.next().or_else(|| named.iter().min().copied()).filter(|_| is_left);
        let starts_on = first.ok_or_else(|| at(Refusal::invalid("No session is left from then on: nothing changes."), "from"))?;
        let new = NewSeries {
            starts_on,
            start_time,
            minutes: change.minutes.unwrap_or(base.minutes),
            recurrence: remaining(base, starts_on, of_base, (zone, start_time))?,
            except_dates,
            extra_dates: named,
        };
        let next = Check { zone, now, first: "from", from: Some(from) }.series(new)?;
        let changes = further_days(base).filter(ahead).chain([next.begins_on()]).min().unwrap_or(starts_on);
        Ok((changes, next))
    }
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
