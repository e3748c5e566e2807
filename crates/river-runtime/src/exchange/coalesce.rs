//! Joins small batches for one target, so that the hand-over and the consumer's work per batch are
//! spread over enough rows. The task flushes as soon as it has nothing else to do, and after
//! [`LONGEST_HOLD_MS`] at the latest.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use std::sync::Arc;

use super::partition::push_mark;
use crate::{Batch, Kinds, Result};

/// A batch of fewer rows is held back to be joined with others.
const SMALL_ROWS: usize = 512;
/// Held rows that are enough to be sent.
const ENOUGH_ROWS: usize = 2048;
/// Held batches that are enough to be sent.
const MOST_HELD: usize = 32;
/// How long rows may be held while the task is busy, milliseconds.
pub const LONGEST_HOLD_MS: i64 = 10;

/// The small batches waiting for one target.
#[derive(Debug, Default)]
pub struct Coalescer {
    held: Vec<Batch>,
    rows: usize,
}

impl Coalescer {
    /// Takes a batch, and gives what is to be sent now: up to two batches, in order.
    pub fn add(&mut self, batch: Batch) -> Result<[Option<Batch>; 2]> {
        if batch.rows >= SMALL_ROWS {
            return Ok([self.flush()?, Some(batch)]);
        }
        if batch.is_empty() {
            return Ok([None, None]);
        }
        self.rows += batch.rows;
        self.held.push(batch);
        if self.rows >= ENOUGH_ROWS || self.held.len() >= MOST_HELD {
            return Ok([self.flush()?, None]);
        }
        Ok([None, None])
    }

    /// Whether something is held.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// All that is held, as one batch.
    pub fn flush(&mut self) -> Result<Option<Batch>> {
        self.rows = 0;
        if self.held.len() <= 1 {
            return Ok(self.held.pop());
        }
        let held = std::mem::take(&mut self.held);
        concat(&held).map(Some)
    }
}

/// One batch of the rows and marks of all.
fn concat(batches: &[Batch]) -> Result<Batch> {
    let mut joined = Batch::default();
    for batch in batches {
        for mark in &batch.marks {
            let mut mark = *mark;
            mark.offset += joined.rows;
            push_mark(&mut joined.marks, mark);
        }
        joined.rows += batch.rows;
    }
    let with_rows: Vec<&Batch> = batches.iter().filter(|batch| batch.rows > 0).collect();
    if let [only] = with_rows[..] {
        joined.columns = only.columns.clone();
        joined.kinds = only.kinds.clone();
        return Ok(joined);
    }
    let width = with_rows.first().map_or(0, |batch| batch.columns.len());
    for column in 0..width {
        let parts: Vec<&dyn Array> = with_rows.iter().map(|b| b.columns[column].as_ref()).collect();
        joined.columns.push(compact(arrow_select::concat::concat(&parts)?));
    }
    if with_rows.iter().any(|batch| batch.kinds.is_some()) {
        let mut kinds: Vec<u8> = Vec::with_capacity(joined.rows);
        for batch in with_rows {
            match &batch.kinds {
                Some(own) => kinds.extend_from_slice(own),
                None => kinds.resize(kinds.len() + batch.rows, 0),
            }
        }
        joined.kinds = Some(Kinds::from(kinds));
    }
    Ok(joined)
}

/// Copies views of texts, so that a few rows do not keep the buffers of many batches.
fn compact(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View if !column.as_string_view().data_buffers().is_empty() => {
            Arc::new(column.as_string_view().gc())
        }
        DataType::BinaryView if !column.as_binary_view().data_buffers().is_empty() => {
            Arc::new(column.as_binary_view().gc())
        }
        _ => column,
    }
}
