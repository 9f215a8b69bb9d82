//! The one loop that keeps the public schedule in memory as it is in the database: woken by what this process commits, and by the log for
//! what others did.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;

use crate::domain::schedule::Board;

/// How often it looks without being woken: seats move with the clock.
const POLL: Duration = Duration::from_secs(1);

/// Keeps the board up to date until the task is dropped. What cannot be read is tried again.
pub async fn run(board: Arc<Board>) {
    board.follow();
    let (mut kept, mut log) = (None, board.log());
    loop {
        match AssertUnwindSafe(board.bring_up(&mut kept)).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(cause = %error, "the schedule cannot be read into memory: trying again");
                tokio::time::sleep(POLL).await;
            }
            Err(_) => {
                tracing::error!("reading the schedule into memory panicked: all of it is read again");
                kept = None;
                tokio::time::sleep(POLL).await;
            }
        }
        tokio::select! {
            () = board.wait() => {}
            _ = log.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}
