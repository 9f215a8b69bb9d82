//! Changes of a row of which each field may be given or not.

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{self, Set},
    EntityTrait, ModelTrait,
};

use crate::error::Refusal;

/// A value that is set where it is given and passes.
pub(super) fn set<T, V: Into<sea_orm::Value>>(
    given: Option<T>,
    check: impl FnOnce(T) -> Result<V, Refusal>,
) -> Result<ActiveValue<V>, Refusal> {
    given.map(check).transpose().map(|value| value.map_or(ActiveValue::NotSet, Set))
}

/// Likewise, of one that may be missing.
pub(super) fn set_or_none<T, V>(
    given: Option<Option<T>>,
    check: impl FnOnce(T) -> Result<V, Refusal>,
) -> Result<ActiveValue<Option<V>>, Refusal>
where
    Option<V>: Into<sea_orm::Value>,
{
    set(given, |value| value.map(check).transpose())
}

/// The names of the fields that a change really changes, each once.
pub(super) fn changed_fields<A: ActiveModelTrait>(
    fields: &[(<A::Entity as EntityTrait>::Column, &'static str)],
    row: &A,
    before: &<A::Entity as EntityTrait>::Model,
) -> Vec<&'static str> {
    let differs = |column| row.get(column).into_value().is_some_and(|value| value != before.get(column));
    let mut names: Vec<_> = fields.iter().filter(|(column, _)| differs(*column)).map(|(_, name)| *name).collect();
    names.dedup();
    names
}
