//! How long the clocks of a referral run.

use async_graphql::SimpleObject;
use entity::vocabulary::{ClockKind, ClockUnit};

use crate::domain::{calendar::Span, clock_policy};

/// How long the clocks of a referral run. A clock that has run out opens a piece of work; nothing is ever refused by it.
#[derive(SimpleObject)]
pub(crate) struct ClockPolicy {
    /// Counts the policies, from 1.
    version: i32,
    /// A rule for each kind of clock.
    clocks: Vec<ClockRule>,
}

/// How long one clock runs.
#[derive(SimpleObject)]
pub(crate) struct ClockRule {
    /// Which clock.
    kind: ClockKind,
    /// For someone who should be met soon.
    urgent: ClockSpan,
    /// For everybody else.
    routine: ClockSpan,
    /// When it is too late for anybody.
    ceiling: ClockSpan,
}

/// A span of time, counted in the program's time zone and by its calendar.
#[derive(SimpleObject)]
pub(crate) struct ClockSpan {
    /// How many.
    amount: i32,
    /// Of what.
    unit: ClockUnit,
}

impl From<&clock_policy::ClockPolicy> for ClockPolicy {
    fn from(policy: &clock_policy::ClockPolicy) -> Self {
        Self { version: policy.version, clocks: policy.clocks.iter().map(Into::into).collect() }
    }
}

impl From<&clock_policy::ClockRule> for ClockRule {
    fn from(rule: &clock_policy::ClockRule) -> Self {
        Self { kind: rule.kind, urgent: rule.urgent.into(), routine: rule.routine.into(), ceiling: rule.ceiling.into() }
    }
}

impl From<Span> for ClockSpan {
    fn from(span: Span) -> Self {
        Self { amount: i32::try_from(span.amount).unwrap_or(i32::MAX), unit: span.unit }
    }
}
