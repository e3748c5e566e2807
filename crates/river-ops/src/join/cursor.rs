//! How far a batch has been joined: which row, and where in the other side's list of its key.

use river_runtime::operator::TARGET_ROWS;
use river_runtime::state::MISSING;
use river_runtime::{Batch, Mark};

use super::side::{Applied, NONE, Side};

/// The state of joining one batch.
pub struct Cursor {
    /// The input the batch came from.
    pub input: usize,
    pub batch: Batch,
    /// What the batch did to its own side.
    pub applied: Applied,
    pub now_ms: i64,
    /// Slot of each row's key on the other side.
    slots: Vec<u32>,
    /// The row being listed and where in its list; its list is not begun if `None`.
    row: usize,
    at: Option<u32>,
    /// The row being emitted, and its matches so far.
    pub emitting: usize,
    pub begun: bool,
    pub matched: i32,
    next_mark: usize,
}

/// Candidate pairs, in the order of the batch's rows.
#[derive(Default)]
pub struct Chunk {
    /// Row of the batch and row of the other side.
    pub rows: Vec<u32>,
    pub others: Vec<u32>,
    /// Rows of the batch below this one have all their candidates in this chunk or before.
    pub complete: usize,
}

impl Cursor {
    pub fn new(
        input: usize,
        batch: Batch,
        slots: Vec<u32>,
        applied: Applied,
        now_ms: i64,
    ) -> Cursor {
        Cursor {
            input,
            batch,
            applied,
            now_ms,
            slots,
            row: 0,
            at: None,
            emitting: 0,
            begun: false,
            matched: 0,
            next_mark: 0,
        }
    }

    /// Lists the next candidate pairs.
    pub fn list(&mut self, other: &Side) -> Chunk {
        let mut chunk = Chunk::default();
        while self.row < self.batch.rows && chunk.rows.len() < TARGET_ROWS {
            let slot = self.slots[self.row];
            let mut at = match self.at.take() {
                Some(at) => at,
                None if slot == MISSING => NONE,
                None => other.first(slot),
            };
            while at != NONE && chunk.rows.len() < TARGET_ROWS {
                chunk.rows.push(self.row as u32);
                chunk.others.push(at);
                at = other.after(at);
            }
            if at != NONE {
                self.at = Some(at);
                break;
            }
            self.row += 1;
        }
        chunk.complete = self.row;
        chunk
    }

    /// Whether all pairs are listed.
    pub fn is_done(&self) -> bool {
        self.row >= self.batch.rows
    }

    /// The watermarks up to row `row` that have not been passed on.
    pub fn marks_before(&mut self, row: usize) -> &[Mark] {
        let start = self.next_mark;
        let marks = &self.batch.marks;
        while self.next_mark < marks.len() && marks[self.next_mark].offset <= row {
            self.next_mark += 1;
        }
        &self.batch.marks[start..self.next_mark]
    }
}
