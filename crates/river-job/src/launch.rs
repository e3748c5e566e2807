//! Makes the tasks of a job, for its first attempt and for every one after a failure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_channel::Sender;
use river_checkpoint::{FileSnapshotWriter, Place, Places, VertexState, WriterOptions, layout};
use river_core::plan::Plan;
use river_runtime::checkpoint::SnapshotWriter;
use river_runtime::exchange::InputQueue;
use river_runtime::graph::Graph;
use river_runtime::metrics::TaskMetrics;
use river_runtime::sink::Sink;
use river_runtime::task::Signals;
use river_runtime::{Batch, Result};

use crate::attempt::Attempt;
use crate::checkpoints::{AttemptPlaces, Checkpoints, Done, JobFacts, VertexPlace};
use crate::deploy::{Connectors, Deployer, Placed};
use crate::recovery::Recovery;
use crate::settings::Settings;
use crate::supervise::Event;
use crate::{Components, VertexInfo};

/// Everything that tasks are made from.
pub struct Launch {
    /// What runs.
    pub plan: Arc<Plan>,
    /// Its options.
    pub settings: Settings,
    /// The job as its checkpoints know it.
    pub job: JobFacts,
    /// What the job started from.
    pub initial: Option<Arc<Recovery>>,
    /// The checkpoint it takes over, with its number.
    pub claimed: Option<(u64, Place)>,
    /// Number of its first checkpoint.
    pub next_checkpoint: u64,
    components: Arc<dyn Components>,
    /// Taken by the first attempt, which is then the only one.
    collector: Option<Sender<Batch>>,
    has_collector: bool,
    events: Sender<Event>,
    places: Arc<Places>,
    attempts: AtomicU32,
    /// Of the current attempt.
    sinks: BTreeMap<usize, Arc<dyn Sink>>,
}

/// Tasks that are made and not started.
pub struct Launched {
    /// The tasks.
    pub tasks: Vec<Placed>,
    /// What they are told together.
    pub signals: Arc<Signals>,
    /// Where they are, for checkpoints.
    pub places: AttemptPlaces,
    /// What a user sees of the vertices.
    pub vertices: Vec<VertexInfo>,
    /// Figures of each vertex's subtasks.
    pub metrics: Vec<Vec<Arc<TaskMetrics>>>,
    /// The tasks' queues.
    pub queues: Vec<Arc<InputQueue>>,
}

impl Launch {
    /// For a job that has not run yet.
    pub fn new(
        plan: Arc<Plan>,
        settings: Settings,
        job: JobFacts,
        components: Arc<dyn Components>,
        collector: Option<Sender<Batch>>,
        events: Sender<Event>,
    ) -> Launch {
        Launch {
            plan,
            settings,
            job,
            initial: None,
            claimed: None,
            next_checkpoint: 1,
            components,
            has_collector: collector.is_some(),
            collector,
            events,
            places: Arc::default(),
            attempts: AtomicU32::new(0),
            sinks: BTreeMap::new(),
        }
    }

    /// Number of the current attempt, from 1.
    pub fn attempt_number(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Rows that were given to a collector cannot be taken back.
    pub fn can_restart(&self) -> bool {
        !self.has_collector
    }

    /// Whether its tasks make snapshots: not of rows that are given to a collector.
    pub fn makes_snapshots(&self) -> bool {
        !self.has_collector
    }

    /// Checkpoints of the job; `done` takes what their thread has done.
    pub fn checkpoints(
        &self,
        attempt: AttemptPlaces,
        done: Arc<dyn Fn(Done) + Send + Sync>,
    ) -> Result<Checkpoints> {
        let places = self.places.clone();
        Checkpoints::new(
            self.job.clone(),
            (self.next_checkpoint, self.claimed.clone()),
            attempt,
            places,
            crate::clock_ms(),
            done,
        )
    }

    /// Makes the tasks of the next attempt.
    pub fn make(&mut self, recovery: Option<&Recovery>) -> Result<Launched> {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let collector = self.collector.take();
        let connectors = Connectors::open(&self.plan, self.components.as_ref())?;
        let options = &self.settings.graph;
        let graph = Graph::new(&self.plan, options, |node| connectors.wished_parallelism(node))?;
        let make_writer =
            |task, place, max_parallelism| self.writer(attempt, task, place, max_parallelism);
        let deployer = Deployer {
            plan: &self.plan,
            graph: &graph,
            options,
            session: self.settings.session.clone(),
            components: self.components.as_ref(),
            recovery,
            memory: self.settings.memory.as_ref(),
            writer: (!self.has_collector).then_some(&make_writer),
        };
        let deployment = deployer.deploy(&connectors, collector)?;
        let vertices = vertex_places(&graph, &deployer);
        let mut metrics = vec![Vec::new(); graph.vertices.len()];
        for placed in &deployment.tasks {
            metrics[placed.vertex].push(placed.task.metrics.clone());
        }
        let sinks = connectors.into_sinks();
        self.sinks = sinks.clone();
        Ok(Launched {
            queues: deployment.tasks.iter().map(|placed| placed.task.queue.clone()).collect(),
            places: AttemptPlaces {
                vertices,
                sinks,
                sink_of: deployment.tasks.iter().map(|placed| placed.sink).collect(),
            },
            tasks: deployment.tasks,
            signals: deployment.signals,
            vertices: graph.vertices.iter().map(VertexInfo::new).collect(),
            metrics,
        })
    }

    /// Starts the tasks of the current attempt.
    pub fn start(
        &self,
        tasks: Vec<Placed>,
        signals: Arc<Signals>,
        attempt: u32,
    ) -> Result<Attempt> {
        let events = self.events.clone();
        let on_end = move |task, outcome| {
            // The job's thread outlives its tasks.
            let _ = events.send(Event::Ended { attempt, task, outcome });
        };
        Attempt::start(tasks, signals, &(Arc::new(on_end) as _))
    }

    /// Removes what the sinks have begun and not committed.
    pub fn abort_sinks(&self) {
        for sink in self.sinks.values() {
            if let Err(error) = sink.abort() {
                tracing::warn!(%error, "cannot clean up after a sink");
            }
        }
    }

    fn writer(
        &self,
        attempt: u32,
        task: usize,
        (vertex, subtask): (usize, u32),
        max_parallelism: u32,
    ) -> Box<dyn SnapshotWriter> {
        let events = self.events.clone();
        let reports = move |report| {
            // The job's thread outlives its tasks.
            let _ = events.send(Event::Snapshot { attempt, report });
        };
        Box::new(FileSnapshotWriter::new(WriterOptions {
            places: self.places.clone(),
            task,
            file_name: layout::subtask_file(vertex, subtask, u64::from(attempt)),
            max_parallelism,
            compression: self.settings.checkpoints.snapshot_compression,
            inline_bytes: self.settings.checkpoints.data_inline_threshold,
            reports: Arc::new(reports),
        }))
    }
}

fn vertex_places(graph: &Graph, deployer: &Deployer) -> Vec<VertexPlace> {
    let mut first_task = 0;
    let place = |vertex: &river_runtime::graph::Vertex| {
        let state = VertexState {
            nodes: vertex.nodes.clone(),
            name: vertex.name.clone(),
            parallelism: vertex.parallelism,
            max_parallelism: deployer.max_parallelism(vertex),
            channels: deployer.channels_of_inputs(vertex),
            subtasks: Vec::new(),
        };
        let place = VertexPlace { state, first_task };
        first_task += vertex.parallelism as usize;
        place
    };
    graph.vertices.iter().map(place).collect()
}
