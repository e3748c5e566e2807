//! `+ - * / %` and the signs, on numbers; on dates, times and intervals see [`temporal`].
//!
//! Types follow Flink's type system (`FlinkTypeSystem`, `ReturnTypes`): integers keep the wider
//! type and wrap, decimals get the precision of `LogicalTypeMerging`, a decimal with a float is
//! `DOUBLE`. Integer and decimal division by zero fails the job, that of doubles does not.

mod exact;
mod temporal;

use arrow_array::ArrayRef;
use arrow_array::types::*;
use river_core::{DataType, Expr, LogicalType};

use super::adapt::{binary, try_binary, unary};
use super::{Call, Function, Kernel};
use crate::{BindError, EvalError, Result, Session, bind, decimal};

type Bound = std::result::Result<DataType, BindError>;

/// Gives a bare `NULL` the type of the other argument.
fn type_nulls(args: &mut [Expr]) {
    for (i, j) in [(0, 1), (1, 0)] {
        if args[i].ty.logical == LogicalType::Null {
            let other = args[j].ty.logical.clone();
            bind::coerce_arg(args, i, &other);
        }
    }
}

fn two(name: &str, args: &mut [Expr]) -> std::result::Result<(), BindError> {
    if args.len() != 2 {
        return Err(BindError::wrong_count(name, args.len(), "2"));
    }
    type_nulls(args);
    Ok(())
}

fn refuse(name: &str, args: &[Expr]) -> BindError {
    BindError::cannot_apply(name, args, &format!("'<NUMERIC> {name} <NUMERIC>'"))
}

/// Result type of numbers, and the casts to it: decimals are taken as they are.
fn bind_numbers(
    name: &str,
    args: &mut [Expr],
    derive: fn((u8, u8), (u8, u8)) -> (u8, u8),
) -> Bound {
    let (left, right) = (&args[0].ty.logical, &args[1].ty.logical);
    if !left.is_numeric() || !right.is_numeric() {
        return Err(refuse(name, args));
    }
    let nullable = bind::any_nullable(args);
    if (left.is_decimal() || right.is_decimal())
        && let (Some(x), Some(y)) = (left.as_decimal(), right.as_decimal())
    {
        let (p, s) = derive(x, y);
        return Ok(LogicalType::Decimal(p, s).with_nullable(nullable));
    }
    let Some(common) = bind::common_type(&[&args[0].ty, &args[1].ty]) else {
        return Err(refuse(name, args));
    };
    (0..2).for_each(|i| bind::coerce_arg(args, i, &common.logical));
    Ok(common.logical.with_nullable(nullable))
}

fn bind_plus(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.len() == 1 {
        return bind_sign("+", args);
    }
    two("+", args)?;
    if let Some(bound) = temporal::bind_plus(args) {
        return bound;
    }
    bind_numbers("+", args, decimal::add_type)
}

fn bind_minus(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.len() == 1 {
        return bind_sign("-", args);
    }
    two("-", args)?;
    if let Some(bound) = temporal::bind_minus(args) {
        return bound;
    }
    bind_numbers("-", args, decimal::add_type)
}

fn bind_times(_: &Session, args: &mut Vec<Expr>) -> Bound {
    two("*", args)?;
    if let Some(bound) = temporal::bind_times(args) {
        return bound;
    }
    bind_numbers("*", args, decimal::multiply_type)
}

fn bind_divide(session: &Session, args: &mut Vec<Expr>) -> Bound {
    two("/", args)?;
    let ty = bind_numbers("/", args, decimal::divide_type)?;
    // Between constants even a division of doubles by zero is refused.
    let zero = |divisor: &Expr| {
        let value = crate::fold::evaluate_constant(divisor, session).ok();
        matches!(value, Some(river_core::Value::Float64(0.0) | river_core::Value::Float32(0.0)))
    };
    let constant = args.iter().all(crate::program::is_constant);
    if constant && ty.logical.is_approximate() && zero(&args[1]) {
        return Err(BindError::new("Division by zero"));
    }
    Ok(ty)
}

fn bind_modulo(_: &Session, args: &mut Vec<Expr>) -> Bound {
    two("%", args)?;
    let (left, right) = (args[0].ty.logical.clone(), args[1].ty.logical.clone());
    let (Some(x), Some(y)) = (left.as_decimal(), right.as_decimal()) else {
        let expected = "'<EXACT_NUMERIC> % <EXACT_NUMERIC>'";
        return Err(BindError::cannot_apply("%", args, expected));
    };
    let nullable = bind::any_nullable(args);
    if x.1 == 0 && y.1 == 0 {
        // Whole numbers have the type of the divisor.
        if !right.is_decimal() {
            (0..2).for_each(|i| bind::coerce_arg(args, i, &LogicalType::BigInt));
        }
        return Ok(right.with_nullable(nullable));
    }
    let (p, s) = decimal::modulo_type(x, y);
    Ok(LogicalType::Decimal(p, s).with_nullable(nullable))
}

fn bind_sign(name: &str, args: &mut [Expr]) -> Bound {
    let ty = &args[0].ty;
    if !ty.logical.is_numeric() && !ty.logical.is_interval() {
        return Err(BindError::cannot_apply(name, args, &format!("'{name} <NUMERIC>'")));
    }
    Ok(ty.clone())
}

/// Runs the wrapping operation of the result's integer type, or that of its float type.
macro_rules! numeric {
    ($call:expr, $integer:ident, $float:tt) => {
        match &$call.out.logical {
            LogicalType::TinyInt => binary::<Int8Type, Int8Type, Int8Type>($call, i8::$integer),
            LogicalType::SmallInt => {
                binary::<Int16Type, Int16Type, Int16Type>($call, i16::$integer)
            }
            LogicalType::Int => binary::<Int32Type, Int32Type, Int32Type>($call, i32::$integer),
            LogicalType::BigInt => binary::<Int64Type, Int64Type, Int64Type>($call, i64::$integer),
            LogicalType::Float => {
                binary::<Float32Type, Float32Type, Float32Type>($call, |a, b| a $float b)
            }
            LogicalType::Double => {
                binary::<Float64Type, Float64Type, Float64Type>($call, |a, b| a $float b)
            }
            other => Err(EvalError::new(format!("arithmetic does not give {other}"))),
        }
    };
}

fn plus(call: &Call) -> Result<ArrayRef> {
    if call.args.len() == 1 {
        return Ok(call.args[0].clone().into_array(call.rows));
    }
    match &call.out.logical {
        LogicalType::Decimal(..) => exact::add(call, false),
        out if out.is_datetime() || out.is_interval() => temporal::plus(call, 1),
        _ => numeric!(call, wrapping_add, +),
    }
}

fn minus(call: &Call) -> Result<ArrayRef> {
    if call.args.len() == 1 {
        return negate(call);
    }
    match &call.out.logical {
        LogicalType::Decimal(..) => exact::add(call, true),
        out if out.is_datetime() || out.is_interval() => temporal::plus(call, -1),
        _ => numeric!(call, wrapping_sub, -),
    }
}

fn times(call: &Call) -> Result<ArrayRef> {
    match &call.out.logical {
        LogicalType::Decimal(..) => exact::multiply(call),
        out if out.is_interval() => temporal::times(call),
        _ => numeric!(call, wrapping_mul, *),
    }
}

macro_rules! integer_division {
    ($call:expr, $ty:ty, $operation:ident) => {
        try_binary::<$ty, $ty, $ty>($call, |a, b| {
            if b == 0 { Err(EvalError::new("/ by zero")) } else { Ok(a.$operation(b)) }
        })
    };
}

fn divide(call: &Call) -> Result<ArrayRef> {
    match &call.out.logical {
        LogicalType::Decimal(..) => exact::divide(call),
        LogicalType::TinyInt => integer_division!(call, Int8Type, wrapping_div),
        LogicalType::SmallInt => integer_division!(call, Int16Type, wrapping_div),
        LogicalType::Int => integer_division!(call, Int32Type, wrapping_div),
        LogicalType::BigInt => integer_division!(call, Int64Type, wrapping_div),
        LogicalType::Float => binary::<Float32Type, Float32Type, Float32Type>(call, |a, b| a / b),
        _ => binary::<Float64Type, Float64Type, Float64Type>(call, |a, b| a / b),
    }
}

/// The remainder in 64 bits, cut to the type of the divisor.
macro_rules! integer_modulo {
    ($call:expr, $ty:ty) => {
        try_binary::<Int64Type, Int64Type, $ty>($call, |a, b| {
            if b == 0 {
                return Err(EvalError::new("/ by zero"));
            }
            Ok(a.wrapping_rem(b) as <$ty as ArrowPrimitiveType>::Native)
        })
    };
}

fn modulo(call: &Call) -> Result<ArrayRef> {
    use arrow_array::ArrowPrimitiveType;
    match &call.out.logical {
        LogicalType::Decimal(..) => exact::modulo(call),
        LogicalType::TinyInt => integer_modulo!(call, Int8Type),
        LogicalType::SmallInt => integer_modulo!(call, Int16Type),
        LogicalType::Int => integer_modulo!(call, Int32Type),
        _ => integer_modulo!(call, Int64Type),
    }
}

fn negate(call: &Call) -> Result<ArrayRef> {
    match &call.out.logical {
        LogicalType::TinyInt => unary::<Int8Type, Int8Type>(call, i8::wrapping_neg),
        LogicalType::SmallInt => unary::<Int16Type, Int16Type>(call, i16::wrapping_neg),
        LogicalType::Int => unary::<Int32Type, Int32Type>(call, i32::wrapping_neg),
        LogicalType::BigInt => unary::<Int64Type, Int64Type>(call, i64::wrapping_neg),
        LogicalType::Float => unary::<Float32Type, Float32Type>(call, |v| -v),
        LogicalType::Double => unary::<Float64Type, Float64Type>(call, |v| -v),
        LogicalType::IntervalYearMonth => {
            unary::<IntervalYearMonthType, IntervalYearMonthType>(call, i32::wrapping_neg)
        }
        LogicalType::IntervalDayTime => {
            unary::<DurationMillisecondType, DurationMillisecondType>(call, i64::wrapping_neg)
        }
        _ => unary::<Decimal128Type, Decimal128Type>(call, i128::wrapping_neg),
    }
}

const fn operator(
    name: &'static str,
    aliases: &'static [&'static str],
    signature: &'static str,
    doc: &'static str,
    bind: fn(&Session, &mut Vec<Expr>) -> Bound,
    kernel: fn(&Call) -> Result<ArrayRef>,
) -> Function {
    let fallible = matches!(name.as_bytes(), b"/" | b"%");
    let kernel = Kernel::Columns(kernel);
    Function { name, aliases, signature, doc, bind, kernel, deterministic: true, fallible }
}

/// This group.
pub const FUNCTIONS: &[Function] = &[
    operator(
        "+",
        &[],
        "a + b -> the wider type",
        "The sum. Integers wrap; a DECIMAL sum with too many digits is NULL. A date, time or \
         timestamp plus an interval keeps its type.",
        bind_plus,
        plus,
    ),
    operator(
        "-",
        &[],
        "a - b -> the wider type, or - a",
        "The difference, or the negative. Integers wrap; a DECIMAL with too many digits is NULL.",
        bind_minus,
        minus,
    ),
    operator(
        "*",
        &[],
        "a * b -> the wider type",
        "The product. Integers wrap; a DECIMAL with too many digits is NULL. An interval may be \
         multiplied by a number on its right.",
        bind_times,
        times,
    ),
    operator(
        "/",
        &[],
        "a / b -> the wider type",
        "The quotient; that of integers is cut towards zero. Dividing integers or decimals by \
         zero fails.",
        bind_divide,
        divide,
    ),
    operator(
        "%",
        &["MOD"],
        "a % b -> type of b",
        "The remainder, with the sign of a. A zero divisor fails.",
        bind_modulo,
        modulo,
    ),
    temporal::MINUS_DATE,
];

#[cfg(test)]
mod tests;
