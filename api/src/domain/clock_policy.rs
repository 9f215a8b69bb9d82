//! How long the clocks of a referral run (domain 2.4), as data with versions: `clock_policy.json`. A version that has been in use is never
//! changed; a new one is added at the end.

use std::sync::LazyLock;

use entity::vocabulary::{ClockKind, ReferralUrgency};
use serde::Deserialize;

use super::calendar::Span;

static POLICIES: LazyLock<Vec<ClockPolicy>> =
    LazyLock::new(|| serde_json::from_str(include_str!("clock_policy.json")).expect("a test reads the file that is built in"));

/// How long each clock runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockPolicy {
    /// Counts the policies, from 1.
    pub version: i32,
    /// One rule for each kind, in the order of the vocabulary.
    pub clocks: Vec<ClockRule>,
}

/// How long one clock runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockRule {
    /// Which clock.
    pub kind: ClockKind,
    /// For someone who should be met soon.
    pub urgent: Span,
    /// For everybody else.
    pub routine: Span,
    /// When it is too late for anybody.
    pub ceiling: Span,
}

impl ClockPolicy {
    /// The one that holds for clocks that start now.
    pub fn current() -> &'static Self {
        POLICIES.last().expect("a test sees that there is one")
    }

    /// The one with this number, by which a clock was started.
    pub fn version(number: i32) -> Option<&'static Self> {
        POLICIES.iter().find(|policy| policy.version == number)
    }

    /// How long a clock of this kind runs.
    pub fn rule(&self, kind: ClockKind) -> &ClockRule {
        self.clocks.iter().find(|rule| rule.kind == kind).expect("a test sees that each kind has its rule")
    }
}

impl ClockRule {
    /// How long it runs for someone.
    pub fn span(&self, urgency: ReferralUrgency) -> Span {
        match urgency {
            ReferralUrgency::Urgent => self.urgent,
            ReferralUrgency::Routine => self.routine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Instant, domain::calendar::Calendar};

    #[test]
    fn every_version_has_a_rule_for_each_clock_and_its_own_number() {
        for (policy, number) in POLICIES.iter().zip(1..) {
            let kinds: Vec<_> = policy.clocks.iter().map(|rule| rule.kind).collect();
            assert_eq!((policy.version, kinds.as_slice()), (number, ClockKind::ALL));
            assert!(policy.clocks.iter().all(|rule| [rule.urgent, rule.routine, rule.ceiling].iter().all(|span| span.amount > 0)));
            assert_eq!(ClockPolicy::version(number), Some(policy));
        }
        assert_eq!(ClockPolicy::current(), POLICIES.last().unwrap());
        assert_eq!((ClockPolicy::version(0), ClockPolicy::version(i32::MAX)), (None, None));
    }

    #[test]
    fn the_urgent_are_due_before_the_routine_and_those_before_the_ceiling() {
        let zone = "America/New_York".parse().unwrap();
        let calendar = Calendar::new(zone, &crate::domain::calendar::usual_hours(), []);
        let first: Instant = "2026-01-01T00:00:00Z".parse().unwrap();
        for hours in 0..366 * 24 {
            let start = first + chrono::TimeDelta::hours(hours);
            for rule in POLICIES.iter().flat_map(|policy| &policy.clocks) {
                let [urgent, routine, ceiling] = [rule.urgent, rule.routine, rule.ceiling].map(|span| calendar.after(start, span));
                assert!(start <= urgent && urgent <= routine && routine <= ceiling, "{start}: {rule:?}");
            }
        }
    }

    /// The table of domain 2.4: over the weekend on which clocks go forward, over that on which they go back, and over holidays.
    #[test]
    fn every_clock_over_a_weekend_a_change_of_the_clocks_and_holidays() {
        let zone = "America/New_York".parse().unwrap();
        let holidays = ["2026-11-26", "2026-11-27"].map(|day| day.parse().unwrap());
        let calendar = Calendar::new(zone, &crate::domain::calendar::usual_hours(), holidays);
        let cases = [
            (
                "2026-03-06T20:00:00-05:00",
                [
                    (ClockKind::Acknowledge, ["2026-03-09T13:00", "2026-03-10T09:00", "2026-03-12T09:00"]),
                    (ClockKind::FirstAttempt, ["2026-03-07T20:00", "2026-03-08T21:00", "2026-03-09T21:00"]),
                    (ClockKind::FirstContact, ["2026-03-09T20:00", "2026-03-13T20:00", "2026-04-05T20:00"]),
                    (ClockKind::Engage, ["2026-03-13T20:00", "2026-03-20T20:00", "2026-04-05T20:00"]),
                ],
            ),
            (
                "2026-10-31T12:00:00-04:00",
                [
                    (ClockKind::Acknowledge, ["2026-11-02T13:00", "2026-11-03T09:00", "2026-11-05T09:00"]),
                    (ClockKind::FirstAttempt, ["2026-11-01T11:00", "2026-11-02T11:00", "2026-11-03T11:00"]),
                    (ClockKind::FirstContact, ["2026-11-03T12:00", "2026-11-07T12:00", "2026-11-30T12:00"]),
                    (ClockKind::Engage, ["2026-11-07T12:00", "2026-11-14T12:00", "2026-11-30T12:00"]),
                ],
            ),
            (
                "2026-11-25T20:00:00-05:00",
                [
                    (ClockKind::Acknowledge, ["2026-11-30T13:00", "2026-12-01T09:00", "2026-12-03T09:00"]),
                    (ClockKind::FirstAttempt, ["2026-11-26T20:00", "2026-11-27T20:00", "2026-11-28T20:00"]),
                    (ClockKind::FirstContact, ["2026-11-28T20:00", "2026-12-02T20:00", "2026-12-25T20:00"]),
                    (ClockKind::Engage, ["2026-12-02T20:00", "2026-12-09T20:00", "2026-12-25T20:00"]),
                ],
            ),
        ];
        for (start, clocks) in cases {
            let start: Instant = start.parse().unwrap();
            for (kind, expected) in clocks {
                let rule = ClockPolicy::version(1).unwrap().rule(kind);
                let due = [rule.span(ReferralUrgency::Urgent), rule.span(ReferralUrgency::Routine), rule.ceiling];
                let due = due.map(|span| calendar.after(start, span).with_timezone(&zone).format("%Y-%m-%dT%H:%M").to_string());
                assert_eq!(due, expected, "{kind} from {start}");
            }
        }
    }
}
