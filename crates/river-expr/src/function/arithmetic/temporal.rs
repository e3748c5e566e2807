//! Dates, times, timestamps and intervals under `+ - *`
//! (`ScalarOperatorGens.generateTemporalPlusMinus`).
//!
//! Intervals of months count in the proleptic Gregorian calendar and stop at the last day of the
//! month; `TIMESTAMP_LTZ` is shifted as an instant, whatever the session zone.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_schema::TimeUnit;
use river_core::types::ticks_per_second;
use river_core::{Expr, LogicalType};

use super::Bound;
use crate::function::adapt::{binary, try_binary, valid_rows, zip};
use crate::function::{Call, Function, Kernel};
use crate::{BindError, EvalError, Result, Session, bind, calendar};

const DAY_MS: i64 = 86_400_000;

/// `+` where one side is a datetime or interval; `None` if neither is.
pub fn bind_plus(args: &mut [Expr]) -> Option<Bound> {
    let (left, right) = (&args[0].ty.logical, &args[1].ty.logical);
    if left.is_interval() && right.is_datetime() {
        args.swap(0, 1);
    }
    bind_shift("+", args)
}

/// `-` where one side is a datetime or interval.
pub fn bind_minus(args: &mut [Expr]) -> Option<Bound> {
    bind_shift("-", args)
}

fn bind_shift(name: &str, args: &mut [Expr]) -> Option<Bound> {
    let (left, right) = (args[0].ty.logical.clone(), args[1].ty.logical.clone());
    let temporal = |t: &LogicalType| t.is_datetime() || t.is_interval();
    if !temporal(&left) && !temporal(&right) {
        return None;
    }
    let fits = (left.is_datetime() && right.is_interval()) || (left.is_interval() && left == right);
    if !fits {
        return Some(Err(BindError::cannot_apply(
            name,
            args,
            &format!("'<NUMERIC> {name} <NUMERIC>', '<DATETIME> {name} <DATETIME_INTERVAL>'"),
        )));
    }
    let regular = left.with_time_kind(river_core::types::TimeKind::Regular);
    Some(Ok(regular.with_nullable(bind::any_nullable(args))))
}

/// `interval * number`; `None` if there is no interval.
pub fn bind_times(args: &mut [Expr]) -> Option<Bound> {
    let (left, right) = (args[0].ty.logical.clone(), args[1].ty.logical.clone());
    if !left.is_interval() && !right.is_interval() {
        return None;
    }
    if !left.is_interval() || !right.is_numeric() {
        return Some(Err(BindError::cannot_apply(
            "*",
            args,
            "'<NUMERIC> * <NUMERIC>', '<DATETIME_INTERVAL> * <NUMERIC>'",
        )));
    }
    bind::coerce_arg(args, 1, &LogicalType::BigInt);
    Some(Ok(left.with_nullable(bind::any_nullable(args))))
}

/// `datetime + sign * interval`, or interval with interval.
pub fn plus(call: &Call, sign: i64) -> Result<ArrayRef> {
    let months = call.types[1].logical == LogicalType::IntervalYearMonth;
    match &call.types[0].logical {
        LogicalType::IntervalYearMonth => {
            binary::<IntervalYearMonthType, IntervalYearMonthType, IntervalYearMonthType>(
                call,
                |a, b| a.wrapping_add(b.wrapping_mul(sign as i32)),
            )
        }
        LogicalType::IntervalDayTime => {
            binary::<DurationMillisecondType, DurationMillisecondType, DurationMillisecondType>(
                call,
                |a, b| a.wrapping_add(b.wrapping_mul(sign)),
            )
        }
        LogicalType::Date if months => {
            binary::<Date32Type, IntervalYearMonthType, Date32Type>(call, |day, n| {
                calendar::add_months(day.into(), sign * i64::from(n)) as i32
            })
        }
        LogicalType::Date => {
            try_binary::<Date32Type, DurationMillisecondType, Date32Type>(call, |day, ms| {
                let days =
                    i32::try_from(ms / DAY_MS).map_err(|_| EvalError::new("integer overflow"))?;
                Ok(day.wrapping_add(days.wrapping_mul(sign as i32)))
            })
        }
        LogicalType::Time(_) if months => Ok(call.args[0].clone().into_array(call.rows)),
        LogicalType::Time(_) => {
            type T = Time32MillisecondType;
            binary::<T, DurationMillisecondType, T>(call, |time, ms| {
                ((i64::from(time) + DAY_MS + sign * (ms % DAY_MS)) % DAY_MS) as i32
            })
        }
        other => timestamp(call, other.time_precision(), months, sign),
    }
}

fn timestamp(call: &Call, precision: u8, months: bool, sign: i64) -> Result<ArrayRef> {
    let per_second = ticks_per_second(precision);
    match (river_core::types::time_unit(precision), months) {
        (TimeUnit::Millisecond, true) => add_months::<TimestampMillisecondType>(call, sign, 1000),
        (TimeUnit::Microsecond, true) => {
            add_months::<TimestampMicrosecondType>(call, sign, per_second)
        }
        (_, true) => add_months::<TimestampNanosecondType>(call, sign, per_second),
        (TimeUnit::Millisecond, false) => add_millis::<TimestampMillisecondType>(call, sign),
        (TimeUnit::Microsecond, false) => {
            add_millis::<TimestampMicrosecondType>(call, sign * 1_000)
        }
        (_, false) => add_millis::<TimestampNanosecondType>(call, sign * 1_000_000),
    }
}

fn add_millis<T: ArrowPrimitiveType<Native = i64>>(call: &Call, factor: i64) -> Result<ArrayRef> {
    binary::<T, DurationMillisecondType, T>(call, |ticks, ms| {
        ticks.wrapping_add(ms.wrapping_mul(factor))
    })
}

fn add_months<T: ArrowPrimitiveType<Native = i64>>(
    call: &Call,
    sign: i64,
    per_second: i64,
) -> Result<ArrayRef> {
    let per_day = per_second * 86_400;
    binary::<T, IntervalYearMonthType, T>(call, |ticks, n| {
        calendar::add_months_to_ticks(ticks, sign * i64::from(n), per_day)
    })
}

/// `interval * number`
pub fn times(call: &Call) -> Result<ArrayRef> {
    match call.out.logical {
        LogicalType::IntervalYearMonth => {
            binary::<IntervalYearMonthType, Int64Type, IntervalYearMonthType>(call, |a, b| {
                a.wrapping_mul(b as i32)
            })
        }
        _ => binary::<DurationMillisecondType, Int64Type, DurationMillisecondType>(
            call,
            i64::wrapping_mul,
        ),
    }
}

fn bind_difference(_: &Session, args: &mut Vec<Expr>) -> Bound {
    let [a, b, unit] = args.as_slice() else {
        return Err(BindError::wrong_count("MINUS_DATE", args.len(), "3"));
    };
    let (left, right) = (&a.ty.logical, &b.ty.logical);
    let local = |t: &LogicalType| matches!(t, LogicalType::TimestampLtz(..));
    if !left.is_datetime() || !right.is_datetime() || local(left) != local(right) {
        return Err(BindError::cannot_apply("-", &args[..2], "'<DATETIME> - <DATETIME>'"));
    }
    let logical = match &unit.ty.logical {
        months @ LogicalType::IntervalYearMonth => months.clone(),
        _ => LogicalType::IntervalDayTime,
    };
    Ok(logical.with_nullable(a.ty.nullable || b.ty.nullable))
}

/// `(a - b) unit`: the third argument, of an interval type, only carries the unit.
pub const MINUS_DATE: Function = Function {
    name: "MINUS_DATE",
    aliases: &[],
    signature: "(a DATETIME - b DATETIME) unit -> INTERVAL",
    doc: "The time from b to a, in whole months if the unit is YEAR or MONTH.",
    bind: bind_difference,
    kernel: Kernel::Columns(difference),
    deterministic: true,
    fallible: false,
};

fn difference(call: &Call) -> Result<ArrayRef> {
    // The unit is never NULL for the result's sake: look at the two points only.
    let points = Call { args: &call.args[..2], types: &call.types[..2], ..*call };
    let nulls = match valid_rows(&points) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let (a, b) = (millis(&points, 0)?, millis(&points, 1)?);
    Ok(match call.out.logical {
        LogicalType::IntervalYearMonth => {
            let out = zip(&points, &a, &b, |x, y| calendar::months_between_millis(x, y) as i32);
            crate::function::adapt::primitive::<IntervalYearMonthType>(call, out, nulls)
        }
        _ => {
            let out = zip(&points, &a, &b, i64::wrapping_sub);
            crate::function::adapt::primitive::<DurationMillisecondType>(call, out, nulls)
        }
    })
}

/// A datetime argument in milliseconds.
fn millis(call: &Call, index: usize) -> Result<Vec<i64>> {
    let array = call.args[index].array();
    let ty = &call.types[index].logical;
    Ok(match ty {
        LogicalType::Date => {
            let days = array.as_primitive::<Date32Type>().values();
            days.iter().map(|d| i64::from(*d) * DAY_MS).collect()
        }
        LogicalType::Time(_) => {
            let times = array.as_primitive::<Time32MillisecondType>().values();
            times.iter().map(|t| i64::from(*t)).collect()
        }
        ty => {
            let ticks = crate::column::timestamp_ticks(array.as_ref())
                .ok_or_else(|| EvalError::new(format!("{ty} is not a point in time")))?;
            let per_milli = ticks_per_second(ty.time_precision()) / 1_000;
            ticks.iter().map(|t| t.div_euclid(per_milli)).collect()
        }
    })
}
