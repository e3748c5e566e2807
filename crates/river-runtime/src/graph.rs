//! From a plan to vertices: which nodes run in one task, how often, and what joins them.
//!
//! Rules (`StreamingJobGraphGenerator`): a node runs in the task of its producer if that is its
//! only producer, it is that one's only consumer, the edge is `Forward` and the parallelism equal.
//! A union is no operator: its producers are producers of its consumers.

use river_core::key_group::{MAX_MAX_PARALLELISM, default_max_parallelism};
use river_core::options::{OptionError, Options};
use river_core::plan::{Exchange, Node, Operator, Plan};

pub use river_core::plan::node_name;

use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Options of a job that decide its graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphOptions {
    /// Subtasks of what does not say otherwise.
    pub parallelism: u32,
    /// `pipeline.max-parallelism`
    pub max_parallelism: Option<u32>,
    /// `pipeline.operator-chaining.enabled`
    pub chaining: bool,
}

impl Default for GraphOptions {
    fn default() -> GraphOptions {
        GraphOptions { parallelism: 1, max_parallelism: None, chaining: true }
    }
}

impl GraphOptions {
    /// Reads a job's options. `table.exec.resource.default-parallelism` goes before
    /// `parallelism.default` if it is positive.
    ///
    /// # Errors
    /// Names the option that is wrong.
    pub fn from_options(options: &Options) -> Result<GraphOptions> {
        let table = count(options, "table.exec.resource.default-parallelism", true)?;
        let default = count(options, "parallelism.default", false)?;
        let max_parallelism = count(options, "pipeline.max-parallelism", true)?;
        let mut chaining = true;
        for key in ["pipeline.operator-chaining", "pipeline.operator-chaining.enabled"] {
            chaining = options.bool(key).map_err(invalid)?.unwrap_or(chaining);
        }
        let parallelism = table.or(default).unwrap_or(1);
        Ok(GraphOptions { parallelism, max_parallelism, chaining })
    }

    /// Key groups of a node of that parallelism.
    pub fn max_parallelism(&self, parallelism: u32) -> u32 {
        let wanted = self.max_parallelism.unwrap_or_else(|| default_max_parallelism(parallelism));
        wanted.max(parallelism)
    }
}

/// A number of subtasks. `unset` says whether 0 and below stand for "not set".
fn count(options: &Options, key: &str, unset: bool) -> Result<Option<u32>> {
    match options.i64(key).map_err(invalid)? {
        None => Ok(None),
        Some(n) if n <= 0 && unset => Ok(None),
        Some(n) => match u32::try_from(n) {
            Ok(n @ 1..=MAX_MAX_PARALLELISM) => Ok(Some(n)),
            _ => Err(Error::input(format!(
                "option '{key}': '{n}' is not a number from 1 to {MAX_MAX_PARALLELISM}"
            ))),
        },
    }
}

fn invalid(error: OptionError) -> Error {
    Error::input(error.to_string())
}

/// The tasks of a job before they are multiplied by their parallelism.
#[derive(Debug)]
pub struct Graph {
    /// Producers before consumers.
    pub vertices: Vec<Vertex>,
}

/// A chain of nodes that run in one task.
#[derive(Debug, PartialEq, Eq)]
pub struct Vertex {
    /// Names of its nodes, joined by ` -> `.
    pub name: String,
    /// The nodes, each the only producer of the next.
    pub nodes: Vec<usize>,
    /// Number of subtasks.
    pub parallelism: u32,
    /// For each input of the first node, its producers.
    pub inputs: Vec<Vec<VertexEdge>>,
}

/// An edge from another vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VertexEdge {
    /// The producer: position in [`Graph::vertices`].
    pub vertex: usize,
    /// How its rows are spread over our subtasks.
    pub exchange: Exchange,
}

/// An edge between nodes with unions taken out.
struct NodeEdge {
    node: usize,
    exchange: Exchange,
}

impl Graph {
    /// The graph of a plan. `wished` gives the number of subtasks a node's connector wants.
    ///
    /// # Errors
    /// A plan that breaks its own rules (a bug of the planner, or a damaged file).
    pub fn new(
        plan: &Plan,
        options: &GraphOptions,
        wished: impl Fn(&Node) -> Option<u32>,
    ) -> Result<Graph> {
        check(plan)?;
        let merged = merged_unions(plan);
        let count = plan.nodes.len();
        let mut inputs: Vec<Vec<Vec<NodeEdge>>> = Vec::with_capacity(count);
        let mut parallelism: Vec<u32> = Vec::with_capacity(count);
        for node in &plan.nodes {
            inputs.push(resolve_inputs(plan, node, &merged));
            let given = node.parallelism.or_else(|| wished(node));
            parallelism.push(node_parallelism(node, given, &parallelism, options));
        }
        let mut consumers = vec![0; count];
        let alive = plan.nodes.iter().filter(|node| !merged[node.id]);
        for edge in alive.flat_map(|node| inputs[node.id].iter().flatten()) {
            consumers[edge.node] += 1;
        }
        let mut vertices: Vec<Vertex> = Vec::new();
        let mut vertex_of = vec![usize::MAX; count];
        for (node, inputs) in plan.nodes.iter().zip(inputs) {
            if merged[node.id] {
                continue;
            }
            let own = parallelism[node.id];
            let producer = only_producer(&inputs).filter(|producer| {
                options.chaining && consumers[*producer] == 1 && parallelism[*producer] == own
            });
            if let Some(producer) = producer {
                let vertex = vertex_of[producer];
                vertex_of[node.id] = vertex;
                vertices[vertex].nodes.push(node.id);
                vertices[vertex].name += &format!(" -> {}", node_name(node));
                continue;
            }
            vertex_of[node.id] = vertices.len();
            let edge = |edge: NodeEdge| VertexEdge {
                vertex: vertex_of[edge.node],
                exchange: edge_exchange(edge.exchange, parallelism[edge.node], own),
            };
            vertices.push(Vertex {
                name: node_name(node),
                nodes: vec![node.id],
                parallelism: own,
                inputs: inputs.into_iter().map(|e| e.into_iter().map(edge).collect()).collect(),
            });
        }
        Ok(Graph { vertices })
    }
}

/// The producer of a node that may be chained to it.
fn only_producer(inputs: &[Vec<NodeEdge>]) -> Option<usize> {
    let [edges] = inputs else { return None };
    let [edge] = &edges[..] else { return None };
    (edge.exchange == Exchange::Forward).then_some(edge.node)
}

/// Between different numbers of subtasks there is no "same" subtask.
fn edge_exchange(exchange: Exchange, from: u32, to: u32) -> Exchange {
    match exchange {
        Exchange::Forward if from != to => Exchange::Rebalance,
        other => other,
    }
}

/// The unions that are only a list of producers: their own inputs are not spread anew, and someone
/// reads them.
fn merged_unions(plan: &Plan) -> Vec<bool> {
    let mut merged = vec![false; plan.nodes.len()];
    for edge in plan.nodes.iter().flat_map(|node| &node.inputs) {
        let producer = &plan.nodes[edge.node];
        merged[edge.node] = matches!(producer.operator, Operator::Union)
            && producer.inputs.iter().all(|edge| edge.exchange == Exchange::Forward);
    }
    merged
}

fn resolve_inputs(plan: &Plan, node: &Node, merged: &[bool]) -> Vec<Vec<NodeEdge>> {
    let resolve = |edge: &river_core::plan::Edge| {
        let mut edges = Vec::new();
        let mut open = vec![edge.node];
        while let Some(node) = open.pop() {
            if merged[node] {
                open.extend(plan.nodes[node].inputs.iter().rev().map(|edge| edge.node));
            } else {
                edges.push(NodeEdge { node, exchange: edge.exchange.clone() });
            }
        }
        edges
    };
    node.inputs.iter().map(resolve).collect()
}

/// Number of subtasks: the one given, else 1 for constants and below a `Single` edge, else that of
/// the producers behind `Forward` edges, else the job's.
fn node_parallelism(
    node: &Node,
    given: Option<u32>,
    so_far: &[u32],
    options: &GraphOptions,
) -> u32 {
    if let Some(given) = given {
        return given.clamp(1, MAX_MAX_PARALLELISM);
    }
    let values = matches!(node.operator, Operator::Values { .. });
    if values || node.inputs.iter().any(|edge| edge.exchange == Exchange::Single) {
        return 1;
    }
    let forward = node.inputs.iter().filter(|edge| edge.exchange == Exchange::Forward);
    forward.map(|edge| so_far[edge.node]).max().unwrap_or(options.parallelism)
}

/// What the runtime relies on.
fn check(plan: &Plan) -> Result<()> {
    for (position, node) in plan.nodes.iter().enumerate() {
        if node.id != position || node.inputs.iter().any(|edge| edge.node >= position) {
            return Err(Error::internal(format!("plan: node {position} is out of order")));
        }
        let leaf = matches!(node.operator, Operator::Source(_) | Operator::Values { .. });
        if leaf != node.inputs.is_empty() {
            return Err(Error::internal(format!("plan: node {position} has the wrong inputs")));
        }
        for edge in &node.inputs {
            let width = plan.nodes[edge.node].schema.len();
            if let Exchange::Hash(columns) = &edge.exchange
                && columns.iter().any(|column| *column >= width)
            {
                return Err(Error::internal(format!("plan: node {position} hashes no column")));
            }
            if matches!(plan.nodes[edge.node].operator, Operator::Sink(_)) {
                return Err(Error::internal(format!("plan: node {position} reads from a sink")));
            }
        }
    }
    Ok(())
}
