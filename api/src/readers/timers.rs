//! The one loop that works off what is due, and destroys keys that a crash in the middle of an erasure left.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    domain::{data_export::Renders, timers::fire_one},
    store::Store,
};

/// How often it looks whether something fell due.
const POLL: Duration = Duration::from_secs(1);

/// Works off timers until the task is dropped. Replicas share them: each is done once.
pub async fn run(store: Store, renders: Arc<dyn Renders>) {
    loop {
        match fire_one(&store, &*renders).await {
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(error) => tracing::error!(cause = %error, "timers cannot be asked for: trying again"),
        }
        if let Err(error) = store.destroy_pending_keys().await {
            tracing::error!(cause = %error, "keys of erased people could not be destroyed: trying again");
        }
        sleep(POLL).await;
    }
}
