//! `TIMESTAMPADD`, `TIMESTAMPDIFF` (the unit as a string literal in front) and `OVERLAPS`.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int32Array};
use river_core::types::{DataType, LogicalType, TimeKind, ticks_per_second};
use river_core::{Expr, Value};

use super::instant::Temporal;
use super::unit::Unit;
use crate::calendar::{MILLIS_PER_DAY, add_months, add_months_to_ticks, months_between_millis};
use crate::function::check::{convert, count, mismatch};
use crate::function::{Call, Function, Kernel};
use crate::{BindError, EvalError, Result};

type Bound = std::result::Result<DataType, BindError>;

/// `TIMESTAMPADD`, `TIMESTAMPDIFF`, `OVERLAPS`.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "TIMESTAMPADD",
        aliases: &[],
        signature: "TIMESTAMPADD(unit, count INT, value DATETIME) -> type of value",
        doc: "The value that many units later. Months keep the day, or take the month's last.",
        bind: |_, args| bind_add(args),
        kernel: Kernel::Values(add),
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "TIMESTAMPDIFF",
        aliases: &[],
        signature: "TIMESTAMPDIFF(unit, from DATETIME, to DATETIME) -> INT",
        doc: "Whole units from the one to the other, cut towards zero.",
        bind: |_, args| bind_diff(args),
        kernel: Kernel::Columns(diff),
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "OVERLAPS",
        aliases: &[],
        signature: "(start DATETIME, end DATETIME or INTERVAL) OVERLAPS (start, end) -> BOOLEAN",
        doc: "Whether the two periods have a moment in common, ends included.",
        bind: |_, args| bind_overlaps(args),
        kernel: Kernel::Columns(overlaps),
        deterministic: true,
        fallible: false,
    },
];

fn bind_add(args: &mut [Expr]) -> Bound {
    count("TIMESTAMPADD", args, 3, 3)?;
    let unit = Unit::of_argument("TIMESTAMPADD", args, 0)?;
    let form = "<TIME_UNIT>, <INTEGER>, <DATETIME>";
    let number = args[1].ty.logical.is_numeric() || args[1].ty.logical == LogicalType::Null;
    if !number || !args[2].ty.logical.is_datetime() {
        return Err(mismatch("TIMESTAMPADD", args, form));
    }
    if unit.months().is_none() && unit.millis().is_none() {
        return Err(BindError::new(format!("TIMESTAMPADD of {unit:?} is not supported")));
    }
    let nullable = args[1].ty.nullable || args[2].ty.nullable;
    let of_day = unit.is_of_date();
    let ty = match &args[2].ty.logical {
        LogicalType::Date if of_day => LogicalType::Date,
        LogicalType::Date => LogicalType::timestamp(6),
        LogicalType::Timestamp(p, _) if unit == Unit::Millisecond => {
            LogicalType::timestamp((*p).max(3))
        }
        LogicalType::TimestampLtz(p, _) if unit == Unit::Millisecond => {
            LogicalType::timestamp_ltz((*p).max(3))
        }
        other => other.with_time_kind(TimeKind::Regular),
    };
    convert(&mut args[1], &LogicalType::BigInt);
    Ok(ty.with_nullable(nullable))
}

fn unit_of(value: &Value) -> Result<Unit> {
    value.as_str().and_then(Unit::parse).ok_or_else(|| EvalError::new("the unit is no constant"))
}

fn add(call: &Call, args: &[Value]) -> Result<Value> {
    let [unit, count, value] = args else { return Ok(Value::Null) };
    let unit = unit_of(unit)?;
    let (Some(count), Some(value)) = (count.as_i64(), value.as_i64()) else {
        return Ok(Value::Null);
    };
    let from = &call.types[2].logical;
    let months = unit.months().map(|months| months.wrapping_mul(count));
    let millis = unit.millis().unwrap_or(0).wrapping_mul(count);
    Ok(match (from, &call.out.logical) {
        (LogicalType::Date, LogicalType::Date) => Value::Int32(match months {
            Some(months) => add_months(value, months) as i32,
            None => value.wrapping_add(millis / MILLIS_PER_DAY) as i32,
        }),
        (LogicalType::Date, out) => {
            let per_milli = ticks_per_second(out.time_precision()) / 1_000;
            let ticks = value.wrapping_mul(MILLIS_PER_DAY).wrapping_add(millis);
            Value::Int64(ticks.wrapping_mul(per_milli))
        }
        (LogicalType::Time(_), _) => {
            Value::Int32(value.wrapping_add(millis).rem_euclid(MILLIS_PER_DAY) as i32)
        }
        (from, out) => {
            let per_second = ticks_per_second(out.time_precision());
            let widened = per_second / ticks_per_second(from.time_precision());
            let ticks = value.wrapping_mul(widened);
            Value::Int64(match months {
                Some(months) => add_months_to_ticks(ticks, months, per_second * 86_400),
                None => ticks.wrapping_add(millis.wrapping_mul(per_second / 1_000)),
            })
        }
    })
}

fn bind_diff(args: &mut [Expr]) -> Bound {
    count("TIMESTAMPDIFF", args, 3, 3)?;
    let unit = Unit::of_argument("TIMESTAMPDIFF", args, 0)?;
    let kind = |ty: &LogicalType| match ty {
        LogicalType::Time(_) => Some(true),
        ty if ty.is_datetime() => Some(false),
        _ => None,
    };
    let (a, b) = (&args[1].ty, &args[2].ty);
    if kind(&a.logical).is_none() || kind(&a.logical) != kind(&b.logical) {
        return Err(mismatch("TIMESTAMPDIFF", args, "<ANY>, <DATETIME>, <DATETIME>"));
    }
    let instant = |ty: &LogicalType| matches!(ty, LogicalType::TimestampLtz(..));
    if instant(&a.logical) != instant(&b.logical) {
        return Err(BindError::new("TIMESTAMP_LTZ only supports diff between the same type."));
    }
    if unit.months().is_none() && unit.millis().is_none() {
        return Err(BindError::new(format!("TIMESTAMPDIFF of {unit:?} is not supported")));
    }
    Ok(LogicalType::Int.with_nullable(a.nullable || b.nullable))
}

fn diff(call: &Call) -> Result<ArrayRef> {
    let unit = crate::function::rows::text(call, 0)?.constant();
    let unit =
        unit.and_then(Unit::parse).ok_or_else(|| EvalError::new("the unit is no constant"))?;
    let (from, to) = (Temporal::new(call, 1)?, Temporal::new(call, 2)?);
    let rows = (0..call.rows).map(|row| {
        if from.is_null(row) || to.is_null(row) {
            return None;
        }
        let (from, to) = (from.millis(row), to.millis(row));
        Some(match unit.months() {
            Some(months) => (months_between_millis(to, from) / months) as i32,
            None => (to.wrapping_sub(from) / unit.millis().unwrap_or(1)) as i32,
        })
    });
    Ok(Arc::new(Int32Array::from_iter(rows)))
}

fn bind_overlaps(args: &mut [Expr]) -> Bound {
    count("OVERLAPS", args, 4, 4)?;
    let wrong = args.iter().enumerate().any(|(index, arg)| {
        let ty = &arg.ty.logical;
        !(ty.is_datetime() || (index % 2 == 1 && ty.is_interval()))
    });
    if wrong {
        return Err(mismatch("OVERLAPS", args, "<DATETIME>, <DATETIME>, <DATETIME>, <DATETIME>"));
    }
    Ok(LogicalType::Boolean.with_nullable(args.iter().any(|arg| arg.ty.nullable)))
}

fn overlaps(call: &Call) -> Result<ArrayRef> {
    let args: Vec<Temporal> =
        (0..4).map(|index| Temporal::new(call, index)).collect::<Result<_>>()?;
    let end = |start: i64, index: usize, row: usize| match &call.types[index].logical {
        LogicalType::IntervalDayTime => start.wrapping_add(args[index].raw(row)),
        LogicalType::IntervalYearMonth => {
            add_months_to_ticks(start, args[index].raw(row), MILLIS_PER_DAY)
        }
        _ => args[index].millis(row),
    };
    let rows = (0..call.rows).map(|row| {
        if args.iter().any(|arg| arg.is_null(row)) {
            return None;
        }
        let period = |index: usize| {
            let start = args[index].millis(row);
            let end = end(start, index + 1, row);
            (start.min(end), start.max(end))
        };
        let (a, b) = (period(0), period(2));
        Some(a.1 >= b.0 && b.1 >= a.0)
    });
    Ok(Arc::new(rows.collect::<BooleanArray>()))
}
