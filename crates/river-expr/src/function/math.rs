//! Functions on doubles (`SIN`, `LN`, `POWER` ...), constants and random numbers.
//!
//! Every number is taken as `DOUBLE`, NULL gives NULL; outside its domain a function gives `NaN` or
//! an infinity as Java's `Math` does, never an error.

mod random;

use std::sync::Arc;

use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array};
use river_core::{Expr, LogicalType};

use super::adapt::{binary, unary};
use super::check::{self, Bound, Param};
use super::{Call, Function, Kernel};
use crate::{BindError, Result, Session};

/// Binds a function of `count` numbers, all of them taken as doubles.
fn doubles(name: &str, args: &mut [Expr], count: usize) -> Bound {
    check::expect(name, args, &vec![Param::Numeric; count], 0)?;
    Ok(as_doubles(args))
}

fn as_doubles(args: &mut [Expr]) -> river_core::DataType {
    args.iter_mut().for_each(|arg| check::convert(arg, &LogicalType::Double));
    LogicalType::Double.with_nullable(check::any_nullable(args))
}

fn bind_log(_: &Session, args: &mut Vec<Expr>) -> Bound {
    check::expect("LOG", args, &[Param::Numeric, Param::Numeric], 1)?;
    Ok(as_doubles(args))
}

fn log(call: &Call) -> Result<ArrayRef> {
    if call.args.len() == 1 {
        return unary::<Float64Type, Float64Type>(call, f64::ln);
    }
    binary::<Float64Type, Float64Type, Float64Type>(call, |base, x| x.ln() / base.ln())
}

/// `x^y` by Java's rules, which differ from C's for a base of one.
fn java_pow(x: f64, y: f64) -> f64 {
    if y.is_nan() || (y.is_infinite() && x.abs() == 1.0) { f64::NAN } else { x.powf(y) }
}

fn bind_constant(name: &str, args: &[Expr]) -> Bound {
    if !args.is_empty() {
        return Err(BindError::wrong_count(name, args.len(), "none"));
    }
    Ok(LogicalType::Double.not_null())
}

fn constant(call: &Call, value: f64) -> Result<ArrayRef> {
    Ok(Arc::new(Float64Array::from(vec![value; call.rows])))
}

/// A function of one number.
macro_rules! of_one {
    ($name:literal, $doc:literal, $f:expr) => {
        Function {
            name: $name,
            aliases: &[],
            signature: concat!($name, "(x NUMERIC) -> DOUBLE"),
            doc: $doc,
            bind: |_, args| doubles($name, args, 1),
            kernel: Kernel::Columns(|call| unary::<Float64Type, Float64Type>(call, $f)),
            deterministic: true,
            fallible: false,
        }
    };
}

macro_rules! of_two {
    ($name:literal, $signature:literal, $doc:literal, $f:expr) => {
        Function {
            name: $name,
            aliases: &[],
            signature: $signature,
            doc: $doc,
            bind: |_, args| doubles($name, args, 2),
            kernel: Kernel::Columns(|call| {
                binary::<Float64Type, Float64Type, Float64Type>(call, $f)
            }),
            deterministic: true,
            fallible: false,
        }
    };
}

macro_rules! value {
    ($name:literal, $doc:literal, $value:expr) => {
        Function {
            name: $name,
            aliases: &[],
            signature: concat!($name, "() -> DOUBLE"),
            doc: $doc,
            bind: |_, args| bind_constant($name, args),
            kernel: Kernel::Columns(|call| constant(call, $value)),
            deterministic: true,
            fallible: false,
        }
    };
}

/// This group.
pub const FUNCTIONS: &[Function] = &[
    of_one!("SIN", "The sine of an angle in radians.", f64::sin),
    of_one!("COS", "The cosine of an angle in radians.", f64::cos),
    of_one!("TAN", "The tangent of an angle in radians.", f64::tan),
    of_one!("COT", "The cotangent of an angle in radians.", |x: f64| 1.0 / x.tan()),
    of_one!("ASIN", "The arc sine; NaN outside -1 to 1.", f64::asin),
    of_one!("ACOS", "The arc cosine; NaN outside -1 to 1.", f64::acos),
    of_one!("ATAN", "The arc tangent.", f64::atan),
    of_one!("SINH", "The hyperbolic sine.", f64::sinh),
    of_one!("COSH", "The hyperbolic cosine.", f64::cosh),
    of_one!("TANH", "The hyperbolic tangent.", f64::tanh),
    of_one!("DEGREES", "An angle in radians as degrees.", f64::to_degrees),
    of_one!("RADIANS", "An angle in degrees as radians.", f64::to_radians),
    of_one!("LN", "The natural logarithm; -Infinity for 0, NaN below.", f64::ln),
    of_one!("LOG10", "The logarithm to base 10; -Infinity for 0, NaN below.", f64::log10),
    of_one!("LOG2", "The logarithm to base 2; -Infinity for 0, NaN below.", |x: f64| {
        x.ln() / 2.0_f64.ln()
    }),
    of_one!("EXP", "e to the power of x.", f64::exp),
    of_one!("SQRT", "The square root; NaN below 0.", |x: f64| java_pow(x, 0.5)),
    of_two!(
        "ATAN2",
        "ATAN2(y NUMERIC, x NUMERIC) -> DOUBLE",
        "The angle of the point (x, y).",
        f64::atan2
    ),
    of_two!("POWER", "POWER(x NUMERIC, y NUMERIC) -> DOUBLE", "x to the power of y.", java_pow),
    Function {
        name: "LOG",
        aliases: &[],
        signature: "LOG([base NUMERIC,] x NUMERIC) -> DOUBLE",
        doc: "The logarithm of x, natural or to the base.",
        bind: bind_log,
        kernel: Kernel::Columns(log),
        deterministic: true,
        fallible: false,
    },
    value!(
        "PI",
        "The double nearest to the ratio of a circle's circumference to its diameter.",
        std::f64::consts::PI
    ),
    value!("E", "The double nearest to Euler's number.", std::f64::consts::E),
    random::RAND,
    random::RAND_INTEGER,
    random::UUID,
];

#[cfg(test)]
mod tests;
