//! Going on from a checkpoint: which one, and who takes what of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use river_checkpoint::restore::{NewInput, SubtaskRequest};
use river_checkpoint::{Place, Restore};
use river_core::plan::matching::match_plans;
use river_core::plan::{Exchange, Plan};
use river_runtime::checkpoint::RestoredState;
use river_runtime::graph::{Graph, Vertex, VertexEdge};
use river_runtime::source::SplitState;
use river_runtime::{Error, Result};

/// A checkpoint, and which node of it each node of the job takes its state from.
pub struct Recovery {
    restore: Arc<Restore>,
    /// Old node by new one.
    nodes: BTreeMap<usize, usize>,
    /// Old node by new one, for nodes with the same input: batches in flight go to these.
    unchanged: BTreeMap<usize, usize>,
    /// The plans are the same, so that vertices are too.
    same_plan: bool,
    allow_non_restored: bool,
}

impl Recovery {
    /// Goes on from a checkpoint of this very job.
    pub fn own(place: &Place, plan: &Plan) -> Result<Recovery> {
        let path = river_storage::join(&place.folder, river_checkpoint::layout::METADATA);
        let restore = Restore::open(place.storage.clone(), &path)?;
        Recovery::new(Arc::new(restore), plan, false)
    }

    /// Goes on from a checkpoint of a job whose plan may differ.
    ///
    /// # Errors
    /// State would be lost, unless that is allowed: lists it.
    pub fn new(restore: Arc<Restore>, plan: &Plan, allow_non_restored: bool) -> Result<Recovery> {
        let old = &restore.metadata().plan;
        let same_plan = old.nodes == plan.nodes;
        let (nodes, unchanged) = match same_plan {
            true => {
                let nodes: BTreeMap<_, _> = plan.nodes.iter().map(|n| (n.id, n.id)).collect();
                (nodes.clone(), nodes)
            }
            false => matched(&restore, plan, allow_non_restored)?,
        };
        Ok(Recovery { restore, nodes, unchanged, same_plan, allow_non_restored })
    }

    /// Makes sure that every batch in flight has a task to go to.
    ///
    /// # Errors
    /// One has not: names the operator.
    pub fn check(&self, graph: &Graph) -> Result<()> {
        let metadata = self.restore.metadata();
        let taken: Vec<usize> =
            graph.vertices.iter().filter_map(|vertex| self.in_flight_of(vertex)).collect();
        let lost = metadata.vertices.iter().enumerate().find(|(number, vertex)| {
            vertex.subtasks.iter().any(|subtask| subtask.in_flight) && !taken.contains(number)
        });
        match lost {
            Some((_, vertex)) if !self.allow_non_restored => Err(Error::input(format!(
                "{} holds rows on their way to {}, whose input has changed; change the query from \
                 a savepoint, or from a checkpoint made with \
                 'execution.checkpointing.unaligned.enabled' = 'false'",
                self.uri(),
                vertex.name
            ))),
            _ => Ok(()),
        }
    }

    /// The old vertex whose batches in flight a vertex takes: it begins with the same operator on
    /// the same input.
    fn in_flight_of(&self, vertex: &Vertex) -> Option<usize> {
        let vertices = &self.restore.metadata().vertices;
        let old = self.unchanged.get(vertex.nodes.first()?)?;
        vertices.iter().position(|vertex| vertex.nodes.first() == Some(old))
    }

    /// The checkpoint's number.
    pub fn checkpoint(&self) -> u64 {
        self.restore.metadata().checkpoint
    }

    /// Where it is, for messages.
    pub fn uri(&self) -> &str {
        self.restore.uri()
    }

    /// The splits of a source, by old subtask; `None` if it starts anew.
    pub fn splits(&self, node: usize) -> Option<Vec<Vec<SplitState>>> {
        self.nodes.get(&node).map(|old| self.restore.splits(*old))
    }

    /// What a sink has to commit.
    pub fn prepared(&self, node: usize) -> Vec<Vec<u8>> {
        let old = self.nodes.get(&node);
        old.map(|old| self.restore.prepared(*old).concat()).unwrap_or_default()
    }

    /// Number of key groups that the state for a vertex is kept in.
    pub fn max_parallelism(&self, vertex: &Vertex) -> Option<u32> {
        let mut old = vertex.nodes.iter().filter_map(|node| self.nodes.get(node));
        old.find_map(|old| self.restore.max_parallelism(*old))
    }

    /// Whether a subtask had ended.
    pub fn is_finished(&self, vertex: &Vertex, subtask: u32) -> Result<bool> {
        let metadata = self.restore.metadata();
        let old = vertex.nodes.first().and_then(|node| self.nodes.get(node));
        let old = old.and_then(|old| metadata.vertex_of(*old)).map(|old| &metadata.vertices[old]);
        let Some(old) = old.filter(|_| self.same_plan) else { return Ok(false) };
        if old.is_finished() {
            return Ok(true);
        }
        if old.parallelism == vertex.parallelism {
            return Ok(old.subtasks[subtask as usize].finished);
        }
        match old.subtasks.iter().any(|subtask| subtask.finished) {
            false => Ok(false),
            true => Err(Error::input(format!(
                "some, but not all, of the {} subtasks of {} had ended in {}; go on with that \
                 parallelism",
                old.parallelism,
                vertex.name,
                self.uri()
            ))),
        }
    }

    /// The state of a subtask; each of its inputs has that many channels.
    pub fn subtask(
        &self,
        vertex: &Vertex,
        subtask: u32,
        max_parallelism: u32,
        channels: &[usize],
    ) -> Result<Box<dyn RestoredState>> {
        let pair = |node: &usize| Some((*node, *self.nodes.get(node)?));
        let input = |(edges, channels): (&Vec<VertexEdge>, &usize)| NewInput {
            exchange: edges.first().map_or(Exchange::Forward, |edge| edge.exchange.clone()),
            channels: *channels,
        };
        let request = SubtaskRequest {
            nodes: vertex.nodes.iter().filter_map(pair).collect(),
            subtask,
            parallelism: vertex.parallelism,
            max_parallelism,
            in_flight_of: self.in_flight_of(vertex),
            inputs: vertex.inputs.iter().zip(channels).map(input).collect(),
            allow_non_restored: self.allow_non_restored,
        };
        Ok(self.restore.subtask(request)?)
    }
}

/// Old nodes by new ones.
type Pairs = BTreeMap<usize, usize>;

/// Pairs the nodes of different plans: those that keep state, and those with the same input.
fn matched(restore: &Restore, plan: &Plan, allow_non_restored: bool) -> Result<(Pairs, Pairs)> {
    if restore.metadata().has_in_flight() {
        return Err(Error::input(format!(
            "{} is an unaligned checkpoint: batches were on their way between operators, and only \
             the unchanged query can take them; go on with that, and make a savepoint",
            restore.uri()
        )));
    }
    let matching = match_plans(&restore.metadata().plan, plan);
    match matching.refusal() {
        Some(refusal) if !allow_non_restored => {
            return Err(Error::input(format!("{}: {refusal}", restore.uri())));
        }
        Some(_) => tracing::warn!("state of {}:\n{matching}", restore.uri()),
        None => tracing::info!("state of {}:\n{matching}", restore.uri()),
    }
    if matching.has_copies() && restore.metadata().has_in_flight() {
        return Err(Error::input(format!(
            "{} holds rows on their way, and the query has changed so that some would have to be \
             copied; change it from a savepoint instead",
            restore.uri()
        )));
    }
    Ok((matching.taken(), matching.unchanged))
}
