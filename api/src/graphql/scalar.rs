//! Formats as types: what is written wrong is refused before a resolver runs. Scalars never look at data.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use crate::{
    domain::{recurrence::LONGEST_RULE, text},
    error::Refusal,
};

/// Each of a list as the domain has it.
pub(crate) fn each<T, U: From<T>>(all: Vec<T>) -> Vec<U> {
    all.into_iter().map(Into::into).collect()
}

macro_rules! text_scalar {
    ($($(#[$doc:meta])* $Name:ident, $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $Name(pub(crate) String);

        impl From<$Name> for String {
            fn from(text: $Name) -> Self {
                text.0
            }
        }

        $(#[$doc])*
        #[Scalar]
        impl ScalarType for $Name {
            fn parse(value: Value) -> InputValueResult<Self> {
                let Value::String(text) = value else { return Err(InputValueError::expected_type(value)) };
                let check: fn(&str) -> Result<String, Refusal> = $check;
                check(&text).map(Self).map_err(|refusal| InputValueError::custom(refusal.message))
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }
        }
    )*};
}

text_scalar! {
    /// The IANA name of a time zone, such as `America/New_York`.
    TimeZone, |value| text::time_zone("TimeZone", value);
    /// The value of an `RRULE` of RFC 5545, such as `FREQ=WEEKLY;BYDAY=TU`: days of DAILY, WEEKLY or MONTHLY, with INTERVAL, BYDAY,
    /// BYMONTHDAY, BYSETPOS, WKST, and COUNT or UNTIL.
    RecurrenceRule, |value| text::line("RecurrenceRule", value, LONGEST_RULE);
    /// A BCP 47 language tag, such as `es` or `ase`.
    LanguageTag, |value| text::language("LanguageTag", value);
    /// An e-mail address.
    EmailAddress, |value| text::email("EmailAddress", value);
    /// A telephone number in E.164, such as `+12125550123`.
    PhoneNumber, |value| text::phone("PhoneNumber", value);
}

/// An address of the web, such as `https://example.org/room`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebAddress(pub(crate) String);

/// An address of the web, such as `https://example.org/room`.
#[Scalar(name = "URL")]
impl ScalarType for WebAddress {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else { return Err(InputValueError::expected_type(value)) };
        text::url("URL", &text).map(Self).map_err(|refusal| InputValueError::custom(refusal.message))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A decimal number, written as text, such as `"2.50"`, so that nothing of it is rounded on the way; a number is understood as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Decimal);

/// A decimal number, written as text, such as `"2.50"`, so that nothing of it is rounded on the way; a number is understood as well.
#[Scalar(name = "Decimal")]
impl ScalarType for Amount {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(InputValueError::expected_type(value)),
        };
        text.parse().map(Self).map_err(|_| InputValueError::custom("a decimal number is written as `\"2.50\"`"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A day, as `2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) NaiveDate);

impl From<Date> for NaiveDate {
    fn from(day: Date) -> Self {
        day.0
    }
}

/// A day, as `2026-11-23`.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) if text.len() == 10 => {
                text.parse().map(Self).map_err(|_| InputValueError::custom("a day is written as `2026-11-23`"))
            }
            _ => Err(InputValueError::custom("a day is written as `2026-11-23`")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A time of day without a zone, as `18:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalTime(pub(crate) NaiveTime);

/// A time of day without a zone, as `18:30`.
#[Scalar]
impl ScalarType for LocalTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = value else { return Err(InputValueError::expected_type(value)) };
        NaiveTime::parse_from_str(&text, "%H:%M").map(Self).map_err(|_| InputValueError::custom("a time of day is written as `18:30`"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%H:%M").to_string())
    }
}
