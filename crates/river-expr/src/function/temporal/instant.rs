//! Arguments of any temporal type as milliseconds, row by row.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, DurationMillisecondType, IntervalYearMonthType, Time32MillisecondType,
};
use river_core::types::{LogicalType, ticks_per_second};

use crate::calendar::{MILLIS_PER_DAY, Zone};
use crate::column::timestamp_ticks;
use crate::function::Call;
use crate::{EvalError, Result};

/// One temporal argument.
pub(super) struct Temporal<'a> {
    array: &'a dyn Array,
    scalar: bool,
    raw: Raw<'a>,
    /// Zone of the session for a `TIMESTAMP_LTZ`.
    zone: Option<Zone>,
}

enum Raw<'a> {
    /// Ticks, and how many a second has.
    Ticks(&'a [i64], i64),
    Days(&'a [i32]),
    Millis(&'a [i32]),
    Months(&'a [i32]),
    LongMillis(&'a [i64]),
}

impl<'a> Temporal<'a> {
    /// The argument at that position.
    pub(super) fn new(call: &Call<'a>, index: usize) -> Result<Temporal<'a>> {
        let wrong = || EvalError::new(format!("argument {} is no date or time", index + 1));
        let (column, ty) = match (call.args.get(index), call.types.get(index)) {
            (Some(column), Some(ty)) => (column, ty),
            _ => return Err(wrong()),
        };
        let array = column.array().as_ref();
        let raw = match &ty.logical {
            LogicalType::Date => {
                array.as_primitive_opt::<Date32Type>().map(|a| Raw::Days(a.values()))
            }
            LogicalType::Time(_) => {
                array.as_primitive_opt::<Time32MillisecondType>().map(|a| Raw::Millis(a.values()))
            }
            LogicalType::IntervalYearMonth => {
                array.as_primitive_opt::<IntervalYearMonthType>().map(|a| Raw::Months(a.values()))
            }
            LogicalType::IntervalDayTime => array
                .as_primitive_opt::<DurationMillisecondType>()
                .map(|a| Raw::LongMillis(a.values())),
            ty => timestamp_ticks(array)
                .map(|ticks| Raw::Ticks(ticks, ticks_per_second(ty.time_precision()))),
        };
        let raw = raw.ok_or_else(wrong)?;
        let zone = matches!(ty.logical, LogicalType::TimestampLtz(..))
            .then(|| Zone::from(call.context.session.zone))
            .filter(|zone| !zone.is_utc());
        Ok(Temporal { array, scalar: column.is_scalar(), raw, zone })
    }

    fn index(&self, row: usize) -> usize {
        if self.scalar { 0 } else { row }
    }

    /// Whether the row is NULL.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(self.index(row))
    }

    /// The number as stored: ticks, days, milliseconds or months.
    pub(super) fn raw(&self, row: usize) -> i64 {
        let index = self.index(row);
        match &self.raw {
            Raw::Ticks(ticks, _) => ticks[index],
            Raw::Days(values) | Raw::Millis(values) | Raw::Months(values) => values[index].into(),
            Raw::LongMillis(values) => values[index],
        }
    }

    /// Milliseconds since the epoch (of an instant: in UTC), or of the day, or of the interval.
    pub(super) fn millis(&self, row: usize) -> i64 {
        match &self.raw {
            Raw::Ticks(_, per_second) => self.raw(row).div_euclid(per_second / 1_000),
            Raw::Days(_) => self.raw(row) * MILLIS_PER_DAY,
            _ => self.raw(row),
        }
    }

    /// Milliseconds that local time is ahead of the stored value.
    pub(super) fn offset_millis(&self, millis: i64) -> i64 {
        self.zone.map_or(0, |zone| zone.offset_at_utc(millis.div_euclid(1_000)) * 1_000)
    }

    /// Nanoseconds within the millisecond.
    pub(super) fn nanos_of_milli(&self, row: usize) -> i64 {
        match &self.raw {
            Raw::Ticks(_, per_second) => {
                let per_milli = per_second / 1_000;
                self.raw(row).rem_euclid(per_milli) * (1_000_000 / per_milli)
            }
            _ => 0,
        }
    }
}
