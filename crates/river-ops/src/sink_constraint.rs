//! Checks and trims rows just before they are written (`ConstraintEnforcer`): NULL in a `NOT NULL`
//! column fails the job or drops the row; text and bytes are cut and padded to the column's length.

mod length;
#[cfg(test)]
mod tests;

use arrow_array::{Array, BooleanArray};
use river_core::plan::{NotNullEnforcer, SinkSpec};
use river_expr::EvalContext;
use river_runtime::{Batch, Error, Operator, Output, Result, Status};

use length::fit;

/// Enforces what a sink table's columns demand.
pub struct SinkConstraint {
    /// Position and name of each `NOT NULL` column.
    not_null: Vec<(usize, String)>,
    drop: bool,
    /// Position and type of each column with a length.
    lengths: Vec<(usize, river_core::LogicalType)>,
}

impl SinkConstraint {
    /// What that sink demands; `None` if nothing.
    pub fn of(spec: &SinkSpec) -> Option<SinkConstraint> {
        let columns = spec.columns.iter().enumerate();
        let not_null: Vec<_> = columns
            .clone()
            .filter(|(_, f)| !f.ty.nullable)
            .map(|(i, f)| (i, f.name.clone()))
            .collect();
        let lengths: Vec<_> = columns
            .filter(|(_, f)| spec.trim_pad && length::has_length(&f.ty.logical))
            .map(|(i, f)| (i, f.ty.logical.clone()))
            .collect();
        if not_null.is_empty() && lengths.is_empty() {
            return None;
        }
        Some(SinkConstraint { not_null, drop: spec.not_null == NotNullEnforcer::Drop, lengths })
    }

    /// The rows to keep, if any is to be dropped.
    fn complete_rows(&self, batch: &Batch) -> Result<Option<BooleanArray>> {
        let mut keep: Option<Vec<bool>> = None;
        for (column, name) in &self.not_null {
            let Some(array) = batch.columns.get(*column) else { continue };
            let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
                continue;
            };
            if !self.drop {
                return Err(Error::input(format!(
                    "column '{name}' is NOT NULL, but a NULL is being written into it; set \
                     'table.exec.sink.not-null-enforcer' = 'DROP' to drop such rows silently"
                )));
            }
            let keep = keep.get_or_insert_with(|| vec![true; batch.rows]);
            for (keep, valid) in keep.iter_mut().zip(nulls.iter()) {
                *keep &= valid;
            }
        }
        Ok(keep.map(BooleanArray::from))
    }
}

impl Operator for SinkConstraint {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        _now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let mut batch = match self.complete_rows(&batch)? {
            Some(keep) => batch.filter(&keep)?,
            None => batch,
        };
        for (column, ty) in &self.lengths {
            if let Some(array) = batch.columns.get_mut(*column)
                && let Some(fitted) = fit(array, ty)
            {
                *array = fitted;
            }
        }
        out.push(batch);
        Ok(Status::Done)
    }
}
