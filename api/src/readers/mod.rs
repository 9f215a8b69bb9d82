//! What happens because something happened, or because time has passed.

pub mod timers;
