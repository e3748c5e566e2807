//! Operator trees to one graph. Equal subtrees become one node with several readers, so that a
//! table that a job reads twice is read once (`table.optimizer.reuse-sub-plan-enabled`).

use river_core::options::Options;
use river_core::plan::{Edge, Node, Operator, PLAN_VERSION, Plan};

use super::Stream;

/// The plan of all sinks of a job.
pub fn plan(name: String, sinks: Vec<Stream>, options: Options) -> Plan {
    let mut nodes = Vec::new();
    for sink in sinks {
        add(sink, &mut nodes);
    }
    Plan { version: PLAN_VERSION, name, nodes, options }
}

fn add(stream: Stream, nodes: &mut Vec<Node>) -> usize {
    let inputs = stream
        .inputs
        .into_iter()
        .map(|(input, exchange)| Edge { node: add(input, nodes), exchange })
        .collect();
    let node = Node {
        id: nodes.len(),
        inputs,
        operator: stream.operator,
        schema: stream.schema,
        changelog: stream.mode,
        keys: stream.keys,
        parallelism: stream.parallelism,
        state_ttl_ms: stream.ttl_ms,
    };
    let same = |other: &&Node| {
        !matches!(node.operator, Operator::Sink(_))
            && other.operator == node.operator
            && other.inputs == node.inputs
            && other.schema == node.schema
            && other.changelog == node.changelog
            && other.parallelism == node.parallelism
            && other.state_ttl_ms == node.state_ttl_ms
    };
    if let Some(shared) = nodes.iter().find(same) {
        return shared.id;
    }
    let id = node.id;
    nodes.push(node);
    id
}
