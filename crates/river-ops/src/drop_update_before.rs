//! Drops `-U` rows, where the consumer updates by key (`DropUpdateBeforeFunction`).

use arrow_array::BooleanArray;
use river_core::RowKind;
use river_expr::EvalContext;
use river_runtime::{Batch, Operator, Output, Result, Status};

/// Passes everything but `-U` rows on.
pub struct DropUpdateBefore;

impl Operator for DropUpdateBefore {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let dropped = RowKind::UpdateBefore as u8;
        match &batch.kinds {
            Some(kinds) if kinds.contains(&dropped) => {
                let keep: BooleanArray = kinds.iter().map(|k| Some(*k != dropped)).collect();
                out.push(batch.filter(&keep)?);
            }
            _ => out.push(batch),
        }
        Ok(Status::Done)
    }
}
