//! What window operators share: reading the time of rows, window columns, and collecting output.

use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, PrimitiveArray, UInt32Array};
use arrow_schema::{DataType as Arrow, TimeUnit};
use river_core::plan::WindowProperty;
use river_core::{Field, LogicalType};
use river_expr::column::timestamp_array;
use river_runtime::state::fixed;
use river_runtime::{Batch, Error, Mark, Result};

use super::zone::Zone;

/// The times of a column in milliseconds; fails on NULL as Flink's assigners do.
pub fn times(column: &ArrayRef) -> Result<fixed::Words<'_>> {
    if column.null_count() > 0 {
        return Err(Error::input(
            "the time column of a window holds NULL; filter such rows out first",
        ));
    }
    raw_times(column)
}

/// As [`times`], anything at NULLs.
pub fn raw_times(column: &ArrayRef) -> Result<fixed::Words<'_>> {
    match column.data_type() {
        Arrow::Timestamp(TimeUnit::Millisecond, _) => {}
        other => {
            return Err(Error::internal(format!("the time column of a window is of type {other}")));
        }
    }
    fixed::words(column.as_ref())
        .ok_or_else(|| Error::internal("the time column of a window is no timestamp"))
}

/// A column of window times in the layout of a field.
pub fn time_column(local_ms: Vec<i64>, field: &Field) -> Result<ArrayRef> {
    let arrow = field.ty.logical.to_arrow();
    match &arrow {
        Arrow::Timestamp(unit, _) => {
            let values = PrimitiveArray::<Int64Type>::from(local_ms);
            Ok(timestamp_array(values, unit, &arrow))
        }
        other => Err(Error::internal(format!("a window column is of type {other}"))),
    }
}

/// The last millisecond of a window as the time attribute above it: an instant if the field is
/// `TIMESTAMP_LTZ`, else local.
pub fn window_time(end: i64, field: &Field, zone: &Zone) -> i64 {
    match field.ty.logical {
        LogicalType::TimestampLtz(..) => zone.to_epoch(end - 1),
        _ => end - 1,
    }
}

/// The value of a window column.
pub fn property(
    property: WindowProperty,
    (start, end): (i64, i64),
    field: &Field,
    zone: &Zone,
) -> i64 {
    match property {
        WindowProperty::Start => start,
        WindowProperty::End => end,
        WindowProperty::Time => window_time(end, field, zone),
    }
}

/// A column of words, for keys.
pub fn word_column(words: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(words))
}

/// Some rows of columns: a slice where they follow each other, else copies.
pub fn pick(columns: &[ArrayRef], rows: &[u32]) -> Result<Vec<ArrayRef>> {
    if let (Some(first), Some(last)) = (rows.first(), rows.last())
        && (last - first) as usize + 1 == rows.len()
    {
        let slice = |column: &ArrayRef| column.slice(*first as usize, rows.len());
        return Ok(columns.iter().map(slice).collect());
    }
    let rows = UInt32Array::from(rows.to_vec());
    let take = |column: &ArrayRef| Ok(arrow_select::take::take(column, &rows, None)?);
    columns.iter().map(take).collect()
}

/// Adds a watermark after the rows of a batch; it replaces one with nothing between.
pub fn push_mark(batch: &mut Batch, watermark: i64) {
    match batch.marks.last_mut() {
        Some(last) if last.offset == batch.rows => last.watermark = watermark,
        _ => batch.marks.push(Mark { offset: batch.rows, watermark }),
    }
}
