//! Comparison of whole columns.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::{ArrayRef, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_ord::cmp;
use river_core::{LogicalType, Value};

use crate::column::value_at;
use crate::function::Call;
use crate::function::adapt::{self, valid_rows};
use crate::{Col, EvalError, Result, decimal};

/// Which comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// Whether an order of the left to the right side satisfies it.
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Compares the two arguments, which have the types that the binding left.
pub fn compare(call: &Call, comparison: Comparison) -> Result<ArrayRef> {
    use LogicalType::*;
    match (&call.types[0].logical, &call.types[1].logical) {
        (Float, Float) => floats::<Float32Type>(call, comparison),
        (Double, Double) => floats::<Float64Type>(call, comparison),
        (a, b) if a.is_decimal() || b.is_decimal() => decimals(call, comparison),
        (Array(_) | Map(..) | Multiset(_), _) => nested(call, comparison),
        (Row(_), Row(_)) => rows(call, comparison),
        (a, b) if a.is_character() != b.is_character() => unlike(call, comparison),
        _ => {
            let (left, right) = (&call.args[0], &call.args[1]);
            Ok(Arc::new(match comparison {
                Comparison::Equal => cmp::eq(left, right)?,
                Comparison::NotEqual => cmp::neq(left, right)?,
                Comparison::Less => cmp::lt(left, right)?,
                Comparison::LessOrEqual => cmp::lt_eq(left, right)?,
                Comparison::Greater => cmp::gt(left, right)?,
                Comparison::GreaterOrEqual => cmp::gt_eq(left, right)?,
            }))
        }
    }
}

/// IEEE comparison, as Java compares primitives.
fn floats<T: ArrowPrimitiveType>(call: &Call, comparison: Comparison) -> Result<ArrayRef>
where
    T::Native: PartialOrd,
{
    match comparison {
        Comparison::Equal => adapt::compare::<T, T>(call, |a, b| a == b),
        Comparison::NotEqual => adapt::compare::<T, T>(call, |a, b| a != b),
        Comparison::Less => adapt::compare::<T, T>(call, |a, b| a < b),
        Comparison::LessOrEqual => adapt::compare::<T, T>(call, |a, b| a <= b),
        Comparison::Greater => adapt::compare::<T, T>(call, |a, b| a > b),
        Comparison::GreaterOrEqual => adapt::compare::<T, T>(call, |a, b| a >= b),
    }
}

/// A number as a decimal comparison sees it.
#[derive(Clone, Copy)]
enum Number {
    Exact(i128, u8),
    Double(f64),
}

impl Number {
    fn compare(self, other: Number) -> Ordering {
        match (self, other) {
            (Number::Exact(a, s), Number::Exact(b, t)) => decimal::compare(a, s, b, t),
            (a, b) => java_order(a.double(), b.double()),
        }
    }

    fn double(self) -> f64 {
        match self {
            Number::Exact(value, scale) => decimal::to_f64(value, scale),
            Number::Double(value) => value,
        }
    }
}

/// `Double.compare`: `-0.0` before `0.0`, `NaN` after everything and equal to itself.
pub fn java_order(a: f64, b: f64) -> Ordering {
    match a.partial_cmp(&b) {
        Some(Ordering::Equal) => b.is_sign_negative().cmp(&a.is_sign_negative()),
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}

/// One side is a `DECIMAL`, the other any number.
fn decimals(call: &Call, comparison: Comparison) -> Result<ArrayRef> {
    if let (LogicalType::Decimal(_, s), LogicalType::Decimal(_, t)) =
        (&call.types[0].logical, &call.types[1].logical)
        && s == t
    {
        return same_scale(call, comparison);
    }
    let number = |index: usize, row: usize| -> Number {
        let ty = &call.types[index].logical;
        let arg = &call.args[index];
        match (value_at(arg.array(), ty, arg.index(row)), ty) {
            (Value::Decimal(v), LogicalType::Decimal(_, scale)) => Number::Exact(v, *scale),
            (Value::Float32(v), _) => Number::Double(v.into()),
            (Value::Float64(v), _) => Number::Double(v),
            (value, _) => Number::Exact(value.as_i64().unwrap_or(0).into(), 0),
        }
    };
    each(call, |row| Ok(comparison.accepts(number(0, row).compare(number(1, row)))))
}

fn same_scale(call: &Call, comparison: Comparison) -> Result<ArrayRef> {
    type D = Decimal128Type;
    match comparison {
        Comparison::Equal => adapt::compare::<D, D>(call, |a, b| a == b),
        Comparison::NotEqual => adapt::compare::<D, D>(call, |a, b| a != b),
        Comparison::Less => adapt::compare::<D, D>(call, |a, b| a < b),
        Comparison::LessOrEqual => adapt::compare::<D, D>(call, |a, b| a <= b),
        Comparison::Greater => adapt::compare::<D, D>(call, |a, b| a > b),
        Comparison::GreaterOrEqual => adapt::compare::<D, D>(call, |a, b| a >= b),
    }
}

/// Evaluates a condition for each row without NULL.
fn each(call: &Call, mut f: impl FnMut(usize) -> Result<bool>) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let mut truth = arrow_buffer::BooleanBufferBuilder::new(call.rows);
    for row in 0..call.rows {
        let valid = nulls.as_ref().is_none_or(|n: &NullBuffer| n.is_valid(row));
        truth.append(valid && f(row)?);
    }
    Ok(Arc::new(BooleanArray::new(truth.finish(), nulls)))
}

fn nested(call: &Call, comparison: Comparison) -> Result<ArrayRef> {
    let value = |index: usize, row: usize| {
        let arg = &call.args[index];
        value_at(arg.array(), &call.types[index].logical, arg.index(row))
    };
    each(call, |row| {
        let equal = same(&value(0, row), &value(1, row));
        Ok(equal == (comparison == Comparison::Equal))
    })
}

/// Equality inside collections: NULL equals NULL, the order of a map's entries does not count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(x), Value::List(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(v, w)| same(v, w))
        }
        (Value::Map(x), Value::Map(y)) => {
            let found = |(key, value): &(Value, Value)| {
                y.iter().any(|(k, v)| same(k, key) && same(v, value))
            };
            x.len() == y.len() && x.iter().all(found)
        }
        (a, b) => a == b,
    }
}

/// Rows compare as the conjunction of their fields, so that an unknown field makes the whole
/// unknown unless another differs.
fn rows(call: &Call, comparison: Comparison) -> Result<ArrayRef> {
    let (LogicalType::Row(left), LogicalType::Row(right)) =
        (&call.types[0].logical, &call.types[1].logical)
    else {
        return Err(EvalError::new("a row is compared with something else"));
    };
    let mut all = BooleanArray::from(vec![true; call.rows]);
    for (index, (a, b)) in left.iter().zip(right).enumerate() {
        let field = |arg: &Col| -> Result<Col> {
            let array = crate::program::field_of(arg.array(), index)?;
            Ok(if arg.is_scalar() { Col::Scalar(array) } else { Col::Array(array) })
        };
        let args = [field(&call.args[0])?, field(&call.args[1])?];
        let types = [a.ty.clone(), b.ty.clone()];
        let fields = Call { args: &args, types: &types, ..*call };
        let equal = compare(&fields, Comparison::Equal)?;
        let equal = arrow_array::cast::AsArray::as_boolean(&equal);
        all = arrow_arith::boolean::and_kleene(&all, equal)?;
    }
    if comparison == Comparison::NotEqual {
        all = arrow_arith::boolean::not(&all)?;
    }
    Ok(Arc::new(all))
}

/// A string beside something that is no string, under `=` or `<>`.
fn unlike(call: &Call, comparison: Comparison) -> Result<ArrayRef> {
    let (left, right) = (&call.types[0].logical, &call.types[1].logical);
    if left.is_numeric() || right.is_numeric() {
        return Err(EvalError::new(format!(
            "implicit type conversion between {left} and {right} is not supported now"
        )));
    }
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let truth = if comparison == Comparison::NotEqual {
        BooleanBuffer::new_set(call.rows)
    } else {
        BooleanBuffer::new_unset(call.rows)
    };
    Ok(Arc::new(BooleanArray::new(truth, nulls)))
}
