//! Rows held in order of arrival, in one subtask: a state table without keys. A cut is a copy of
//! the list of batches, which share their columns.

use std::collections::VecDeque;

use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, FieldRef};
use river_core::{Field, RowKind};
use river_runtime::operator::TARGET_ROWS;
use river_runtime::state::table::check_columns;
use river_runtime::state::{Checkpointed, Saved, hash};
use river_runtime::{Batch, Error, Result};

use super::concat;
use crate::saved::{bytes, column, read_bytes};
use crate::stored_rows::row_columns;

/// Held rows.
pub struct Held {
    row_columns: Vec<FieldRef>,
    pub batches: Vec<Batch>,
    /// What a cut still owes.
    owed: Option<VecDeque<Batch>>,
}

impl Held {
    /// None yet, of those columns.
    pub fn new(input: &[Field]) -> Held {
        Held { row_columns: row_columns(input), batches: Vec::new(), owed: None }
    }
}

impl Checkpointed for Held {
    fn name(&self) -> &'static str {
        "held"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.row_columns.clone();
        columns.push(column("#kind", DataType::UInt8));
        columns
    }

    fn cut(&mut self) -> Result<()> {
        self.owed = Some(self.batches.iter().cloned().collect());
        Ok(())
    }

    fn forget_cut(&mut self) {
        self.owed = None;
    }

    fn next_saved(&mut self) -> Result<Option<Saved>> {
        let Some(owed) = &mut self.owed else { return Ok(None) };
        let (mut batches, mut rows) = (Vec::new(), 0);
        while rows < TARGET_ROWS
            && let Some(batch) = owed.pop_front()
        {
            rows += batch.rows;
            batches.push(batch);
        }
        if rows == 0 {
            self.owed = None;
            return Ok(None);
        }
        let all = concat(&batches)?;
        let mut columns = all.columns.clone();
        columns.push(bytes((0..rows).map(|row| all.kind(row) as u8)));
        Ok(Some(Saved { columns, hashes: vec![hash::EMPTY; rows] }))
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        check_columns(self.name(), &self.columns(), columns, rows)?;
        let (row, extra) = columns.split_at(self.row_columns.len());
        let kinds = read_bytes(&extra[0])?;
        if let Some(kind) = kinds.iter().find(|kind| RowKind::from_byte(**kind).is_none()) {
            return Err(Error::input(format!("saved state: no row kind {kind}")));
        }
        let kinds = kinds.iter().any(|kind| *kind != 0).then(|| kinds.iter().copied().collect());
        if rows > 0 {
            self.batches.push(Batch::new(row.to_vec(), rows).with_kinds(kinds));
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        let columns = self.batches.iter().flat_map(|batch| &batch.columns);
        columns.map(|column| column.get_array_memory_size()).sum()
    }
}
