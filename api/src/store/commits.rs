//! What this process committed, for what is kept in memory: whoever changed something and then asks is not told what was before.
//!
//! The log tells the same a moment later, and what other processes committed.

use std::sync::{Mutex, OnceLock, PoisonError};

use entity::vocabulary::EventKind;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Event, Store};

/// What was committed since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// How many events there have been in all.
    pub count: u64,
    /// What happened, to what.
    pub events: Vec<(EventKind, Uuid)>,
}

/// Commits that are followed.
#[derive(Default)]
pub(in crate::store) struct Commits {
    /// The kinds of events that something in memory follows.
    followed: OnceLock<&'static [EventKind]>,
    committed: Mutex<Committed>,
    wake: Notify,
}

impl Commits {
    /// Notes the events of a commit. Nothing is noted that nothing follows.
    pub(in crate::store) fn tell(&self, events: &[Event]) {
        let Some(kinds) = self.followed.get() else { return };
        let of_interest = events.iter().filter(|event| kinds.contains(&event.kind));
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        let before = committed.count;
        for event in of_interest {
            committed.count += 1;
            committed.events.push((event.kind, event.subject.id));
        }
        if committed.count > before {
            self.wake.notify_one();
        }
    }
}

impl Store {
    /// From now on notes commits of these kinds.
    pub fn follow_commits(&self, kinds: &'static [EventKind]) {
        // Whoever follows first says what is followed; there is one.
        let _ = self.shared.commits.followed.set(kinds);
    }

    /// How many events of the kinds that are followed this process has committed.
    pub fn count_commits(&self) -> u64 {
        self.shared.commits.committed.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// What was committed since this was last asked.
    pub fn take_commits(&self) -> Committed {
        let mut committed = self.shared.commits.committed.lock().unwrap_or_else(PoisonError::into_inner);
        Committed { count: committed.count, events: std::mem::take(&mut committed.events) }
    }

    /// Waits until something was committed, or somebody wakes who waits.
    pub async fn wait_for_commits(&self) {
        self.shared.commits.wake.notified().await;
    }

    /// Wakes who waits for commits.
    pub fn wake_followers(&self) {
        self.shared.commits.wake.notify_one();
    }
}
