//! From a plan node to the operator that does it. Called by the task for each node of its chain
//! except sources, sinks and constant rows, which the task does itself.

use river_core::Field;
use river_core::plan::{Node, Operator as Op};
use river_runtime::{Error, Operator, OperatorContext, Result};

use crate::correlate::Correlate;
use crate::drop_update_before::DropUpdateBefore;
use crate::join::{Join, JoinSpec};
use crate::single_row::SingleRow;
use crate::sort::Sort;

/// The operator of a node whose inputs have these columns.
///
/// Errors: a function that does not exist, or an operator that river cannot run yet.
pub fn build(
    node: &Node,
    inputs: &[&[Field]],
    context: &OperatorContext,
) -> Result<Box<dyn Operator>> {
    let input = |number: usize| {
        inputs.get(number).copied().ok_or_else(|| Error::internal("a plan node lacks an input"))
    };
    let _ = context;
    Ok(match &node.operator {
        Op::Correlate { function, args, left, condition } => Box::new(Correlate::new(
            input(0)?,
            &node.schema,
            function,
            args,
            *left,
            condition.as_ref(),
        )?),
        Op::Join { kind, keys, condition, left_unique, right_unique, ttl_ms } => {
            let spec = JoinSpec {
                kind: *kind,
                keys,
                condition: condition.as_ref(),
                unique: [left_unique.as_deref(), right_unique.as_deref()],
                ttl_ms: [ttl_ms.0, ttl_ms.1],
            };
            Box::new(Join::new(input(0)?, input(1)?, spec)?)
        }
        Op::DropUpdateBefore => Box::new(DropUpdateBefore),
        Op::SingleRow => Box::new(SingleRow::default()),
        Op::Sort { order, rowtime } => Box::new(Sort::new(input(0)?, order, *rowtime)?),
        Op::Source(_) | Op::Values { .. } | Op::Sink(_) => {
            return Err(Error::internal("sources, values and sinks are run by the task"));
        }
        Op::Over { .. } => return Err(unsupported("OVER aggregation")),
        Op::IntervalJoin { .. } => return Err(unsupported("a join bounded in time")),
        Op::TemporalJoin { .. } => return Err(unsupported("FOR SYSTEM_TIME AS OF event time")),
        _ => return Err(unsupported("this operator")),
    })
}

fn unsupported(what: &str) -> Error {
    Error::input(format!("{what} is not supported yet"))
}
