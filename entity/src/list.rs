//! Short lists kept in one column.

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A short list in one JSON column: languages, scopes, topics. What is searched at volume has a table of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> std::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T: Serialize> From<List<T>> for Value {
    fn from(list: List<T>) -> Self {
        let json = serde_json::to_value(list.0).expect("the items of a list are plain data, which always serializes");
        Self::Json(Some(Box::new(json)))
    }
}

impl<T: DeserializeOwned> TryGetable for List<T> {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let json = serde_json::Value::try_get_by(row, index)?;
        serde_json::from_value(json).map(Self).map_err(|wrong| TryGetError::DbErr(DbErr::Json(wrong.to_string())))
    }
}

impl<T: Serialize + DeserializeOwned> ValueType for List<T> {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let json = <serde_json::Value as ValueType>::try_from(value)?;
        serde_json::from_value(json).map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        "List".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Json
    }

    fn column_type() -> ColumnType {
        ColumnType::JsonBinary
    }
}

impl<T> Nullable for List<T> {
    fn null() -> Value {
        Value::Json(None)
    }
}

impl<T: Serialize> sea_orm::IntoActiveValue<List<T>> for List<T> {
    fn into_active_value(self) -> sea_orm::ActiveValue<Self> {
        sea_orm::ActiveValue::Set(self)
    }
}

impl<T> sea_orm::TryFromU64 for List<T> {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("a list is no key"))
    }
}
