//! How often a caller may still ask.

use crate::clock::Instant;

/// What is left of a caller's share of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Requests at once, when none was made for a while.
    pub limit: u32,
    /// How many of them are left.
    pub remaining: u32,
    /// When all of them will be there again, if no other is made (UTC).
    pub reset_at: Instant,
}
