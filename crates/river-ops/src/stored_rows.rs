//! Whole rows of an operator's input as columns of a state table: what joins, Top-N and
//! deduplication save. The key columns are among them.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, FieldRef};
use river_core::Field;
use river_runtime::Result;
use river_runtime::state::{KeyIndex, RowStore};

use crate::saved::{column, compact};

/// When a row or its key was written, in milliseconds since the epoch ([`crate::ttl`]).
pub fn written_column() -> FieldRef {
    column("#written_ms", DataType::Int64)
}

/// A column for each column of the input. Where names repeat, later ones get a number.
pub fn row_columns(input: &[Field]) -> Vec<FieldRef> {
    // Room for what the operator adds.
    let mut columns: Vec<FieldRef> = Vec::with_capacity(input.len() + 4);
    for field in input {
        let mut name = field.name.to_string();
        for number in 1.. {
            if columns.iter().all(|column| *column.name() != name) {
                break;
            }
            name = format!("{}#{number}", field.name);
        }
        columns.push(column(name, field.ty.logical.to_arrow()));
    }
    columns
}

/// The stored rows of these numbers, to be saved.
pub fn save_rows(store: &RowStore, ids: &[u32]) -> Result<Vec<ArrayRef>> {
    let mut columns = store.gather(ids)?;
    compact(&mut columns);
    Ok(columns)
}

/// The rows of keys, to be saved, and for each the slot of its key. `rows_of` adds the numbers of
/// the rows of a slot in their order.
pub fn save_lists(
    store: &RowStore,
    slots: &[u32],
    rows_of: impl Fn(u32, &mut Vec<u32>),
) -> Result<(Vec<ArrayRef>, Vec<u32>)> {
    let (mut ids, mut of_row) = (Vec::with_capacity(slots.len()), Vec::with_capacity(slots.len()));
    for slot in slots {
        rows_of(*slot, &mut ids);
        of_row.resize(ids.len(), *slot);
    }
    Ok((save_rows(store, &ids)?, of_row))
}

/// The hashes of the keys of these slots.
pub fn key_hashes(keys: &KeyIndex, slots: &[u32]) -> Vec<u64> {
    slots.iter().map(|slot| keys.hash(*slot)).collect()
}
