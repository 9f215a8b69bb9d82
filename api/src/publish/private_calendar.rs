//! A client's own calendar as iCalendar (RFC 5545; domain 10.3), in words that say nothing to whoever looks over a shoulder, or keeps the
//! calendar of a household: when, and not what, where or with whom.

use std::collections::BTreeMap;

use chrono::Datelike;
use chrono_tz::Tz;
use entity::RegistrationId;
use uuid::{Builder, Uuid};

use super::{
    icalendar::{Lines, utc},
    time_zone,
};
use crate::{
    access::secret::{Purpose, Secrets},
    domain::{
        private_calendar::{Appointment, Expected},
        wall_time::local_of,
    },
    error::Result,
};

/// Who writes the calendar (3.7.3): nobody in particular.
const WRITER: &str = "-//Calendar//EN";

/// By what calendars know an appointment: the same whatever link it is read by, and for nobody who does not hold the key it is made with the
/// id of a registration.
fn uid(secrets: &Secrets, of: RegistrationId) -> Uuid {
    let hash = secrets.of(Purpose::CalendarEvent).hash(&of.to_string());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The calendar with these appointments.
///
/// # Errors
/// None of its own.
pub fn private_calendar(appointments: &[Appointment], secrets: &Secrets) -> Result<String> {
    let mut lines = Lines::new();
    lines.within("VCALENDAR", |lines| {
        lines.line("VERSION", "2.0");
        lines.line("PRODID", WRITER);
        lines.text("X-WR-CALNAME", "Appointments");
        lines.line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
        for (zone, first, last) in zones(appointments) {
            time_zone::write(lines, zone, first - 1, last + 1);
        }
        appointments.iter().try_for_each(|one| lines.within("VEVENT", |lines| event(lines, one, secrets)))
    })?;
    Ok(lines.finish())
}

/// The zones of appointments, each with the first and the last year in which there is one.
fn zones(appointments: &[Appointment]) -> impl Iterator<Item = (Tz, i32, i32)> {
    let mut zones: BTreeMap<&str, (Tz, i32, i32)> = BTreeMap::new();
    for one in appointments {
        let year = local_of(one.zone, one.starts_at).year();
        let (_, first, last) = zones.entry(one.zone.name()).or_insert((one.zone, year, year));
        (*first, *last) = (year.min(*first), year.max(*last));
    }
    zones.into_values()
}

fn event(lines: &mut Lines, one: &Appointment, secrets: &Secrets) -> Result<()> {
    lines.line("UID", &uid(secrets, one.id).to_string());
    lines.line("DTSTAMP", &utc(one.changed_at));
    lines.line("LAST-MODIFIED", &utc(one.changed_at));
    lines.line("SEQUENCE", &one.changes.to_string());
    lines.text("SUMMARY", "Appointment");
    lines.zoned("DTSTART", one.zone, local_of(one.zone, one.starts_at));
    lines.line("DURATION", &format!("PT{}M", (one.ends_at - one.starts_at).num_minutes()));
    let status = match one.expected {
        Expected::Confirmed => "CONFIRMED",
        Expected::Tentative => "TENTATIVE",
        Expected::Cancelled => "CANCELLED",
    };
    lines.line("STATUS", status);
    lines.line("CLASS", "PRIVATE");
    lines.line("TRANSP", if one.expected == Expected::Cancelled { "TRANSPARENT" } else { "OPAQUE" });
    Ok(())
}
