//! The one loop that sends messages to people. It is apart from the loop of timers: a mail server that does not answer delays nothing
//! else.

use std::sync::Arc;

use futures_util::FutureExt;

use super::again_and_again;
use crate::{
    domain::message::{Sends, send_one},
    store::Store,
};

/// Sends messages until the task is dropped. Replicas share them: each is with one of them at a time.
pub async fn run(store: Store, sends: Arc<dyn Sends>) {
    again_and_again("messages", || send_one(&store, &*sends).boxed()).await;
}
