//! Going on from a checkpoint: which one, and who takes what of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use river_checkpoint::restore::{NewInput, SubtaskRequest};
use river_checkpoint::{Place, Restore, layout};
use river_core::plan::matching::match_plans;
use river_core::plan::{Exchange, Plan};
use river_runtime::checkpoint::RestoredState;
use river_runtime::graph::{Vertex, VertexEdge};
use river_runtime::source::SplitState;
use river_runtime::{Error, Result};

/// A checkpoint, and which node of it each node of the job takes its state from.
pub struct Recovery {
    restore: Arc<Restore>,
    place: Place,
    /// Old node by new one.
    nodes: BTreeMap<usize, usize>,
    /// The plans are the same, so that vertices are too.
    same_plan: bool,
    allow_non_restored: bool,
}

impl Recovery {
    /// Goes on from a checkpoint of this very job.
    ///
    /// # Errors
    /// It is damaged, or the storage fails.
    pub fn own(place: Place, plan: &Plan) -> Result<Recovery> {
        Recovery::new(open(&place)?, place, plan, false)
    }

    /// Goes on from a checkpoint of a job whose plan may differ.
    ///
    /// # Errors
    /// State would be lost, unless that is allowed: lists it. It holds rows in flight, and the plan
    /// differs.
    pub fn new(
        restore: Restore,
        place: Place,
        plan: &Plan,
        allow_non_restored: bool,
    ) -> Result<Recovery> {
        let same_plan = restore.metadata().plan.nodes == plan.nodes;
        let nodes = match same_plan {
            true => plan.nodes.iter().map(|node| (node.id, node.id)).collect(),
            false => matched(&restore, plan, allow_non_restored)?,
        };
        Ok(Recovery { restore: Arc::new(restore), place, nodes, same_plan, allow_non_restored })
    }

    /// Where the checkpoint is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The old vertex whose batches in flight a vertex takes: it begins with the same operator.
    fn in_flight_of(&self, vertex: &Vertex) -> Option<usize> {
        // [`matched`] refuses batches in flight.
        let first = vertex.nodes.first().filter(|_| self.same_plan)?;
        let vertices = &self.restore.metadata().vertices;
        vertices.iter().position(|vertex| vertex.nodes.first() == Some(first))
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

    /// The same, of what some subtasks have prepared; of all, if their number has changed.
    pub fn prepared_by(&self, node: usize, subtasks: &[u32], parallelism: u32) -> Vec<Vec<u8>> {
        let Some(old) = self.nodes.get(&node) else { return Vec::new() };
        let prepared = self.restore.prepared(*old);
        if prepared.len() != parallelism as usize {
            return prepared.concat();
        }
        let own = subtasks.iter().filter_map(|subtask| prepared.get(*subtask as usize));
        own.flatten().cloned().collect()
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

/// Reads the metadata of a checkpoint.
pub fn open(place: &Place) -> river_checkpoint::Result<Restore> {
    let metadata = river_storage::join(&place.folder, layout::METADATA);
    Restore::open(place.storage.clone(), &metadata)
}

/// Pairs the nodes of different plans that keep state: old ones by new ones.
///
/// Batches in flight are refused: they were on their way to operators that may not be the same any
/// more. Savepoints hold none.
fn matched(
    restore: &Restore,
    plan: &Plan,
    allow_non_restored: bool,
) -> Result<BTreeMap<usize, usize>> {
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
    Ok(matching.taken())
}
