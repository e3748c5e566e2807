//! One output row for each projection of an input row (`StreamExecExpand`, for grouping sets).

use arrow_array::ArrayRef;
use arrow_select::interleave::interleave;
use river_core::Expr;
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::{Batch, Mark, Operator, Output, Result, Status};

use crate::pending::Pending;

#[cfg(test)]
mod tests;

/// The operator.
pub struct Expand {
    projections: Vec<Vec<Program>>,
    pending: Pending,
}

impl Expand {
    /// Compiles the projections, all of the same types.
    pub fn new(projections: &[Vec<Expr>]) -> Result<Expand> {
        let compile = |row: &Vec<Expr>| {
            row.iter().map(Program::compile).collect::<river_expr::Result<Vec<_>>>()
        };
        let projections = projections.iter().map(compile).collect::<river_expr::Result<_>>()?;
        Ok(Expand { projections, pending: Pending::default() })
    }
}

impl Operator for Expand {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let copies = self.projections.len();
        let rows = batch.rows * copies;
        let picks: Vec<(usize, usize)> =
            (0..rows).map(|output| (output % copies, output / copies)).collect();
        let width = self.projections.first().map_or(0, Vec::len);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(width);
        for column in 0..width {
            let values = self
                .projections
                .iter()
                .map(|row| row[column].eval(&batch.columns, batch.rows, now))
                .collect::<river_expr::Result<Vec<_>>>()?;
            let values: Vec<_> = values.iter().map(|values| values.as_ref()).collect();
            columns.push(interleave(&values, &picks)?);
        }
        let kinds = batch
            .kinds
            .as_ref()
            .map(|kinds| picks.iter().map(|(_, row)| kinds[*row]).collect::<Vec<u8>>().into());
        let marks = batch.marks.iter().map(|mark| Mark { offset: mark.offset * copies, ..*mark });
        self.pending.push(Batch { columns, rows, kinds, marks: marks.collect() });
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
