//! The loops that work off what is due: one for what is done in a moment, one for what takes a while, one for what waits for servers of
//! others. A fourth destroys keys that a crash in the middle of an erasure left.

use std::sync::Arc;

use entity::vocabulary::TimerKind;
use futures_util::FutureExt;

use super::again_and_again;
use crate::{
    domain::{
        data_export::Renders,
        feed::Reads,
        timers::{OUTSIDE, SLOW, fire_one, quick},
    },
    store::Store,
};

/// Works off timers until the task is dropped. Replicas share them: each is done once.
pub async fn run(store: Store, renders: Arc<dyn Renders>, reads: Arc<dyn Reads>) {
    let quick = quick();
    let work_off = |kinds| work_off(&store, &*renders, &*reads, kinds);
    tokio::join!(work_off(&quick), work_off(SLOW), work_off(OUTSIDE), destroy_keys(&store));
}

async fn work_off(store: &Store, renders: &dyn Renders, reads: &dyn Reads, kinds: &[TimerKind]) {
    again_and_again("timers", || async { Ok(fire_one(store, renders, reads, kinds).await?.is_some()) }.boxed()).await;
}

async fn destroy_keys(store: &Store) {
    again_and_again("keys of erased people", || async { store.destroy_pending_keys().await.map(|_| false) }.boxed()).await;
}
