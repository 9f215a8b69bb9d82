//! How much a peer carries, and with that whether a program can take on somebody new (domain 4.4, D). Plain rules over plain numbers.

use chrono::TimeDelta;
use entity::vocabulary::ProgramCapacity;

use crate::clock::Instant;

/// Weights and caseloads in hundredths: a person in the first weeks of support weighs 1.00.
pub(super) type Hundredths = i64;

/// Before support has begun, and while it is new.
const INTENSIVE: Hundredths = 100;
const STANDARD: Hundredths = 75;
/// When people are seen monthly (domain 6.2), and while support is paused.
const MAINTENANCE: Hundredths = 40;
/// How long support is new.
const NEW: TimeDelta = TimeDelta::days(30);
/// From when people are seen monthly.
const MONTHLY: TimeDelta = TimeDelta::days(180);

/// What a peer carries without being overloaded.
const SOFT_CAP: Hundredths = 15 * 100;

/// Where support of one person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// It has not begun: they are assigned and not connected.
    Pending,
    /// It began then.
    Since(Instant),
    /// It is paused.
    OnHold,
}

/// What one person weighs in the caseload of their peer.
pub(super) fn weight(support: Support, now: Instant) -> Hundredths {
    match support {
        Support::Pending => INTENSIVE,
        Support::OnHold => MAINTENANCE,
        Support::Since(began) if now - began < NEW => INTENSIVE,
        Support::Since(began) if now - began < MONTHLY => STANDARD,
        Support::Since(_) => MAINTENANCE,
    }
}

/// Whether a program can take on somebody new: whether more people fit under the soft caps of the peers who take on people than wait
/// already, on the waiting list or for a peer. `caseloads` are those of these peers. ADDITIONAL_ASSESSMENT_REQUIRED is never found out:
/// no program says yet that it assesses people first.
pub(super) fn capacity(accepts_referrals: bool, caseloads: &[Hundredths], waiting: usize) -> ProgramCapacity {
    let places: i64 = caseloads.iter().map(|carried| (SOFT_CAP - carried).max(0) / INTENSIVE).sum();
    match (accepts_referrals && !caseloads.is_empty(), i64::try_from(waiting)) {
        (false, _) => ProgramCapacity::NoCapacity,
        (true, Ok(waiting)) if waiting < places => ProgramCapacity::Capacity,
        (true, _) => ProgramCapacity::Waitlist,
    }
}

/// Where a capacity is in the order of readiness, from 0.
pub(super) const fn rank(capacity: ProgramCapacity) -> i32 {
    match capacity {
        ProgramCapacity::Capacity => 0,
        ProgramCapacity::AdditionalAssessmentRequired => 1,
        ProgramCapacity::Waitlist => 2,
        ProgramCapacity::NoCapacity => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn support_weighs_less_as_it_goes_on() {
        let now: Instant = "2026-07-01T12:00:00Z".parse().unwrap();
        let ago = |days, seconds| Support::Since(now - TimeDelta::days(days) - TimeDelta::seconds(seconds));
        let cases = [
            ("assigned, not connected", Support::Pending, 100),
            ("today", ago(0, 0), 100),
            ("the last moment of the first thirty days", ago(29, 86_399), 100),
            ("thirty days", ago(30, 0), 75),
            ("half a year but a moment", ago(179, 86_399), 75),
            ("half a year", ago(180, 0), 40),
            ("on hold", Support::OnHold, 40),
        ];
        for (name, support, expected) in cases {
            assert_eq!(weight(support, now), expected, "{name}");
        }
    }

    #[test]
    fn a_program_has_room_while_more_people_fit_than_wait() {
        let cases: &[(&str, bool, &[Hundredths], usize, ProgramCapacity)] = &[
            ("nobody takes on people", true, &[], 0, ProgramCapacity::NoCapacity),
            ("it takes no referrals", false, &[0], 0, ProgramCapacity::NoCapacity),
            ("a peer with nobody", true, &[0], 0, ProgramCapacity::Capacity),
            ("one place left", true, &[1_400], 0, ProgramCapacity::Capacity),
            ("that somebody waits for", true, &[1_400], 1, ProgramCapacity::Waitlist),
            ("not one whole place", true, &[1_401], 0, ProgramCapacity::Waitlist),
            ("at the soft cap", true, &[1_500], 0, ProgramCapacity::Waitlist),
            ("over it", true, &[1_900], 0, ProgramCapacity::Waitlist),
            ("what one is over takes nothing from another", true, &[2_000, 1_400], 0, ProgramCapacity::Capacity),
            ("parts of places of two are no place", true, &[1_450, 1_450], 0, ProgramCapacity::Waitlist),
        ];
        for (name, accepts, caseloads, waiting, expected) in cases {
            assert_eq!(capacity(*accepts, caseloads, *waiting), *expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn nobody_more_makes_more_room(caseloads in prop::collection::vec(0..3_000_i64, 1..6), waiting in 0..40_usize, more in 1..200_i64) {
            let before = rank(capacity(true, &caseloads, waiting));
            prop_assert!(rank(capacity(true, &caseloads, waiting + 1)) >= before);
            let mut heavier = caseloads;
            heavier[0] += more;
            prop_assert!(rank(capacity(true, &heavier, waiting)) >= before);
        }
    }
}
