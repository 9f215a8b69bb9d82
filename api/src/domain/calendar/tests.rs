use proptest::prelude::*;

use super::*;

const NEW_YORK: &str = "America/New_York";
const LONDON: &str = "Europe/London";
const LORD_HOWE: &str = "Australia/Lord_Howe";

fn instant(text: &str) -> Instant {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn hours(weekday: Weekday, from: &str, to: &str) -> StaffedHours {
    StaffedHours { weekday, from: from.parse().unwrap(), to: to.parse().unwrap() }
}

/// Monday to Friday with a lunch from twelve to one, Saturday from ten to two.
fn with_lunch() -> Vec<StaffedHours> {
    let days = Weekday::ALL[..5].iter().flat_map(|day| [hours(*day, "13:00:00", "17:00:00"), hours(*day, "09:00:00", "12:00:00")]);
    days.chain([hours(Weekday::Saturday, "10:00:00", "14:00:00")]).collect()
}

/// Every night, over each change of the clocks.
fn at_night() -> Vec<StaffedHours> {
    Weekday::ALL.iter().map(|day| hours(*day, "00:00:00", "06:00:00")).collect()
}

fn calendar(zone: &str, staffed: &[StaffedHours], holidays: &[&str]) -> Calendar {
    Calendar::new(zone.parse().unwrap(), staffed, holidays.iter().map(|day| day.parse().unwrap()))
}

/// What it is, when it begins, how long it may take, and when it is due.
type Case = (&'static str, &'static str, u32, ClockUnit, &'static str);

fn check(calendar: &Calendar, cases: &[Case]) {
    for (what, start, amount, unit, due) in cases {
        let found = calendar.after(instant(start), Span { amount: *amount, unit: *unit });
        assert_eq!(found, instant(due), "{what}: {}", found.with_timezone(&calendar.zone));
    }
}

use ClockUnit::{BusinessDays as BD, Days as D, Hours as H, StaffedHours as SH};

#[test]
fn usual_hours_over_weekends_holidays_and_changes_of_the_clocks() {
    let thanksgiving = calendar(NEW_YORK, &usual_hours(), &["2026-11-26", "2026-11-27"]);
    check(
        &thanksgiving,
        &[
            ("urgent, Friday afternoon before clocks go forward", "2026-03-06T16:00:00-05:00", 4, SH, "2026-03-09T12:00:00-04:00"),
            ("urgent, Friday evening", "2026-03-06T20:00:00-05:00", 4, SH, "2026-03-09T13:00:00-04:00"),
            ("urgent, Friday afternoon before clocks go back", "2026-10-30T16:00:00-04:00", 4, SH, "2026-11-02T12:00:00-05:00"),
            ("urgent, Saturday", "2026-03-14T12:00:00-04:00", 4, SH, "2026-03-16T13:00:00-04:00"),
            ("urgent, before opening", "2026-03-10T07:00:00-04:00", 4, SH, "2026-03-10T13:00:00-04:00"),
            ("urgent, at opening", "2026-03-10T09:00:00-04:00", 4, SH, "2026-03-10T13:00:00-04:00"),
            ("urgent, due at closing", "2026-03-10T13:00:00-04:00", 4, SH, "2026-03-10T17:00:00-04:00"),
            ("urgent, at closing", "2026-03-10T17:00:00-04:00", 4, SH, "2026-03-11T13:00:00-04:00"),
            ("urgent, a moment before closing", "2026-03-10T16:59:59.999999-04:00", 4, SH, "2026-03-11T12:59:59.999999-04:00"),
            ("urgent, after closing", "2026-03-10T18:00:00-04:00", 4, SH, "2026-03-11T13:00:00-04:00"),
            ("urgent, into the holidays", "2026-11-25T15:00:00-05:00", 4, SH, "2026-11-30T11:00:00-05:00"),
            ("urgent, within the holidays", "2026-11-26T10:00:00-05:00", 4, SH, "2026-11-30T13:00:00-05:00"),
            ("no time at all, in hours", "2026-03-10T10:00:00-04:00", 0, SH, "2026-03-10T10:00:00-04:00"),
            ("no time at all, out of hours", "2026-03-10T18:00:00-04:00", 0, SH, "2026-03-11T09:00:00-04:00"),
            ("routine, on a Tuesday", "2026-03-10T10:15:00-04:00", 1, BD, "2026-03-11T10:15:00-04:00"),
            ("routine, Friday", "2026-03-06T16:30:00-05:00", 1, BD, "2026-03-09T16:30:00-04:00"),
            ("routine, Friday evening", "2026-03-06T20:00:00-05:00", 1, BD, "2026-03-10T09:00:00-04:00"),
            ("routine, Sunday when clocks go back", "2026-11-01T01:30:00-05:00", 1, BD, "2026-11-03T09:00:00-05:00"),
            ("routine, before opening", "2026-03-10T07:00:00-04:00", 1, BD, "2026-03-11T09:00:00-04:00"),
            ("routine, at closing", "2026-03-10T17:00:00-04:00", 1, BD, "2026-03-12T09:00:00-04:00"),
            ("routine, before the holidays", "2026-11-25T10:00:00-05:00", 1, BD, "2026-11-30T10:00:00-05:00"),
            ("routine, within the holidays", "2026-11-27T10:00:00-05:00", 1, BD, "2026-12-01T09:00:00-05:00"),
            ("ceiling, over a weekend", "2026-03-06T10:00:00-05:00", 3, BD, "2026-03-11T10:00:00-04:00"),
            ("ceiling, over the holidays and a weekend", "2026-11-24T10:00:00-05:00", 3, BD, "2026-12-01T10:00:00-05:00"),
            ("no day at all", "2026-03-14T12:00:00-04:00", 0, BD, "2026-03-16T09:00:00-04:00"),
        ],
    );
}

#[test]
fn hours_and_days_pass_whether_anybody_is_there_or_not() {
    check(
        &calendar(NEW_YORK, &usual_hours(), &["2026-03-09"]),
        &[
            ("a day's hours over clocks that go forward", "2026-03-07T12:00:00-05:00", 24, H, "2026-03-08T13:00:00-04:00"),
            ("a day's hours over clocks that go back", "2026-10-31T12:00:00-04:00", 24, H, "2026-11-01T11:00:00-05:00"),
            ("two days' hours", "2026-03-10T23:00:00-04:00", 48, H, "2026-03-12T23:00:00-04:00"),
            ("three days' hours", "2026-03-10T23:00:00-04:00", 72, H, "2026-03-13T23:00:00-04:00"),
            ("three days over clocks that go forward", "2026-03-07T12:00:00-05:00", 3, D, "2026-03-10T12:00:00-04:00"),
            ("fourteen over clocks that go back", "2026-10-20T18:00:00-04:00", 14, D, "2026-11-03T18:00:00-05:00"),
            ("thirty into another month", "2026-01-31T08:00:00-05:00", 30, D, "2026-03-02T08:00:00-05:00"),
            ("into an hour that does not exist", "2026-03-01T02:30:00-05:00", 7, D, "2026-03-08T03:30:00-04:00"),
            ("into an hour that occurs twice", "2026-10-25T01:30:00-04:00", 7, D, "2026-11-01T01:30:00-04:00"),
            ("from the second of two hours", "2026-11-01T01:30:00-05:00", 7, D, "2026-11-08T01:30:00-05:00"),
            ("no day from the second of two hours", "2026-11-01T01:30:00-05:00", 0, D, "2026-11-01T01:30:00-05:00"),
        ],
    );
    check(
        &calendar(LONDON, &usual_hours(), &[]),
        &[
            ("a day's hours over clocks that go forward", "2026-03-28T12:00:00+00:00", 24, H, "2026-03-29T13:00:00+01:00"),
            ("a day over clocks that go forward", "2026-03-28T12:00:00+00:00", 1, D, "2026-03-29T12:00:00+01:00"),
            ("a week into an hour that does not exist", "2026-03-22T01:15:00+00:00", 7, D, "2026-03-29T02:15:00+01:00"),
            ("a week over clocks that go back", "2026-10-20T12:00:00+01:00", 7, D, "2026-10-27T12:00:00+00:00"),
            ("urgent, Friday before clocks go forward", "2026-03-27T15:00:00+00:00", 4, SH, "2026-03-30T11:00:00+01:00"),
            ("routine, Friday before clocks go back", "2026-10-23T15:00:00+01:00", 1, BD, "2026-10-26T15:00:00+00:00"),
        ],
    );
    check(
        &calendar(LORD_HOWE, &usual_hours(), &[]),
        &[
            ("a day's hours over clocks that go half an hour back", "2026-04-04T12:00:00+11:00", 24, H, "2026-04-05T11:30:00+10:30"),
            ("three days over them", "2026-04-04T12:00:00+11:00", 3, D, "2026-04-07T12:00:00+10:30"),
            ("a week into half an hour that does not exist", "2026-09-27T02:15:00+10:30", 7, D, "2026-10-04T02:45:00+11:00"),
            ("a week into half an hour that occurs twice", "2026-03-29T01:45:00+11:00", 7, D, "2026-04-05T01:45:00+11:00"),
            ("urgent, Friday before clocks go back", "2026-04-03T16:00:00+11:00", 4, SH, "2026-04-06T12:00:00+10:30"),
            ("routine, Friday before clocks go forward", "2026-10-02T16:00:00+10:30", 1, BD, "2026-10-05T16:00:00+11:00"),
        ],
    );
}

#[test]
fn a_lunch_and_a_short_saturday() {
    check(
        &calendar(NEW_YORK, &with_lunch(), &[]),
        &[
            ("over lunch", "2026-03-10T10:00:00-04:00", 4, SH, "2026-03-10T15:00:00-04:00"),
            ("at lunch", "2026-03-10T12:20:00-04:00", 2, SH, "2026-03-10T15:00:00-04:00"),
            ("when lunch begins", "2026-03-10T12:00:00-04:00", 2, SH, "2026-03-10T15:00:00-04:00"),
            ("until lunch begins", "2026-03-10T09:00:00-04:00", 3, SH, "2026-03-10T12:00:00-04:00"),
            ("Friday evening", "2026-03-13T20:00:00-04:00", 5, SH, "2026-03-16T10:00:00-04:00"),
            ("a day from lunch", "2026-03-10T12:20:00-04:00", 1, BD, "2026-03-11T13:00:00-04:00"),
            ("Friday's lunch falls on Saturday's work", "2026-03-13T12:20:00-04:00", 1, BD, "2026-03-14T13:00:00-04:00"),
            ("Friday before Saturday opens", "2026-03-13T09:10:00-04:00", 1, BD, "2026-03-14T10:00:00-04:00"),
            ("Friday after Saturday closes", "2026-03-13T16:00:00-04:00", 1, BD, "2026-03-14T14:00:00-04:00"),
            ("Saturday's noon falls on Monday's lunch", "2026-03-14T12:30:00-04:00", 1, BD, "2026-03-16T13:00:00-04:00"),
        ],
    );
}

#[test]
fn what_clocks_skip_is_no_staffed_time_and_what_they_show_twice_is() {
    for (zone, day, staffed_minutes) in [
        (NEW_YORK, "2026-03-08", 300),
        (NEW_YORK, "2026-11-01", 420),
        (LONDON, "2026-03-29", 300),
        (LONDON, "2026-10-25", 420),
        (LORD_HOWE, "2026-04-05", 390),
        (LORD_HOWE, "2026-10-04", 330),
        (NEW_YORK, "2026-06-01", 360),
    ] {
        let calendar = calendar(zone, &at_night(), &[]);
        let day: NaiveDate = day.parse().unwrap();
        let midnight = |day: NaiveDate| instant_of(calendar.zone, day.and_time(NaiveTime::MIN));
        let passed = calendar.staffed_between(midnight(day), midnight(day + DAY));
        assert_eq!(passed, TimeDelta::minutes(staffed_minutes), "{zone} {day}");
    }
    let gone = calendar(NEW_YORK, &[hours(Weekday::Sunday, "02:00:00", "03:00:00")], &[]);
    check(&gone, &[("a day without its only hour", "2026-03-07T12:00:00-05:00", 1, BD, "2026-03-22T02:00:00-04:00")]);
}

#[test]
fn around_the_clock_is_every_hour() {
    let always = calendar(NEW_YORK, &Weekday::ALL.iter().map(|day| hours(*day, "00:00:00", "00:00:00")).collect::<Vec<_>>(), &[]);
    check(
        &always,
        &[
            ("hours", "2026-03-06T22:00:00-05:00", 72, SH, "2026-03-09T23:00:00-04:00"),
            ("days", "2026-03-06T22:00:00-05:00", 3, BD, "2026-03-09T22:00:00-04:00"),
        ],
    );
}

#[test]
fn hours_that_overlap_or_end_before_they_begin_do_no_harm() {
    let monday = |from, to| hours(Weekday::Monday, from, to);
    let odd =
        [monday("12:00:00", "15:00:00"), monday("09:00:00", "13:00:00"), monday("10:00:00", "11:00:00"), monday("18:00:00", "17:00:00")];
    let even = [monday("09:00:00", "15:00:00")];
    assert_eq!(calendar(NEW_YORK, &odd, &[]), calendar(NEW_YORK, &even, &[]));
}

#[test]
fn a_program_that_is_never_staffed_keeps_nobody_waiting() {
    let first: NaiveDate = "2026-01-01".parse().unwrap();
    let closed = Calendar::new(NEW_YORK.parse().unwrap(), &usual_hours(), first.iter_days().take(1_000));
    let never = calendar(NEW_YORK, &[], &[]);
    for calendar in [never, closed] {
        check(
            &calendar,
            &[
                ("hours pass", "2026-03-06T20:00:00-05:00", 4, SH, "2026-03-07T00:00:00-05:00"),
                ("days pass", "2026-03-06T20:00:00-05:00", 3, BD, "2026-03-09T20:00:00-04:00"),
            ],
        );
        let (start, end) = (instant("2026-03-06T20:00:00Z"), instant("2026-03-06T21:00:00Z"));
        assert_eq!(calendar.staffed_between(start, end), TimeDelta::hours(1));
    }
    let until_closed = Calendar::new(NEW_YORK.parse().unwrap(), &usual_hours(), first.iter_days().skip(64).take(1_000));
    check(&until_closed, &[("from the last hour on", "2026-03-05T16:00:00-05:00", 4, SH, "2026-03-05T20:00:00-05:00")]);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let calendar = calendar(NEW_YORK, &usual_hours(), &[]);
    let starts = [
        Instant::MIN_UTC,
        instant("0001-01-01T00:00:00Z"),
        instant("2026-03-06T20:00:00Z"),
        instant("9999-12-30T12:00:00Z"),
        instant("9999-12-31T23:59:59Z"),
        Instant::MAX_UTC,
    ];
    for start in starts {
        for unit in ClockUnit::ALL {
            for amount in [0, 1, 400, 100_000, u32::MAX] {
                assert!(calendar.after(start, Span { amount, unit: *unit }) >= start, "{start}: {amount} {unit}");
            }
        }
        for end in starts {
            assert!(calendar.staffed_between(start, end) >= TimeDelta::zero());
        }
        assert_eq!(calendar.after_staffed(start, TimeDelta::MIN), calendar.after_staffed(start, TimeDelta::zero()));
        assert!(calendar.after_staffed(start, TimeDelta::MAX) >= start);
    }
}

#[test]
fn a_clock_that_is_paused_goes_on_with_what_it_had() {
    let calendar = calendar(NEW_YORK, &usual_hours(), &[]);
    let due = calendar.after(instant("2026-03-06T15:00:00-05:00"), Span { amount: 4, unit: SH });
    let left = calendar.staffed_between(instant("2026-03-06T16:30:00-05:00"), due);
    assert_eq!(left, TimeDelta::minutes(150));
    assert_eq!(calendar.after_staffed(instant("2026-03-14T10:00:00-04:00"), left), instant("2026-03-16T11:30:00-04:00"));
    assert_eq!(calendar.staffed_between(due, instant("2026-03-06T16:30:00-05:00")), TimeDelta::zero());
}

/// Any week to the quarter of an hour, with a few holidays, in zones that put their clocks forward and back in different ways.
fn any_calendar() -> impl Strategy<Value = Calendar> {
    const ZONES: &[&str] = &[NEW_YORK, LONDON, LORD_HOWE, "America/Havana", "America/St_Johns", "Asia/Beirut", "Africa/Casablanca", "UTC"];
    let time = |quarter: u32| NaiveTime::MIN + TimeDelta::minutes(15 * i64::from(quarter));
    let range = (0..7_usize, 0..96_u32, 0..96_u32).prop_map(move |(day, from, to)| StaffedHours {
        weekday: Weekday::ALL[day],
        from: time(from),
        to: time(to),
    });
    let first: NaiveDate = "2025-12-01".parse().unwrap();
    let holidays = prop::collection::vec((0..400_u64).prop_map(move |day| first + Days::new(day)), 0..40);
    let week = prop::collection::vec(range, 0..20);
    (prop::sample::select(ZONES), week, holidays).prop_map(|(zone, week, holidays)| Calendar::new(zone.parse().unwrap(), &week, holidays))
}

fn any_instant() -> impl Strategy<Value = Instant> {
    let first = instant("2026-01-01T00:00:00Z");
    prop_oneof![
        (0..365 * 86_400_i64).prop_map(move |second| first + TimeDelta::seconds(second)),
        (0..365 * 96_i64).prop_map(move |quarter| first + TimeDelta::minutes(15 * quarter)),
    ]
}

fn any_unit() -> impl Strategy<Value = ClockUnit> {
    prop::sample::select(ClockUnit::ALL)
}

/// Whether an instant is staffed, or the end of staffed time.
fn is_staffed(calendar: &Calendar, at: Instant) -> bool {
    let day = local_of(calendar.zone, at).date();
    [day - DAY, day, day + DAY].into_iter().any(|day| calendar.staffed_on(day).iter().any(|(from, to)| *from <= at && at <= *to))
}

/// Whether a program is staffed often enough that no time has to pass without it.
fn is_open(calendar: &Calendar, from: Instant) -> bool {
    calendar.staffed_from(from).count() > 100
}

proptest! {
    #[test]
    fn due_is_never_before_the_start_and_later_when_it_may_take_longer(
        calendar in any_calendar(), start in any_instant(), amount in 0..200_u32, more in 0..50_u32, unit in any_unit(),
    ) {
        let due = calendar.after(start, Span { amount, unit });
        prop_assert!(due >= start);
        let longer = calendar.after(start, Span { amount: amount + more, unit });
        prop_assert!(longer >= due, "{due} and {longer}");
    }

    /// The same time of day can come earlier for whoever starts in the second of two hours or ends in one that does not exist; nothing
    /// else is due earlier for who starts later.
    #[test]
    fn whoever_starts_later_is_due_later(
        calendar in any_calendar(), start in any_instant(), by in 0..200_000_i64, amount in 0..100_u32, unit in any_unit(),
    ) {
        let span = Span { amount, unit };
        let change = if matches!(unit, H | SH) { TimeDelta::zero() } else { TimeDelta::hours(1) };
        let (first, second) = (calendar.after(start, span), calendar.after(start + TimeDelta::seconds(by), span));
        prop_assert!(second + change >= first, "{first} and {second}");
    }

    #[test]
    fn staffed_time_is_counted_and_passes_alike(calendar in any_calendar(), start in any_instant(), by in 0..3_000_000_i64) {
        let end = start + TimeDelta::seconds(by);
        let passed = calendar.staffed_between(start, end);
        prop_assert!(passed >= TimeDelta::zero() && passed <= end - start);
        let again = calendar.after_staffed(start, passed);
        // The first moment of a day is the last of the day before, where time stands still in between.
        let within = is_staffed(&calendar, end) && is_staffed(&calendar, end - TimeDelta::microseconds(1));
        if within && end > start {
            prop_assert_eq!(again, end);
        }
        prop_assert_eq!(calendar.staffed_between(start, again), passed);
    }

    #[test]
    fn staffed_time_adds_up(calendar in any_calendar(), start in any_instant(), first in 0..900_000_i64, second in 0..900_000_i64) {
        if !is_open(&calendar, start) {
            return Ok(());
        }
        let (middle, end) = (start + TimeDelta::seconds(first), start + TimeDelta::seconds(first + second));
        prop_assert_eq!(
            calendar.staffed_between(start, middle) + calendar.staffed_between(middle, end),
            calendar.staffed_between(start, end)
        );
    }

    #[test]
    fn what_counts_staffed_time_is_due_when_somebody_is_there(
        calendar in any_calendar(), start in any_instant(), amount in 0..20_u32, unit in prop::sample::select(&[SH, BD][..]),
    ) {
        if !is_open(&calendar, start) {
            return Ok(());
        }
        let due = calendar.after(start, Span { amount, unit });
        prop_assert!(is_staffed(&calendar, due), "{due}");
    }
}
