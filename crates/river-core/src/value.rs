//! One SQL value outside a column: literals, constants, slow paths of rarely used functions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A value in its physical form; its [`crate::LogicalType`] says how to read it.
///
/// | types | variant and unit |
/// |---|---|
/// | `DATE` | `Int32`, days |
/// | `TIME` | `Int32`, milliseconds of the day |
/// | `INTERVAL YEAR TO MONTH` | `Int32`, months |
/// | `INTERVAL DAY TO SECOND` | `Int64`, milliseconds |
/// | `TIMESTAMP`, `TIMESTAMP_LTZ` | `Int64`, ticks of [`crate::types::time_unit`] of the precision |
/// | `DECIMAL(p, s)` | `Decimal`, the unscaled value |
/// | `CHAR`, `VARCHAR`, `VARIANT` | `String` |
/// | `BINARY`, `VARBINARY`, `BITMAP` | `Bytes` |
/// | `ARRAY` | `List`; `ROW` too, one item a field |
/// | `MAP`, `MULTISET` | `Map`, in insertion order |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the table above says what each holds
pub enum Value {
    Null,
    Boolean(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Float32(#[serde(with = "float_text")] f32),
    Float64(#[serde(with = "float_text")] f64),
    Decimal(i128),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

/// Floats in stored plans: their shortest exact text, since numbers of JSON hold no `NaN` and no
/// infinity and are not read exactly by every parser.
mod float_text {
    use std::fmt::Debug;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<F: Debug, S: Serializer>(value: &F, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{value:?}"))
    }

    pub fn deserialize<'de, F: FromStr, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<F, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom(format!("'{text}' is no number")))
    }
}

impl Value {
    /// A string value.
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// Any integer variant, widened.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int8(v) => Some((*v).into()),
            Value::Int16(v) => Some((*v).into()),
            Value::Int32(v) => Some((*v).into()),
            Value::Int64(v) => Some(*v),
            _ => None,
        }
    }

    /// The truth value of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(b) => Some(*b),
            _ => None,
        }
    }
}
