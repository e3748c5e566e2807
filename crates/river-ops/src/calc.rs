//! Filter, then projection (`StreamExecCalc`). Row kinds pass through; a row whose partner of an
//! update pair is dropped stays, as in Flink.
//!
//! Fields of row columns are taken out before anything else, so that a filter copies the fields
//! that are read and never whole rows of them.

use arrow_array::{ArrayRef, BooleanArray};
use river_core::Expr;
use river_core::expr::ExprKind;
use river_expr::EvalContext;
use river_expr::program::{Program, field_of};
use river_runtime::{Batch, Error, Operator, Output, Result, Status};

#[cfg(test)]
mod tests;

/// The operator.
pub struct Calc {
    /// What the expressions read of the input: their columns, by position.
    reads: Vec<Read>,
    condition: Option<Program>,
    projection: Vec<Program>,
    /// Of what is read, what the projection reads; the rest is not copied by the filter.
    used: Vec<bool>,
}

/// A column of the input, or a field of a row column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Column(usize),
    Field(usize, usize),
}

impl Calc {
    /// Compiles the expressions.
    pub fn new(condition: Option<&Expr>, projection: &[Expr]) -> Result<Calc> {
        let mut reads = Vec::new();
        let projection: Vec<Expr> =
            projection.iter().map(|expr| over_reads(expr.clone(), &mut reads)).collect();
        let mut used = vec![true; reads.len()];
        let condition = condition.map(|expr| over_reads(expr.clone(), &mut reads));
        used.resize(reads.len(), false);
        Ok(Calc {
            reads,
            condition: condition.as_ref().map(Program::compile).transpose()?,
            projection: projection
                .iter()
                .map(Program::compile)
                .collect::<river_expr::Result<_>>()?,
            used,
        })
    }

    /// What is read of a batch.
    fn read(&self, columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let column = |column: usize| {
            columns.get(column).ok_or_else(|| Error::internal("a column is not in the input"))
        };
        let read = self.reads.iter().map(|read| match *read {
            Read::Column(number) => Ok(column(number)?.clone()),
            Read::Field(number, field) => Ok(field_of(column(number)?, field)?),
        });
        read.collect()
    }

    /// The rows that are true; columns the projection does not read are left as they are, of
    /// another length.
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

/// The expression over what is read instead of over the input's columns.
fn over_reads(expr: Expr, reads: &mut Vec<Read>) -> Expr {
    let read = match &expr.kind {
        ExprKind::Column(column) => Some(Read::Column(*column)),
        ExprKind::Field { input, index } => {
            input.as_column().map(|column| Read::Field(column, *index))
        }
        _ => None,
    };
    let Some(read) = read else {
        return expr.map_children(&mut |child| over_reads(child, reads));
    };
    let position = reads.iter().position(|known| *known == read).unwrap_or_else(|| {
        reads.push(read);
        reads.len() - 1
    });
    Expr::column(position, expr.ty)
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
        let batch = Batch { columns: self.read(&batch.columns)?, ..batch };
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
