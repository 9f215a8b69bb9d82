//! Rules of recurrence, compared with an implementation that shares nothing with ours, and by hand.

mod by_hand;

use aftercare::domain::recurrence::Recurrence;
use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::{IANA_TZDB_VERSION, Tz};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;

use crate::python::asked;

/// Zones in which clocks change in every way that there is: by an hour and by half of one, on either half of the globe, at midnight, not
/// at all, not any more.
const ZONES: [&str; 10] = [
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Tehran",
    "America/St_Johns",
    "Pacific/Auckland",
    "Africa/Casablanca",
];

const RULES_OF_A_ZONE: usize = 60;
const MOST: usize = 730;

/// A rule from a day and a time on.
#[derive(Debug)]
struct Case {
    zone: &'static str,
    first: NaiveDateTime,
    rule: String,
}

impl Case {
    fn zone(&self) -> Tz {
        self.zone.parse().unwrap()
    }

    /// What there is of it within ten years, as far as a rule that ends may go.
    fn ours(&self) -> Vec<i64> {
        let rule = Recurrence::parse(&self.rule).unwrap_or_else(|refusal| panic!("{self:?}: {}", refusal.message));
        let day = self.first.with_day(self.first.day().min(28)).unwrap();
        let horizon = day + Months::new(120);
        let occurrences = rule.occurrences(self.zone(), self.first.date(), self.first.time()).take(MOST);
        occurrences.take_while(|occurrence| occurrence.local < horizon).map(|occurrence| occurrence.at.timestamp()).collect()
    }
}

fn some(rng: &mut StdRng, most: usize, mut one: impl FnMut(&mut StdRng) -> String) -> String {
    let mut all: Vec<_> = (0..rng.random_range(1..=most)).map(|_| one(rng)).collect();
    all.dedup();
    all.join(",")
}

fn weekday(rng: &mut StdRng) -> String {
    (*["MO", "TU", "WE", "TH", "FR", "SA", "SU"].choose(rng).unwrap()).to_owned()
}

fn signed(rng: &mut StdRng, most: i32) -> String {
    let number = rng.random_range(1..=most);
    if rng.random_bool(0.4) { format!("-{number}") } else { number.to_string() }
}

/// A rule as people make them, and as they do not.
fn some_rule(rng: &mut StdRng, first: NaiveDateTime) -> String {
    let frequency = *["DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "MONTHLY"].choose(rng).unwrap();
    let mut parts = vec![format!("FREQ={frequency}")];
    if rng.random_bool(0.4) {
        parts.push(format!("INTERVAL={}", rng.random_range(1..=6)));
    }
    let (mut days, mut month_days) = (rng.random_bool(0.6), false);
    if frequency != "WEEKLY" {
        month_days = rng.random_bool(0.4);
    }
    if frequency == "MONTHLY" && !days && !month_days {
        days = rng.random_bool(0.7);
    }
    if days {
        let numbered = frequency == "MONTHLY" && rng.random_bool(0.5);
        let day = |rng: &mut StdRng| if numbered { format!("{}{}", signed(rng, 5), weekday(rng)) } else { weekday(rng) };
        parts.push(format!("BYDAY={}", some(rng, 4, day)));
    }
    if month_days {
        parts.push(format!("BYMONTHDAY={}", some(rng, 5, |rng| signed(rng, 31))));
    }
    if frequency == "MONTHLY" && (days || month_days) && rng.random_bool(0.3) {
        parts.push(format!("BYSETPOS={}", some(rng, 2, |rng| signed(rng, 4))));
    }
    if rng.random_bool(0.3) {
        parts.push(format!("WKST={}", weekday(rng)));
    }
    match rng.random_range(0..3) {
        0 => parts.push(format!("COUNT={}", rng.random_range(1..=730))),
        1 => {
            let last = first + TimeDelta::minutes(rng.random_range(1..5_000_000));
            parts.push(format!("UNTIL={}", last.format("%Y%m%dT%H%M%SZ")));
        }
        _ => {}
    }
    parts.join(";")
}

fn cases() -> Vec<Case> {
    let mut rng = StdRng::seed_from_u64(20_261_126);
    let mut cases = Vec::new();
    for zone in ZONES {
        for _ in 0..RULES_OF_A_ZONE {
            let day = NaiveDate::from_ymd_opt(2016, 1, 1).unwrap() + Days::new(rng.random_range(0..5_000));
            // Hours in which clocks change are as frequent as those in which people meet.
            let (hour, minute) = (*[0, 1, 2, 3, 9, 12, 18, 23].choose(&mut rng).unwrap(), *[0, 15, 30, 45].choose(&mut rng).unwrap());
            let first = day.and_time(NaiveTime::from_hms_opt(hour, minute, 0).unwrap());
            cases.push(Case { zone, first, rule: some_rule(&mut rng, first) });
        }
    }
    cases
}

#[test]
fn six_hundred_rules_are_as_dateutil_has_them() {
    assert_eq!(IANA_TZDB_VERSION, "2025b", "have the same release of tzdata in requirements.txt");
    let cases = cases();
    let rules: Vec<_> = cases.iter().map(|case| json!({ "zone": case.zone, "start": case.first, "rule": case.rule })).collect();
    let Some(theirs) = asked("expand.py", &json!(rules)) else { return };
    let theirs: Vec<Vec<i64>> = serde_json::from_value(theirs).unwrap();
    assert_eq!((theirs.len(), cases.len()), (600, 600));

    let mut compared = 0;
    let different: Vec<_> = cases
        .iter()
        .zip(&theirs)
        .filter_map(|(case, theirs)| {
            let ours = case.ours();
            compared += ours.len();
            let at = (0..ours.len().max(theirs.len())).find(|at| ours.get(*at) != theirs.get(*at))?;
            Some(format!("{case:?}: at {at}, ours {:?}, theirs {:?}", ours.get(at), theirs.get(at)))
        })
        .collect();
    assert!(different.is_empty(), "{} of {}:\n{}", different.len(), cases.len(), different.join("\n"));
    assert!(compared > 100_000, "{compared} occurrences are few");
    let empty = theirs.iter().filter(|one| one.is_empty()).count();
    assert!(empty < 60, "{empty} rules have no day at all: they show little");
}
