//! The one loop that sends messages to people. It is apart from the loop of timers: a mail server that does not answer delays nothing
//! else.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    domain::message::{Sends, send_one},
    store::Store,
};

/// How often it looks whether there is something to send.
const POLL: Duration = Duration::from_secs(1);

/// Sends messages until the task is dropped. Replicas share them: each is with one of them at a time.
pub async fn run(store: Store, sends: Arc<dyn Sends>) {
    loop {
        match Box::pin(send_one(&store, &*sends)).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(cause = %error, "messages cannot be asked for: trying again"),
        }
        sleep(POLL).await;
    }
}
