//! Constant rows (`VALUES`) as a source: the first subtask's reader gives them, then ends.

use river_core::{Field, Value};
use river_expr::column::column_of;

use crate::operator::TARGET_ROWS;
use crate::source::{Poll, SourceReader, SplitState};
use crate::{Batch, Error, Result};

#[cfg(test)]
mod tests;

/// Name of the only split.
const SPLIT: &str = "values";

/// Reads constant rows.
pub struct ValuesReader {
    rows: Vec<Vec<Value>>,
    schema: Vec<Field>,
    position: usize,
}

impl ValuesReader {
    /// A reader of these rows with the columns `schema`.
    ///
    /// # Errors
    /// A row with another number of values.
    pub fn new(rows: Vec<Vec<Value>>, schema: Vec<Field>) -> Result<ValuesReader> {
        if rows.iter().any(|row| row.len() != schema.len()) {
            return Err(Error::internal("a row of VALUES has another number of columns"));
        }
        Ok(ValuesReader { rows, schema, position: 0 })
    }
}

impl SourceReader for ValuesReader {
    fn poll(&mut self) -> Result<Poll> {
        if self.position >= self.rows.len() {
            return Ok(Poll::End);
        }
        let end = (self.position + TARGET_ROWS).min(self.rows.len());
        let rows = &self.rows[self.position..end];
        let columns = self.schema.iter().enumerate().map(|(number, field)| {
            let values: Vec<Value> = rows.iter().map(|row| row[number].clone()).collect();
            column_of(&values, &field.ty)
        });
        let batch = Batch::new(columns.collect(), rows.len());
        self.position = end;
        Ok(Poll::Batch(batch))
    }

    fn snapshot(&self) -> Vec<SplitState> {
        if self.rows.is_empty() {
            return Vec::new(); // the split is another subtask's
        }
        let position = (self.position as u64).to_le_bytes().to_vec();
        vec![SplitState { split: SPLIT.to_owned(), position }]
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        // Without the split, another subtask reads the rows.
        self.position = self.rows.len();
        for state in splits {
            let position = <[u8; 8]>::try_from(state.position.as_slice())
                .map_err(|_| Error::internal("not a position in VALUES"))?;
            self.position = u64::from_le_bytes(position) as usize;
        }
        Ok(())
    }
}
