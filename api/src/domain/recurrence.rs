//! Rules of RFC 5545 by which sessions come again (domain 6.5): which days, and for how long.
//!
//! Days are reckoned without zones, and each wall time is put into its zone afterwards by [`instant_of`]: the wall is the truth.

use std::{fmt, str::FromStr};

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use chrono_tz::Tz;

use super::wall_time::instant_of;
use crate::{
    clock::Instant,
    error::{Code, Error, Refusal, Result},
};

/// The most occurrences of a rule that ends, and the most sessions of a workshop that ends (domain 6.5).
pub const MOST_OCCURRENCES: usize = 730;

/// The longest rule, in characters: every day of a month from either end would fit.
pub const LONGEST_RULE: usize = 400;

/// The largest step between two periods: a year of days.
const LONGEST_INTERVAL: u16 = 366;

/// For how long a day of a rule is looked for. After that the calendar is the same again.
const CALENDAR: Months = Months::new(400 * 12);

/// The parts that a rule can have, in the order in which they are written.
const PARTS: [&str; 8] = ["FREQ", "UNTIL", "COUNT", "INTERVAL", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST"];

/// How an instant is written in a rule: in UTC.
const INSTANT: &str = "%Y%m%dT%H%M%SZ";

fn too_many() -> Refusal {
    let sentence = format!(
        "A rule that ends has at most {MOST_OCCURRENCES} sessions: let it end sooner, or leave out `COUNT` and `UNTIL`, and it goes on until \
         it is changed."
    );
    Refusal::new(Code::TooMany, sentence)
}

/// Of what a rule chooses days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
}

/// A day of the week, or one of those of a month: counted from its beginning, or below zero from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ByDay {
    number: Option<i32>,
    weekday: Weekday,
}

/// A rule that was checked. It is written as the value of an `RRULE`, in capitals, each part once and in one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    text: String,
    frequency: Frequency,
    interval: u16,
    by_month_day: Vec<i32>,
    by_day: Vec<ByDay>,
    by_set_pos: Vec<i32>,
    week_start: Weekday,
    until: Option<Instant>,
    count: Option<u16>,
}

impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// When something occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The instant, which stands for the wall time in its zone.
    pub at: Instant,
    /// The wall time by the rule: on a day when clocks skip it, it is not what they show.
    pub local: NaiveDateTime,
}

impl Occurrence {
    /// Something at a wall time of a zone.
    pub fn new(zone: Tz, local: NaiveDateTime) -> Self {
        Self { at: instant_of(zone, local), local }
    }
}

/// The numbers of a part, which lie between one and a most on either side.
fn numbers(part: &str, value: &str, most: i32) -> Result<Vec<i32>, Refusal> {
    let within = value
        .split(',')
        .map(|number| i32::from_str(number).ok().filter(|number| (1..=most.unsigned_abs()).contains(&number.unsigned_abs())));
    let sentence =
        || Refusal::invalid(format!("`{part}` holds numbers from 1 to {most}, or from -1 to -{most}, which count from the end."));
    within.map(|number| number.ok_or_else(sentence)).collect()
}

/// A number from 1 to a most.
fn count(part: &str, value: &str, most: u16) -> Result<u16, Refusal> {
    let sentence = || Refusal::invalid(format!("`{part}` is a number from 1 to {most}."));
    value.parse().ok().filter(|count| (1..=most).contains(count)).ok_or_else(sentence)
}

/// The names of the days of the week, from Monday on.
pub(super) const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// The day of the week that rules name so.
pub fn weekday(name: &str) -> Option<Weekday> {
    let place = WEEKDAYS.iter().position(|known| *known == name)?;
    Weekday::try_from(u8::try_from(place).ok()?).ok()
}

/// Days of the week; with a number before them, such as `-1FR`, only in a month.
fn by_day(value: &str, frequency: Frequency) -> Result<Vec<ByDay>, Refusal> {
    let sentence = || Refusal::invalid("`BYDAY` holds days such as `MO`, and in a month such as `-1FR`.");
    let day = |item: &str| {
        let (number, name) = item.len().checked_sub(2).and_then(|length| item.split_at_checked(length)).ok_or_else(sentence)?;
        let weekday = weekday(name).ok_or_else(sentence)?;
        if number.is_empty() {
            return Ok(ByDay { number: None, weekday });
        }
        if frequency != Frequency::Monthly {
            return Err(Refusal::invalid("`BYDAY` has numbers, such as `-1FR`, only with `FREQ=MONTHLY`."));
        }
        Ok(ByDay { number: numbers("BYDAY", number, 5)?.first().copied(), weekday })
    };
    value.split(',').map(day).collect()
}

fn instant(value: &str) -> Result<Instant, Refusal> {
    let instant = NaiveDateTime::parse_from_str(value, INSTANT).ok().filter(|_| value.len() == 16);
    instant.map(|at| at.and_utc()).ok_or_else(|| Refusal::invalid("`UNTIL` is an instant in UTC, as `20270630T220000Z`."))
}

impl Recurrence {
    /// A rule as it was given.
    ///
    /// # Errors
    /// Refused where it is no rule, has parts that sessions do not have, or cannot be.
    pub fn parse(given: &str) -> Result<Self, Refusal> {
        let given = given.trim().to_ascii_uppercase();
        let given = given.strip_prefix("RRULE:").unwrap_or(&given);
        if given.len() > LONGEST_RULE {
            return Err(Refusal::invalid(format!("A rule has at most {LONGEST_RULE} characters.")));
        }
        let mut values = [None; PARTS.len()];
        for part in given.split(';') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let place = PARTS.iter().position(|known| *known == name).filter(|_| !value.is_empty()).ok_or_else(|| {
                Refusal::invalid(format!("A rule has the parts {}, each as `FREQ=WEEKLY`, with `;` between them.", PARTS.join(", ")))
            })?;
            if values[place].replace(value).is_some() {
                return Err(Refusal::invalid(format!("`{name}` stands in the rule twice.")));
            }
        }
        let [freq, until, times, interval, month_days, days, positions, week_start] = values;
        let frequency = match freq {
            Some("DAILY") => Frequency::Daily,
            Some("WEEKLY") => Frequency::Weekly,
            Some("MONTHLY") => Frequency::Monthly,
            _ => return Err(Refusal::invalid("`FREQ` is `DAILY`, `WEEKLY` or `MONTHLY`.")),
        };
        if until.is_some() && times.is_some() {
            return Err(Refusal::invalid("A rule ends by `UNTIL` or by `COUNT`: give one of them."));
        }
        if month_days.is_some() && frequency == Frequency::Weekly {
            return Err(Refusal::invalid("`BYMONTHDAY` does not go with `FREQ=WEEKLY`."));
        }
        // Of a week that has begun already, implementations disagree about which day is the first.
        if positions.is_some() && (frequency != Frequency::Monthly || days.is_none() && month_days.is_none()) {
            let sentence = "`BYSETPOS` chooses among the days of a month: give `FREQ=MONTHLY`, and `BYDAY` or `BYMONTHDAY`.";
            return Err(Refusal::invalid(sentence));
        }
        let count_of = times.map(|value| count("COUNT", value, u16::MAX)).transpose()?;
        if count_of.is_some_and(|count| usize::from(count) > MOST_OCCURRENCES) {
            return Err(too_many());
        }
        let list = |part, value: Option<&str>| value.map(|value| numbers(part, value, 31)).transpose().map(Option::unwrap_or_default);
        let parts = PARTS.iter().zip(values).filter_map(|(name, value)| Some(format!("{name}={}", value?.replace('+', ""))));
        Ok(Self {
            text: parts.collect::<Vec<_>>().join(";"),
            frequency,
            interval: interval.map_or(Ok(1), |value| count("INTERVAL", value, LONGEST_INTERVAL))?,
            by_month_day: list("BYMONTHDAY", month_days)?,
            by_day: days.map(|value| by_day(value, frequency)).transpose()?.unwrap_or_default(),
            by_set_pos: list("BYSETPOS", positions)?,
            week_start: match week_start {
                Some(name) => weekday(name).ok_or_else(|| Refusal::invalid("`WKST` is a day such as `MO`."))?,
                None => Weekday::Mon,
            },
            until: until.map(instant).transpose()?,
            count: count_of,
        })
    }

    /// A rule that was checked when it was written.
    ///
    /// # Errors
    /// `Internal` when it was not.
    pub fn stored(text: &str) -> Result<Self> {
        Self::parse(text).map_err(|_| Error::internal("a rule was written that is none"))
    }

    /// Whether it ends by itself.
    pub const fn ends(&self) -> bool {
        self.until.is_some() || self.count.is_some()
    }

    /// The days of the rule from a first one on, at one time of day, in their order. Where the first is no day of the rule it is not
    /// among them. There may be no end to them, but none is looked for beyond 400 years.
    pub fn occurrences(&self, zone: Tz, first: NaiveDate, time: NaiveTime) -> impl Iterator<Item = Occurrence> + use<> {
        let rule = self.clone();
        let end = first.checked_add_months(CALENDAR).unwrap_or(NaiveDate::MAX);
        // No zone is a whole day away from UTC: a rule that has ended is not looked through for what never comes.
        let end = self.until.and_then(|until| until.date_naive().checked_add_days(Days::new(2))).map_or(end, |last| end.min(last));
        let periods = (0..).map_while(move |number| rule.period(first, number).filter(|period| period.first_day < end));
        let days = periods.flat_map(|period| period.days).filter(move |day| *day >= first);
        let most = self.count.map_or(usize::MAX, usize::from);
        let until = self.until;
        let occurrences = days.take(most).map(move |day| Occurrence::new(zone, day.and_time(time)));
        occurrences.take_while(move |occurrence| until.is_none_or(|until| occurrence.at <= until))
    }

    /// The days of a day, a week or a month, the first of which is that of the first occurrence. Nothing when calendars end there.
    fn period(&self, first: NaiveDate, number: u64) -> Option<Period> {
        let steps = number * u64::from(self.interval);
        Some(match self.frequency {
            Frequency::Daily => {
                let day = first.checked_add_days(Days::new(steps))?;
                let days = if self.holds(day) { vec![day] } else { Vec::new() };
                Period { first_day: day, days }
            }
            Frequency::Weekly => {
                let begun = Days::new(first.weekday().days_since(self.week_start).into());
                let first_day = first.checked_sub_days(begun)?.checked_add_days(Days::new(7 * steps))?;
                let is_one = |day: &NaiveDate| if self.by_day.is_empty() { day.weekday() == first.weekday() } else { self.holds(*day) };
                Period { first_day, days: first_day.iter_days().take(7).filter(is_one).collect() }
            }
            Frequency::Monthly => {
                let first_day = first.with_day(1)?.checked_add_months(Months::new(u32::try_from(steps).ok()?))?;
                let free = self.by_day.is_empty() && self.by_month_day.is_empty();
                let is_one = |day: &NaiveDate| if free { day.day() == first.day() } else { self.holds(*day) };
                let days = first_day.iter_days().take(usize::from(first_day.num_days_in_month())).filter(is_one).collect();
                Period { first_day, days: self.chosen(days) }
            }
        })
    }

    /// Whether a day is one of those that the rule names.
    fn holds(&self, day: NaiveDate) -> bool {
        let from_start = i32::try_from(day.day()).unwrap_or_default();
        let from_end = i32::from(day.num_days_in_month()) - from_start + 1;
        let is_numbered = |number: i32, from_start: i32, from_end: i32| number == from_start || -number == from_end;
        let by_month_day = self.by_month_day.iter().any(|number| is_numbered(*number, from_start, from_end));
        let of_month = |number| is_numbered(number, (from_start - 1) / 7 + 1, (from_end - 1) / 7 + 1);
        let by_day = self.by_day.iter().any(|by| by.weekday == day.weekday() && by.number.is_none_or(of_month));
        (self.by_month_day.is_empty() || by_month_day) && (self.by_day.is_empty() || by_day)
    }

    /// Those days of a month that the rule chooses by their place among them.
    fn chosen(&self, days: Vec<NaiveDate>) -> Vec<NaiveDate> {
        if self.by_set_pos.is_empty() {
            return days;
        }
        let (one, length) = (1, i32::try_from(days.len()).unwrap_or_default());
        let places = (one..).zip(days);
        let is_chosen = |place: i32| self.by_set_pos.iter().any(|wanted| *wanted == place || *wanted == place - length - 1);
        places.filter(|(place, _)| is_chosen(*place)).map(|(_, day)| day).collect()
    }

    /// Checks that a rule that ends has, with so many days besides, no more sessions than may be.
    ///
    /// # Errors
    /// Refused where it has.
    pub fn check_length(&self, zone: Tz, first: NaiveDate, time: NaiveTime, besides: usize) -> Result<(), Refusal> {
        let sessions = || self.occurrences(zone, first, time).take(MOST_OCCURRENCES + 1).count() + besides;
        if self.ends() && sessions() > MOST_OCCURRENCES { Err(too_many()) } else { Ok(()) }
    }

    /// The rule from a later one of its days on, when so many occurrences have passed: fewer are left to count. Nothing when none is.
    pub fn after(&self, passed: usize) -> Option<Self> {
        let Some(count) = self.count else { return Some(self.clone()) };
        let left = usize::from(count).checked_sub(passed).filter(|left| *left > 0)?;
        Self::parse(&self.with("COUNT", &left.to_string())).ok()
    }

    /// The rule from a first day on, at another time of day than it was at, in a zone that may be another: where it ends at an instant, the
    /// last day stays the last.
    pub fn at_another_time(&self, zone: Tz, first: NaiveDate, time: NaiveTime, (other_zone, other): (Tz, NaiveTime)) -> Self {
        // Only of a rule that ends so: another may have no last day.
        let last = self.until.and_then(|_| self.occurrences(zone, first, time).last());
        let ending = last.and_then(|last| {
            let until = Occurrence::new(other_zone, last.local.date().and_time(other)).at.format(INSTANT).to_string();
            Self::parse(&self.with("UNTIL", &until)).ok()
        });
        ending.unwrap_or_else(|| self.clone())
    }

    /// The rule from a first day on, of which nothing is left from another day on.
    pub fn until(&self, zone: Tz, first: NaiveDate, time: NaiveTime, end: NaiveDate) -> Self {
        let cut = if let Some(count) = self.count {
            let before = self.occurrences(zone, first, time).take_while(|occurrence| occurrence.local.date() < end).count();
            self.with("COUNT", &before.min(count.into()).to_string())
        } else {
            let last = instant_of(zone, end.and_time(NaiveTime::MIN)) - TimeDelta::seconds(1);
            let last = self.until.map_or(last, |until| until.min(last)).format(INSTANT).to_string();
            if self.until.is_some() { self.with("UNTIL", &last) } else { format!("{};UNTIL={last}", self.text) }
        };
        Self::parse(&cut).unwrap_or_else(|_| self.clone())
    }

    /// The days of the week of a rule that comes each week from a first day on, in their order; nothing where it comes in another way.
    pub fn each_week(&self, first: NaiveDate) -> Option<Vec<Weekday>> {
        if self.frequency != Frequency::Weekly || self.interval != 1 {
            return None;
        }
        let named = self.by_day.iter().map(|by| by.weekday);
        let mut days: Vec<_> = if self.by_day.is_empty() { vec![first.weekday()] } else { named.collect() };
        days.sort_by_key(Weekday::num_days_from_sunday);
        days.dedup();
        Some(days)
    }

    /// The value of a part, as it is written; nothing where the rule does not have it.
    pub fn part(&self, name: &str) -> Option<&str> {
        self.text.split(';').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }

    /// The text with another value of a part that it has.
    fn with(&self, name: &str, value: &str) -> String {
        let parts = self.text.split(';').map(|part| match part.split_once('=') {
            Some((same, _)) if same == name => format!("{name}={value}"),
            _ => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join(";")
    }
}

/// A day, a week or a month.
struct Period {
    first_day: NaiveDate,
    /// Those of the rule, in their order.
    days: Vec<NaiveDate>,
}
