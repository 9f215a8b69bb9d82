//! What happens because something happened, or because time has passed.

pub mod messages;
pub mod timers;
