//! Names of operators for people: in the job graph, metrics, messages and reports.

use super::{Node, Operator};

/// Name of a node's operator, as in Flink's job graph: a table's own name, or the kind and the id.
pub fn node_name(node: &Node) -> String {
    match &node.operator {
        Operator::Source(table) => format!("Source: {}", short(&table.name)),
        Operator::Sink(sink) => format!("Sink: {}", short(&sink.name)),
        Operator::LookupJoin { table, .. } => format!("LookupJoin({})", short(&table.name)),
        operator => format!("{}[{}]", kind_name(operator), node.id),
    }
}

/// The kind of an operator.
pub fn kind_name(operator: &Operator) -> &'static str {
    match operator {
        Operator::Source(_) => "Source",
        Operator::Sink(_) => "Sink",
        Operator::LookupJoin { .. } => "LookupJoin",
        Operator::Values { .. } => "Values",
        Operator::Calc { .. } => "Calc",
        Operator::WatermarkAssigner { .. } => "WatermarkAssigner",
        Operator::GroupAggregate { .. } => "GroupAggregate",
        Operator::WindowTableFunction { .. } => "WindowTableFunction",
        Operator::WindowAggregate { .. } => "WindowAggregate",
        Operator::WindowJoin { .. } => "WindowJoin",
        Operator::Join { .. } => "Join",
        Operator::Rank { .. } => "Rank",
        Operator::Deduplicate { .. } => "Deduplicate",
        Operator::WindowRank { .. } => "WindowRank",
        Operator::Union => "Union",
        Operator::SortLimit { .. } => "SortLimit",
        Operator::Sort { .. } => "Sort",
        Operator::Expand { .. } => "Expand",
        Operator::Correlate { .. } => "Correlate",
        Operator::ChangelogNormalize { .. } => "ChangelogNormalize",
        Operator::DropUpdateBefore => "DropUpdateBefore",
        Operator::SingleRow => "SingleRow",
        Operator::Over { .. } => "OverAggregate",
        Operator::IntervalJoin { .. } => "IntervalJoin",
        Operator::TemporalJoin { .. } => "TemporalJoin",
    }
}

/// The table's own name of `catalog.database.table`.
fn short(name: &str) -> &str {
    name.splitn(3, '.').last().unwrap_or(name)
}
