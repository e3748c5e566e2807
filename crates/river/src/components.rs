//! What jobs are made of: connectors of `river-connectors`, operators of `river-ops`. The runtime
//! asks for them while it builds a job's tasks.

use std::sync::Arc;

use river_core::Field;
use river_core::plan::{Node, Operator as Op, SinkSpec, TableRef};
use river_expr::Session;
use river_job::Components;
use river_ops::lookup_join::LookupJoin;
use river_runtime::sink::Sink;
use river_runtime::source::Source;
use river_runtime::{Error, Operator, OperatorContext, Result};

#[cfg(test)]
mod tests;

/// Everything that is built in.
#[derive(Debug, Clone, Default)]
pub struct BuiltIn {
    /// Settings for formats and expressions.
    pub session: Session,
}

impl Components for BuiltIn {
    fn source(&self, table: &TableRef) -> Result<Arc<dyn Source>> {
        river_connectors::source(table, &self.session)
    }

    fn sink(&self, spec: &SinkSpec, _input: &[Field]) -> Result<Arc<dyn Sink>> {
        river_connectors::sink(spec, &self.session)
    }

    fn sink_operators(
        &self,
        spec: &SinkSpec,
        input: &[Field],
        context: &OperatorContext,
    ) -> Result<Vec<Box<dyn Operator>>> {
        river_ops::sink::sink_operators(spec, input, context)
    }

    fn operator(
        &self,
        node: &Node,
        inputs: &[&Node],
        context: &OperatorContext,
    ) -> Result<Box<dyn Operator>> {
        let Op::LookupJoin { table, kind, keys, condition } = &node.operator else {
            return river_ops::build(node, inputs, context);
        };
        let input = inputs.first().ok_or_else(|| Error::internal("a join lacks its input"))?;
        let columns: Vec<usize> = keys.iter().map(|(_, column)| *column).collect();
        let table = river_connectors::lookup(table, &columns, &self.session)?;
        let condition = condition.as_ref();
        Ok(Box::new(LookupJoin::new(&input.schema, table, *kind, keys, condition)?))
    }
}
