//! Builds the tasks of a job: connectors opened once, a chain a subtask, queues between them.

use std::collections::BTreeMap;
use std::iter::repeat_with;
use std::sync::Arc;

use crossbeam_channel::Sender;
use river_core::Field;
use river_core::plan::{Exchange, Node, Operator as Op, Plan};
use river_expr::Session;

use crate::Components;
use crate::recovery::Recovery;
use river_runtime::chain::Chain;
use river_runtime::checkpoint::{OperatorId, SnapshotWriter};
use river_runtime::exchange::partition::HashPartitioner;
use river_runtime::exchange::{InputQueue, Outputs, Partitioner, Target};
use river_runtime::gate::Gate;
use river_runtime::graph::{Graph, GraphOptions, Vertex, VertexEdge, node_name};
use river_runtime::metrics::TaskMetrics;
use river_runtime::sink::Sink;
use river_runtime::source::{Source, SourceReader};
use river_runtime::state::StateMemory;
use river_runtime::task::{ChainEnd, Destination, Head, Signals, Task};
use river_runtime::values::ValuesReader;
use river_runtime::{Batch, Error, OperatorContext, Result};

/// The tables of a plan, by node.
pub struct Connectors {
    sources: BTreeMap<usize, Arc<dyn Source>>,
    sinks: BTreeMap<usize, Arc<dyn Sink>>,
}

impl Connectors {
    /// Opens all tables.
    pub fn open(plan: &Plan, components: &dyn Components) -> Result<Connectors> {
        let mut connectors = Connectors { sources: BTreeMap::new(), sinks: BTreeMap::new() };
        for node in &plan.nodes {
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

    /// The sinks, by node.
    pub fn into_sinks(self) -> BTreeMap<usize, Arc<dyn Sink>> {
        self.sinks
    }
}

/// A task and its place.
pub struct Placed {
    /// Position of the vertex in the graph.
    pub vertex: usize,
    /// Node of the sink it writes, if any.
    pub sink: Option<usize>,
    /// The task.
    pub task: Task,
}

/// All tasks of a job, ready to start.
pub struct Deployment {
    /// The tasks, vertex by vertex, subtask by subtask.
    pub tasks: Vec<Placed>,
    /// Shared by the tasks.
    pub signals: Arc<Signals>,
}

/// Makes the snapshot writer of a task: its number, the vertex and subtask, and key groups.
pub type MakeWriter<'a> = &'a dyn Fn(usize, (usize, u32), u32) -> Box<dyn SnapshotWriter>;

/// Builds tasks.
pub struct Deployer<'a> {
    /// What is to run.
    pub plan: &'a Plan,
    /// Its vertices.
    pub graph: &'a Graph,
    /// Options of the job.
    pub options: &'a GraphOptions,
    /// Settings for expressions.
    pub session: Session,
    /// Makers of operators.
    pub components: &'a dyn Components,
    /// What the job goes on from.
    pub recovery: Option<&'a Recovery>,
    /// The budget for state.
    pub memory: Option<&'a Arc<StateMemory>>,
    /// Where snapshots go; `None`: none are taken.
    pub writer: Option<MakeWriter<'a>>,
}

impl Deployer<'_> {
    /// The tasks of all vertices.
    pub fn deploy(
        &self,
        connectors: &Connectors,
        collector: Option<Sender<Batch>>,
    ) -> Result<Deployment> {
        let signals = Arc::new(Signals::default());
        if let Some(recovery) = self.recovery {
            for (node, sink) in &connectors.sinks {
                sink.recover(&recovery.prepared(*node))?;
            }
        }
        let queues: Vec<Vec<Arc<InputQueue>>> =
            self.graph.vertices.iter().map(|vertex| self.queues(vertex)).collect();
        let mut tasks = Vec::new();
        for (number, vertex) in self.graph.vertices.iter().enumerate() {
            let readers = self.readers(vertex, connectors)?.into_iter().map(Some);
            for (subtask, reader) in
                (0..vertex.parallelism).zip(readers.chain(repeat_with(|| None)))
            {
                let max_parallelism = self.max_parallelism(vertex);
                let metrics = Arc::new(TaskMetrics::default());
                let (chain, schema) = self.chain(vertex, subtask)?;
                let sink = self.sink_of(vertex);
                let destination = match (sink, self.outputs(number, subtask, &queues, &metrics)) {
                    (Some(node), _) => sink_writer(connectors, node, subtask, vertex)?,
                    (None, Some(outputs)) => Destination::Edges(outputs),
                    (None, None) => Destination::Collector(collector.clone().ok_or_else(|| {
                        Error::internal(format!("nothing takes the rows of {}", vertex.name))
                    })?),
                };
                let end = ChainEnd::new(destination, schema, metrics.clone(), signals.clone());
                let task = Task {
                    name: format!("{}-{subtask}", vertex.name),
                    head: match reader {
                        Some(reader) => {
                            Head::Source { name: node_name(self.node(vertex.nodes[0])), reader }
                        }
                        None => Head::Gate(Gate::new(&self.channels_of_inputs(vertex))),
                    },
                    chain,
                    end,
                    queue: queues[number][subtask as usize].clone(),
                    session: self.session.clone(),
                    memory: self.memory.cloned(),
                    metrics,
                    signals: signals.clone(),
                    writer: self
                        .writer
                        .map(|make| make(tasks.len(), (number, subtask), max_parallelism)),
                    restored: self
                        .recovery
                        .map(|recovery| {
                            let channels = self.channels_of_inputs(vertex);
                            recovery.subtask(vertex, subtask, max_parallelism, &channels)
                        })
                        .transpose()?,
                    finished_before: self
                        .recovery
                        .map_or(Ok(false), |recovery| recovery.is_finished(vertex, subtask))?,
                };
                tasks.push(Placed { vertex: number, sink: sink.map(|node| node.id), task });
            }
        }
        Ok(Deployment { tasks, signals })
    }

    fn node(&self, id: usize) -> &Node {
        &self.plan.nodes[id]
    }

    /// The sink that a vertex writes.
    fn sink_of(&self, vertex: &Vertex) -> Option<&Node> {
        let last = self.node(*vertex.nodes.last()?);
        matches!(last.operator, Op::Sink(_)).then_some(last)
    }

    fn queues(&self, vertex: &Vertex) -> Vec<Arc<InputQueue>> {
        let channels: usize = self.channels_of_inputs(vertex).iter().sum();
        (0..vertex.parallelism).map(|_| Arc::new(InputQueue::new(channels))).collect()
    }

    /// Channels of each input of a subtask.
    pub fn channels_of_inputs(&self, vertex: &Vertex) -> Vec<usize> {
        let channels = |edges: &Vec<VertexEdge>| edges.iter().map(|e| self.channels(e)).sum();
        vertex.inputs.iter().map(channels).collect()
    }

    /// Channels that an edge gives each consumer subtask.
    fn channels(&self, edge: &VertexEdge) -> usize {
        match edge.exchange {
            Exchange::Forward => 1,
            _ => self.graph.vertices[edge.vertex].parallelism as usize,
        }
    }

    /// The readers of a source vertex, each with its splits; none for other vertices.
    fn readers(
        &self,
        vertex: &Vertex,
        connectors: &Connectors,
    ) -> Result<Vec<Box<dyn SourceReader>>> {
        let first = self.node(vertex.nodes[0]);
        let splits = self.recovery.and_then(|recovery| recovery.splits(first.id));
        let mut readers: Vec<Box<dyn SourceReader>> = Vec::new();
        let shares = match &first.operator {
            Op::Source(_) => {
                let source = connectors.sources.get(&first.id);
                let source = source.ok_or_else(|| Error::internal("a source was not opened"))?;
                for subtask in 0..vertex.parallelism {
                    readers.push(source.reader(subtask, vertex.parallelism)?);
                }
                splits.map(|splits| source.redistribute(splits, vertex.parallelism)).transpose()?
            }
            Op::Values { rows } => {
                for subtask in 0..vertex.parallelism {
                    let rows = if subtask == 0 { rows.clone() } else { Vec::new() };
                    readers.push(Box::new(ValuesReader::new(rows, first.schema.clone())?));
                }
                splits
            }
            _ => None,
        };
        for (reader, share) in readers.iter_mut().zip(shares.unwrap_or_default()) {
            reader.restore(share).map_err(|error| error.context(node_name(first)))?;
        }
        Ok(readers)
    }

    /// Key groups of a vertex: those that its state is kept in, unless the job says otherwise.
    pub fn max_parallelism(&self, vertex: &Vertex) -> u32 {
        let kept = self.recovery.and_then(|recovery| recovery.max_parallelism(vertex));
        let kept = kept.filter(|_| self.options.max_parallelism.is_none());
        let own = self.options.max_parallelism(vertex.parallelism);
        kept.filter(|kept| *kept >= vertex.parallelism).unwrap_or(own)
    }

    /// The operators of a subtask, and the columns that the last one gives.
    fn chain(&self, vertex: &Vertex, subtask: u32) -> Result<(Chain, &[Field])> {
        let context = OperatorContext {
            subtask,
            parallelism: vertex.parallelism,
            max_parallelism: self.max_parallelism(vertex),
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
        for (number, consumer) in self.graph.vertices.iter().enumerate() {
            let mut channel = 0;
            for edge in consumer.inputs.iter().flatten() {
                if edge.vertex == producer {
                    let targets = targets(edge, subtask, channel, &queues[number]);
                    outputs.add(self.partitioner(edge, consumer, subtask), targets);
                    any = true;
                }
                channel += self.channels(edge);
            }
        }
        any.then_some(outputs)
    }

    fn partitioner(&self, edge: &VertexEdge, consumer: &Vertex, subtask: u32) -> Partitioner {
        let parallelism = consumer.parallelism;
        match &edge.exchange {
            Exchange::Forward | Exchange::Single => Partitioner::First,
            // Producers start at different consumers.
            Exchange::Rebalance => Partitioner::RoundRobin { next: subtask as usize },
            Exchange::Broadcast => Partitioner::Broadcast,
            Exchange::Hash(columns) => Partitioner::Hash(HashPartitioner::new(
                columns.clone(),
                parallelism,
                self.max_parallelism(consumer),
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

fn sink_writer(
    connectors: &Connectors,
    node: &Node,
    subtask: u32,
    vertex: &Vertex,
) -> Result<Destination> {
    let sink = connectors.sinks.get(&node.id);
    let sink = sink.ok_or_else(|| Error::internal("a sink was not opened"))?;
    let writer = sink.writer(subtask, vertex.parallelism)?;
    Ok(Destination::Sink { name: node_name(node), writer })
}
