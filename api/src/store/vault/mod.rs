//! Keys, and what they seal, hash and forget.

mod cipher;
mod derive;
mod kek;
mod key_file;
mod keyring;
pub mod seal;
mod secret;

pub use derive::Label;
pub use kek::Kek;
pub use keyring::{Keyring, Recognised};
pub use seal::{ClientKey, SealContext};
pub use secret::Secret;
