//! The one clock. Everything that needs the time is handed it from here, so that tests and sandboxes can set it.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// An instant in UTC, in whole microseconds, as both databases keep it.
pub type Instant = DateTime<Utc>;

/// Cuts an instant to microseconds: SQLite would keep nanoseconds as text, PostgreSQL drops them.
pub fn whole_micros(instant: Instant) -> Instant {
    instant.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(instant)
}

/// Where the time comes from.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Fixed(Arc<Mutex<Instant>>),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is moved.
    pub fn fixed(at: Instant) -> Self {
        Self(Source::Fixed(Arc::new(Mutex::new(whole_micros(at)))))
    }

    /// The time now, in whole microseconds.
    pub fn now(&self) -> Instant {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
            Source::System => whole_micros(Utc::now()),
            Source::Fixed(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a fixed clock forward; the machine's clock is not ours to move.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Fixed(at) = &self.0 {
            let mut at = at.lock().unwrap_or_else(PoisonError::into_inner);
            *at = whole_micros(*at + by);
        }
    }
}
