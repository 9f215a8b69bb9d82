//! How iCalendar is written (RFC 5545, section 3.1 and 3.3): lines of at most 75 octets, texts with what means something else escaped.

use std::fmt::Write;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use crate::clock::Instant;

/// How many octets a line has at the most (RFC 5545, 3.1).
const LONGEST: usize = 75;

/// A calendar that is being written.
pub(super) struct Lines(String);

impl Lines {
    pub(super) const fn new() -> Self {
        Self(String::new())
    }

    /// One line, folded where it is too long: the value is written as it is.
    pub(super) fn line(&mut self, name: &str, value: &str) {
        let mut octets = 0;
        for letter in name.chars().chain([':']).chain(value.chars()) {
            if octets + letter.len_utf8() > LONGEST {
                self.0.push_str("\r\n ");
                octets = 1;
            }
            self.0.push(letter);
            octets += letter.len_utf8();
        }
        self.0.push_str("\r\n");
    }

    /// One line whose value is text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.line(name, &escaped(value));
    }

    /// One line whose value is a wall time in a zone (3.3.5, the third form).
    pub(super) fn zoned(&mut self, name: &str, zone: Tz, at: NaiveDateTime) {
        self.line(&format!("{name};TZID={}", zone.name()), &local(at));
    }

    /// What stands between `BEGIN` and `END`.
    pub(super) fn within<E>(&mut self, component: &str, write: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        self.line("BEGIN", component);
        write(self)?;
        self.line("END", component);
        Ok(())
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Text as a value of type TEXT is written (3.3.11). No text that is kept has other control characters than line breaks and tabs.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\n' => escaped.push_str("\\n"),
            '\r' => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// What clocks show, as the form of DATE-TIME without a zone (3.3.5).
pub(super) fn local(at: NaiveDateTime) -> String {
    at.format("%Y%m%dT%H%M%S").to_string()
}

/// An instant, as the form in UTC.
pub(super) fn utc(at: Instant) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// An offset from UTC, in seconds (3.3.14).
pub(super) fn offset(seconds: i32) -> String {
    let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
    let mut text = format!("{sign}{:02}{:02}", seconds / 3_600, seconds / 60 % 60);
    if seconds % 60 != 0 {
        let _ = write!(text, "{:02}", seconds % 60);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn lines_are_folded_between_letters_and_texts_are_escaped() {
        let mut lines = Lines::new();
        let long = "\u{e9}".repeat(60);
        lines
            .within("VEVENT", |lines| {
                lines.text("SUMMARY", "Now; here, \\ and\nthere");
                lines.text("DESCRIPTION", &long);
                Ok::<_, Infallible>(())
            })
            .unwrap();
        let text = lines.finish();
        assert!(text.starts_with("BEGIN:VEVENT\r\nSUMMARY:Now\\; here\\, \\\\ and\\nthere\r\n"), "{text}");
        assert!(text.ends_with("END:VEVENT\r\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= LONGEST), "{text}");
        assert!(text.replace("\r\n ", "").contains(&format!("DESCRIPTION:{long}\r\n")));
    }

    #[test]
    fn offsets_are_hours_and_minutes() {
        for (seconds, text) in [(-18_000, "-0500"), (19_800, "+0530"), (0, "+0000"), (-17_762, "-045602"), (37_800, "+1030")] {
            assert_eq!(offset(seconds), text);
        }
    }
}
