//! When enough was tried to reach somebody (domain 2.5, D). A plain rule: it knows what was tried, and says what is missing.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDateTime, TimeDelta, Timelike};
use entity::vocabulary::{ContactModality, ContactOutcome};

/// How many attempts.
const ATTEMPTS: usize = 4;
/// On how many days.
const DAYS: usize = 3;
/// Over how long, from the first to the last.
const OVER: TimeDelta = TimeDelta::days(10);
/// By how many means.
const MODALITIES: usize = 2;
/// In how many parts of the day.
const PARTS: usize = 2;

/// One attempt at contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, in the program's time zone.
    pub at: NaiveDateTime,
    /// How.
    pub modality: ContactModality,
    /// What came of it.
    pub outcome: ContactOutcome,
}

/// How a client may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Whether any channel is safe.
    pub safe: bool,
    /// Whether a message may be left on one.
    pub message: bool,
}

/// Morning until noon, afternoon until five, evening.
const fn part(hour: u32) -> u8 {
    match hour {
        0..12 => 0,
        12..17 => 1,
        _ => 2,
    }
}

/// What is missing before somebody counts as not reached, each as a person reads it; nothing where enough was tried, or where no channel
/// is safe. Attempts are in their order.
pub fn missing(attempts: &[Attempt], channels: Channels) -> Vec<String> {
    if !channels.safe {
        return Vec::new();
    }
    let days: BTreeSet<_> = attempts.iter().map(|attempt| attempt.at.num_days_from_ce()).collect();
    let modalities: BTreeSet<_> = attempts.iter().map(|attempt| attempt.modality.as_str()).collect();
    let parts: BTreeSet<_> = attempts.iter().map(|attempt| part(attempt.at.hour())).collect();
    let over = attempts.first().zip(attempts.last()).map_or(TimeDelta::zero(), |(first, last)| last.at - first.at);
    let left = attempts.last().is_some_and(|last| last.outcome == ContactOutcome::LeftSafeMessage);
    let rules = [
        (attempts.len() >= ATTEMPTS, format!("{ATTEMPTS} attempts (there are {})", attempts.len())),
        (days.len() >= DAYS, format!("attempts on {DAYS} different days (there are {})", days.len())),
        (over >= OVER, format!("attempts over {} days (they are over {})", OVER.num_days(), over.num_days())),
        (modalities.len() >= MODALITIES, format!("{MODALITIES} ways of reaching out (there are {})", modalities.len())),
        (parts.len() >= PARTS, format!("{PARTS} different parts of the day (there are {})", parts.len())),
        (left || !channels.message, "a last message that leaves the door open, on a safe channel".to_owned()),
    ];
    rules.into_iter().filter(|(holds, _)| !holds).map(|(_, missing)| missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ContactModality::{Phone, Text};
    use ContactOutcome::{LeftSafeMessage, NoAnswer};

    const REACHABLE: Channels = Channels { safe: true, message: true };

    fn attempt(at: &str, modality: ContactModality, outcome: ContactOutcome) -> Attempt {
        Attempt { at: at.parse().unwrap(), modality, outcome }
    }

    fn enough() -> Vec<Attempt> {
        vec![
            attempt("2026-03-02T09:00:00", Phone, NoAnswer),
            attempt("2026-03-05T18:00:00", Phone, NoAnswer),
            attempt("2026-03-05T18:30:00", Text, NoAnswer),
            attempt("2026-03-12T09:00:00", Phone, LeftSafeMessage),
        ]
    }

    #[test]
    fn just_enough_is_enough() {
        assert_eq!(missing(&enough(), REACHABLE), [""; 0]);
    }

    #[test]
    fn each_rule_is_missed_alone() {
        let but = |change: fn(&mut Vec<Attempt>)| {
            let mut attempts = enough();
            change(&mut attempts);
            missing(&attempts, REACHABLE)
        };
        let said = |missing: Vec<String>, word: &str| assert!(missing.len() == 1 && missing[0].contains(word), "{word}: {missing:?}");
        said(
            but(|attempts| {
                attempts.remove(2);
                attempts[1].modality = Text;
                attempts.insert(1, attempts[0]);
                attempts.remove(0);
                attempts[0].at = "2026-03-01T09:00:00".parse().unwrap();
            }),
            "4 attempts",
        );
        said(but(|attempts| attempts[3].at = "2026-03-12T08:59:00".parse().unwrap()), "over 10 days");
        said(but(|attempts| attempts[2].modality = Phone), "ways of reaching out");
        said(
            but(|attempts| {
                attempts[1].at = "2026-03-05T09:00:00".parse().unwrap();
                attempts[2].at = "2026-03-06T10:00:00".parse().unwrap();
            }),
            "parts of the day",
        );
        said(but(|attempts| attempts[3].outcome = NoAnswer), "leaves the door open");
        said(
            but(|attempts| {
                attempts[1].at = "2026-03-02T18:00:00".parse().unwrap();
                attempts[2].at = "2026-03-02T18:30:00".parse().unwrap();
            }),
            "different days",
        );
    }

    #[test]
    fn without_a_safe_channel_nothing_more_is_tried_and_no_message_is_left_where_none_may_be() {
        assert_eq!(missing(&[], Channels { safe: false, message: false }), [""; 0]);
        let mut silent = enough();
        silent[3].outcome = NoAnswer;
        assert_eq!(missing(&silent, Channels { safe: true, message: false }), [""; 0]);
    }
}
