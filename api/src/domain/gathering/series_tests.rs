//! Whatever is changed from whatever day on: what was before stays, and what is stored is what sessions can follow.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use entity::gathering::Series;
use proptest::{prelude::*, sample::select};

use super::{
    series::{NewSeries, checked, in_calendars, in_force, planned, zone_in},
    series_change::{SeriesChange, changed, leaving},
};
use crate::{
    clock::Instant,
    domain::recurrence::{Occurrence, Recurrence},
    error::Error,
};

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
    let own = |series: &Series| in_calendars(series).collect::<Vec<_>>();
    let told: Vec<_> = series.iter().flat_map(own).collect();
    for all in [series, &told] {
        for (one, next) in all.iter().zip(&all[1..]) {
            assert!(one.ends_before.unwrap() <= next.begins_on(), "one is over when the next begins");
            assert!(one.begins_on() < one.ends_before.unwrap());
        }
        let ids: BTreeSet<_> = all.iter().map(|one| one.id).collect();
        assert_eq!(ids.len(), all.len(), "each has an id of its own");
    }
    for one in &told {
        assert_eq!(one.begins_on(), one.starts_on, "calendars have nothing before the first day");
        if let Some(rule) = &one.recurrence {
            let (rule, zone) = (Recurrence::stored(rule).unwrap(), zone_in(one, zone).unwrap());
            let first = rule.occurrences(zone, one.starts_on, one.start_time).next();
            assert_eq!(first.map(|first| first.local.date()), Some(one.starts_on), "{rule}: it begins on one of its days");
        }
    }
}

/// One change, some hours later.
#[derive(Clone, Debug)]
struct Step {
    wait: i64,
    /// Days from that day on, as those below are from this one on.
    from: Option<u64>,
    at: Option<u32>,
    extra: Option<BTreeSet<u64>>,
    except: Option<BTreeSet<u64>>,
}

prop_compose! {
    fn step()(
        wait in 0_i64..150,
        from in prop::option::of(0_u64..9),
        at in prop::option::of(0_u32..96),
        extra in prop::option::of(prop::collection::btree_set(0_u64..12, 0..4)),
        except in prop::option::weighted(0.3, prop::collection::btree_set(0_u64..12, 0..4)),
    ) -> Step {
        Step { wait, from, at, extra, except }
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
            let Ok(after) = changed(&then, &change, other.unwrap_or(zone), now) else { continue };
            zone = other.unwrap_or(zone);
            let Some(after) = after else {
                prop_assert!(change.start_time.is_none() && change.minutes.is_none() && change.recurrence.is_none() && change.extra_dates.is_none());
                continue;
            };
            stands(&after, zone);
            let first = after.last().unwrap();
            prop_assert!(change.from.is_none_or(|from| first.begins_on() >= from));
            let then = planned(&after, zone, now).unwrap();
            let same = |plan: &super::series::Planned| {
                plan.sessions.iter().filter(|(day, _)| change.from.is_some_and(|from| **day < from)).map(|(day, at)| (*day, *at)).collect::<Vec<_>>()
            };
            prop_assert_eq!(same(&before), same(&then));
            for (day, (occurrence, minutes)) in &then.sessions {
                prop_assert!(occurrence.at > now && occurrence.local.date() == *day);
                if *day >= first.begins_on() {
                    prop_assert_eq!((occurrence.local.time(), *minutes), (first.start_time, first.minutes));
                }
            }
            prop_assert!(then.next.is_none_or(|next| next > now + super::series::AHEAD));
            // What is so already is not changed by saying it again.
            let again = SeriesChange { from: Some(first.begins_on()), start_time: Some(first.start_time), ..SeriesChange::default() };
            if let Ok(Some(again)) = changed(&after, &again, zone, now) {
                prop_assert_eq!(&planned(&again, zone, now).unwrap(), &then);
            }
            series = after;
        }
        prop_assert!(in_force(&series, zone, now).is_some());
    }

    /// Days come and go, and hours change, from whatever day on: what is planned is what somebody who writes it down by hand has written.
    #[test]
    fn what_is_planned_is_what_was_said(every in 1_u64..9, at in 0_u32..96, changes in prop::collection::vec(step(), 1..9), zone in select(&ZONES[..])) {
        let zone: Tz = zone.parse().unwrap();
        let (mut now, mut time) = (now(), time(at));
        let rule: BTreeSet<_> = (0..200).step_by(usize::try_from(every).unwrap()).map(|number| day(number as u64)).collect();
        let new = NewSeries { starts_on: day(0), start_time: time, minutes: 60, recurrence: Some(format!("FREQ=DAILY;INTERVAL={every};COUNT={}", rule.len())), except_dates: Vec::new(), extra_dates: Vec::new() };
        let mut series = vec![checked(new, zone, now).map_err(|refusal| TestCaseError::reject(refusal.message))?];
        let mut written: BTreeMap<_, _> = rule.iter().map(|day| (*day, time)).collect();
        let (mut further, mut without) = (BTreeSet::new(), BTreeSet::new());
        for Step { wait, from, at, extra, except } in changes {
            now += chrono::TimeDelta::hours(wait);
            let today = now.with_timezone(&zone).date_naive();
            let from = from.map(|days| today + Days::new(days));
            let first = from.unwrap_or(today);
            let at = at.map(self::time);
            let then = at.unwrap_or(time);
            let begins = |day: NaiveDate, time| Occurrence::new(zone, day.and_time(time)).at;
            let days = |days: BTreeSet<u64>| days.into_iter().map(|days| first + Days::new(days)).filter(|day| begins(*day, then) > now).collect::<BTreeSet<_>>();
            let extra = extra.map(days);
            let except = except.map(days).map(|except| &except & &rule);
            let change = SeriesChange {
                from, start_time: at,
                extra_dates: extra.clone().map(Vec::from_iter), except_dates: except.clone().map(Vec::from_iter),
                ..SeriesChange::default()
            };
            let after = match changed(&series, &change, zone, now) {
                Ok(Some(after)) => after,
                Ok(None) => continue,
                Err(Error::Refused(refusals)) => {
                    let refusal = &refusals[0];
                    let expected = ["Another schedule", "choose one", "No session is left", "has begun", "startTime", "no day of the rule"];
                    prop_assert!(expected.iter().any(|says| refusal.message.contains(says)), "{}", refusal.message);
                    // Only what another schedule is planned after, whose rule has none of the days that are left out before it, nor one
                    // whose hour is over.
                    let planned = ["Another schedule", "no day of the rule"].iter().any(|says| refusal.message.contains(says));
                    let over = except.iter().flatten().any(|day| begins(*day, time) <= now);
                    prop_assert!(!planned || over || series.last().unwrap().begins_on() > first, "{}", refusal.message);
                    continue;
                }
                Err(other) => panic!("{other}"),
            };
            stands(&after, zone);
            // What has begun, or would have, stays as it was.
            let begun = |day: NaiveDate, time: &NaiveTime| day < first || begins(day, *time) <= now || begins(day, then) <= now;
            written.retain(|day, time| begun(*day, time));
            let named = extra.clone().unwrap_or_default();
            if let Some(extra) = extra {
                // Whoever names a day that an earlier schedule left out has it.
                without.retain(|day| !extra.contains(day));
                further.retain(|day| *day < first);
                further.extend(extra);
            }
            if let Some(except) = except {
                // Of a schedule that is planned for later on, where nothing is left of the one before.
                let since = series.last().unwrap().begins_on().max(first);
                without.retain(|day| *day < since);
                without.extend(except);
            }
            // Nor does a day come back whose hour is over, but by its name.
            let comes = |day: NaiveDate| begins(day, then) > now && (named.contains(&day) || begins(day, time) > now);
            for day in further.union(&rule).filter(|day| !without.contains(*day) && **day >= first && comes(**day)) {
                written.entry(*day).or_insert(then);
            }
            (series, time) = (after, then);
            let ahead = now + super::series::AHEAD;
            let wanted: BTreeMap<_, _> = written.iter().map(|(day, time)| (*day, begins(*day, *time))).filter(|(_, at)| *at > now && *at <= ahead).collect();
            let found: BTreeMap<_, _> = planned(&series, zone, now).unwrap().sessions.into_iter().map(|(day, (occurrence, _))| (day, occurrence.at)).filter(|(_, at)| *at <= ahead).collect();
            prop_assert_eq!(&found, &wanted);
            // Calendars read the same of what they are told.
            let told: Vec<_> = series.iter().flat_map(in_calendars).collect();
            prop_assert_eq!(planned(&told, zone, now).unwrap(), planned(&series, zone, now).unwrap());
        }
    }
}
