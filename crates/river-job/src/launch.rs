//! Makes the tasks of a job, all for its first attempt and those of failed regions after that.

use std::sync::Arc;

use crossbeam_channel::Sender;
use river_checkpoint::writer::FILE_COST;
use river_checkpoint::{FileSnapshotWriter, Places, WriterOptions, layout};
use river_core::checkpoint::TaskId;
use river_core::plan::Plan;
use river_runtime::checkpoint::SnapshotWriter;
use river_runtime::sink::Sink;
use river_runtime::{Batch, Result};

use crate::Components;
use crate::attempt::Attempt;
use crate::checkpoints::{Checkpoints, Done, JobFacts, TaskPlaces};
use crate::connectors::Connectors;
use crate::deploy::{Deployer, RegionTasks};
use crate::recovery::Recovery;
use crate::settings::Settings;
use crate::supervise::Event;
use crate::topology::Topology;

/// What a job started from.
pub struct Initial {
    /// The checkpoint.
    pub recovery: Recovery,
    /// It belongs to the job now.
    pub is_claimed: bool,
}

/// Everything that tasks are made from.
pub struct Launch {
    /// Its options.
    pub settings: Settings,
    /// The job as its checkpoints know it.
    pub job: JobFacts,
    /// What the job started from.
    pub initial: Option<Arc<Initial>>,
    /// Its vertices and tasks.
    pub topology: Topology,
    components: Arc<dyn Components>,
    /// Taken by the first attempt, which is then the only one.
    collector: Option<Sender<Batch>>,
    has_collector: bool,
    events: Sender<Event>,
    places: Arc<Places>,
    /// Attempts so far, at whatever regions.
    attempts: u32,
    /// The tables as the current tasks use them.
    connectors: Connectors,
}

/// Tasks that are made and not started.
pub struct Launched {
    /// The number of the attempt.
    pub attempt: u32,
    /// The tasks.
    pub regions: Vec<RegionTasks>,
}

impl Launch {
    /// For a job that has not run yet; opens its tables.
    ///
    /// # Errors
    /// A table or the plan is wrong.
    pub fn new(
        settings: Settings,
        job: JobFacts,
        components: Arc<dyn Components>,
        collector: Option<Sender<Batch>>,
        events: Sender<Event>,
        initial: Option<Arc<Initial>>,
    ) -> Result<Launch> {
        let connectors = Connectors::default().opened(&job.plan, components.as_ref(), |_| true)?;
        let recovery = initial.as_ref().map(|initial| &initial.recovery);
        let topology = Topology::new(&job.plan, &settings, &connectors, recovery)?;
        Ok(Launch {
            settings,
            job,
            initial,
            topology,
            components,
            has_collector: collector.is_some(),
            collector,
            events,
            places: Arc::default(),
            attempts: 0,
            connectors,
        })
    }

    /// What runs.
    pub fn plan(&self) -> &Plan {
        &self.job.plan
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
    pub fn checkpoints(&self, done: Arc<dyn Fn(Done) + Send + Sync>) -> Result<Checkpoints> {
        let initial = self.initial.as_ref();
        let claimed = initial
            .filter(|initial| initial.is_claimed)
            .map(|initial| (initial.recovery.checkpoint(), initial.recovery.place().clone()));
        let next_checkpoint = initial.map_or(1, |initial| initial.recovery.checkpoint() + 1);
        let tasks = TaskPlaces {
            vertices: self.topology.vertex_places(),
            sinks: self.connectors.sinks().clone(),
            sink_of: self.topology.sinks_of_tasks(),
        };
        Checkpoints::new(
            self.job.clone(),
            (next_checkpoint, claimed),
            tasks,
            self.places.clone(),
            crate::clock_ms(),
            done,
        )
    }

    /// Makes all tasks, for the first time.
    pub fn make_first(&mut self) -> Result<Launched> {
        let initial = self.initial.clone();
        let recovery = initial.as_ref().map(|initial| &initial.recovery);
        let (connectors, regions) = (self.connectors.clone(), self.topology.all_regions());
        self.recover_sinks(&connectors, &regions, recovery)?;
        self.make(&connectors, &regions, recovery)
    }

    /// Makes the tasks of some regions anew, none of which runs any more. Those go on from a
    /// checkpoint, or from nothing; then `drops_output` says that no checkpoint holds what they
    /// have prepared. Tables that no other task uses are opened anew.
    pub fn make_again(
        &mut self,
        regions: &[usize],
        recovery: Option<&Recovery>,
        drops_output: bool,
    ) -> Result<Launched> {
        if recovery.is_none() && drops_output {
            self.abort_sinks_of(regions);
        }
        let is_wanted = |node| {
            let topology = &self.topology;
            let mut vertices = 0..topology.graph.vertices.len();
            vertices.any(|vertex| {
                let is_its = [topology.source(vertex), topology.sink(vertex)].contains(&Some(node));
                is_its && topology.is_whole(vertex, regions)
            })
        };
        let connectors =
            self.connectors.opened(self.plan(), self.components.as_ref(), is_wanted)?;
        self.recover_sinks(&connectors, regions, recovery)?;
        if recovery.is_none() && drops_output {
            self.forget_subtasks(&connectors, regions)?;
        }
        let launched = self.make(&connectors, regions, recovery)?;
        self.connectors = connectors;
        Ok(launched)
    }

    fn make(
        &mut self,
        connectors: &Connectors,
        regions: &[usize],
        recovery: Option<&Recovery>,
    ) -> Result<Launched> {
        self.attempts += 1;
        let attempt = self.attempts;
        let collector = self.collector.take();
        let make_writer = |task| self.writer(attempt, task);
        let deployer = Deployer {
            plan: self.plan(),
            topology: &self.topology,
            connectors,
            session: self.settings.session.clone(),
            components: self.components.as_ref(),
            recovery,
            memory: self.settings.memory.as_ref(),
            writer: (!self.has_collector).then_some(&make_writer),
            collector,
        };
        Ok(Launched { attempt, regions: deployer.deploy(regions)? })
    }

    /// Starts the tasks of a region.
    pub fn start(&self, tasks: RegionTasks, attempt: u32) -> Result<Attempt> {
        let events = self.events.clone();
        let on_end = move |task, outcome| {
            // The job's thread outlives its tasks.
            let _ = events.send(Event::Ended { attempt, task, outcome });
        };
        Attempt::start(tasks, attempt, &(Arc::new(on_end) as _))
    }

    /// The tables as the current tasks use them.
    pub fn connectors(&self) -> &Connectors {
        &self.connectors
    }

    /// Removes what the sinks have begun and not committed.
    pub fn abort_sinks(&self) {
        self.abort_sinks_of(&self.topology.all_regions());
    }

    /// The same, of sinks that only tasks of these regions write.
    fn abort_sinks_of(&self, regions: &[usize]) {
        for (node, sink) in self.connectors.sinks() {
            let is_whole = self
                .vertex_of_sink(*node)
                .is_some_and(|vertex| self.topology.is_whole(vertex, regions));
            if is_whole && let Err(error) = sink.abort() {
                tracing::warn!(%error, "cannot clean up after a sink");
            }
        }
    }

    fn vertex_of_sink(&self, node: usize) -> Option<usize> {
        let mut vertices = 0..self.topology.graph.vertices.len();
        vertices.find(|vertex| self.topology.sink(*vertex) == Some(node))
    }

    /// Tells the sinks of some regions what they go on from: what was prepared is committed.
    fn recover_sinks(
        &self,
        connectors: &Connectors,
        regions: &[usize],
        recovery: Option<&Recovery>,
    ) -> Result<()> {
        let Some(recovery) = recovery else { return Ok(()) };
        self.each_sink(connectors, regions, |vertex, node, subtasks, sink| {
            if self.topology.is_whole(vertex, regions) {
                return sink.recover(&recovery.prepared(node));
            }
            let parallelism = self.topology.graph.vertices[vertex].parallelism;
            sink.recover_subtasks(subtasks, &recovery.prepared_by(node, subtasks, parallelism))
        })
    }

    /// Tells sinks that other regions write too that some writers begin again from nothing.
    fn forget_subtasks(&self, connectors: &Connectors, regions: &[usize]) -> Result<()> {
        self.each_sink(connectors, regions, |vertex, _, subtasks, sink| {
            match self.topology.is_whole(vertex, regions) {
                true => Ok(()),
                false => sink.recover_subtasks(subtasks, &[]),
            }
        })
    }

    /// Each sink that tasks of these regions write, with its vertex, node and those subtasks.
    fn each_sink(
        &self,
        connectors: &Connectors,
        regions: &[usize],
        each: impl Fn(usize, usize, &[u32], &dyn Sink) -> Result<()>,
    ) -> Result<()> {
        for vertex in 0..self.topology.graph.vertices.len() {
            let Some(node) = self.topology.sink(vertex) else { continue };
            let subtasks = self.topology.subtasks(vertex, regions);
            if !subtasks.is_empty() {
                each(vertex, node, &subtasks, connectors.sink(node)?.as_ref())?;
            }
        }
        Ok(())
    }

    fn writer(&self, attempt: u32, task: TaskId) -> Box<dyn SnapshotWriter> {
        let (vertex, subtask) = self.topology.place(task);
        let events = self.events.clone();
        let reports = move |report| {
            // The job's thread outlives its tasks.
            let _ = events.send(Event::Snapshot { attempt, report });
        };
        Box::new(FileSnapshotWriter::new(WriterOptions {
            places: self.places.clone(),
            task,
            file_name: layout::subtask_file(vertex, subtask, u64::from(attempt)),
            shared_prefix: self
                .settings
                .checkpoints
                .incremental
                .then(|| layout::shared_prefix(&self.job.id, vertex, subtask, u64::from(attempt))),
            file_cost: self.settings.checkpoints.incremental_file_cost.unwrap_or(FILE_COST),
            max_parallelism: self.topology.max_parallelism[vertex],
            compression: self.settings.checkpoints.snapshot_compression,
            inline_bytes: self.settings.checkpoints.data_inline_threshold,
            reports: Arc::new(reports),
        }))
    }
}
