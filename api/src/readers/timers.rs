//! The loops that work off what is due: one for what is done in a moment, one for what takes a while. A third destroys keys that a crash in
//! the middle of an erasure left.

use std::{sync::Arc, time::Duration};

use entity::vocabulary::TimerKind;
use tokio::time::sleep;

use crate::{
    domain::{
        data_export::Renders,
        timers::{SLOW, fire_one, quick},
    },
    store::Store,
};

/// How often they look whether there is something to do.
const POLL: Duration = Duration::from_secs(1);

/// Works off timers until the task is dropped. Replicas share them: each is done once.
pub async fn run(store: Store, renders: Arc<dyn Renders>) {
    let quick = quick();
    tokio::join!(work_off(&store, &*renders, &quick), work_off(&store, &*renders, SLOW), destroy_keys(&store));
}

async fn work_off(store: &Store, renders: &dyn Renders, kinds: &[TimerKind]) {
    loop {
        match fire_one(store, renders, kinds).await {
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(error) => tracing::error!(cause = %error, "timers cannot be asked for: trying again"),
        }
        sleep(POLL).await;
    }
}

async fn destroy_keys(store: &Store) {
    loop {
        if let Err(error) = store.destroy_pending_keys().await {
            tracing::error!(cause = %error, "keys of erased people could not be destroyed: trying again");
        }
        sleep(POLL).await;
    }
}
