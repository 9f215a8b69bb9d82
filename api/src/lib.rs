//! aftercare: hands discharged clients over to peer recovery support.

pub mod access;
pub mod clock;
pub mod error;
pub mod http;
pub mod outgoing;
