//! Output that waits for room: what an operator made of its input before [`Output`] was full.

use std::collections::VecDeque;

use river_runtime::operator::TARGET_ROWS;
use river_runtime::{Batch, Output, Status};

/// Batches in order, cut to a bounded size.
#[derive(Default)]
pub struct Pending {
    batches: VecDeque<Batch>,
}

impl Pending {
    /// Adds a batch, cut into pieces of at most twice [`TARGET_ROWS`]; empty ones are dropped.
    pub fn push(&mut self, batch: Batch) {
        if batch.rows <= 2 * TARGET_ROWS {
            if !batch.is_empty() {
                self.batches.push_back(batch);
            }
            return;
        }
        let mut marks = batch.marks.iter().copied().peekable();
        let mut start = 0;
        while start < batch.rows {
            let end = (start + TARGET_ROWS).min(batch.rows);
            let mut piece = batch.slice(start..end);
            while let Some(mut mark) = marks.next_if(|m| m.offset <= end) {
                mark.offset -= start;
                piece.marks.push(mark);
            }
            self.batches.push_back(piece);
            start = end;
        }
    }

    /// Moves batches to `out` until it is full or nothing is left.
    pub fn drain(&mut self, out: &mut Output) -> Status {
        while !out.is_full() {
            match self.batches.pop_front() {
                Some(batch) => out.push(batch),
                None => return Status::Done,
            }
        }
        if self.batches.is_empty() { Status::Done } else { Status::More }
    }
}
