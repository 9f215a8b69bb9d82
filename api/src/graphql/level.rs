//! Loads of one level: what its resolvers ask for is gathered until all of them wait, and is then fetched with one statement of a kind.
//!
//! A level is over when the request's task has nothing left to do but to wait. A task that only gives way in the middle of a long
//! level wakes itself, so the level is not taken for finished: a list costs as many statements for a hundred rows as for one.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::{Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered, task::AtomicWaker};
use tokio::{sync::oneshot, task::unconstrained};

use crate::{access::Access, error::Error, store::Store};

/// How one kind of thing is fetched for a whole level.
pub(super) trait Loads: 'static {
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    type Value: Clone + Send + 'static;

    /// Fetches what these keys, each once, stand for. What is missing does not exist for the caller.
    fn load(
        store: &Store,
        access: &Access,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<HashMap<Self::Key, Self::Value>, Error>> + Send;
}

/// The most keys of one statement: databases bound the number of its values.
const MOST_KEYS: usize = 10_000;

/// What is loaded, or why not: shared by all who asked for it.
pub(super) type Loaded<V> = Result<Option<V>, Arc<Error>>;

/// The loads that wait for their level to end.
#[derive(Clone, Default)]
pub(super) struct Levels(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Levels {
    fn add(&self, load: BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(load);
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

type Asked<L> = Vec<(<L as Loads>::Key, oneshot::Sender<Loaded<<L as Loads>::Value>>)>;

/// Gathers what the resolvers of a level ask of one kind.
pub(super) struct Loader<L: Loads> {
    store: Store,
    access: Arc<Access>,
    levels: Levels,
    asked: Mutex<Asked<L>>,
}

impl<L: Loads> Loader<L> {
    pub(super) fn new(store: Store, access: Arc<Access>, levels: Levels) -> Self {
        Self { store, access, levels, asked: Mutex::default() }
    }

    /// What this key stands for, together with all others that this level asks for.
    pub(super) async fn load(self: Arc<Self>, key: L::Key) -> Loaded<L::Value> {
        let (tell, told) = oneshot::channel();
        let first = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.push((key, tell));
            asked.len() == 1
        };
        if first {
            let loader = Arc::clone(&self);
            self.levels.add(Box::pin(async move { loader.fetch().await }));
        }
        // What is there is taken at once: a receiver that gave way for fairness' sake would be woken too late for its level.
        unconstrained(told).await.unwrap_or_else(|_| Err(Arc::new(Error::internal("a load ended without an answer"))))
    }

    async fn fetch(&self) {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let mut once = HashSet::new();
        let keys: Vec<L::Key> = asked.iter().filter(|(key, _)| once.insert(key)).map(|(key, _)| key.clone()).collect();
        let loaded = self.load_all(&keys).await.map_err(Arc::new);
        for (key, tell) in asked {
            // Who no longer listens has gone away.
            let _ = tell.send(loaded.as_ref().map(|found| found.get(&key).cloned()).map_err(Arc::clone));
        }
    }

    async fn load_all(&self, keys: &[L::Key]) -> Result<HashMap<L::Key, L::Value>, Error> {
        let mut all = HashMap::with_capacity(keys.len());
        for some in keys.chunks(MOST_KEYS) {
            all.extend(L::load(&self.store, &self.access, some).await?);
        }
        Ok(all)
    }
}

/// Whether what is executed was woken since it was last polled.
struct Signal {
    outer: AtomicWaker,
    woken: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.outer.wake();
    }
}

/// An execution whose loads go level by level: a future, or the stream of a subscription.
pub(super) struct ByLevels<T> {
    executed: Pin<Box<T>>,
    levels: Levels,
    loading: FuturesUnordered<BoxFuture<'static, ()>>,
    signal: Arc<Signal>,
}

impl<T> ByLevels<T> {
    pub(super) fn new(executed: T, levels: Levels) -> Self {
        let signal = Arc::new(Signal { outer: AtomicWaker::new(), woken: AtomicBool::new(true) });
        Self { executed: Box::pin(executed), levels, loading: FuturesUnordered::new(), signal }
    }

    fn drive<R>(&mut self, context: &mut Context<'_>, mut poll: impl FnMut(Pin<&mut T>, &mut Context<'_>) -> Poll<R>) -> Poll<R> {
        self.signal.outer.register(context.waker());
        let waker = Waker::from(Arc::clone(&self.signal));
        loop {
            if self.signal.woken.swap(false, Ordering::AcqRel)
                && let Poll::Ready(ready) = poll(self.executed.as_mut(), &mut Context::from_waker(&waker))
            {
                // A stream is polled again for its next item without having been woken.
                self.signal.woken.store(true, Ordering::Release);
                return Poll::Ready(ready);
            }
            if self.signal.woken.load(Ordering::Acquire) {
                // It gave way in the middle of a level, and has woken this task.
                return Poll::Pending;
            }
            if self.loading.is_empty() {
                self.loading.extend(self.levels.take());
            }
            // Who asked for it is woken by that. What they ask for next waits until all loads of this level are there.
            if !matches!(self.loading.poll_next_unpin(context), Poll::Ready(Some(()))) {
                return Poll::Pending;
            }
        }
    }
}

impl<T: Future> Future for ByLevels<T> {
    type Output = T::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T::Output> {
        self.get_mut().drive(context, |executed, context| executed.poll(context))
    }
}

impl<T: Stream> Stream for ByLevels<T> {
    type Item = T::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T::Item>> {
        self.get_mut().drive(context, |executed, context| executed.poll_next(context))
    }
}
