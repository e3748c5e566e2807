//! What stays the same in all attempts at a job: its vertices, the numbers of their tasks, their
//! key groups, and the regions that restart together.

use std::ops::Range;

use river_checkpoint::VertexState;
use river_core::checkpoint::TaskId;
use river_core::plan::{Exchange, Node, Operator as Op, Plan};
use river_runtime::Result;
use river_runtime::graph::{Graph, Vertex, VertexEdge};

use crate::checkpoints::VertexPlace;
use crate::connectors::Connectors;
use crate::recovery::Recovery;
use crate::region::Regions;
use crate::settings::{Failover, Settings};

/// See the module.
pub struct Topology {
    /// Vertices and edges.
    pub graph: Graph,
    /// Key groups of each vertex.
    pub max_parallelism: Vec<u32>,
    /// What restarts together.
    pub regions: Regions,
    /// Number of each vertex's first task; the others follow.
    first_task: Vec<TaskId>,
    /// The table that each vertex reads, and the one that it writes: nodes.
    tables: Vec<(Option<usize>, Option<usize>)>,
}

impl Topology {
    /// The topology of a job that goes on from a checkpoint, or from nothing.
    ///
    /// # Errors
    /// A plan that breaks its own rules.
    pub fn new(
        plan: &Plan,
        settings: &Settings,
        connectors: &Connectors,
        recovery: Option<&Recovery>,
    ) -> Result<Topology> {
        let options = &settings.graph;
        let graph = Graph::new(plan, options, |node| connectors.wished_parallelism(node))?;
        let mut tasks = 0;
        let mut first_task = Vec::new();
        for vertex in &graph.vertices {
            first_task.push(tasks);
            tasks += vertex.parallelism as usize;
        }
        let is_whole = |vertex: &Vertex| {
            let (source, sink) = tables(plan, vertex);
            !connectors.restart_by_subtask(source, sink)
        };
        let regions = match settings.failover {
            Failover::Region => Regions::connected(&graph, &first_task, is_whole),
            Failover::Full => Regions::one(tasks),
        };
        // Those that its state is kept in, unless the job says otherwise.
        let max_parallelism = |vertex: &Vertex| {
            let kept = recovery.and_then(|recovery| recovery.max_parallelism(vertex));
            let kept = kept.filter(|_| options.max_parallelism.is_none());
            let own = options.max_parallelism(vertex.parallelism);
            kept.filter(|kept| *kept >= vertex.parallelism).unwrap_or(own)
        };
        Ok(Topology {
            max_parallelism: graph.vertices.iter().map(max_parallelism).collect(),
            tables: graph.vertices.iter().map(|vertex| tables(plan, vertex)).collect(),
            graph,
            regions,
            first_task,
        })
    }

    /// The regions, all of them.
    pub fn all_regions(&self) -> Vec<usize> {
        (0..self.regions.count()).collect()
    }

    /// The number of a task.
    pub fn task(&self, vertex: usize, subtask: u32) -> TaskId {
        self.first_task[vertex] + subtask as usize
    }

    /// The vertex and subtask of a task.
    pub fn place(&self, task: TaskId) -> (usize, u32) {
        let vertex = self.first_task.partition_point(|first| *first <= task) - 1;
        (vertex, (task - self.first_task[vertex]) as u32)
    }

    /// Numbers of all tasks.
    pub fn tasks(&self) -> Range<TaskId> {
        let parallelism = self.graph.vertices.iter().map(|vertex| vertex.parallelism as usize);
        0..parallelism.sum()
    }

    /// The subtasks of a vertex that are in these regions.
    pub fn subtasks(&self, vertex: usize, regions: &[usize]) -> Vec<u32> {
        let is_in = |subtask: &u32| {
            let region = self.regions.of_task(self.task(vertex, *subtask));
            regions.contains(&region)
        };
        (0..self.graph.vertices[vertex].parallelism).filter(is_in).collect()
    }

    /// Whether all subtasks of a vertex are in these regions.
    pub fn is_whole(&self, vertex: usize, regions: &[usize]) -> bool {
        self.subtasks(vertex, regions).len() == self.graph.vertices[vertex].parallelism as usize
    }

    /// The node that a vertex reads a table with.
    pub fn source(&self, vertex: usize) -> Option<usize> {
        self.tables[vertex].0
    }

    /// The node that a vertex writes a table with.
    pub fn sink(&self, vertex: usize) -> Option<usize> {
        self.tables[vertex].1
    }

    /// Channels of each input of a vertex's subtasks.
    pub fn channels_of_inputs(&self, vertex: &Vertex) -> Vec<usize> {
        let channels = |edges: &Vec<VertexEdge>| edges.iter().map(|e| self.channels(e)).sum();
        vertex.inputs.iter().map(channels).collect()
    }

    /// Channels that an edge gives each consumer subtask.
    pub fn channels(&self, edge: &VertexEdge) -> usize {
        match edge.exchange {
            Exchange::Forward => 1,
            _ => self.graph.vertices[edge.vertex].parallelism as usize,
        }
    }

    /// The vertices as checkpoints describe them.
    pub fn vertex_places(&self) -> Vec<VertexPlace> {
        let place = |(number, vertex): (usize, &Vertex)| VertexPlace {
            state: VertexState {
                nodes: vertex.nodes.clone(),
                name: vertex.name.clone(),
                parallelism: vertex.parallelism,
                max_parallelism: self.max_parallelism[number],
                channels: self.channels_of_inputs(vertex),
                subtasks: Vec::new(),
            },
            first_task: self.first_task[number],
        };
        self.graph.vertices.iter().enumerate().map(place).collect()
    }

    /// The sink that each task writes.
    pub fn sinks_of_tasks(&self) -> Vec<Option<usize>> {
        self.tasks().map(|task| self.sink(self.place(task).0)).collect()
    }
}

/// The nodes with which a vertex reads and writes tables.
fn tables(plan: &Plan, vertex: &Vertex) -> (Option<usize>, Option<usize>) {
    let node = |id: Option<&usize>| id.and_then(|id| plan.nodes.get(*id));
    let source = node(vertex.nodes.first()).filter(|n| matches!(n.operator, Op::Source(_)));
    let sink = node(vertex.nodes.last()).filter(|n| matches!(n.operator, Op::Sink(_)));
    let id = |node: Option<&Node>| node.map(|node| node.id);
    (id(source), id(sink))
}
