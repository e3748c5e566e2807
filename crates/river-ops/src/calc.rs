//! Filter, then projection (`StreamExecCalc`). Row kinds pass through; a row whose partner of an
//! update pair is dropped stays, as in Flink.

use arrow_array::BooleanArray;
use river_core::Expr;
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::{Batch, Operator, Output, Result, Status};

#[cfg(test)]
mod tests;

/// The operator.
pub struct Calc {
    condition: Option<Program>,
    projection: Vec<Program>,
    /// Columns that the projection reads; the others are not copied by the filter.
    used: Vec<bool>,
}

impl Calc {
    /// Compiles the expressions over an input of `columns` columns.
    pub fn new(condition: Option<&Expr>, projection: &[Expr], columns: usize) -> Result<Calc> {
        let mut used = vec![false; columns];
        projection.iter().for_each(|expr| mark_used(expr, &mut used));
        Ok(Calc {
            condition: condition.map(Program::compile).transpose()?,
            projection: projection
                .iter()
                .map(Program::compile)
                .collect::<river_expr::Result<_>>()?,
            used,
        })
    }
}

/// Marks the columns that an expression reads.
fn mark_used(expr: &Expr, used: &mut [bool]) {
    if let river_core::expr::ExprKind::Column(column) = &expr.kind
        && let Some(used) = used.get_mut(*column)
    {
        *used = true;
    }
    expr.children().into_iter().for_each(|child| mark_used(child, used));
}

impl Calc {
    /// The rows that are true; columns nobody reads are left as they are, of another length.
    fn filter(&self, batch: Batch, now: &EvalContext) -> Result<Batch> {
        let Some(condition) = &self.condition else { return Ok(batch) };
        let keep = condition.eval_predicate(&batch.columns, batch.rows, now)?;
        let keep = BooleanArray::new(keep, None);
        let rows = keep.true_count();
        if rows == batch.rows {
            return Ok(batch);
        }
        let read: Vec<_> =
            self.used.iter().zip(&batch.columns).filter(|(used, _)| **used).collect();
        let narrow = Batch {
            columns: read.into_iter().map(|(_, column)| column.clone()).collect(),
            ..batch.clone()
        };
        let narrow = narrow.filter(&keep)?;
        let mut filtered = narrow.columns.into_iter();
        let mut columns = batch.columns;
        for (column, used) in columns.iter_mut().zip(&self.used) {
            if *used && let Some(kept) = filtered.next() {
                *column = kept;
            }
        }
        Ok(Batch { columns, rows, kinds: narrow.kinds, marks: narrow.marks })
    }
}

impl Operator for Calc {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        if batch.rows == 0 {
            out.push(Batch { marks: batch.marks, ..Batch::default() });
            return Ok(Status::Done);
        }
        let batch = self.filter(batch, now)?;
        if batch.rows == 0 {
            out.push(Batch { marks: batch.marks, ..Batch::default() });
            return Ok(Status::Done);
        }
        let columns = self
            .projection
            .iter()
            .map(|program| program.eval(&batch.columns, batch.rows, now))
            .collect::<river_expr::Result<_>>()?;
        out.push(Batch { columns, ..batch });
        Ok(Status::Done)
    }
}
