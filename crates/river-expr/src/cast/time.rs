//! Dates, times and timestamps among themselves; `TIMESTAMP_LTZ` by way of the session zone.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, PrimitiveArray};
use river_core::LogicalType;
use river_core::types::{ticks_per_second, time_unit};

use crate::calendar::{MILLIS_PER_DAY, Zone, to_local_ticks, to_utc_ticks};
use crate::column::{timestamp_array, timestamp_ticks};
use crate::{EvalError, Result, Session};

/// Casts between any two datetime types but `DATE` and `TIME`.
pub fn column(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    session: &Session,
) -> Result<ArrayRef> {
    use LogicalType::*;
    let zone = Zone::from(session.zone);
    match (from, to) {
        (Time(_), Time(_)) => Ok(array.clone()),
        (Timestamp(p, _) | TimestampLtz(p, _), Timestamp(q, _) | TimestampLtz(q, _)) => {
            let shift = match (from, to) {
                (Timestamp(..), TimestampLtz(..)) => Shift::ToUtc,
                (TimestampLtz(..), Timestamp(..)) => Shift::ToLocal,
                _ => Shift::None,
            };
            between_timestamps(array, (*p, *q), shift, zone, to)
        }
        (Timestamp(p, _) | TimestampLtz(p, _), Date | Time(_)) => {
            let local = matches!(from, TimestampLtz(..)).then_some(zone);
            Ok(to_day_part(array, *p, local, to))
        }
        (Date, Timestamp(q, _)) => from_millis(days(array), array, *q, to),
        (Date, TimestampLtz(q, _)) => from_millis(utc(days(array), zone), array, *q, to),
        (Time(_), Timestamp(q, _)) => from_millis(times(array), array, *q, to),
        (Time(_), TimestampLtz(q, _)) => from_millis(utc(times(array), zone), array, *q, to),
        _ => Err(EvalError::new(format!("Unsupported cast from '{from}' to '{to}'."))),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Shift {
    None,
    ToUtc,
    ToLocal,
}

/// Changes the precision of ticks: what is cut off below milliseconds goes down, above towards
/// zero (`DateTimeUtils.truncate`). `None` where 64 bits do not hold the result.
pub fn rescale_ticks(ticks: i64, from: u8, to: u8) -> Option<i64> {
    let (per_from, per_to) = (ticks_per_second(from), ticks_per_second(to));
    let ticks = if per_to >= per_from {
        ticks.checked_mul(per_to / per_from)?
    } else {
        ticks.div_euclid(per_from / per_to)
    };
    if to >= from {
        return Some(ticks);
    }
    // Digits of the unit that the precision does not show.
    let unit = 10_i64.pow(match to {
        0..=3 => 3 - u32::from(to),
        4..=6 => 6 - u32::from(to),
        _ => 9 - u32::from(to.min(9)),
    });
    Some(if to < 3 { ticks - ticks % unit } else { ticks - ticks.rem_euclid(unit) })
}

fn between_timestamps(
    array: &ArrayRef,
    (p, q): (u8, u8),
    shift: Shift,
    zone: Zone,
    to: &LogicalType,
) -> Result<ArrayRef> {
    let ticks = timestamp_ticks(array.as_ref()).unwrap_or_default();
    let per_second = ticks_per_second(p);
    let moved = |t: i64| match shift {
        Shift::None => t,
        Shift::ToUtc => to_utc_ticks(zone, t, per_second),
        Shift::ToLocal => to_local_ticks(zone, t, per_second),
    };
    let shifts = shift != Shift::None && !zone.is_utc();
    if q >= p && time_unit(q) == time_unit(p) {
        let out = if shifts { ticks.iter().map(|t| moved(*t)).collect() } else { ticks.to_vec() };
        return Ok(finish(out, array, to));
    }
    let mut out = Vec::with_capacity(ticks.len());
    for (row, t) in ticks.iter().enumerate() {
        match rescale_ticks(if shifts { moved(*t) } else { *t }, p, q) {
            Some(t) => out.push(t),
            None if array.is_null(row) => out.push(0),
            None => return Err(out_of_range(to)),
        }
    }
    Ok(finish(out, array, to))
}

fn out_of_range(to: &LogicalType) -> EvalError {
    EvalError::new(format!("a timestamp is out of the range of {to} (years 1677 to 2262)"))
}

fn finish(ticks: Vec<i64>, array: &ArrayRef, to: &LogicalType) -> ArrayRef {
    let values = PrimitiveArray::<Int64Type>::new(ticks.into(), array.nulls().cloned());
    timestamp_array(values, &time_unit(to.time_precision()), &to.to_arrow())
}

/// The date or time of day of a timestamp. For a `TIMESTAMP` before 1970 Flink divides towards
/// zero, for a `TIMESTAMP_LTZ` it asks the calendar.
fn to_day_part(array: &ArrayRef, precision: u8, zone: Option<Zone>, to: &LogicalType) -> ArrayRef {
    let ticks = timestamp_ticks(array.as_ref()).unwrap_or_default();
    let per_milli = ticks_per_second(precision) / 1_000;
    let millis = ticks.iter().map(|t| {
        let millis = t.div_euclid(per_milli);
        zone.map_or(millis, |zone| to_local_ticks(zone, millis, 1_000))
    });
    let nulls = array.nulls().cloned();
    if *to == LogicalType::Date {
        let day = |ms: i64| match zone {
            Some(_) => ms.div_euclid(MILLIS_PER_DAY) as i32,
            None => (ms / MILLIS_PER_DAY) as i32,
        };
        let days: Vec<i32> = millis.map(day).collect();
        return Arc::new(PrimitiveArray::<Date32Type>::new(days.into(), nulls));
    }
    let unit = 10_i32.pow(3 - u32::from(to.time_precision().min(3)));
    let time = |ms: i64| {
        let time = match zone {
            Some(_) => ms.rem_euclid(MILLIS_PER_DAY) as i32,
            None => (ms % MILLIS_PER_DAY) as i32,
        };
        time - time % unit
    };
    let times: Vec<i32> = millis.map(time).collect();
    Arc::new(PrimitiveArray::<Time32MillisecondType>::new(times.into(), nulls))
}

fn days(array: &ArrayRef) -> Vec<i64> {
    let days = array.as_primitive::<Date32Type>().values();
    days.iter().map(|d| i64::from(*d) * MILLIS_PER_DAY).collect()
}

fn times(array: &ArrayRef) -> Vec<i64> {
    let times = array.as_primitive::<Time32MillisecondType>().values();
    times.iter().map(|t| i64::from(*t)).collect()
}

fn utc(millis: Vec<i64>, zone: Zone) -> Vec<i64> {
    millis.into_iter().map(|ms| to_utc_ticks(zone, ms, 1_000)).collect()
}

fn from_millis(
    mut millis: Vec<i64>,
    array: &ArrayRef,
    precision: u8,
    to: &LogicalType,
) -> Result<ArrayRef> {
    let factor = ticks_per_second(precision) / 1_000;
    for (row, ms) in millis.iter_mut().enumerate() {
        *ms = match ms.checked_mul(factor) {
            Some(ticks) => ticks,
            None if array.is_null(row) => 0,
            None => return Err(out_of_range(to)),
        };
    }
    Ok(finish(millis, array, to))
}
