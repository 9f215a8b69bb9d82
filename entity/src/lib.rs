//! What a row of aftercare is: columns, relations, vocabularies. No queries, no rules.

mod guarded;
pub mod id;
mod list;
mod sealed;
pub mod vocabulary;

pub use guarded::{Guarded, Proof, class};
pub use id::*;
pub use list::List;
pub use sealed::Sealed;
