//! Fifty rules with what comes of them, on both sides of where clocks change: whoever meets at 18:00 meets at 18:00.

use aftercare::domain::recurrence::Recurrence;
use chrono::NaiveDateTime;
use chrono_tz::Tz;

/// What it is, the first wall time, the rule, and when it occurs first: all of it where the rule ends.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const RULES: [(&str, &[Row]); 5] = [
    ("America/New_York", &[
        ("every Tuesday evening, as clocks go forward", "2026-03-03T18:00", "FREQ=WEEKLY", "2026-03-03T23:00Z 2026-03-10T22:00Z 2026-03-17T22:00Z 2026-03-24T22:00Z"),
        ("every Tuesday evening, as clocks go back", "2026-10-27T18:00", "FREQ=WEEKLY", "2026-10-27T22:00Z 2026-11-03T23:00Z 2026-11-10T23:00Z"),
        ("in the hour that is skipped", "2026-03-07T02:30", "FREQ=DAILY", "2026-03-07T07:30Z 2026-03-08T07:30Z 2026-03-09T06:30Z"),
        ("in the hour that comes twice", "2026-10-31T01:30", "FREQ=DAILY", "2026-10-31T05:30Z 2026-11-01T05:30Z 2026-11-02T06:30Z"),
        ("every other week over the change", "2026-02-24T18:00", "FREQ=WEEKLY;INTERVAL=2", "2026-02-24T23:00Z 2026-03-10T22:00Z 2026-03-24T22:00Z"),
        ("Mondays and Wednesdays until an instant, which is the last one's", "2026-03-02T18:00", "FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260311T220000Z", "2026-03-02T23:00Z 2026-03-04T23:00Z 2026-03-09T22:00Z 2026-03-11T22:00Z"),
        ("the same, until a second before", "2026-03-02T18:00", "FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260311T215959Z", "2026-03-02T23:00Z 2026-03-04T23:00Z 2026-03-09T22:00Z"),
        ("the last weekday of each month", "2026-02-27T18:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-02-27T23:00Z 2026-03-31T22:00Z 2026-04-30T22:00Z 2026-05-29T22:00Z"),
        ("the first Sunday, when clocks go back in November", "2026-10-04T01:15", "FREQ=MONTHLY;BYDAY=1SU", "2026-10-04T05:15Z 2026-11-01T05:15Z 2026-12-06T06:15Z"),
        ("four evenings and no more", "2026-03-06T18:00", "FREQ=DAILY;COUNT=4", "2026-03-06T23:00Z 2026-03-07T23:00Z 2026-03-08T22:00Z 2026-03-09T22:00Z"),
    ]),
    ("Europe/London", &[
        ("every Sunday evening, as clocks go forward", "2026-03-22T18:00", "FREQ=WEEKLY", "2026-03-22T18:00Z 2026-03-29T17:00Z 2026-04-05T17:00Z"),
        ("every Sunday evening, as clocks go back", "2026-10-18T18:00", "FREQ=WEEKLY", "2026-10-18T17:00Z 2026-10-25T18:00Z 2026-11-01T18:00Z"),
        ("in the hour that is skipped", "2026-03-28T01:30", "FREQ=DAILY", "2026-03-28T01:30Z 2026-03-29T01:30Z 2026-03-30T00:30Z"),
        ("in the hour that comes twice", "2026-10-24T01:30", "FREQ=DAILY", "2026-10-24T00:30Z 2026-10-25T00:30Z 2026-10-26T01:30Z"),
        ("the last Sunday of each month, when clocks change", "2026-02-22T18:00", "FREQ=MONTHLY;BYDAY=-1SU", "2026-02-22T18:00Z 2026-03-29T17:00Z 2026-04-26T17:00Z"),
        ("the 31st, which not every month has", "2026-01-31T18:00", "FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31T18:00Z 2026-03-31T17:00Z 2026-05-31T17:00Z 2026-07-31T17:00Z"),
        ("the last day of each month", "2026-01-31T18:00", "FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T18:00Z 2026-02-28T18:00Z 2026-03-31T17:00Z 2026-04-30T17:00Z"),
        ("every third day", "2026-03-26T12:00", "FREQ=DAILY;INTERVAL=3", "2026-03-26T12:00Z 2026-03-29T11:00Z 2026-04-01T11:00Z 2026-04-04T11:00Z"),
        ("the first and the third Thursday", "2026-03-05T19:30", "FREQ=MONTHLY;BYDAY=1TH,3TH", "2026-03-05T19:30Z 2026-03-19T19:30Z 2026-04-02T18:30Z 2026-04-16T18:30Z 2026-05-07T18:30Z"),
        ("at midnight", "2026-10-24T00:00", "FREQ=DAILY;COUNT=3", "2026-10-23T23:00Z 2026-10-24T23:00Z 2026-10-26T00:00Z"),
    ]),
    ("Australia/Lord_Howe", &[
        ("every evening, as clocks go back by half an hour", "2026-04-04T18:00", "FREQ=DAILY", "2026-04-04T07:00Z 2026-04-05T07:30Z 2026-04-06T07:30Z"),
        ("every evening, as clocks go forward by half an hour", "2026-10-03T18:00", "FREQ=DAILY", "2026-10-03T07:30Z 2026-10-04T07:00Z 2026-10-05T07:00Z"),
        ("in the half hour that is skipped", "2026-10-03T02:15", "FREQ=DAILY", "2026-10-02T15:45Z 2026-10-03T15:45Z 2026-10-04T15:15Z"),
        ("in the half hour that comes twice", "2026-04-04T01:45", "FREQ=DAILY", "2026-04-03T14:45Z 2026-04-04T14:45Z 2026-04-05T15:15Z"),
        ("every Saturday", "2026-03-28T18:00", "FREQ=WEEKLY;BYDAY=SA", "2026-03-28T07:00Z 2026-04-04T07:00Z 2026-04-11T07:30Z"),
        ("the first Sunday of each month, when clocks change", "2026-03-01T10:00", "FREQ=MONTHLY;BYDAY=1SU", "2026-02-28T23:00Z 2026-04-04T23:30Z 2026-05-02T23:30Z"),
        ("every other month", "2026-02-15T18:00", "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15", "2026-02-15T07:00Z 2026-04-15T07:30Z 2026-06-15T07:30Z 2026-08-15T07:30Z"),
        ("weekdays", "2026-04-02T18:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-04-02T07:00Z 2026-04-03T07:00Z 2026-04-06T07:30Z 2026-04-07T07:30Z"),
        ("every other week from a Sunday, where weeks begin on Monday", "2026-03-29T18:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", "2026-03-29T07:00Z 2026-04-07T07:30Z 2026-04-12T07:30Z 2026-04-21T07:30Z"),
        ("the same, where weeks begin on Sunday", "2026-03-29T18:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "2026-03-29T07:00Z 2026-03-31T07:00Z 2026-04-12T07:30Z 2026-04-14T07:30Z"),
    ]),
    ("Asia/Kolkata", &[
        ("every Tuesday, where clocks stay", "2026-03-03T18:00", "FREQ=WEEKLY", "2026-03-03T12:30Z 2026-03-10T12:30Z 2026-03-17T12:30Z"),
        ("every day over the end of a year", "2026-12-30T18:00", "FREQ=DAILY", "2026-12-30T12:30Z 2026-12-31T12:30Z 2027-01-01T12:30Z 2027-01-02T12:30Z"),
        ("the 29th, in and out of a leap year", "2027-12-29T18:00", "FREQ=MONTHLY;BYMONTHDAY=29", "2027-12-29T12:30Z 2028-01-29T12:30Z 2028-02-29T12:30Z 2028-03-29T12:30Z"),
        ("the 29th of February, every fourth year", "2028-02-29T18:00", "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29", "2028-02-29T12:30Z 2032-02-29T12:30Z"),
        ("the first two days of weekends in each month", "2026-03-07T09:00", "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1,2", "2026-03-07T03:30Z 2026-04-04T03:30Z 2026-04-05T03:30Z 2026-05-02T03:30Z"),
        ("Fridays that are a 13th", "2026-02-13T18:00", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-02-13T12:30Z 2026-03-13T12:30Z 2026-11-13T12:30Z 2027-08-13T12:30Z"),
        ("the fifth Monday, which not every month has", "2026-03-30T18:00", "FREQ=MONTHLY;BYDAY=5MO", "2026-03-30T12:30Z 2026-06-29T12:30Z 2026-08-31T12:30Z"),
        ("the first Saturday after the 6th", "2026-03-07T18:00", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13", "2026-03-07T12:30Z 2026-04-11T12:30Z 2026-05-09T12:30Z"),
        ("the first and the last of each month", "2026-01-01T18:00", "FREQ=MONTHLY;BYMONTHDAY=1,-1", "2026-01-01T12:30Z 2026-01-31T12:30Z 2026-02-01T12:30Z 2026-02-28T12:30Z 2026-03-01T12:30Z"),
        ("days of the week of a daily rule", "2026-03-02T18:00", "FREQ=DAILY;BYDAY=MO,FR", "2026-03-02T12:30Z 2026-03-06T12:30Z 2026-03-09T12:30Z 2026-03-13T12:30Z"),
    ]),
    ("America/Sao_Paulo", &[
        ("every evening in the last autumn in which clocks were put back", "2019-02-16T18:00", "FREQ=DAILY", "2019-02-16T20:00Z 2019-02-17T21:00Z 2019-02-18T21:00Z"),
        ("every evening in the last spring in which they were put forward", "2018-11-03T18:00", "FREQ=DAILY", "2018-11-03T21:00Z 2018-11-04T20:00Z 2018-11-05T20:00Z"),
        ("at the midnight that was skipped", "2018-11-03T00:00", "FREQ=DAILY", "2018-11-03T03:00Z 2018-11-04T03:00Z 2018-11-05T02:00Z"),
        ("in the hour before midnight that came twice", "2019-02-16T23:30", "FREQ=DAILY", "2019-02-17T01:30Z 2019-02-18T02:30Z 2019-02-19T02:30Z"),
        ("every Sunday since clocks stay", "2026-10-25T18:00", "FREQ=WEEKLY", "2026-10-25T21:00Z 2026-11-01T21:00Z 2026-11-08T21:00Z"),
        ("every Sunday when they last did not", "2018-10-28T18:00", "FREQ=WEEKLY", "2018-10-28T21:00Z 2018-11-04T20:00Z 2018-11-11T20:00Z"),
        ("the third Sunday, when they were put back", "2019-01-20T18:00", "FREQ=MONTHLY;BYDAY=3SU", "2019-01-20T20:00Z 2019-02-17T21:00Z 2019-03-17T21:00Z"),
        ("the second day before the end of a month", "2026-02-27T18:00", "FREQ=MONTHLY;BYMONTHDAY=-2", "2026-02-27T21:00Z 2026-03-30T21:00Z 2026-04-29T21:00Z"),
        ("every sixth week", "2018-10-02T18:00", "FREQ=WEEKLY;INTERVAL=6", "2018-10-02T21:00Z 2018-11-13T20:00Z 2018-12-25T20:00Z 2019-02-05T20:00Z"),
        ("the last Friday and the last Saturday", "2026-02-27T20:00", "FREQ=MONTHLY;BYDAY=-1FR,-1SA", "2026-02-27T23:00Z 2026-02-28T23:00Z 2026-03-27T23:00Z 2026-03-28T23:00Z"),
    ]),
];

#[test]
fn fifty_rules_by_hand() {
    let mut rules = 0;
    for (zone, rows) in RULES {
        let zone: Tz = zone.parse().unwrap();
        for (what, first, rule, expected) in rows {
            let first: NaiveDateTime = format!("{first}:00").parse().unwrap();
            let expected: Vec<_> = expected.split(' ').collect();
            let parsed = Recurrence::parse(rule).unwrap();
            let some = expected.len() + usize::from(parsed.ends());
            let found = parsed.occurrences(zone, first.date(), first.time()).take(some);
            let found: Vec<_> = found
                .map(|occurrence| {
                    assert_eq!(occurrence.local.time(), first.time(), "{zone}, {what}: the wall is the truth");
                    occurrence.at.format("%Y-%m-%dT%H:%MZ").to_string()
                })
                .collect();
            assert_eq!(found, expected, "{zone}, {what}");
            rules += 1;
        }
    }
    assert_eq!(rules, 50);
}
