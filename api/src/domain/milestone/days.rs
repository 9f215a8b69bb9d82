//! How days are counted from the starts of milestones. Plain rules over plain days, in whatever order they were told.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use entity::vocabulary::MilestoneKind;
use serde::{Deserialize, Serialize};

/// A day from which somebody counts, as it is sealed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Start {
    /// Of what kind.
    pub kind: MilestoneKind,
    /// How they call it; none where it goes by its kind's own name.
    pub label: Option<String>,
    /// The day, by their own clock.
    pub on: NaiveDate,
}

impl Start {
    /// Whether it is of this milestone: a kind and a name make one.
    pub fn is_of(&self, kind: MilestoneKind, label: Option<&str>) -> bool {
        self.kind == kind && self.label.as_deref() == label
    }
}

/// What a milestone goes by that was given no name; none where it has to have one.
pub(super) const fn label_of(kind: MilestoneKind) -> Option<&'static str> {
    match kind {
        MilestoneKind::Abstinence => Some("Abstinence"),
        MilestoneKind::Recovery => Some("Recovery"),
        MilestoneKind::MoudStart => Some("Medication"),
        MilestoneKind::Program => Some("Program"),
        MilestoneKind::Custom => None,
    }
}

/// Somebody's count of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// Of what kind.
    pub kind: MilestoneKind,
    /// How they call it; none where it goes by its kind's own name.
    pub label: Option<String>,
    /// The latest start.
    pub started_on: NaiveDate,
    /// Whole days from the latest start to today: none on the day itself.
    pub days: i64,
    /// The most days from one start to the next, or to today.
    pub best: i64,
    /// The days of all these together: a new start takes none away.
    pub cumulative: i64,
    /// How often it was started anew.
    pub resets: usize,
}

impl Milestone {
    /// What it is called.
    pub fn label(&self) -> &str {
        self.label.as_deref().or(label_of(self.kind)).unwrap_or_default()
    }
}

/// The milestones that were started, by kind and name.
pub fn milestones(starts: impl IntoIterator<Item = Start>, today: NaiveDate) -> Vec<Milestone> {
    let mut by_name: BTreeMap<(MilestoneKind, Option<String>), BTreeSet<NaiveDate>> = BTreeMap::new();
    for start in starts {
        by_name.entry((start.kind, start.label)).or_default().insert(start.on);
    }
    by_name.into_iter().filter_map(|((kind, label), starts)| counted(kind, label, &starts, today)).collect()
}

/// A start that lies ahead, because somebody moved to where it is still yesterday, counts from tomorrow on.
fn counted(kind: MilestoneKind, label: Option<String>, starts: &BTreeSet<NaiveDate>, today: NaiveDate) -> Option<Milestone> {
    let started_on = *starts.last()?;
    let ends = starts.iter().skip(1).map(|next| *next.min(&today)).chain([today]);
    let (mut days, mut best, mut cumulative) = (0, 0, 0);
    for (start, end) in starts.iter().zip(ends) {
        days = (end - *start).num_days().max(0);
        best = best.max(days);
        cumulative += days;
    }
    Some(Milestone { kind, label, started_on, days, best, cumulative, resets: starts.len() - 1 })
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    /// What is told, the starts, today, the latest start, the days with the best and the sum, and the resets.
    type Case = (&'static str, &'static [u64], u64, u64, [i64; 3], usize);

    fn day(number: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + Days::new(number)
    }

    fn of(on: &[u64], today: u64) -> Milestone {
        let starts = on.iter().map(|on| Start { kind: MilestoneKind::Recovery, label: None, on: day(*on) });
        milestones(starts, day(today)).pop().unwrap()
    }

    #[test]
    fn days_are_counted_from_the_latest_start_and_none_are_taken_away() {
        let cases: &[Case] = &[
            ("on the day itself", &[10], 10, 10, [0, 0, 0], 0),
            ("a day later", &[10], 11, 10, [1, 1, 1], 0),
            ("a year later", &[0], 365, 0, [365, 365, 365], 0),
            ("begun anew today", &[0, 90], 90, 90, [0, 90, 90], 1),
            ("a while after that", &[0, 90], 120, 90, [30, 90, 120], 1),
            ("longer than before", &[0, 30], 100, 30, [70, 70, 100], 1),
            ("begun anew twice", &[0, 30, 35], 45, 35, [10, 30, 45], 2),
            ("the best in the middle", &[0, 5, 65, 70], 75, 70, [5, 60, 75], 3),
            ("told twice", &[0, 30, 30, 0], 40, 30, [10, 30, 40], 1),
            ("told in another order", &[30, 0], 40, 30, [10, 30, 40], 1),
            ("where it is still yesterday", &[10], 9, 10, [0, 0, 0], 0),
            ("begun anew where it is still yesterday", &[0, 10], 9, 10, [0, 9, 9], 1),
        ];
        for (name, starts, today, started_on, expected, resets) in cases {
            let counted = of(starts, *today);
            assert_eq!([counted.days, counted.best, counted.cumulative], *expected, "{name}");
            assert_eq!((counted.started_on, counted.resets), (day(*started_on), *resets), "{name}");
        }
    }

    #[test]
    fn a_kind_and_a_name_make_one_milestone() {
        let start = |kind, label: Option<&str>, on| Start { kind, label: label.map(ToOwned::to_owned), on: day(on) };
        let starts = [
            start(MilestoneKind::Custom, Some("Running"), 4),
            start(MilestoneKind::Abstinence, Some("Tobacco"), 3),
            start(MilestoneKind::Abstinence, None, 1),
            start(MilestoneKind::Custom, Some("Running"), 2),
            start(MilestoneKind::Recovery, None, 1),
        ];
        let counted = milestones(starts, day(10));
        let told: Vec<_> = counted.iter().map(|one| (one.kind, one.label(), one.days, one.resets)).collect();
        let expected = [
            (MilestoneKind::Abstinence, "Abstinence", 9, 0),
            (MilestoneKind::Abstinence, "Tobacco", 7, 0),
            (MilestoneKind::Recovery, "Recovery", 9, 0),
            (MilestoneKind::Custom, "Running", 6, 1),
        ];
        assert_eq!(told, expected);
        assert!(milestones([], day(0)).is_empty());
    }

    proptest! {
        #[test]
        fn more_is_never_less(starts in prop::collection::vec(0..500_u64, 1..12), today in 0..900_u64) {
            let counted = of(&starts, today);
            prop_assert!(0 <= counted.days && counted.days <= counted.best && counted.best <= counted.cumulative);
            let first = *starts.iter().min().unwrap();
            prop_assert_eq!(counted.cumulative, i64::try_from(today.saturating_sub(first)).unwrap());
            let tomorrow = of(&starts, today + 1);
            prop_assert!(tomorrow.best >= counted.best && tomorrow.cumulative >= counted.cumulative);
        }

        #[test]
        fn a_new_start_keeps_what_was_reached(starts in prop::collection::vec(0..500_u64, 1..12), after in 0..400_u64) {
            let today = *starts.iter().max().unwrap() + after;
            let (before, again) = (of(&starts, today), of(&[starts.clone(), vec![today]].concat(), today));
            prop_assert_eq!((again.days, again.best, again.cumulative), (0, before.best, before.cumulative));
            prop_assert_eq!(again.resets, before.resets + usize::from(after > 0));
        }

        #[test]
        fn an_earlier_beginning_adds_to_it(starts in prop::collection::vec(100..500_u64, 1..12), before in 1..100_u64, after in 0..400_u64) {
            let (first, today) = (*starts.iter().min().unwrap(), starts.iter().max().unwrap() + after);
            let (counted, more) = (of(&starts, today), of(&[starts.clone(), vec![first - before]].concat(), today));
            prop_assert_eq!((more.days, more.started_on), (counted.days, counted.started_on));
            prop_assert!(more.best >= counted.best);
            prop_assert_eq!(more.cumulative, counted.cumulative + i64::try_from(before).unwrap());
        }

        #[test]
        fn the_order_in_which_they_are_told_is_all_the_same(starts in prop::collection::vec(0..500_u64, 1..12), today in 0..900_u64) {
            let (mut backwards, mut sorted) = (starts.clone(), starts.clone());
            backwards.reverse();
            sorted.sort_unstable();
            prop_assert_eq!(of(&backwards, today), of(&starts, today));
            prop_assert_eq!(of(&sorted, today), of(&starts, today));
        }
    }
}
