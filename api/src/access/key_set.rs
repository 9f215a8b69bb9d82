//! The public keys of someone else, fetched from where they publish them (RFC 7517) and kept.
//!
//! Whoever shows a token chooses its `kid`. So an unknown one makes us fetch at most once a minute, however many come,
//! and a publisher who cannot be reached does not sign their people out: the last good copy serves for a day.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use moka::sync::Cache;
use url::Url;

use super::jws::PublicKey;
use crate::clock::Instant;

/// Between two attempts, whether they succeed or not.
const BETWEEN_ATTEMPTS: TimeDelta = TimeDelta::minutes(1);

/// From this age on a copy is fetched anew, so that a withdrawn key goes.
const FRESH_FOR: TimeDelta = TimeDelta::minutes(15);

/// From this age on a copy that could not be fetched anew is no longer believed.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);

/// A set longer than this is not read.
const MAX_BYTES: usize = 256 * 1024;

/// The keys cannot be had just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's keys cannot be fetched just now")]
pub struct Unreachable;

/// Fetches a published key set: the outgoing client, or a test's.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// Whether the address may be called, as far as can be told beforehand; a sentence that says why not.
    fn check(&self, url: &Url) -> Result<(), String>;

    /// The body of a successful answer.
    async fn fetch(&self, url: &Url) -> Result<Bytes, Unreachable>;
}

/// Sets that are kept at most; beyond, one that was not asked for lately is fetched anew when it is.
const MOST_SETS: u64 = 10_000;

/// The key sets of everyone else, each at its address. Cheap to clone; clones share what was fetched.
#[derive(Clone)]
pub struct KeySets {
    source: Arc<dyn KeySource>,
    sets: Cache<Url, Arc<KeySet>>,
}

impl fmt::Debug for KeySets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySets({})", self.sets.entry_count())
    }
}

impl KeySets {
    /// Sets that are fetched from this source.
    pub fn new(source: Arc<dyn KeySource>) -> Self {
        Self { source, sets: Cache::new(MOST_SETS) }
    }

    /// Whether sets may be fetched from this address, as far as can be told beforehand.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub fn check(&self, url: &Url) -> Result<(), String> {
        self.source.check(url)
    }

    /// The key of this name in the set at this address, or none.
    ///
    /// # Errors
    /// `Unreachable`, when there is no copy that could say.
    pub async fn find(&self, url: &Url, kid: &str, now: Instant) -> Result<Option<PublicKey>, Unreachable> {
        let new = || Arc::new(KeySet::new(url.clone(), Arc::clone(&self.source)));
        self.sets.get_with_by_ref(url, new).find(kid, now).await
    }
}

#[derive(Clone, Default)]
struct Copy {
    keys: Arc<Vec<PublicKey>>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
}

/// The key set at one address.
struct KeySet {
    url: Url,
    source: Arc<dyn KeySource>,
    copy: RwLock<Copy>,
    /// Held while fetching, so that one fetches for all who wait.
    fetching: tokio::sync::Mutex<()>,
}

impl KeySet {
    /// The set at this address; it is fetched when the first key is asked for.
    fn new(url: Url, source: Arc<dyn KeySource>) -> Self {
        Self { url, source, copy: RwLock::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// The key with this name, or none.
    ///
    /// # Errors
    /// `Unreachable`, when there is no copy that could say.
    async fn find(&self, kid: &str, now: Instant) -> Result<Option<PublicKey>, Unreachable> {
        let copy = self.copy();
        let known = copy.find(kid, now);
        if known.is_none() {
            let _fetching = self.fetching.lock().await;
            self.refresh(now).await;
        } else if !copy.is_stale(now) {
            return Ok(known);
        } else if let Ok(_fetching) = self.fetching.try_lock() {
            // One fetches a newer copy; whoever else finds a known key does not wait for it.
            self.refresh(now).await;
        }
        self.copy().answer(kid, now)
    }

    /// Fetches, unless someone just tried. Called by whoever holds `fetching`.
    async fn refresh(&self, now: Instant) {
        if !self.copy().may_try(now) {
            return;
        }
        // Noted before the call, so that a caller who goes away in the middle of it has used up the attempt too.
        self.change(|copy| copy.tried_at = Some(now));
        let fetched = self.source.fetch(&self.url).await.ok();
        match fetched.filter(|body| body.len() <= MAX_BYTES).and_then(|body| PublicKey::from_set(&body)) {
            Some(keys) => self.change(|copy| {
                copy.keys = Arc::new(keys);
                copy.fetched_at = Some(now);
            }),
            None => tracing::warn!(url = %self.url, "a key set could not be fetched; the last good copy stays"),
        }
    }

    fn copy(&self) -> Copy {
        self.copy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Copy)) {
        change(&mut self.copy.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Copy {
    fn find(&self, kid: &str, now: Instant) -> Option<PublicKey> {
        let named = || self.keys.iter().find(|key| key.kid.as_deref() == Some(kid)).cloned();
        self.is_good(now).then(named).flatten()
    }

    fn answer(&self, kid: &str, now: Instant) -> Result<Option<PublicKey>, Unreachable> {
        if self.is_good(now) { Ok(self.find(kid, now)) } else { Err(Unreachable) }
    }

    fn is_good(&self, now: Instant) -> bool {
        self.fetched_at.is_some_and(|at| now - at < GOOD_FOR)
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.fetched_at.is_none_or(|at| now - at >= FRESH_FOR)
    }

    fn may_try(&self, now: Instant) -> bool {
        self.tried_at.is_none_or(|at| now - at >= BETWEEN_ATTEMPTS)
    }
}
