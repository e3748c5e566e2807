//! Which rows changed the results of their group (`RecordEqualiser`).

use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBuffer;
use arrow_ord::cmp;
use arrow_row::{RowConverter, SortField};
use river_runtime::Result;

/// For each row whether any result after it differs from the one before; NULL equals NULL.
/// Without calls (`SELECT DISTINCT`) a group never changes.
pub fn changed(results: &[(ArrayRef, ArrayRef)], rows: usize) -> Result<BooleanBuffer> {
    let mut all: Option<BooleanBuffer> = None;
    for (before, after) in results {
        let differs = differs(before, after)?;
        all = Some(match all {
            None => differs,
            Some(so_far) => &so_far | &differs,
        });
    }
    Ok(all.unwrap_or_else(|| BooleanBuffer::new_unset(rows)))
}

fn differs(before: &ArrayRef, after: &ArrayRef) -> Result<BooleanBuffer> {
    if !before.data_type().is_nested() {
        return Ok(cmp::distinct(before, after)?.values().clone());
    }
    let converter = RowConverter::new(vec![SortField::new(before.data_type().clone())])?;
    let left = converter.convert_columns(std::slice::from_ref(before))?;
    let right = converter.convert_columns(std::slice::from_ref(after))?;
    Ok(BooleanBuffer::collect_bool(before.len(), |row| left.row(row) != right.row(row)))
}
