//! What happens because something happened, or because time has passed.

pub mod messages;
pub mod schedule;
pub mod timers;

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::sleep;

use crate::error::Result;

/// How often a loop looks whether there is something to do.
const POLL: Duration = Duration::from_secs(1);

/// Does something again and again until the task is dropped: at once after it did something, else after a while. What fails once, or
/// even panics, is logged, and ends nothing.
async fn again_and_again<'a>(what: &'static str, mut once: impl FnMut() -> BoxFuture<'a, Result<bool>>) {
    loop {
        match AssertUnwindSafe(once()).catch_unwind().await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => {}
            Ok(Err(error)) => tracing::error!(cause = %error, what, "a loop could not go on: trying again"),
            Err(_) => tracing::error!(what, "a loop panicked: trying again"),
        }
        sleep(POLL).await;
    }
}
