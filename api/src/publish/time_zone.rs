//! A time zone as iCalendar writes it (RFC 5545, 3.6.5): each change of its clocks in the years that are wanted, named one by one, since
//! rules of states are no rules.

use chrono::{NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

use super::icalendar::{Lines, local, offset};
use crate::clock::Instant;

/// No zone changes its clocks there and back within this.
const STEP: TimeDelta = TimeDelta::days(7);

/// What the clocks of a zone show, from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Observance {
    /// Seconds.
    offset: i32,
    summer: bool,
    name: String,
}

impl Observance {
    fn at(zone: Tz, at: Instant) -> Self {
        let shown = zone.offset_from_utc_datetime(&at.naive_utc());
        let name = shown.abbreviation().filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()));
        Self {
            offset: shown.fix().local_minus_utc(),
            summer: !shown.dst_offset().is_zero(),
            // Zones without a name are known by their offset.
            name: name.map_or_else(|| offset(shown.fix().local_minus_utc()), str::to_owned),
        }
    }
}

/// When clocks changed between two instants, which differ: the first second of the new.
fn change_between(zone: Tz, mut before: Instant, mut after: Instant) -> Instant {
    let old = Observance::at(zone, before);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if Observance::at(zone, middle) == old { before = middle } else { after = middle }
    }
    after
}

/// Writes a zone for the years from one to another.
pub(super) fn write(lines: &mut Lines, zone: Tz, from: i32, to: i32) {
    let new_year = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN).and_utc();
    let (start, end) = (new_year(from), new_year(to + 1));
    let mut known = Observance::at(zone, start);
    // Each kind of change, with the times of clocks before it.
    let mut changes = vec![(known.clone(), known.clone(), vec![start + TimeDelta::seconds(known.offset.into())])];
    let mut at = start;
    while at < end {
        let next = at + STEP;
        let then = Observance::at(zone, next);
        if then != known {
            let wall = change_between(zone, at, next) + TimeDelta::seconds(known.offset.into());
            match changes.iter_mut().skip(1).find(|(before, after, _)| (before, after) == (&known, &then)) {
                Some((.., walls)) => walls.push(wall),
                None => changes.push((known, then.clone(), vec![wall])),
            }
            known = then;
        }
        at = next;
    }
    lines.line("BEGIN", "VTIMEZONE");
    lines.line("TZID", zone.name());
    for (before, after, walls) in changes {
        let kind = if after.summer { "DAYLIGHT" } else { "STANDARD" };
        lines.line("BEGIN", kind);
        lines.line("DTSTART", &local(walls[0].naive_utc()));
        lines.line("TZOFFSETFROM", &offset(before.offset));
        lines.line("TZOFFSETTO", &offset(after.offset));
        lines.line("TZNAME", &after.name);
        for wall in &walls[1..] {
            lines.line("RDATE", &local(wall.naive_utc()));
        }
        lines.line("END", kind);
    }
    lines.line("END", "VTIMEZONE");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(zone: &str, from: i32, to: i32) -> String {
        let mut lines = Lines::new();
        write(&mut lines, zone.parse().unwrap(), from, to);
        lines.finish().replace("\r\n", "\n")
    }

    #[test]
    fn clocks_change_when_they_do() {
        let expected = "BEGIN:VTIMEZONE\nTZID:America/New_York\n\
            BEGIN:STANDARD\nDTSTART:20260101T000000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0500\nTZNAME:EST\nEND:STANDARD\n\
            BEGIN:DAYLIGHT\nDTSTART:20260308T020000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nTZNAME:EDT\nRDATE:20270314T020000\nEND:DAYLIGHT\n\
            BEGIN:STANDARD\nDTSTART:20261101T020000\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nTZNAME:EST\nRDATE:20271107T020000\nEND:STANDARD\n\
            END:VTIMEZONE\n";
        // The year begins at midnight in UTC, which is an evening there.
        assert_eq!(written("America/New_York", 2026, 2027), expected.replace("20260101T000000", "20251231T190000"));
    }

    #[test]
    fn clocks_that_stay_have_one_observance() {
        let expected = "BEGIN:VTIMEZONE\nTZID:Asia/Kolkata\nBEGIN:STANDARD\nDTSTART:20260101T053000\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\n\
            TZNAME:IST\nEND:STANDARD\nEND:VTIMEZONE\n";
        assert_eq!(written("Asia/Kolkata", 2026, 2040), expected);
    }

    #[test]
    fn half_hours_and_zones_without_a_name_are_written() {
        let lord_howe = written("Australia/Lord_Howe", 2026, 2026);
        assert!(lord_howe.contains("DTSTART:20260405T020000\nTZOFFSETFROM:+1100\nTZOFFSETTO:+1030\nTZNAME:+1030"), "{lord_howe}");
        assert!(
            lord_howe.contains("BEGIN:DAYLIGHT\nDTSTART:20261004T020000\nTZOFFSETFROM:+1030\nTZOFFSETTO:+1100\nTZNAME:+1100"),
            "{lord_howe}"
        );
    }
}
