//! Join with a table looked up at processing time (`StreamExecLookupJoin`): each row with the
//! table's rows of its key as they are now. Keeps no state; a row taken away is looked up again.

use arrow_array::ArrayRef;
use river_core::plan::JoinKind;
use river_core::{Expr, Field};
use river_expr::EvalContext;
use river_expr::program::Program;
use river_runtime::lookup::LookupTable;
use river_runtime::{Batch, Error, Operator, Output, Result, Status};

use crate::pairs::join_found;
use crate::pending::Pending;

/// Looks rows up in a table.
pub struct LookupJoin {
    table: Box<dyn LookupTable>,
    keys: Vec<Program>,
    condition: Option<Program>,
    left: bool,
    pending: Pending,
}

impl LookupJoin {
    /// A join with `table`, opened with the table columns of `keys` as its key. The condition is
    /// over input columns, then the table's.
    ///
    /// Errors: a kind of join other than inner or left; an expression that does not compile.
    pub fn new(
        _input: &[Field],
        table: Box<dyn LookupTable>,
        kind: JoinKind,
        keys: &[(Expr, usize)],
        condition: Option<&Expr>,
    ) -> Result<LookupJoin> {
        let left = match kind {
            JoinKind::Inner => false,
            JoinKind::Left => true,
            _ => return Err(Error::input("a lookup join is an INNER or a LEFT join")),
        };
        let keys = keys.iter().map(|(key, _)| Program::compile(key));
        Ok(LookupJoin {
            table,
            keys: keys.collect::<river_expr::Result<_>>()?,
            condition: condition.map(Program::compile).transpose()?,
            left,
            pending: Pending::default(),
        })
    }
}

impl Operator for LookupJoin {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let mut keys: Vec<ArrayRef> = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            keys.push(key.eval(&batch.columns, batch.rows, now)?);
        }
        let (parents, found) = self.table.lookup(&keys, batch.rows)?;
        let condition = self.condition.as_ref();
        self.pending.push(join_found(&batch, parents, &found.columns, condition, self.left, now)?);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
