//! Equality and order of SQL values inside collections.

use std::cmp::Ordering;

use river_core::types::LogicalType;
use river_core::{DataType, Value};

/// Whether two values are the same element: NULL equals NULL, NaN equals NaN, 0.0 equals -0.0.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float32(x), Value::Float32(y)) => x == y || x.is_nan() && y.is_nan(),
        (Value::Float64(x), Value::Float64(y)) => x == y || x.is_nan() && y.is_nan(),
        (Value::List(x), Value::List(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Value::Map(x), Value::Map(y)) => {
            let holds = |(k, v): &(Value, Value)| {
                y.iter().any(|(other, value)| same(k, other) && same(v, value))
            };
            x.len() == y.len() && x.iter().all(holds)
        }
        _ => a == b,
    }
}

/// The order of two values of one type that are not NULL, as Java's `compareTo`.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Boolean(x), Value::Boolean(y)) => x.cmp(y),
        (Value::Float32(x), Value::Float32(y)) => compare_f64(f64::from(*x), f64::from(*y)),
        (Value::Float64(x), Value::Float64(y)) => compare_f64(*x, *y),
        (Value::Decimal(x), Value::Decimal(y)) => x.cmp(y),
        (Value::String(x), Value::String(y)) => x.as_bytes().cmp(y.as_bytes()),
        (Value::Bytes(x), Value::Bytes(y)) => x.cmp(y),
        _ => a.as_i64().cmp(&b.as_i64()),
    }
}

fn compare_f64(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Whether values of the type can be sorted (`StructuredComparison.FULL`).
pub fn is_ordered(ty: &DataType) -> bool {
    use LogicalType::*;
    !matches!(
        ty.logical,
        Array(_) | Map(..) | Multiset(_) | Row(_) | Variant | Bitmap | Null | Descriptor
    )
}

/// The values without repetitions, in order of first occurrence.
pub fn distinct<'a>(values: impl IntoIterator<Item = &'a Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for value in values {
        if !contains(&out, value) {
            out.push(value.clone());
        }
    }
    out
}

/// Whether the value is among the others.
pub fn contains(values: &[Value], value: &Value) -> bool {
    values.iter().any(|v| same(v, value))
}
