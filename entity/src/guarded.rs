//! Columns that carry a class of protected data (domain 3.3) in their type.

use std::{fmt, marker::PhantomData};

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};

/// The classes of domain 3.3 that a column can carry, as types.
pub mod class {
    /// A: identity, contact, safe channels.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Identity {}
    /// B: clinical facts of the referral.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ReferralClinical {}
    /// B2: how a referral goes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ReferralStatus {}
    /// C: contacts and notes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ContactsAndNotes {}
    /// The notes of C, which not all who read C read.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Notes {}
    /// M: consents and the accounting of disclosures.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Privacy {}
}

/// Shows that class `C` of a row was opened for the caller. Only the store implements it (`tests/it/tidy.rs`).
pub trait Proof<C> {}

/// A column of class `C`: it is written like any other and read only with the proof that its class is open, so that
/// forgetting the question does not compile. Whether it is null is guarded too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Guarded<C, T>(T, PhantomData<C>);

impl<C, T> Guarded<C, T> {
    /// Guards a value.
    pub const fn new(value: T) -> Self {
        Self(value, PhantomData)
    }

    /// The value, to a reader to whom its class is open.
    pub const fn read<P: Proof<C>>(&self, _proof: &P) -> &T {
        &self.0
    }
}

impl<C, T> fmt::Debug for Guarded<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guarded(…)")
    }
}

impl<C, T> From<T> for Guarded<C, T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<C, T: Into<Value>> From<Guarded<C, T>> for Value {
    fn from(guarded: Guarded<C, T>) -> Self {
        guarded.0.into()
    }
}

impl<C, T: TryGetable> TryGetable for Guarded<C, T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        T::try_get_by(row, index).map(Self::new)
    }
}

impl<C, T: ValueType> ValueType for Guarded<C, T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <T as ValueType>::try_from(value).map(Self::new)
    }

    fn type_name() -> String {
        T::type_name()
    }

    fn array_type() -> ArrayType {
        T::array_type()
    }

    fn column_type() -> ColumnType {
        T::column_type()
    }
}

impl<C, T: Nullable> Nullable for Guarded<C, T> {
    fn null() -> Value {
        T::null()
    }
}

impl<C, T> sea_orm::IntoActiveValue<Guarded<C, T>> for Guarded<C, T>
where
    Self: Into<Value> + Nullable,
{
    fn into_active_value(self) -> sea_orm::ActiveValue<Self> {
        sea_orm::ActiveValue::Set(self)
    }
}

impl<C, T> sea_orm::TryFromU64 for Guarded<C, T> {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("a guarded column is no key"))
    }
}
