//! At most one row in the table at any time: scalar subqueries (`SingleValueAggFunction` in a
//! global `GroupAggFunction`). As there, a row taken away is a `-D` and the next one a `+I`, for
//! the group has no rows in between.

#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

use river_core::RowKind;
use river_expr::EvalContext;
use river_runtime::{Batch, Error, Operator, Output, Result, Status};

use crate::saved::{decode_numbers, encode_numbers};

/// Passes rows on and fails when a second one comes.
#[derive(Default)]
pub struct SingleRow {
    /// Whether the table has its row.
    present: bool,
}

impl Operator for SingleRow {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let mut kinds = Vec::with_capacity(batch.rows);
        for row in 0..batch.rows {
            let accumulate = batch.kind(row).is_accumulate();
            if accumulate && self.present {
                return Err(Error::input(
                    "SINGLE_VALUE: a scalar subquery gave more than one row; \
                     add a condition, an aggregate or LIMIT 1 to it",
                ));
            }
            self.present = accumulate;
            let kind = if accumulate { RowKind::Insert } else { RowKind::Delete };
            kinds.push(kind as u8);
        }
        let kinds = kinds.iter().any(|k| *k != 0).then(|| kinds.into());
        out.push(batch.with_kinds(kinds));
        Ok(Status::Done)
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(encode_numbers(&[i64::from(self.present)]))
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        for bytes in saved {
            let [present] = decode_numbers(bytes)?;
            self.present |= present != 0;
        }
        Ok(())
    }
}
