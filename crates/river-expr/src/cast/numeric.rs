//! Numbers and booleans among themselves: Java's primitive conversions, and `DecimalDataUtils`.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use river_core::LogicalType;

use super::to_string::java_double;
use crate::{EvalError, Result, decimal};

/// A primitive with Java's conversions: integers wrap, floats saturate at `int` and `long` and
/// pass through `int` on the way to smaller ones.
trait Number: Copy {
    fn to_i32(self) -> i32;
    fn to_i64(self) -> i64;
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    fn is_zero(self) -> bool;
    /// The value as `DECIMAL`, `None` if it does not fit.
    fn to_decimal(self, out: (u8, u8)) -> Result<Option<i128>>;
}

macro_rules! integer {
    ($($ty:ty),*) => {$(
        impl Number for $ty {
            fn to_i32(self) -> i32 { self as i32 }
            fn to_i64(self) -> i64 { self as i64 }
            fn to_f32(self) -> f32 { self as f32 }
            fn to_f64(self) -> f64 { self as f64 }
            fn is_zero(self) -> bool { self == 0 }
            fn to_decimal(self, out: (u8, u8)) -> Result<Option<i128>> {
                Ok(decimal::convert(self.into(), 0, out))
            }
        }
    )*};
}
integer!(i8, i16, i32, i64);

macro_rules! float {
    ($($ty:ty),*) => {$(
        impl Number for $ty {
            fn to_i32(self) -> i32 { self as i32 }
            fn to_i64(self) -> i64 { self as i64 }
            fn to_f32(self) -> f32 { self as f32 }
            fn to_f64(self) -> f64 { self as f64 }
            fn is_zero(self) -> bool { self == 0.0 }
            fn to_decimal(self, out: (u8, u8)) -> Result<Option<i128>> {
                decimal_of_double(self.into(), out)
            }
        }
    )*};
}
float!(f32, f64);

/// `BigDecimal.valueOf(double)`: the digits that the double prints with, rounded half up.
pub fn decimal_of_double(value: f64, out: (u8, u8)) -> Result<Option<i128>> {
    let text = java_double(value);
    decimal::parse(&text, out).map_err(|()| {
        let bad = text.chars().find(|c| c.is_ascii_alphabetic()).unwrap_or('?');
        EvalError::new(format!(
            "Character {bad} is neither a decimal digit number, decimal point, nor \"e\" notation \
             exponential mark."
        ))
    })
}

fn wrong(from: &LogicalType, to: &LogicalType) -> EvalError {
    EvalError::new(format!("Unsupported cast from '{from}' to '{to}'."))
}

/// A number as another type of number.
pub fn column(array: &ArrayRef, from: &LogicalType, to: &LogicalType) -> Result<ArrayRef> {
    match from {
        LogicalType::TinyInt => convert::<Int8Type>(array, from, to),
        LogicalType::SmallInt => convert::<Int16Type>(array, from, to),
        LogicalType::Int => convert::<Int32Type>(array, from, to),
        LogicalType::BigInt => convert::<Int64Type>(array, from, to),
        LogicalType::Float => convert::<Float32Type>(array, from, to),
        LogicalType::Double => convert::<Float64Type>(array, from, to),
        LogicalType::Decimal(_, scale) => from_decimal(array, *scale, from, to),
        _ => Err(wrong(from, to)),
    }
}

fn convert<S: ArrowPrimitiveType>(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
) -> Result<ArrayRef>
where
    S::Native: Number,
{
    let values = array.as_primitive::<S>();
    Ok(match to {
        LogicalType::TinyInt => map::<S, Int8Type>(values, |v| v.to_i32() as i8),
        LogicalType::SmallInt => map::<S, Int16Type>(values, |v| v.to_i32() as i16),
        LogicalType::Int => map::<S, Int32Type>(values, Number::to_i32),
        LogicalType::BigInt => map::<S, Int64Type>(values, Number::to_i64),
        LogicalType::Float => map::<S, Float32Type>(values, Number::to_f32),
        LogicalType::Double => map::<S, Float64Type>(values, Number::to_f64),
        LogicalType::Decimal(p, s) => return to_decimal(values, from, (*p, *s)),
        _ => return Err(wrong(from, to)),
    })
}

fn map<S: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    values: &PrimitiveArray<S>,
    f: impl Fn(S::Native) -> T::Native,
) -> ArrayRef {
    Arc::new(values.unary::<_, T>(f))
}

fn to_decimal<S: ArrowPrimitiveType>(
    values: &PrimitiveArray<S>,
    from: &LogicalType,
    out: (u8, u8),
) -> Result<ArrayRef>
where
    S::Native: Number,
{
    let whole = from.as_decimal().map(|(p, _)| p);
    if whole.is_some_and(|p| p + out.1 <= out.0) {
        // Every value of the integer type fits: no check per value.
        let power = decimal::POW10[out.1 as usize];
        let scaled = values.values().iter().map(|v| i128::from(v.to_i64()) * power);
        let scaled: ScalarBuffer<i128> = scaled.collect();
        let array = PrimitiveArray::<Decimal128Type>::new(scaled, values.nulls().cloned());
        return Ok(Arc::new(array.with_data_type(decimal_type(out))));
    }
    let mut converted: Vec<Option<i128>> = Vec::with_capacity(values.len());
    for value in values {
        converted.push(match value {
            Some(v) => v.to_decimal(out)?,
            None => None,
        });
    }
    Ok(decimals(converted, out))
}

fn decimal_type((precision, scale): (u8, u8)) -> arrow_schema::DataType {
    LogicalType::Decimal(precision, scale).to_arrow()
}

fn decimals(values: Vec<Option<i128>>, out: (u8, u8)) -> ArrayRef {
    Arc::new(PrimitiveArray::<Decimal128Type>::from(values).with_data_type(decimal_type(out)))
}

fn from_decimal(
    array: &ArrayRef,
    scale: u8,
    from: &LogicalType,
    to: &LogicalType,
) -> Result<ArrayRef> {
    let values = array.as_primitive::<Decimal128Type>();
    // The whole part, cut to 64 bits as `BigInteger.longValue` does.
    let power = decimal::POW10[scale.min(38) as usize];
    let long = |v: i128| (v / power) as i64;
    Ok(match to {
        LogicalType::TinyInt => map::<_, Int8Type>(values, |v| long(v) as i8),
        LogicalType::SmallInt => map::<_, Int16Type>(values, |v| long(v) as i16),
        LogicalType::Int => map::<_, Int32Type>(values, |v| long(v) as i32),
        LogicalType::BigInt => map::<_, Int64Type>(values, long),
        LogicalType::Float => map::<_, Float32Type>(values, |v| decimal::to_f64(v, scale) as f32),
        LogicalType::Double => map::<_, Float64Type>(values, |v| decimal::to_f64(v, scale)),
        LogicalType::Decimal(p, s) => {
            let convert = |v: Option<i128>| v.and_then(|v| decimal::convert(v, scale, (*p, *s)));
            decimals(values.iter().map(convert).collect(), (*p, *s))
        }
        _ => return Err(wrong(from, to)),
    })
}

/// `TRUE` is 1.
pub fn from_boolean(array: &ArrayRef, to: &LogicalType) -> Result<ArrayRef> {
    let booleans = array.as_boolean();
    let ones = booleans.values().iter().map(i32::from).collect::<ScalarBuffer<i32>>();
    let ints: ArrayRef =
        Arc::new(PrimitiveArray::<Int32Type>::new(ones, booleans.nulls().cloned()));
    if *to == LogicalType::Int { Ok(ints) } else { column(&ints, &LogicalType::Int, to) }
}

/// Whatever is not zero is `TRUE`.
pub fn to_boolean(array: &ArrayRef, from: &LogicalType) -> Result<ArrayRef> {
    fn test<S: ArrowPrimitiveType>(array: &ArrayRef, zero: fn(S::Native) -> bool) -> ArrayRef {
        let values = array.as_primitive::<S>();
        let raw = values.values();
        let truth = BooleanBuffer::collect_bool(raw.len(), |i| !zero(raw[i]));
        Arc::new(BooleanArray::new(truth, array.nulls().cloned()))
    }
    Ok(match from {
        LogicalType::TinyInt => test::<Int8Type>(array, Number::is_zero),
        LogicalType::SmallInt => test::<Int16Type>(array, Number::is_zero),
        LogicalType::Int => test::<Int32Type>(array, Number::is_zero),
        LogicalType::BigInt => test::<Int64Type>(array, Number::is_zero),
        LogicalType::Float => test::<Float32Type>(array, Number::is_zero),
        LogicalType::Double => test::<Float64Type>(array, Number::is_zero),
        LogicalType::Decimal(..) => test::<Decimal128Type>(array, |v| v == 0),
        _ => return Err(wrong(from, &LogicalType::Boolean)),
    })
}
