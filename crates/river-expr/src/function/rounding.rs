//! `ABS`, `SIGN`, `CEIL`, `FLOOR`, `ROUND`, `TRUNCATE` on numbers: results keep the kind of number,
//! decimals with a scale of their own (`FlinkReturnTypes`, `SqlFunctionUtils.sround`, `struncate`).
//!
//! Doubles are rounded in decimal, by the digits they print with, as Flink does with
//! `BigDecimal.valueOf`: `ROUND(1.005e0, 2)` is 1.01.

use std::sync::Arc;

use arrow_array::types::*;
use arrow_array::{ArrayRef, PrimitiveArray};
use river_core::{Expr, LogicalType, Value};

use super::adapt::unary;
use super::check::{self, Bound, Param};
use super::{Call, Function, Kernel, rows};
use crate::cast::to_string::java_double;
use crate::{EvalError, Result, Session, decimal};

/// Binds a function of one number that keeps its type; intervals too if `intervals`.
fn same_type(name: &str, args: &mut [Expr], intervals: bool) -> Bound {
    if let [arg] = args
        && intervals
        && arg.ty.logical.is_interval()
    {
        return Ok(arg.ty.clone());
    }
    check::expect(name, args, &[Param::Numeric], 0)?;
    Ok(args[0].ty.clone())
}

fn abs(call: &Call) -> Result<ArrayRef> {
    match &call.out.logical {
        LogicalType::TinyInt => unary::<Int8Type, Int8Type>(call, i8::wrapping_abs),
        LogicalType::SmallInt => unary::<Int16Type, Int16Type>(call, i16::wrapping_abs),
        LogicalType::Int => unary::<Int32Type, Int32Type>(call, i32::wrapping_abs),
        LogicalType::BigInt => unary::<Int64Type, Int64Type>(call, i64::wrapping_abs),
        LogicalType::Float => unary::<Float32Type, Float32Type>(call, f32::abs),
        LogicalType::Double => unary::<Float64Type, Float64Type>(call, f64::abs),
        LogicalType::IntervalDayTime => {
            unary::<DurationMillisecondType, DurationMillisecondType>(call, i64::wrapping_abs)
        }
        LogicalType::IntervalYearMonth => {
            unary::<IntervalYearMonthType, IntervalYearMonthType>(call, i32::wrapping_abs)
        }
        _ => unary::<Decimal128Type, Decimal128Type>(call, i128::wrapping_abs),
    }
}

/// Java's `Math.signum`: zeros and NaN are themselves.
fn signum(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

fn sign(call: &Call) -> Result<ArrayRef> {
    match &call.out.logical {
        LogicalType::TinyInt => unary::<Int8Type, Int8Type>(call, i8::signum),
        LogicalType::SmallInt => unary::<Int16Type, Int16Type>(call, i16::signum),
        LogicalType::Int => unary::<Int32Type, Int32Type>(call, i32::signum),
        LogicalType::BigInt => unary::<Int64Type, Int64Type>(call, i64::signum),
        LogicalType::Float => unary::<Float32Type, Float32Type>(call, |v| signum(v.into()) as f32),
        LogicalType::Double => unary::<Float64Type, Float64Type>(call, signum),
        LogicalType::Decimal(precision, scale) => {
            let (precision, one) = (*precision, decimal::POW10[*scale as usize]);
            let values = rows::primitive::<Decimal128Type>(call, 0)?;
            Ok(decimals(call, |row| {
                let sign = values.get(row)?.signum() * one;
                Some(sign).filter(|v| decimal::fits(*v, precision))
            }))
        }
        other => Err(unsupported("SIGN", other)),
    }
}

/// A decimal column of the result's type.
fn decimals(call: &Call, f: impl FnMut(usize) -> Option<i128>) -> ArrayRef {
    let values: PrimitiveArray<Decimal128Type> = (0..call.rows).map(f).collect();
    Arc::new(values.with_data_type(call.out.logical.to_arrow()))
}

fn unsupported(name: &str, ty: &LogicalType) -> EvalError {
    EvalError::new(format!("Unsupported call: {name}({ty})"))
}

/// `CEIL` and `FLOOR` of a number; those of a point in time are `CEIL TO` and `FLOOR TO`.
fn bind_whole(name: &str, args: &mut [Expr]) -> Bound {
    let ty = same_type(name, args, true)?;
    Ok(match ty.logical {
        LogicalType::Decimal(p, _) => LogicalType::Decimal(p, 0).with_nullable(ty.nullable),
        _ => ty,
    })
}

fn whole(
    call: &Call,
    name: &str,
    float: fn(f64) -> f64,
    exact: fn(i128, i128) -> i128,
) -> Result<ArrayRef> {
    match &call.types[0].logical {
        ty if ty.is_integer() => Ok(call.args[0].clone().into_array(call.rows)),
        LogicalType::Float => unary::<Float32Type, Float32Type>(call, |v| float(v.into()) as f32),
        LogicalType::Double => unary::<Float64Type, Float64Type>(call, float),
        LogicalType::Decimal(precision, scale) => {
            let (precision, power) = (*precision, decimal::POW10[*scale as usize]);
            let values = rows::primitive::<Decimal128Type>(call, 0)?;
            Ok(decimals(call, |row| {
                let value = exact(values.get(row)?, power);
                Some(value).filter(|v| decimal::fits(*v, precision))
            }))
        }
        other => Err(unsupported(name, other)),
    }
}

fn ceil(call: &Call) -> Result<ArrayRef> {
    whole(call, "CEIL", f64::ceil, |v, power| {
        v.div_euclid(power) + i128::from(v.rem_euclid(power) != 0)
    })
}

fn floor(call: &Call) -> Result<ArrayRef> {
    whole(call, "FLOOR", f64::floor, i128::div_euclid)
}

/// Result type of `ROUND` and `TRUNCATE`: a decimal's depends on a literal number of digits.
fn bind_digits(name: &str, args: &mut [Expr]) -> Bound {
    check::expect(name, args, &[Param::Numeric, Param::Int], 1)?;
    let nullable = check::any_nullable(args);
    let LogicalType::Decimal(p, s) = args[0].ty.logical else {
        return Ok(args[0].ty.logical.clone().with_nullable(nullable));
    };
    let digits = match args.get(1) {
        None => Some(0),
        Some(arg) => literal_digits(arg),
    };
    let (p, s) = digits.map_or((p, s), |digits| decimal::round_type((p, s), digits));
    Ok(LogicalType::Decimal(p, s).with_nullable(nullable))
}

/// The number of an integer literal, a sign or cast on it looked through.
fn literal_digits(arg: &Expr) -> Option<i32> {
    use river_core::expr::ExprKind;
    match &arg.kind {
        ExprKind::Literal(value) => value.as_i64().and_then(|v| i32::try_from(v).ok()),
        ExprKind::Cast { input, .. } => match input.as_literal() {
            Some(Value::Null) | None => None,
            Some(value) => value.as_i64().and_then(|v| i32::try_from(v).ok()),
        },
        ExprKind::Call { function, args } if function == "-" && args.len() == 1 => {
            literal_digits(&args[0]).map(i32::wrapping_neg)
        }
        _ => None,
    }
}

/// How digits are dropped.
#[derive(Clone, Copy, PartialEq)]
enum Drop {
    /// To the nearest, halves away from zero.
    Round,
    /// Towards zero.
    Cut,
}

impl Drop {
    /// The number without its last `digits` digits.
    fn shorten(self, value: i128, digits: u32) -> i128 {
        match decimal::POW10.get(digits as usize) {
            None => 0,
            Some(power) if self == Drop::Round => decimal::divide_half_up(value, *power),
            Some(power) => value / power,
        }
    }

    /// An unscaled decimal at `digits` fraction digits, in the scale of the result.
    fn exact(self, value: i128, scale: u8, digits: i32, out: (u8, u8)) -> Option<i128> {
        let kept = digits.clamp(-38, scale.into());
        let dropped = (i32::from(scale) - kept) as u32;
        let short = self.shorten(value, dropped);
        // `short` counts units of 10^-kept; the result counts units of 10^-out.
        let shift = i32::from(out.1) - kept;
        let power = *decimal::POW10.get(shift.unsigned_abs() as usize)?;
        let value = if shift >= 0 { short.checked_mul(power)? } else { short / power };
        Some(value).filter(|v| decimal::fits(*v, out.0))
    }

    fn integer(self, value: i64, digits: i32) -> i64 {
        if digits >= 0 {
            return value;
        }
        let dropped = digits.unsigned_abs();
        match decimal::POW10.get(dropped as usize) {
            Some(power) => (self.shorten(value.into(), dropped).wrapping_mul(*power)) as i64,
            None => 0,
        }
    }

    fn double(self, value: f64, digits: i32) -> Result<f64> {
        if !value.is_finite() {
            // The error of `BigDecimal.valueOf`.
            return crate::cast::decimal_of_double(value, (38, 18)).map(|_| value);
        }
        if self == Drop::Cut {
            // Flink goes by way of DECIMAL(38, 18) and does not expect a larger number.
            let Some(exact) = crate::cast::decimal_of_double(value, (38, 18))? else {
                return Err(EvalError::new(format!("TRUNCATE: {value:e} is out of range")));
            };
            let cut = self.exact(exact, 18, digits, (38, 18)).unwrap_or(0);
            return Ok(decimal::to_f64(cut, 18));
        }
        Ok(round_double(value, digits))
    }
}

/// A finite double rounded by the digits it prints with.
fn round_double(value: f64, digits: i32) -> f64 {
    let text = java_double(value.abs());
    let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    let fraction = mantissa.split_once('.').map_or(0, |(_, f)| f.len()) as i32;
    let exponent = exponent.parse::<i32>().unwrap_or(0) - fraction;
    let number = mantissa.replace('.', "").parse::<i128>().unwrap_or(0);
    // The value is number * 10^exponent.
    let dropped = -i64::from(exponent) - i64::from(digits);
    if dropped <= 0 {
        return value;
    }
    let short = Drop::Round.shorten(number, dropped.min(100) as u32);
    // Digits and an exponent are always a valid float.
    let size: f64 = format!("{short}e{}", -i64::from(digits)).parse().unwrap_or(f64::NAN);
    if value.is_sign_negative() && size != 0.0 { -size } else { size }
}

fn drop_digits(call: &Call, how: Drop) -> Result<ArrayRef> {
    let given = match call.args.len() {
        2 => Some(rows::primitive::<Int32Type>(call, 1)?),
        _ => None,
    };
    let digits = |row: usize| given.as_ref().map_or(Some(0), |d| d.get(row));
    macro_rules! integers {
        ($ty:ty) => {{
            let values = rows::primitive::<$ty>(call, 0)?;
            rows::try_build_primitive::<$ty>(call.rows, |row| {
                let (Some(v), Some(n)) = (values.get(row), digits(row)) else { return Ok(None) };
                Ok(Some(how.integer(v.into(), n) as _))
            })
        }};
    }
    match &call.types[0].logical {
        LogicalType::TinyInt => integers!(Int8Type),
        LogicalType::SmallInt => integers!(Int16Type),
        LogicalType::Int => integers!(Int32Type),
        LogicalType::BigInt => integers!(Int64Type),
        LogicalType::Float => {
            let values = rows::primitive::<Float32Type>(call, 0)?;
            rows::try_build_primitive::<Float32Type>(call.rows, |row| {
                let (Some(v), Some(n)) = (values.get(row), digits(row)) else { return Ok(None) };
                how.double(v.into(), n).map(|v| Some(v as f32))
            })
        }
        LogicalType::Double => {
            let values = rows::primitive::<Float64Type>(call, 0)?;
            rows::try_build_primitive::<Float64Type>(call.rows, |row| {
                let (Some(v), Some(n)) = (values.get(row), digits(row)) else { return Ok(None) };
                how.double(v, n).map(Some)
            })
        }
        LogicalType::Decimal(_, scale) => {
            let LogicalType::Decimal(p, s) = call.out.logical else {
                return Err(unsupported("ROUND", &call.out.logical));
            };
            let values = rows::primitive::<Decimal128Type>(call, 0)?;
            Ok(decimals(call, |row| how.exact(values.get(row)?, *scale, digits(row)?, (p, s))))
        }
        other => Err(unsupported("ROUND", other)),
    }
}

const fn function(
    name: &'static str,
    aliases: &'static [&'static str],
    signature: &'static str,
    doc: &'static str,
    bind: fn(&Session, &mut Vec<Expr>) -> Bound,
    kernel: fn(&Call) -> Result<ArrayRef>,
    fallible: bool,
) -> Function {
    let kernel = Kernel::Columns(kernel);
    Function { name, aliases, signature, doc, bind, kernel, deterministic: true, fallible }
}

/// This group.
pub const FUNCTIONS: &[Function] = &[
    function(
        "ABS",
        &[],
        "ABS(x NUMERIC) -> type of x",
        "The absolute value; the smallest integer of a type stays as it is.",
        |_, args| same_type("ABS", args, true),
        abs,
        false,
    ),
    function(
        "SIGN",
        &[],
        "SIGN(x NUMERIC) -> type of x",
        "-1, 0 or 1; NaN for NaN.",
        |_, args| same_type("SIGN", args, false),
        sign,
        false,
    ),
    function(
        "CEIL",
        &["CEILING"],
        "CEIL(x NUMERIC) -> type of x",
        "The smallest whole number that is not below x.",
        |_, args| bind_whole("CEIL", args),
        ceil,
        true,
    ),
    function(
        "FLOOR",
        &[],
        "FLOOR(x NUMERIC) -> type of x",
        "The largest whole number that is not above x.",
        |_, args| bind_whole("FLOOR", args),
        floor,
        true,
    ),
    function(
        "ROUND",
        &[],
        "ROUND(x NUMERIC[, digits INT]) -> type of x",
        "x to that many fraction digits (0), halves away from zero; negative digits round before \
         the point. NaN and infinities fail.",
        |_, args| bind_digits("ROUND", args),
        |call| drop_digits(call, Drop::Round),
        true,
    ),
    function(
        "TRUNCATE",
        &[],
        "TRUNCATE(x NUMERIC[, digits INT]) -> type of x",
        "x cut to that many fraction digits (0). NaN, infinities and doubles from 1e20 on fail.",
        |_, args| bind_digits("TRUNCATE", args),
        |call| drop_digits(call, Drop::Cut),
        true,
    ),
];

#[cfg(test)]
mod tests;
