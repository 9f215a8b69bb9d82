//! Clocks on walls: what a local time of a zone is in UTC, and back. The wall is the truth: a meeting at 18:00 stays at 18:00 when
//! clocks are put forward or back (domain 6.5).

use chrono::{NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::{GapInfo, Tz};

use crate::{
    clock::Instant,
    error::{Error, Result},
};

/// How far back an hour is looked for that was there: no clock was ever put forward by more than a day.
const LONGEST_GAP_HOURS: i64 = 48;

/// The instant of a local time. One that does not exist, because clocks were put forward, is moved forward by what they were; of one
/// that occurs twice, because they were put back, it is the first (RFC 5545 3.3.5).
pub fn instant_of(zone: Tz, local: NaiveDateTime) -> Instant {
    if let Some(at) = zone.from_local_datetime(&local).earliest() {
        return at.to_utc();
    }
    let before = (1..=LONGEST_GAP_HOURS).find_map(|hours| zone.from_local_datetime(&(local - TimeDelta::hours(hours))).latest());
    let offset = before.map_or(0, |at| at.offset().fix().local_minus_utc());
    local.and_utc() - TimeDelta::seconds(offset.into())
}

/// When clocks first show a local time or a later one. Where they skip it, that is when they are put forward: unlike [`instant_of`] it
/// keeps the order of local times, which whatever begins and ends on a wall needs.
pub fn reached(zone: Tz, local: NaiveDateTime) -> Instant {
    let put_forward = GapInfo::new(&local, &zone).and_then(|gap| gap.end);
    put_forward.map_or_else(|| instant_of(zone, local), |at| at.to_utc())
}

/// What clocks on walls show at an instant.
pub fn local_of(zone: Tz, at: Instant) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// An instant as people are told it: what clocks show, and where, such as `2026-03-02 07:00 (America/New_York)`.
pub fn shown(zone: Tz, at: Instant) -> String {
    format!("{} ({})", local_of(zone, at).format("%Y-%m-%d %H:%M"), zone.name())
}

/// The zone of a name that was checked when it was written.
///
/// # Errors
/// `Internal` when it was not.
pub fn zone_of(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| Error::internal("a time zone was written that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_where_they_should_be() {
        let cases = [
            ("an evening in winter", "America/New_York", "2026-01-15T18:00:00", "2026-01-15T23:00:00Z"),
            ("the same evening in summer", "America/New_York", "2026-07-15T18:00:00", "2026-07-15T22:00:00Z"),
            ("the last minute before clocks go forward", "America/New_York", "2026-03-08T01:59:00", "2026-03-08T06:59:00Z"),
            ("the first that does not exist", "America/New_York", "2026-03-08T02:00:00", "2026-03-08T07:00:00Z"),
            ("the middle of the hour that does not exist", "America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00Z"),
            ("the first that exists again", "America/New_York", "2026-03-08T03:00:00", "2026-03-08T07:00:00Z"),
            ("the hour that occurs twice", "America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
            ("the hour after it", "America/New_York", "2026-11-01T02:00:00", "2026-11-01T07:00:00Z"),
            ("where clocks stay", "America/Phoenix", "2026-03-08T02:30:00", "2026-03-08T09:30:00Z"),
            ("a gap of half an hour", "Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00Z"),
            ("half an hour that occurs twice", "Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z"),
            ("a day that does not exist", "Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00Z"),
            ("a gap at midnight", "America/Havana", "2026-03-08T00:30:00", "2026-03-08T05:30:00Z"),
        ];
        for (what, zone, local, instant) in cases {
            let (zone, local): (Tz, NaiveDateTime) = (zone.parse().unwrap(), local.parse().unwrap());
            assert_eq!(instant_of(zone, local), instant.parse::<Instant>().unwrap(), "{what}");
        }
    }

    #[test]
    fn local_times_are_reached_in_their_order() {
        for zone in ["America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Havana", "America/St_Johns", "Europe/London"] {
            let zone: Tz = zone.parse().unwrap();
            for year in [2000, 2011, 2026, 2050] {
                let first = chrono::NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(chrono::NaiveTime::MIN);
                let times = (0..366 * 96).map(|quarters| first + TimeDelta::minutes(15 * quarters));
                let mut before = Instant::MIN_UTC;
                for local in times {
                    let at = reached(zone, local);
                    assert!(at >= before && local_of(zone, at) >= local, "{zone} {local}: {at}");
                    assert!(local_of(zone, at - TimeDelta::microseconds(1)) < local, "{zone} {local}: {at}");
                    before = at;
                }
            }
        }
        let spring: Tz = "America/New_York".parse().unwrap();
        let skipped = reached(spring, "2026-03-08T02:30:00".parse().unwrap());
        assert_eq!(skipped, "2026-03-08T07:00:00Z".parse::<Instant>().unwrap());
    }

    #[test]
    fn what_exists_survives_the_way_there_and_back() {
        let zone: Tz = "Europe/London".parse().unwrap();
        for hours in 0..9_000 {
            let at = "2026-01-01T00:00:00Z".parse::<Instant>().unwrap() + TimeDelta::hours(hours);
            let again = instant_of(zone, local_of(zone, at));
            assert!(again == at || again == at - TimeDelta::hours(1), "{at}");
        }
    }
}
