//! Builds tasks of a job: a chain a subtask, queues between them.

use std::sync::Arc;

use crossbeam_channel::Sender;
use river_core::Field;
use river_core::checkpoint::TaskId;
use river_core::plan::{Exchange, Node, Operator as Op, Plan};
use river_expr::Session;

use crate::Components;
use crate::connectors::Connectors;
use crate::recovery::Recovery;
use crate::topology::Topology;
use river_runtime::chain::Chain;
use river_runtime::checkpoint::{OperatorId, SnapshotWriter};
use river_runtime::exchange::partition::HashPartitioner;
use river_runtime::exchange::{InputQueue, Outputs, Partitioner, Target};
use river_runtime::gate::Gate;
use river_runtime::graph::{Vertex, VertexEdge, node_name};
use river_runtime::metrics::TaskMetrics;
use river_runtime::source::SourceReader;
use river_runtime::state::StateMemory;
use river_runtime::task::{ChainEnd, Destination, Head, Signals, Task};
use river_runtime::values::ValuesReader;
use river_runtime::{Batch, Error, OperatorContext, Result};

/// The tasks of a region, ready to start.
pub struct RegionTasks {
    /// The region.
    pub region: usize,
    /// The tasks and their numbers.
    pub tasks: Vec<(TaskId, Task)>,
    /// What they are told together.
    pub signals: Arc<Signals>,
}

/// Makes the snapshot writer of a task.
pub type MakeWriter<'a> = &'a dyn Fn(TaskId) -> Box<dyn SnapshotWriter>;

/// Builds tasks.
pub struct Deployer<'a> {
    /// What is to run.
    pub plan: &'a Plan,
    /// Its vertices.
    pub topology: &'a Topology,
    /// Its tables. Sinks know already what they go on from.
    pub connectors: &'a Connectors,
    /// Settings for expressions.
    pub session: Session,
    /// Makers of operators.
    pub components: &'a dyn Components,
    /// What the tasks go on from.
    pub recovery: Option<&'a Recovery>,
    /// The budget for state.
    pub memory: Option<&'a Arc<StateMemory>>,
    /// Where snapshots go; `None`: none are taken.
    pub writer: Option<MakeWriter<'a>>,
    /// Takes rows that have no other place to go to.
    pub collector: Option<Sender<Batch>>,
}

/// A subtask that is being built.
#[derive(Clone, Copy)]
struct Subtask<'a> {
    vertex: &'a Vertex,
    /// Position of the vertex in the graph.
    number: usize,
    subtask: u32,
}

/// The queues of all vertices' subtasks.
type Queues = Vec<Vec<Arc<InputQueue>>>;

impl Deployer<'_> {
    /// The tasks of some regions.
    pub fn deploy(&self, regions: &[usize]) -> Result<Vec<RegionTasks>> {
        let topology = self.topology;
        let region = |region: &usize| RegionTasks {
            region: *region,
            tasks: Vec::new(),
            signals: Arc::new(Signals::default()),
        };
        let mut deployed: Vec<RegionTasks> = regions.iter().map(region).collect();
        let vertices = &topology.graph.vertices;
        let queues: Queues = vertices.iter().map(|vertex| self.queues(vertex)).collect();
        for (number, vertex) in vertices.iter().enumerate() {
            let subtasks = topology.subtasks(number, regions);
            let readers = self.readers(vertex, &subtasks)?;
            for (subtask, reader) in subtasks.into_iter().zip(readers) {
                let place = Subtask { vertex, number, subtask };
                let task = topology.task(number, subtask);
                let own = topology.regions.of_task(task);
                let Some(region) = deployed.iter_mut().find(|region| region.region == own) else {
                    continue;
                };
                let built = self.task(place, reader, &queues, &region.signals)?;
                region.tasks.push((task, built));
            }
        }
        Ok(deployed)
    }

    fn task(
        &self,
        place: Subtask<'_>,
        reader: Option<Box<dyn SourceReader>>,
        queues: &Queues,
        signals: &Arc<Signals>,
    ) -> Result<Task> {
        let Subtask { vertex, number, subtask } = place;
        let max_parallelism = self.topology.max_parallelism[number];
        let channels = self.topology.channels_of_inputs(vertex);
        let metrics = Arc::new(TaskMetrics::default());
        let (chain, schema) = self.chain(place)?;
        let destination = self.destination(place, queues, &metrics)?;
        let end = ChainEnd::new(destination, schema, metrics.clone(), signals.clone());
        let head = match reader {
            Some(reader) => Head::Source { name: node_name(self.node(vertex.nodes[0])), reader },
            None => Head::Gate(Gate::new(&channels)),
        };
        let restored = self
            .recovery
            .map(|recovery| recovery.subtask(vertex, subtask, max_parallelism, &channels));
        let finished_before =
            self.recovery.map_or(Ok(false), |recovery| recovery.is_finished(vertex, subtask))?;
        Ok(Task {
            name: format!("{}-{subtask}", vertex.name),
            head,
            chain,
            end,
            queue: queues[number][subtask as usize].clone(),
            session: self.session.clone(),
            memory: self.memory.cloned(),
            metrics,
            signals: signals.clone(),
            writer: self.writer.map(|make| make(self.topology.task(number, subtask))),
            restored: restored.transpose()?,
            finished_before,
        })
    }

    fn node(&self, id: usize) -> &Node {
        &self.plan.nodes[id]
    }

    fn queues(&self, vertex: &Vertex) -> Vec<Arc<InputQueue>> {
        let channels: usize = self.topology.channels_of_inputs(vertex).iter().sum();
        (0..vertex.parallelism).map(|_| Arc::new(InputQueue::new(channels))).collect()
    }

    /// Where the rows of a subtask go.
    fn destination(
        &self,
        place: Subtask<'_>,
        queues: &Queues,
        metrics: &Arc<TaskMetrics>,
    ) -> Result<Destination> {
        if let Some(node) = self.topology.sink(place.number) {
            let sink = self.connectors.sink(node)?;
            let writer = sink.writer(place.subtask, place.vertex.parallelism)?;
            return Ok(Destination::Sink { name: node_name(self.node(node)), writer });
        }
        if let Some(outputs) = self.outputs(place.number, place.subtask, queues, metrics) {
            return Ok(Destination::Edges(outputs));
        }
        let nobody = || Error::internal(format!("nothing takes the rows of {}", place.vertex.name));
        Ok(Destination::Collector(self.collector.clone().ok_or_else(nobody)?))
    }

    /// The readers of some subtasks of a vertex, each with its splits; none where it has inputs.
    fn readers(
        &self,
        vertex: &Vertex,
        subtasks: &[u32],
    ) -> Result<Vec<Option<Box<dyn SourceReader>>>> {
        let first = self.node(vertex.nodes[0]);
        let splits = self.recovery.and_then(|recovery| recovery.splits(first.id));
        let mut readers: Vec<Box<dyn SourceReader>> = Vec::new();
        let shares = match &first.operator {
            Op::Source(_) => {
                let source = self.connectors.source(first.id)?;
                for subtask in subtasks {
                    readers.push(source.reader(*subtask, vertex.parallelism)?);
                }
                splits.map(|splits| source.redistribute(splits, vertex.parallelism)).transpose()?
            }
            Op::Values { rows } => {
                for subtask in subtasks {
                    let rows = if *subtask == 0 { rows.clone() } else { Vec::new() };
                    readers.push(Box::new(ValuesReader::new(rows, first.schema.clone())?));
                }
                splits
            }
            _ => return Ok(subtasks.iter().map(|_| None).collect()),
        };
        let mut shares = shares.unwrap_or_default();
        for (reader, subtask) in readers.iter_mut().zip(subtasks) {
            if let Some(share) = shares.get_mut(*subtask as usize).map(std::mem::take) {
                reader.restore(share).map_err(|error| error.context(node_name(first)))?;
            }
        }
        Ok(readers.into_iter().map(Some).collect())
    }

    /// The operators of a subtask, and the columns that the last one gives.
    fn chain(&self, place: Subtask<'_>) -> Result<(Chain, &[Field])> {
        let Subtask { vertex, number, subtask } = place;
        let context = OperatorContext {
            subtask,
            parallelism: vertex.parallelism,
            max_parallelism: self.topology.max_parallelism[number],
            session: self.session.clone(),
        };
        let mut chain = Chain::new(vertex.inputs.len().max(1));
        let mut schema: &[Field] = &[];
        for node in vertex.nodes.iter().map(|id| self.node(*id)) {
            let producers: Vec<&Node> =
                node.inputs.iter().map(|edge| self.node(edge.node)).collect();
            let inputs: Vec<&[Field]> = producers.iter().map(|node| &node.schema[..]).collect();
            let name = node_name(node);
            let explain = |error: Error| error.context(&name);
            match &node.operator {
                Op::Source(_) | Op::Values { .. } => {}
                Op::Sink(spec) => {
                    let input = inputs.first().copied().unwrap_or_default();
                    let built = self.components.sink_operators(spec, input, &context);
                    for (part, operator) in built.map_err(explain)?.into_iter().enumerate() {
                        chain.push(&name, OperatorId { node: node.id, part }, operator, &[input]);
                    }
                    schema = input;
                    continue;
                }
                _ => {
                    let operator = self.components.operator(node, &producers, &context);
                    let id = OperatorId { node: node.id, part: 0 };
                    chain.push(&name, id, operator.map_err(explain)?, &inputs);
                }
            }
            schema = &node.schema;
        }
        Ok((chain, schema))
    }

    /// The edges from a subtask to its consumers; `None` if there are none.
    fn outputs(
        &self,
        producer: usize,
        subtask: u32,
        queues: &[Vec<Arc<InputQueue>>],
        metrics: &Arc<TaskMetrics>,
    ) -> Option<Outputs> {
        let mut outputs = Outputs::new(metrics.clone());
        let mut any = false;
        for (number, consumer) in self.topology.graph.vertices.iter().enumerate() {
            let mut channel = 0;
            for edge in consumer.inputs.iter().flatten() {
                if edge.vertex == producer {
                    let targets = targets(edge, subtask, channel, &queues[number]);
                    outputs.add(self.partitioner(edge, number, subtask), targets);
                    any = true;
                }
                channel += self.topology.channels(edge);
            }
        }
        any.then_some(outputs)
    }

    fn partitioner(&self, edge: &VertexEdge, consumer: usize, subtask: u32) -> Partitioner {
        let parallelism = self.topology.graph.vertices[consumer].parallelism;
        match &edge.exchange {
            Exchange::Forward | Exchange::Single => Partitioner::First,
            // Producers start at different consumers.
            Exchange::Rebalance => Partitioner::RoundRobin { next: subtask as usize },
            Exchange::Broadcast => Partitioner::Broadcast,
            Exchange::Hash(columns) => Partitioner::Hash(HashPartitioner::new(
                columns.clone(),
                parallelism,
                self.topology.max_parallelism[consumer],
            )),
        }
    }
}

/// The channels of an edge from a producer's subtask, the edge's first being `channel`.
fn targets(
    edge: &VertexEdge,
    subtask: u32,
    channel: usize,
    queues: &[Arc<InputQueue>],
) -> Vec<Target> {
    let subtask = subtask as usize;
    if edge.exchange == Exchange::Forward {
        return vec![Target { queue: queues[subtask].clone(), channel }];
    }
    let channel = channel + subtask;
    queues.iter().map(|queue| Target { queue: queue.clone(), channel }).collect()
}
