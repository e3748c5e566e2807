//! Runs a bound plan in this process: one thread a task, from start to commit.
//!
//! [`run`] builds everything on the caller's thread, so what is wrong with a script is said before
//! anything starts. Then a thread of the job's own watches it ([`supervise`]): it takes checkpoints
//! ([`checkpoints`]), starts tasks again after a failure from the latest one ([`failover`]), and
//! lets the sinks commit. Without checkpoints sinks are committed once, when every task has
//! ended well; after a failure or a cancel they are told to abort. Connectors and operators come
//! from [`Components`], so that this crate knows neither.
//!
//! | module | what |
//! |---|---|
//! | [`settings`] | the options of a job |
//! | [`topology`], [`region`] | the job's tasks, and which of them restart together |
//! | [`launch`], [`connectors`], [`deploy`] | from a plan to tasks, from what was restored or not |
//! | [`attempt`] | the threads of a region's tasks |
//! | [`supervise`], [`failover`] | the job's thread: events in, decisions out; restarts |
//! | [`checkpoints`], [`uncommitted`], [`io`] | takes checkpoints; commits |
//! | [`recovery`], [`fallback`] | who takes what of a checkpoint; what else could be used |

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Sender;
use river_checkpoint::Place;
use river_core::Field;
use river_core::checkpoint::Stop;
use river_core::plan::{Exchange, Node, Plan, SinkSpec, TableRef};
use river_runtime::exchange::InputQueue;
use river_runtime::graph::Vertex;
use river_runtime::metrics::{JobMetrics, TaskMetrics, VertexSnapshot};
use river_runtime::sink::Sink;
use river_runtime::source::Source;
use river_runtime::task::Signals;
use river_runtime::{Batch, Error, Operator, OperatorContext, Result};

mod attempt;
mod checkpoints;
mod connectors;
mod deploy;
mod failover;
mod fallback;
mod io;
mod launch;
mod recovery;
mod region;
mod settings;
mod shared_files;
mod start;
mod supervise;
#[cfg(test)]
mod tests;
mod topology;
mod uncommitted;

pub use checkpoints::CheckpointFigures;
use launch::Launched;
use supervise::Event;
use topology::Topology;

/// What a job is made of: tables by connector, operators by plan node.
pub trait Components: Send + Sync {
    /// A table to read.
    fn source(&self, table: &TableRef) -> Result<Arc<dyn Source>>;

    /// A table to write, from rows with the columns `input`.
    fn sink(&self, spec: &SinkSpec, input: &[Field]) -> Result<Arc<dyn Sink>>;

    /// What rows pass in front of the sink's writer.
    fn sink_operators(
        &self,
        spec: &SinkSpec,
        input: &[Field],
        context: &OperatorContext,
    ) -> Result<Vec<Box<dyn Operator>>>;

    /// The operator of a node that is no source, sink or constant.
    fn operator(
        &self,
        node: &Node,
        inputs: &[&Node],
        context: &OperatorContext,
    ) -> Result<Box<dyn Operator>>;
}

/// How a job ended, if not by an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ended {
    /// All input was read and all output committed.
    Finished,
    /// Someone cancelled it; output that was not committed is gone.
    Cancelled,
}

/// What a user sees of a vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VertexInfo {
    /// Names of its operators, joined by ` -> `.
    pub name: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Producers and how rows come from them: positions in [`JobHandle::vertices`].
    pub inputs: Vec<(usize, Exchange)>,
}

impl VertexInfo {
    fn new(vertex: &Vertex) -> VertexInfo {
        let edges = vertex.inputs.iter().flatten();
        VertexInfo {
            name: vertex.name.clone(),
            parallelism: vertex.parallelism,
            inputs: edges.map(|edge| (edge.vertex, edge.exchange.clone())).collect(),
        }
    }
}

/// A running job. Dropping it does not end the job.
#[derive(Debug, Clone)]
pub struct JobHandle {
    shared: Arc<Shared>,
}

/// What the handle and the job's thread share.
struct Shared {
    id: String,
    started: Instant,
    vertices: Vec<VertexInfo>,
    tasks: Mutex<Tasks>,
    checkpoints: Mutex<CheckpointFigures>,
    /// Where savepoints go that name no place.
    savepoint_dir: Option<String>,
    options: std::collections::BTreeMap<String, String>,
    events: Sender<Event>,
    outcome: Mutex<Option<Result<Ended>>>,
    ended: Condvar,
}

/// The tasks as they run now.
struct Tasks {
    /// For each vertex, its subtasks.
    metrics: Vec<Vec<Arc<TaskMetrics>>>,
    /// By task.
    queues: Vec<Arc<InputQueue>>,
    /// By region.
    signals: Vec<Arc<Signals>>,
    /// The job was asked to stop: new attempts are too.
    stopping: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Starts a job. Rows of a node that nothing reads and that is no sink go to `collector`, marks
/// included; a collector that is dropped cancels the job, and a job with one takes no checkpoints
/// and is not restarted.
///
/// # Errors
/// An option, table or expression that is wrong; a plan with rows for a collector without one; a
/// checkpoint to start from that is damaged or does not fit; no more threads.
pub fn run(
    plan: &Plan,
    components: Arc<dyn Components>,
    collector: Option<Sender<Batch>>,
) -> Result<JobHandle> {
    start::start(plan, components, collector).map(|shared| JobHandle { shared })
}

impl JobHandle {
    /// The job's id: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Waits for the end. The first error of any task is the job's, unless it is restarted.
    pub fn wait(&self) -> Result<Ended> {
        let mut outcome = self.shared.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self.shared.ended.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the end, but not longer than that; `None` if the job still runs.
    pub fn wait_for(&self, longest: Duration) -> Option<Result<Ended>> {
        let outcome = self.shared.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let running = |outcome: &mut Option<Result<Ended>>| outcome.is_none();
        let waited = self.shared.ended.wait_timeout_while(outcome, longest, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Ends everything at once; output that is not committed is thrown away.
    pub fn cancel(&self) {
        // A job that has ended needs no telling.
        let _ = self.shared.events.send(Event::Cancel);
        self.shared.cancel();
    }

    /// Ends the sources as if they had no more rows; all windows fire and the output is committed
    /// (`stop --drain`).
    pub fn stop(&self) {
        let mut tasks = self.shared.tasks();
        tasks.stopping = true;
        tasks.signals.iter().for_each(|signals| signals.stopping.store(true, Ordering::Relaxed));
        tasks.queues.iter().for_each(|queue| queue.wake());
    }

    /// Makes a savepoint below `dir`, or below `execution.checkpointing.savepoint-dir`, and returns
    /// its path once it is complete. With `stop` the sources read no further and the job ends with
    /// it, its output committed; otherwise the job goes on.
    ///
    /// # Errors
    /// There is no directory to put it in; it could not be stored; the job has ended.
    pub fn savepoint(&self, dir: Option<&str>, stop: bool) -> Result<String> {
        let Some(dir) = dir.or(self.shared.savepoint_dir.as_deref()) else {
            return Err(Error::input(
                "there is no directory for savepoints: set \
                 'execution.checkpointing.savepoint-dir'",
            ));
        };
        let (storage, path) = river_storage::open(dir, &self.shared.options)
            .map_err(|error| Error::environment(error.to_string()))?;
        let folder = river_checkpoint::layout::savepoint_folder(&path, &self.shared.id);
        let place = Place { storage, folder };
        let (reply, answer) = crossbeam_channel::bounded(1);
        let stop = stop.then_some(Stop::Suspend);
        let ended = || Error::environment("the job has ended".to_owned());
        self.shared.events.send(Event::Savepoint { place, stop, reply }).map_err(|_| ended())?;
        answer.recv().map_err(|_| ended())?
    }

    /// The figures now.
    pub fn metrics(&self) -> JobMetrics {
        let tasks = self.shared.tasks();
        let vertices = self.shared.vertices.iter().zip(&tasks.metrics);
        JobMetrics {
            elapsed: self.shared.started.elapsed(),
            vertices: vertices
                .map(|(vertex, tasks)| VertexSnapshot {
                    name: vertex.name.clone(),
                    subtasks: tasks.iter().map(|task| task.snapshot()).collect(),
                })
                .collect(),
        }
    }

    /// The figures of its checkpoints now.
    pub fn checkpoints(&self) -> CheckpointFigures {
        *self.shared.checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The job's vertices, producers before consumers.
    pub fn vertices(&self) -> &[VertexInfo] {
        &self.shared.vertices
    }
}

impl Shared {
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_checkpoints(&self, figures: CheckpointFigures) {
        *self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }

    /// A new attempt at some regions begins.
    fn set_tasks(&self, topology: &Topology, launched: &Launched) {
        self.tasks().replace(topology, launched);
    }
}

impl Tasks {
    /// The tasks of the first attempt.
    fn new(topology: &Topology, launched: &Launched) -> Tasks {
        let subtasks = |vertex: &Vertex| vec![Arc::default(); vertex.parallelism as usize];
        let mut tasks = Tasks {
            metrics: topology.graph.vertices.iter().map(subtasks).collect(),
            queues: topology.tasks().map(|_| Arc::new(InputQueue::new(0))).collect(),
            signals: vec![Arc::default(); topology.regions.count()],
            stopping: false,
        };
        tasks.replace(topology, launched);
        tasks
    }

    fn replace(&mut self, topology: &Topology, launched: &Launched) {
        for region in &launched.regions {
            region.signals.stopping.store(self.stopping, Ordering::Relaxed);
            self.signals[region.region] = region.signals.clone();
            for (number, task) in &region.tasks {
                let (vertex, subtask) = topology.place(*number);
                self.metrics[vertex][subtask as usize] = task.metrics.clone();
                self.queues[*number] = task.queue.clone();
            }
        }
    }
}

/// Wall clock, milliseconds since the epoch.
fn clock_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
