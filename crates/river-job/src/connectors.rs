//! The tables of a job, opened: shared by all subtasks that read or write them.

use std::collections::BTreeMap;
use std::sync::Arc;

use river_core::plan::{Node, Operator as Op, Plan};
use river_runtime::sink::Sink;
use river_runtime::source::Source;
use river_runtime::{Error, Result};

use crate::Components;

/// Tables by node.
#[derive(Default, Clone)]
pub struct Connectors {
    sources: BTreeMap<usize, Arc<dyn Source>>,
    sinks: BTreeMap<usize, Arc<dyn Sink>>,
}

impl Connectors {
    /// The same with these nodes' tables opened, anew if they were.
    ///
    /// # Errors
    /// What is wrong with a table.
    pub fn opened(
        &self,
        plan: &Plan,
        components: &dyn Components,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Result<Connectors> {
        let mut connectors = self.clone();
        for node in plan.nodes.iter().filter(|node| is_wanted(node.id)) {
            match &node.operator {
                Op::Source(table) => {
                    connectors.sources.insert(node.id, components.source(table)?);
                }
                Op::Sink(spec) => {
                    let input = node.inputs.first().and_then(|edge| plan.nodes.get(edge.node));
                    let input = input.map_or(&[][..], |node| &node.schema);
                    connectors.sinks.insert(node.id, components.sink(spec, input)?);
                }
                _ => {}
            }
        }
        Ok(connectors)
    }

    /// Number of subtasks that a node's table wants.
    pub fn wished_parallelism(&self, node: &Node) -> Option<u32> {
        match &node.operator {
            Op::Source(_) => self.sources.get(&node.id)?.parallelism(),
            Op::Sink(_) => self.sinks.get(&node.id)?.parallelism(),
            _ => None,
        }
    }

    /// Whether single subtasks of a vertex that reads and writes these nodes' tables, if any, can
    /// restart while others go on.
    pub fn restart_by_subtask(&self, source: Option<usize>, sink: Option<usize>) -> bool {
        let source = source.and_then(|node| self.sources.get(&node));
        let sink = sink.and_then(|node| self.sinks.get(&node));
        source.is_none_or(|source| source.restarts_by_subtask())
            && sink.is_none_or(|sink| sink.restarts_by_subtask())
    }

    /// The table that a node reads.
    pub fn source(&self, node: usize) -> Result<&Arc<dyn Source>> {
        self.sources.get(&node).ok_or_else(|| Error::internal("a source was not opened"))
    }

    /// The table that a node writes.
    pub fn sink(&self, node: usize) -> Result<&Arc<dyn Sink>> {
        self.sinks.get(&node).ok_or_else(|| Error::internal("a sink was not opened"))
    }

    /// The tables that are written, by node.
    pub fn sinks(&self) -> &BTreeMap<usize, Arc<dyn Sink>> {
        &self.sinks
    }
}
