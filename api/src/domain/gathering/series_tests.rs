//! Whatever is changed from whatever day on: what was before stays, and what is stored is what sessions can follow.

use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use entity::gathering::Series;
use proptest::{prelude::*, sample::select};

use super::series::{NewSeries, SeriesChange, changed, checked, in_force, leaving, planned, zone_in};
use crate::{clock::Instant, domain::recurrence::Recurrence};

const ZONES: [&str; 4] = ["America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata"];
const RULES: [&str; 8] = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;COUNT=40",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;INTERVAL=2",
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;UNTIL=20260901T120000Z",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,-1,-2,-3",
    "FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,-1,-2,-3;COUNT=200",
    "FREQ=DAILY;COUNT=1",
    "FREQ=WEEKLY",
];

fn now() -> Instant {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 3).unwrap() + Days::new(number)
}

fn time(quarters: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(quarters / 4, quarters % 4 * 15, 0).unwrap()
}

prop_compose! {
    fn new_series()(starts in 0_u64..60, at in 0_u32..96, rule in prop::option::of(select(&RULES[..])), extra in prop::collection::btree_set(61_u64..200, 0..4))
        -> NewSeries {
        NewSeries {
            starts_on: day(starts),
            start_time: time(at),
            minutes: 60,
            recurrence: rule.map(str::to_owned),
            except_dates: Vec::new(),
            extra_dates: extra.into_iter().map(day).collect(),
        }
    }
}

prop_compose! {
    fn change()(
        from in prop::option::of(0_u64..250),
        at in prop::option::of(0_u32..96),
        minutes in prop::option::of(30..90),
        rule in prop::option::weighted(0.3, prop::option::of(select(&RULES[..]))),
        extra in prop::option::weighted(0.2, prop::collection::btree_set(0_u64..300, 0..4)),
    ) -> SeriesChange {
        SeriesChange {
            from: from.map(day),
            start_time: at.map(time),
            minutes,
            recurrence: rule.map(|rule| rule.map(str::to_owned)),
            except_dates: None,
            extra_dates: extra.map(|extra| extra.into_iter().map(day).collect()),
            other_zone: false,
        }
    }
}

fn stands(series: &[Series], zone: Tz) {
    assert!(!series.is_empty());
    for (one, next) in series.iter().zip(&series[1..]) {
        assert_eq!(one.ends_before, Some(next.starts_on), "one ends where the next begins");
        assert!(one.starts_on < next.starts_on && one.id != next.id);
    }
    for one in series {
        if let Some(rule) = &one.recurrence {
            let (rule, zone) = (Recurrence::stored(rule).unwrap(), zone_in(one, zone).unwrap());
            let first = rule.occurrences(zone, one.starts_on, one.start_time).next();
            assert_eq!(first.map(|first| first.local.date()), Some(one.starts_on), "{rule}: it begins on one of its days");
        }
    }
}

proptest! {
    #[test]
    fn what_was_before_a_change_stays(new in new_series(), changes in prop::collection::vec((0_i64..40, change(), prop::option::weighted(0.3, select(&ZONES[..]))), 1..6), zone in select(&ZONES[..])) {
        let mut zone: Tz = zone.parse().unwrap();
        let mut now = now();
        let mut series = vec![checked(new, zone, now).map_err(|refusal| TestCaseError::reject(refusal.message))?];
        for (days, change, other) in changes {
            now += chrono::TimeDelta::days(days);
            stands(&series, zone);
            let before = planned(&series, zone, now).unwrap();
            // One of the two: a rule, or a zone from the next session on.
            let other = other.map(|other| other.parse::<Tz>().unwrap()).filter(|other| *other != zone && change.recurrence.is_none());
            let (then, change) = match other {
                Some(_) => (leaving(&series, zone.name()), SeriesChange { from: None, other_zone: true, ..change }),
                None => (series.clone(), change),
            };
            let Ok(after) = changed(&then, change.clone(), other.unwrap_or(zone), now) else { continue };
            zone = other.unwrap_or(zone);
            let Some(after) = after else {
                prop_assert!(change.start_time.is_none() && change.minutes.is_none() && change.recurrence.is_none() && change.extra_dates.is_none());
                continue;
            };
            stands(&after, zone);
            let first = after.last().unwrap();
            prop_assert!(change.from.is_none_or(|from| first.starts_on >= from));
            let then = planned(&after, zone, now).unwrap();
            let same = |plan: &super::series::Planned| {
                plan.sessions.iter().filter(|(day, _)| **day < first.starts_on).map(|(day, at)| (*day, *at)).collect::<Vec<_>>()
            };
            prop_assert_eq!(same(&before), same(&then));
            for (day, (occurrence, minutes)) in &then.sessions {
                prop_assert!(occurrence.at > now && occurrence.local.date() == *day);
                if *day >= first.starts_on {
                    prop_assert_eq!((occurrence.local.time(), *minutes), (first.start_time, first.minutes));
                }
            }
            prop_assert!(then.next.is_none_or(|next| next > now + super::series::AHEAD));
            // What is so already is not changed by saying it again.
            let again = SeriesChange { from: Some(first.starts_on), start_time: Some(first.start_time), ..SeriesChange::default() };
            if let Ok(Some(again)) = changed(&after, again, zone, now) {
                prop_assert_eq!(&planned(&again, zone, now).unwrap(), &then);
            }
            series = after;
        }
        prop_assert!(in_force(&series, zone, now).is_some());
    }
}
