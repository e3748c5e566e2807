//! `CROSS JOIN UNNEST(..)` and table functions: each input row with the rows the function gives for
//! it (`StreamExecCorrelate`).

#[cfg(test)]
mod tests;

use arrow_array::ArrayRef;
use river_core::{Expr, Field};
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::{Batch, Operator, Output, Result, Status};

use crate::pairs::join_found;
use crate::pending::Pending;
use crate::table_function::{self, TableFunction};

/// Calls a table function for each row.
pub struct Correlate {
    args: Vec<Program>,
    function: Box<dyn TableFunction>,
    condition: Option<Program>,
    left: bool,
    pending: Pending,
}

impl Correlate {
    /// A call of `function` over rows with the columns `input`, giving rows with the columns
    /// `output`: those of the input, then the function's.
    pub fn new(
        input: &[Field],
        output: &[Field],
        function: &str,
        args: &[Expr],
        left: bool,
        condition: Option<&Expr>,
    ) -> Result<Correlate> {
        let types: Vec<_> = args.iter().map(|a| a.ty.clone()).collect();
        let produced = output.get(input.len()..).unwrap_or_default();
        Ok(Correlate {
            args: args.iter().map(Program::compile).collect::<river_expr::Result<_>>()?,
            function: table_function::create(function, &types, produced)?,
            condition: condition.map(Program::compile).transpose()?,
            left,
            pending: Pending::default(),
        })
    }
}

impl Operator for Correlate {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let mut args: Vec<ArrayRef> = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            args.push(arg.eval(&batch.columns, batch.rows, now)?);
        }
        let (parents, found) = self.function.call(&args, batch.rows)?;
        let condition = self.condition.as_ref();
        self.pending.push(join_found(&batch, parents, &found, condition, self.left, now)?);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
