//! `FLOOR(value TO unit)` and `CEIL(value TO unit)`, called `FLOOR_TO` and `CEIL_TO` with the unit
//! as a string literal behind (`DateTimeUtils.timestampFloor`, `julianDateFloor`).

use std::sync::Arc;

use arrow_array::types::{Date32Type, Time32MillisecondType};
use arrow_array::{ArrayRef, Int64Array, PrimitiveArray};
use river_core::Expr;
use river_core::types::{DataType, LogicalType, TimeKind, ticks_per_second, time_unit};

use super::instant::Temporal;
use super::unit::Unit;
use crate::calendar::{MILLIS_PER_DAY, days_from_civil};
use crate::column::timestamp_array;
use crate::function::check::{count, mismatch};
use crate::function::{Call, Function, Kernel};
use crate::{BindError, EvalError, Result};

/// `FLOOR_TO`, `CEIL_TO`.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "FLOOR_TO",
        aliases: &[],
        signature: "FLOOR(value DATETIME TO unit) -> type of value",
        doc: "The start of the unit that the value lies in; weeks start on Sunday.",
        bind: |_, args| bind("FLOOR", args),
        kernel: Kernel::Columns(|call| round(call, true)),
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "CEIL_TO",
        aliases: &["CEILING_TO"],
        signature: "CEIL(value DATETIME TO unit) -> type of value",
        doc: "The start of the next unit, or the value where it starts one.",
        bind: |_, args| bind("CEIL", args),
        kernel: Kernel::Columns(|call| round(call, false)),
        deterministic: true,
        fallible: false,
    },
];

fn bind(name: &str, args: &mut Vec<Expr>) -> std::result::Result<DataType, BindError> {
    count(name, args, 2, 2)?;
    let unit = Unit::of_argument(name, args, 1)?;
    let ty = &args[0].ty;
    let of_clock = matches!(unit, Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond);
    let of_calendar = matches!(
        unit,
        Unit::Millennium
            | Unit::Century
            | Unit::Decade
            | Unit::Year
            | Unit::Quarter
            | Unit::Month
            | Unit::Week
            | Unit::Day
    );
    let fits = match &ty.logical {
        LogicalType::Date => of_calendar,
        LogicalType::Time(_) => of_clock,
        logical if logical.is_timestamp() => of_clock || of_calendar,
        _ => return Err(mismatch(name, args, "<DATETIME> TO <TIME_UNIT>")),
    };
    if !fits {
        return Err(BindError::new(format!(
            "{name} of {} to {unit:?} is not supported",
            ty.logical
        )));
    }
    Ok(ty.logical.with_time_kind(TimeKind::Regular).with_nullable(ty.nullable))
}

fn round(call: &Call, floor: bool) -> Result<ArrayRef> {
    let unit = crate::function::rows::text(call, 1)?.constant();
    let unit =
        unit.and_then(Unit::parse).ok_or_else(|| EvalError::new("the unit is no constant"))?;
    let value = Temporal::new(call, 0)?;
    let rows = (0..call.rows).map(|row| !value.is_null(row));
    match &call.out.logical {
        LogicalType::Date => {
            let days = rows
                .enumerate()
                .map(|(row, valid)| valid.then(|| round_days(unit, value.raw(row), floor) as i32));
            Ok(Arc::new(days.collect::<PrimitiveArray<Date32Type>>()))
        }
        LogicalType::Time(_) => {
            let step = unit.millis().unwrap_or(1);
            let times = rows
                .enumerate()
                .map(|(row, valid)| valid.then(|| step_to(value.raw(row), step, floor) as i32));
            Ok(Arc::new(times.collect::<PrimitiveArray<Time32MillisecondType>>()))
        }
        out => {
            let precision = out.time_precision();
            let per_milli = ticks_per_second(precision) / 1_000;
            let ticks: Int64Array = rows
                .enumerate()
                .map(|(row, valid)| {
                    valid.then(|| {
                        let millis = value.millis(row);
                        let offset = value.offset_millis(millis);
                        let local = round_millis(unit, millis.wrapping_add(offset), floor);
                        local.wrapping_sub(offset).wrapping_mul(per_milli)
                    })
                })
                .collect();
            Ok(timestamp_array(ticks, &time_unit(precision), &out.to_arrow()))
        }
    }
}

fn step_to(value: i64, step: i64, floor: bool) -> i64 {
    let down = value.wrapping_sub(value.rem_euclid(step));
    if floor || down == value { down } else { down.wrapping_add(step) }
}

fn round_millis(unit: Unit, millis: i64, floor: bool) -> i64 {
    match unit {
        Unit::Day | Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond => {
            step_to(millis, unit.millis().unwrap_or(1), floor)
        }
        // Cut towards zero: the last day of 1969 counts as the first of 1970.
        _ => round_days(unit, millis / MILLIS_PER_DAY, floor).wrapping_mul(MILLIS_PER_DAY),
    }
}

/// Flink's rounding of dates, odd as it is: dates up to 1582-10-14 are taken apart by the Julian
/// calendar, the ceiling of a quarter's first day is the next quarter, and that of a day the next
/// day.
fn round_days(unit: Unit, days: i64, floor: bool) -> i64 {
    let julian = days + 2_440_588;
    let (b, c) = if julian > 2_299_160 {
        let a = julian + 32_044;
        let b = (4 * a + 3) / 146_097;
        (b, a - b * 146_097 / 4)
    } else {
        (0, julian + 32_082)
    };
    let d = (4 * c + 3) / 1_461;
    let e = c - 1_461 * d / 4;
    let m = (5 * e + 2) / 153;
    let day = (e - (153 * m + 2) / 5 + 1) as u32;
    let month = m + 3 - 12 * (m / 10);
    let year = b * 100 + d - 4_800 + m / 10;
    let first_day = |year: i64, month: i64| days_from_civil(year, month.max(1) as u32, 1);
    let within = month > 1 || day > 1;
    match unit {
        Unit::Millennium => {
            let start = 1_000 * ((year + 999) / 1_000);
            first_day(if floor { start - 999 } else { start + 1 }, 1)
        }
        Unit::Century => {
            let start = 100 * ((year + 99) / 100);
            first_day(if floor { start - 99 } else { start + 1 }, 1)
        }
        Unit::Decade => first_day(10 * (year / 10 + i64::from(!floor)), 1),
        Unit::Year => first_day(year + i64::from(!floor && within), 1),
        Unit::Month => first_day(year, month + i64::from(!floor && day > 1)),
        Unit::Quarter => {
            let quarter = (month + 2) / 3 + i64::from(!floor && within);
            first_day(year, quarter * 3 - 2)
        }
        Unit::Week => {
            let since_sunday = (julian + 1).rem_euclid(7);
            let back = if !floor && since_sunday > 0 { since_sunday - 7 } else { since_sunday };
            days_from_civil(year, month.max(1) as u32, day) - back
        }
        _ => days_from_civil(year, month.max(1) as u32, day) + i64::from(!floor),
    }
}
