//! The one loop that keeps the public schedule in memory as it is in the database: woken by what this process commits, and by the log for
//! what others did.

use std::sync::Arc;

use futures_util::FutureExt;

use super::{POLL, again_and_again};
use crate::domain::schedule::Board;

/// Keeps the board up to date until the task is dropped.
pub async fn run(board: Arc<Board>) {
    board.follow();
    let up_to_date = || async {
        board.bring_up().await?;
        board.wait(POLL).await;
        Ok(true)
    };
    again_and_again("the schedule in memory", || up_to_date().boxed()).await;
}
