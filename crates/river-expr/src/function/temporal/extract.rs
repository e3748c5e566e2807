//! `EXTRACT` and its shortcuts (`DateTimeUtils.extractFromTimestamp`, `extractFromDate`,
//! Flink's `ExtractCallGen`).
//!
//! As in Flink, divisions cut towards zero, so that of the last millisecond of 1969 the year is
//! 1970 and the millisecond -1; and the time of day of a `DATE` takes its days for milliseconds.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use river_core::types::{DataType, LogicalType};
use river_core::{Expr, Value};

use super::instant::Temporal;
use super::unit::Unit;
use crate::calendar::{MILLIS_PER_DAY, civil_from_days, day_of_year, iso_day_of_week, iso_week};
use crate::function::check::{count, mismatch};
use crate::function::{Call, Function, Kernel};
use crate::{BindError, EvalError, Result, Session};

type Bound = std::result::Result<DataType, BindError>;

/// `EXTRACT` and the functions named after units, which bind to it.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "EXTRACT",
        aliases: &[],
        signature: "EXTRACT(unit FROM value DATETIME or INTERVAL) -> BIGINT",
        doc: "A part of a date, time, timestamp or interval. Called with the unit as a string \
              literal in front.",
        bind: bind_extract,
        kernel: Kernel::Columns(extract),
        deterministic: true,
        fallible: false,
    },
    shortcut("YEAR", |_, args| bind_shortcut("YEAR", args)),
    shortcut("QUARTER", |_, args| bind_shortcut("QUARTER", args)),
    shortcut("MONTH", |_, args| bind_shortcut("MONTH", args)),
    shortcut("WEEK", |_, args| bind_shortcut("WEEK", args)),
    shortcut("DAYOFYEAR", |_, args| bind_shortcut("DOY", args)),
    shortcut("DAYOFMONTH", |_, args| bind_shortcut("DAY", args)),
    shortcut("DAYOFWEEK", |_, args| bind_shortcut("DOW", args)),
    shortcut("HOUR", |_, args| bind_shortcut("HOUR", args)),
    shortcut("MINUTE", |_, args| bind_shortcut("MINUTE", args)),
    shortcut("SECOND", |_, args| bind_shortcut("SECOND", args)),
];

/// A function of one argument; its binding puts the unit in front.
const fn shortcut(name: &'static str, bind: fn(&Session, &mut Vec<Expr>) -> Bound) -> Function {
    Function {
        name,
        aliases: &[],
        signature: "UNIT(value DATETIME or INTERVAL) -> BIGINT",
        doc: "The same as EXTRACT of that unit.",
        bind,
        kernel: Kernel::Columns(extract),
        deterministic: true,
        fallible: false,
    }
}

fn bind_shortcut(unit: &str, args: &mut Vec<Expr>) -> Bound {
    count("EXTRACT", args, 1, 1)?;
    let ty = LogicalType::Char(unit.len() as u32).not_null();
    args.insert(0, Expr::literal(Value::string(unit), ty));
    bind_extract(&Session::default(), args)
}

fn bind_extract(_: &Session, args: &mut Vec<Expr>) -> Bound {
    count("EXTRACT", args, 2, 2)?;
    let unit = Unit::of_argument("EXTRACT", args, 0)?;
    let ty = &args[1].ty;
    let refuse = |kind: &str| {
        Err(BindError::new(format!("unit {unit:?} can not be applied to {kind} variable")))
    };
    let sub_milli = matches!(unit, Unit::Microsecond | Unit::Nanosecond);
    match &ty.logical {
        LogicalType::Date if sub_milli => return refuse("DATE"),
        LogicalType::Time(_) if unit.is_of_date() || unit == Unit::Epoch || sub_milli => {
            return refuse("time");
        }
        LogicalType::Date | LogicalType::Time(_) => {}
        logical if logical.is_timestamp() => {}
        LogicalType::IntervalYearMonth if unit.months().is_some() => {}
        LogicalType::IntervalDayTime if unit.months().is_none() => {}
        LogicalType::IntervalYearMonth | LogicalType::IntervalDayTime => {
            return refuse("interval");
        }
        _ => return Err(mismatch("EXTRACT", args, "<DATETIME_INTERVAL> FROM <DATETIME_INTERVAL>")),
    }
    Ok(LogicalType::BigInt.with_nullable(ty.nullable))
}

fn extract(call: &Call) -> Result<ArrayRef> {
    let unit = crate::function::rows::text(call, 0)?.constant();
    let unit = unit
        .and_then(Unit::parse)
        .ok_or_else(|| EvalError::new("the unit of EXTRACT is no constant"))?;
    let value = Temporal::new(call, 1)?;
    let ty = &call.types[1].logical;
    let rows = (0..call.rows).map(|row| {
        if value.is_null(row) {
            return None;
        }
        Some(match ty {
            LogicalType::Date => of_date(unit, value.raw(row)),
            LogicalType::IntervalYearMonth => of_months(unit, value.raw(row)),
            LogicalType::IntervalDayTime => of_interval(unit, value.raw(row)),
            _ => {
                let millis = value.millis(row);
                let local = millis.wrapping_add(value.offset_millis(millis));
                of_timestamp(unit, local, value.nanos_of_milli(row))
            }
        })
    });
    Ok(Arc::new(Int64Array::from_iter(rows)))
}

fn of_timestamp(unit: Unit, millis: i64, nanos_of_milli: i64) -> i64 {
    match unit {
        Unit::Epoch => millis / 1_000,
        Unit::Microsecond => millis % 1_000 * 1_000 + nanos_of_milli / 1_000,
        Unit::Nanosecond => millis % 1_000 * 1_000_000 + nanos_of_milli,
        unit if unit.is_of_date() => part_of_date(unit, millis / MILLIS_PER_DAY),
        unit => part_of_time(unit, millis),
    }
}

fn of_date(unit: Unit, days: i64) -> i64 {
    match unit {
        Unit::Epoch => days * 86_400,
        unit if unit.is_of_date() => part_of_date(unit, days),
        unit => part_of_time(unit, days),
    }
}

fn of_months(unit: Unit, months: i64) -> i64 {
    match unit {
        Unit::Month => months % 12,
        Unit::Quarter => months % 12 / 3 + 1,
        unit => months / unit.months().unwrap_or(12),
    }
}

fn of_interval(unit: Unit, millis: i64) -> i64 {
    match unit {
        Unit::Epoch => millis / 1_000,
        Unit::Microsecond => millis % 1_000 * 1_000,
        Unit::Nanosecond => millis % 1_000 * 1_000_000,
        Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond => part_of_time(unit, millis),
        unit => millis / unit.millis().unwrap_or(MILLIS_PER_DAY),
    }
}

fn part_of_time(unit: Unit, millis: i64) -> i64 {
    match unit {
        Unit::Hour => millis % MILLIS_PER_DAY / 3_600_000,
        Unit::Minute => millis % 3_600_000 / 60_000,
        Unit::Second => millis % 60_000 / 1_000,
        _ => millis % 1_000,
    }
}

fn part_of_date(unit: Unit, days: i64) -> i64 {
    let (year, month, day) = civil_from_days(days);
    let rounded = |span: i64| {
        if year > 0 { (year + span - 1) / span } else { (year - span + 1) / span }
    };
    match unit {
        Unit::Millennium => rounded(1_000),
        Unit::Century => rounded(100),
        Unit::Decade => year / 10,
        Unit::Quarter => i64::from(month + 2) / 3,
        Unit::Month => month.into(),
        Unit::Day => day.into(),
        Unit::Dow => iso_day_of_week(days) % 7 + 1,
        Unit::IsoDow => iso_day_of_week(days),
        Unit::Doy => day_of_year(days),
        Unit::Week => iso_week(days).1,
        Unit::IsoYear => iso_week(days).0,
        _ => year,
    }
}
