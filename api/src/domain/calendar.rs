//! When a program is staffed, and when something is due there (domain 2.4). Plain reckoning: it asks neither the database nor the time.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use entity::{
    program::StaffedHours,
    vocabulary::{ClockUnit, Weekday},
};
use serde::Deserialize;

use super::wall_time::{instant_of, local_of, reached};
use crate::clock::Instant;

/// How far staffed time is looked for, in days. What is then still missing passes as time does from the last staffed moment, so that
/// whoever waits for a program that has closed for good is not forgotten.
const SEARCHED_DAYS: usize = 400;

const DAY: TimeDelta = TimeDelta::days(1);

/// How long a clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Span {
    /// How many.
    pub amount: u32,
    /// Of what.
    pub unit: ClockUnit,
}

/// From when until when; the end does not belong to it.
type Stretch = (Instant, Instant);

/// When a program is staffed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    /// From Monday: stretches of wall time since midnight, in order, apart from each other.
    week: [Vec<(TimeDelta, TimeDelta)>; 7],
    holidays: BTreeSet<NaiveDate>,
}

/// The hours of a program that has set none (D): Monday to Friday, 09:00 to 17:00.
pub fn usual_hours() -> Vec<StaffedHours> {
    let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("9 and 17 are hours of a day");
    Weekday::ALL[..5].iter().map(|weekday| StaffedHours { weekday: *weekday, from: at(9), to: at(17) }).collect()
}

/// From when until when a day is staffed, since its midnight.
pub fn since_midnight(hours: &StaffedHours) -> (TimeDelta, TimeDelta) {
    let passed = |time: NaiveTime| TimeDelta::seconds(time.num_seconds_from_midnight().into());
    (passed(hours.from), if hours.to == NaiveTime::MIN { DAY } else { passed(hours.to) })
}

impl Calendar {
    /// A week of a time zone, with days on which nobody is there. Hours that overlap are one; those that end before they begin are none.
    pub fn new(zone: Tz, staffed: &[StaffedHours], holidays: impl IntoIterator<Item = NaiveDate>) -> Self {
        let mut week: [Vec<(TimeDelta, TimeDelta)>; 7] = Default::default();
        let mut staffed = staffed.to_vec();
        staffed.sort_unstable();
        for hours in staffed {
            let (from, to) = since_midnight(&hours);
            let day = &mut week[hours.weekday as usize];
            match day.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ if from < to => day.push((from, to)),
                _ => {}
            }
        }
        Self { zone, week, holidays: holidays.into_iter().collect() }
    }

    /// When something is due that begins at an instant and may take so long. Never before it begins.
    ///
    /// Days end at the same time of day (domain 6.5 where clocks are put forward or back). Business days begin with the first staffed
    /// moment and end at the same time of day on the n-th following day that is staffed, or as near to it as that day is: later where
    /// people are not there yet, at closing where they have gone. Without staffed time, hours and days pass as they do elsewhere.
    pub fn after(&self, start: Instant, span: Span) -> Instant {
        let hours = TimeDelta::hours(span.amount.into());
        let due = match span.unit {
            ClockUnit::Hours => later(start, hours),
            ClockUnit::Days => self.days_after(start, span.amount),
            ClockUnit::StaffedHours => self.after_staffed(start, hours),
            ClockUnit::BusinessDays => self.business_days_after(start, span.amount),
        };
        due.max(start)
    }

    /// When so much staffed time has passed since an instant; with none, the first staffed moment.
    pub fn after_staffed(&self, start: Instant, time: TimeDelta) -> Instant {
        let (mut left, mut end) = (time.max(TimeDelta::zero()), start);
        for (from, to) in self.staffed_from(start) {
            if left <= to - from {
                return from + left;
            }
            left -= to - from;
            end = to;
        }
        later(end, left)
    }

    /// How much staffed time passes between two instants: what a clock that pauses has left, for [`Self::after_staffed`] when it goes on.
    /// None when the second is the earlier one.
    pub fn staffed_between(&self, start: Instant, end: Instant) -> TimeDelta {
        let (mut passed, mut since) = (TimeDelta::zero(), start);
        for (from, to) in self.staffed_from(start) {
            if end <= to {
                since = from;
                break;
            }
            passed += to - from;
            since = to;
        }
        passed + (end - since).max(TimeDelta::zero())
    }

    /// When half of the time between two instants has passed, of staffed time where a clock runs in that.
    pub fn halfway(&self, start: Instant, due: Instant, unit: ClockUnit) -> Instant {
        match unit {
            ClockUnit::Hours | ClockUnit::Days => start + (due - start) / 2,
            ClockUnit::StaffedHours | ClockUnit::BusinessDays => self.after_staffed(start, self.staffed_between(start, due) / 2),
        }
    }

    /// When something is due that was due at an instant, paused before, and goes on now with what it had left.
    pub fn resumed(&self, due: Instant, paused: Instant, now: Instant, unit: ClockUnit) -> Instant {
        match unit {
            ClockUnit::Hours | ClockUnit::Days => later(now, due - paused),
            ClockUnit::StaffedHours | ClockUnit::BusinessDays => self.after_staffed(now, self.staffed_between(paused, due)),
        }
    }

    fn days_after(&self, start: Instant, days: u32) -> Instant {
        let due = self.local(start).and_then(|local| local.checked_add_days(Days::new(days.into())));
        let due = due.filter(|due| is_reckoned(due.and_utc()));
        due.map_or_else(|| later(start, TimeDelta::days(days.into())), |due| instant_of(self.zone, due))
    }

    fn business_days_after(&self, start: Instant, days: u32) -> Instant {
        let start = self.staffed_from(start).next().map_or(start, |(from, _)| from);
        let Some(local) = self.local(start) else { return later(start, TimeDelta::days(days.into())) };
        let following = local.date().iter_days().skip(1).take(SEARCHED_DAYS).map(|day| (day, self.staffed_on(day)));
        let (mut left, mut last) = (days, start);
        for (day, staffed) in following.filter(|(_, staffed)| !staffed.is_empty()).take(days as usize) {
            left -= 1;
            last = nearest(instant_of(self.zone, day.and_time(local.time())), &staffed);
        }
        if left == 0 { last } else { self.days_after(last, left) }
    }

    /// The staffed time from an instant on, as far as it is looked for.
    fn staffed_from(&self, start: Instant) -> impl Iterator<Item = Stretch> {
        let days = self.local(start).into_iter().flat_map(|local| local.date().iter_days().take(SEARCHED_DAYS));
        let stretches = days.flat_map(|day| self.staffed_on(day));
        stretches.filter(move |(_, to)| *to > start).map(move |(from, to)| (from.max(start), to))
    }

    /// The staffed time of a day. What clocks skip of it is no time; what they show twice is.
    fn staffed_on(&self, day: NaiveDate) -> Vec<Stretch> {
        if self.holidays.contains(&day) {
            return Vec::new();
        }
        let at = |time: TimeDelta| reached(self.zone, day.and_time(NaiveTime::MIN) + time);
        let staffed = self.week[day.weekday().num_days_from_monday() as usize].iter();
        staffed.map(|(from, to)| (at(*from), at(*to))).filter(|(from, to)| from < to).collect()
    }

    fn local(&self, at: Instant) -> Option<NaiveDateTime> {
        is_reckoned(at).then(|| local_of(self.zone, at))
    }
}

/// The moment of a day that is staffed which is nearest: itself, the next, or the last.
fn nearest(at: Instant, staffed: &[Stretch]) -> Instant {
    let next = staffed.iter().find(|(_, to)| at <= *to).map(|(from, _)| at.max(*from));
    next.or_else(|| staffed.last().map(|(_, to)| *to)).unwrap_or(at)
}

/// Whether calendars go so far: years of four digits. Beyond them time only passes.
fn is_reckoned(at: Instant) -> bool {
    (1..=9_999).contains(&at.year())
}

fn later(at: Instant, by: TimeDelta) -> Instant {
    at.checked_add_signed(by).unwrap_or(Instant::MAX_UTC)
}
