//! Changes made of rows of the current batch and rows kept in state, sent as one batch.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, UInt32Array};
use river_core::RowKind;
use river_runtime::state::RowStore;
use river_runtime::{Batch, Mark, Result};

use crate::pairs::take_all;

/// Set in the number of a row of the current batch; clear in that of a stored row.
pub const IN_BATCH: u32 = 1 << 31;

/// No row.
pub const NO_ROW: u32 = u32::MAX;

/// Changes in the order of sending.
#[derive(Default)]
pub struct Changes {
    rows: Vec<u32>,
    kinds: Vec<u8>,
    ranks: Vec<i64>,
    marks: Vec<Mark>,
}

impl Changes {
    /// Adds a row: one of the current batch ([`IN_BATCH`] set) or a stored one.
    pub fn push(&mut self, row: u32, kind: RowKind) {
        self.rows.push(row);
        self.kinds.push(kind as u8);
    }

    /// Adds a row with its rank as a further column. All or none of the rows have one.
    pub fn push_ranked(&mut self, row: u32, kind: RowKind, rank: u64) {
        self.push(row, kind);
        self.ranks.push(rank as i64);
    }

    /// Adds a watermark.
    pub fn mark(&mut self, watermark: i64) {
        self.marks.push(Mark { offset: self.rows.len(), watermark });
    }

    /// The changes as a batch.
    pub fn into_batch(self, current: &[ArrayRef], store: &RowStore) -> Result<Batch> {
        let Changes { rows, kinds, ranks, marks } = self;
        if rows.is_empty() {
            return Ok(Batch { marks, ..Batch::default() });
        }
        let count = rows.len();
        let in_batch = rows.iter().filter(|row| **row & IN_BATCH != 0).count();
        let mut columns = if in_batch == count {
            let rows: Vec<u32> = rows.iter().map(|row| row & !IN_BATCH).collect();
            take_all(current, &UInt32Array::from(rows))?
        } else if in_batch == 0 {
            store.gather(&rows)?
        } else {
            mixed(&rows, current, store)?
        };
        if !ranks.is_empty() {
            columns.push(Arc::new(Int64Array::from(ranks)));
        }
        let kinds = kinds.iter().any(|k| *k != 0).then(|| kinds.into());
        let mut batch = Batch::new(columns, count).with_kinds(kinds);
        batch.marks = marks;
        Ok(batch)
    }
}

fn mixed(rows: &[u32], current: &[ArrayRef], store: &RowStore) -> Result<Vec<ArrayRef>> {
    let stored: Vec<u32> = rows.iter().copied().filter(|row| row & IN_BATCH == 0).collect();
    let mut next = 0;
    let picks: Vec<(usize, usize)> = rows
        .iter()
        .map(|row| {
            if row & IN_BATCH != 0 {
                return (0, (row & !IN_BATCH) as usize);
            }
            next += 1;
            (1, next - 1)
        })
        .collect();
    let gathered = store.gather(&stored)?;
    let columns = current.iter().zip(&gathered).map(|(current, stored)| {
        let arrays: [&dyn Array; 2] = [current, stored];
        Ok(arrow_select::interleave::interleave(&arrays, &picks)?)
    });
    columns.collect()
}
