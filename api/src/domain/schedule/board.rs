//! The schedule in memory, as it is now: never older than what this process committed, or the database is asked.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant as Moment},
};

use chrono::TimeDelta;
use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

use super::{
    kept::{FOLLOWED, Kept, Known},
    seats_move_at,
    snapshot::Snapshot,
};
use crate::{
    clock::Instant,
    error::{Error, Result},
    store::Store,
};

/// How long a question waits for a snapshot that is not yet up to date, before it asks the database.
const PATIENCE: Duration = Duration::from_millis(500);

/// How old what is shown may be, since it was last found to be up to date: that is asked every second.
const MOST_AGE: Duration = Duration::from_secs(10);
/// How long events may wait for their place in the log.
const UNSEALED: TimeDelta = TimeDelta::seconds(5);

/// A snapshot, and up to where it is known to be as the database is.
#[derive(Clone, Debug)]
struct Shown {
    snapshot: Arc<Snapshot>,
    known: Known,
    /// When that was found out, by the machine.
    at: Moment,
}

/// The schedule in memory as it is now.
pub struct Board {
    store: Store,
    /// What it was read from; nothing where all of it is to be read.
    kept: Mutex<Option<Kept>>,
    /// How long the log is, as far as this process knows.
    log: Mutex<watch::Receiver<i64>>,
    shown: RwLock<Option<Shown>>,
    /// Counts how often it was brought up to date.
    changed: watch::Sender<u64>,
    /// Whether somebody waited in vain: until it is up to date again, nobody waits.
    late: AtomicBool,
}

impl Board {
    /// A board with nothing on it, which [`Board::bring_up`] fills.
    pub fn new(store: Store) -> Self {
        let log = Mutex::new(store.sealed());
        Self { store, kept: Mutex::default(), log, shown: RwLock::default(), changed: watch::Sender::new(0), late: AtomicBool::default() }
    }

    /// The snapshot, if it is up to date: with all that this process committed, and the seats of these five minutes.
    pub fn current(&self, now: Instant) -> Option<Arc<Snapshot>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let shown = shown.as_ref().filter(|shown| shown.known.seats_of >= seats_move_at(now) && shown.at.elapsed() < MOST_AGE)?;
        (shown.known.commits >= self.store.count_commits()).then(|| Arc::clone(&shown.snapshot))
    }

    fn is_empty(&self) -> bool {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Likewise; for a moment it waits until it is.
    pub async fn settled(&self, now: Instant) -> Option<Arc<Snapshot>> {
        if let Some(current) = self.current(now) {
            return Some(current);
        }
        if self.is_empty() || self.late.load(Ordering::Relaxed) {
            return None;
        }
        let mut changed = self.changed.subscribe();
        self.store.wake_followers();
        let waited = timeout(PATIENCE, async {
            loop {
                if let Some(current) = self.current(now) {
                    return Some(current);
                }
                changed.changed().await.ok()?;
            }
        });
        let settled = waited.await.ok().flatten();
        if settled.is_none() {
            self.late.store(true, Ordering::Relaxed);
        }
        settled
    }

    /// From now on hears of what this process commits.
    pub fn follow(&self) {
        self.store.follow_commits(FOLLOWED);
    }

    /// Waits until this process committed something that changes the schedule, somebody asks for a snapshot that is not up to date, the log
    /// has become longer, or so much time has passed: seats move with the clock.
    pub async fn wait(&self, most: Duration) {
        let mut log = self.log.lock().await;
        tokio::select! {
            () = self.store.wait_for_commits() => {}
            _ = log.changed() => {}
            () = tokio::time::sleep(most) => {}
        }
    }

    /// Brings what is kept up to date, and shows it. What cannot be read or put in order is read as a whole the next time.
    ///
    /// # Errors
    /// `Database` when it cannot be asked: meanwhile whoever asks is answered from there.
    pub async fn bring_up(&self) -> Result<()> {
        let mut kept = self.kept.lock().await;
        let now = self.store.clock().now();
        let (mut read, changed) = match kept.take().filter(|kept| !kept.is_old(now)) {
            Some(mut known) => {
                let changed = known.catch_up(&self.store, now).await?;
                (known, changed)
            }
            None => (Kept::read(&self.store, now).await?, true),
        };
        // What others did and is not in the log yet is not known here.
        let unsealed = self.store.unsealed_since().await?.is_some_and(|since| since < now - UNSEALED);
        let shown = if unsealed || read.too_much {
            None
        } else {
            let snapshot = self.snapshot_of(&mut read, changed).await?;
            Some(Shown { snapshot, known: read.known, at: Moment::now() })
        };
        *kept = Some(read);
        self.show(shown);
        self.late.store(false, Ordering::Relaxed);
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Shows another. The one before is let go of when nobody waits for that.
    fn show(&self, shown: Option<Shown>) {
        let before = std::mem::replace(&mut *self.shown.write().unwrap_or_else(PoisonError::into_inner), shown);
        drop(before);
    }

    /// The snapshot that is shown, where nothing changed, or a new one.
    async fn snapshot_of(&self, kept: &mut Kept, changed: bool) -> Result<Arc<Snapshot>> {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|shown| Arc::clone(&shown.snapshot));
        if let (Some(same), false) = (shown, changed) {
            return Ok(same);
        }
        let (rows, reading) = kept.next();
        // It takes a while to put in order, which nobody else need wait for.
        let made = tokio::task::spawn_blocking(move || Snapshot::of(&rows, reading)).await;
        made.map(Arc::new).map_err(|_| Error::internal("the schedule could not be put in order"))
    }
}
