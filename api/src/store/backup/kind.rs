//! The kinds of values that columns hold, as a backup writes them: the same text from either database.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat};
use data_encoding::BASE64;
use sea_orm::{Value, sea_query::ColumnType};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Boolean,
    Integer,
    Bigint,
    /// A binary fraction, as its shortest text: numbers in JSON may lose the last bit.
    Double,
    Text,
    /// With hyphens.
    Uuid,
    /// In base64.
    Bytes,
    /// As the text of the JSON, so that a null in it is not taken for none.
    Json,
    /// In UTC with microseconds.
    Instant,
    /// A day and a time in a time zone that stands elsewhere.
    Local,
    Date,
    Time,
}

impl Kind {
    /// The kind of a column; nothing for one that no backup was taught.
    pub(super) fn of(column: &ColumnType) -> Option<Self> {
        Some(match column {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::SmallInteger | ColumnType::Integer => Self::Integer,
            ColumnType::BigInteger => Self::Bigint,
            ColumnType::Double => Self::Double,
            ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text => Self::Text,
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => Self::Bytes,
            ColumnType::Json | ColumnType::JsonBinary => Self::Json,
            ColumnType::TimestampWithTimeZone => Self::Instant,
            ColumnType::DateTime | ColumnType::Timestamp => Self::Local,
            ColumnType::Date => Self::Date,
            ColumnType::Time => Self::Time,
            _ => return None,
        })
    }

    /// What a backup writes for a value; nothing when it is not of this kind.
    pub(super) fn write(self, value: Value) -> Option<Json> {
        Some(match (self, value) {
            (Self::Boolean, Value::Bool(value)) => json!(value),
            (Self::Integer, Value::SmallInt(value)) => json!(value),
            (Self::Integer, Value::Int(value)) => json!(value),
            (Self::Bigint, Value::BigInt(value)) => json!(value),
            (Self::Double, Value::Double(value)) => json!(value.map(|number| number.to_string())),
            (Self::Text, Value::String(value)) => json!(value),
            (Self::Uuid, Value::Uuid(value)) => json!(value),
            (Self::Bytes, Value::Bytes(value)) => json!(value.map(|bytes| BASE64.encode(&bytes))),
            (Self::Json, Value::Json(value)) => json!(value.map(|json| json.to_string())),
            (Self::Instant, Value::ChronoDateTimeUtc(value)) => json!(value.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true))),
            (Self::Local, Value::ChronoDateTime(value)) => json!(value),
            (Self::Date, Value::ChronoDate(value)) => json!(value),
            (Self::Time, Value::ChronoTime(value)) => json!(value),
            _ => return None,
        })
    }

    /// The value that a backup wrote; nothing when it is not of this kind.
    pub(super) fn read(self, json: &Json) -> Option<Value> {
        let text = json.as_str();
        let none = json.is_null();
        // Null is of every kind; anything else must be read.
        fn some<T>(none: bool, value: Option<T>) -> Option<Option<T>> {
            if none { Some(None) } else { value.map(Some) }
        }
        Some(match self {
            Self::Boolean => Value::Bool(some(none, json.as_bool())?),
            Self::Integer => Value::Int(some(none, json.as_i64().and_then(|number| i32::try_from(number).ok()))?),
            Self::Bigint => Value::BigInt(some(none, json.as_i64())?),
            Self::Double => Value::Double(some(none, text.and_then(|text| text.parse().ok()))?),
            Self::Text => Value::String(some(none, text.map(ToOwned::to_owned))?),
            Self::Uuid => Value::Uuid(some(none, text.and_then(|text| Uuid::parse_str(text).ok()))?),
            Self::Bytes => Value::Bytes(some(none, text.and_then(|text| BASE64.decode(text.as_bytes()).ok()))?),
            Self::Json => Value::Json(some(none, text.and_then(|text| serde_json::from_str(text).ok()))?.map(Box::new)),
            Self::Instant => Value::ChronoDateTimeUtc(some(none, text.and_then(|text| text.parse::<DateTime<chrono::Utc>>().ok()))?),
            Self::Local => Value::ChronoDateTime(some(none, text.and_then(|text| text.parse::<NaiveDateTime>().ok()))?),
            Self::Date => Value::ChronoDate(some(none, text.and_then(|text| text.parse::<NaiveDate>().ok()))?),
            Self::Time => Value::ChronoTime(some(none, text.and_then(|text| text.parse::<NaiveTime>().ok()))?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap();
        let values = [
            (Kind::Boolean, Value::Bool(Some(true))),
            (Kind::Integer, Value::Int(Some(-7))),
            (Kind::Bigint, Value::BigInt(Some(i64::MAX))),
            (Kind::Double, Value::Double(Some(0.1 + 0.2))),
            (Kind::Text, Value::String(Some("a \"quoted\"\nline \u{1F600}".to_owned()))),
            (Kind::Uuid, Value::Uuid(Some(Uuid::from_u128(7)))),
            (Kind::Bytes, Value::Bytes(Some((0..=255).collect()))),
            (Kind::Json, Value::Json(Some(Box::new(json!({ "b": [1, null], "a": "x" }))))),
            (Kind::Json, Value::Json(Some(Box::new(Json::Null)))),
            (Kind::Json, Value::Json(None)),
            (Kind::Bytes, Value::Bytes(None)),
            (Kind::Instant, Value::ChronoDateTimeUtc(Some(at))),
            (Kind::Local, Value::ChronoDateTime(Some(at.naive_utc()))),
            (Kind::Date, Value::ChronoDate(Some(at.date_naive()))),
            (Kind::Time, Value::ChronoTime(Some(at.time()))),
            (Kind::Local, Value::ChronoDateTime(Some(at.naive_utc()))),
        ];
        for (kind, value) in values {
            let written = serde_json::to_string(&kind.write(value.clone()).unwrap()).unwrap();
            assert_eq!(kind.read(&serde_json::from_str(&written).unwrap()), Some(value));
        }
        for (kind, wrong) in
            [(Kind::Uuid, json!("x")), (Kind::Integer, json!(1_i64 << 40)), (Kind::Bytes, json!("%")), (Kind::Text, json!(1))]
        {
            assert_eq!(kind.read(&wrong), None);
        }
    }
}
