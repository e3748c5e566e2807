//! All rows of all inputs (`StreamExecUnion`). The task has merged inputs and watermarks already.

use river_expr::EvalContext;
use river_runtime::{Batch, Operator, Output, Result, Status};

/// The operator.
pub struct Union;

impl Operator for Union {
    fn process(
        &mut self,
        _: usize,
        batch: Batch,
        _: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        out.push(batch);
        Ok(Status::Done)
    }
}
