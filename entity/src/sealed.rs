//! Columns that only a key opens.

use std::fmt;

use sea_orm::DeriveValueType;

/// Ciphertext of a column, bound to its organization, table, column and row. This crate cannot open it: the store does,
/// with the subject's key, once the class of the column is open to the caller.
#[derive(Clone, PartialEq, Eq, Hash, DeriveValueType)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
