//! Runs a bound plan in this process: one thread a task, from start to commit.
//!
//! [`run`] builds everything on the caller's thread, so what is wrong with a script is said before
//! anything starts. Sinks are committed once, when every task has ended well; after a failure or a
//! cancel they are told to abort. Connectors and operators come from [`Components`], so that this
//! crate knows neither.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use river_core::Field;
use river_core::plan::{Exchange, Node, Plan, SinkSpec, TableRef};

use river_runtime::exchange::InputQueue;
use river_runtime::graph::{Graph, GraphOptions};
use river_runtime::metrics::{JobMetrics, TaskMetrics, VertexSnapshot};
use river_runtime::sink::Sink;
use river_runtime::source::Source;
use river_runtime::task::Signals;
use river_runtime::{Batch, Error, Operator, OperatorContext, Result};

mod deploy;
mod supervise;
#[cfg(test)]
mod tests;

/// What a job is made of: tables by connector, operators by plan node.
pub trait Components {
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

/// A running job. Dropping it does not end the job.
#[derive(Debug, Clone)]
pub struct JobHandle {
    shared: Arc<Shared>,
}

/// What the handle, the tasks' supervisor and the tasks share.
#[derive(Debug)]
struct Shared {
    started: Instant,
    vertices: Vec<VertexInfo>,
    /// For each vertex, its subtasks.
    metrics: Vec<Vec<Arc<TaskMetrics>>>,
    queues: Vec<Arc<InputQueue>>,
    signals: Arc<Signals>,
    outcome: Mutex<Option<Result<Ended>>>,
    ended: Condvar,
}

/// Starts a job. Rows of a node that nothing reads and that is no sink go to `collector`, marks
/// included; a collector that is dropped cancels the job.
///
/// # Errors
/// An option, table or expression that is wrong; a plan with rows for a collector without one; no
/// more threads.
pub fn run(
    plan: &Plan,
    components: &dyn Components,
    collector: Option<Sender<Batch>>,
) -> Result<JobHandle> {
    let options = GraphOptions::from_options(&plan.options)?;
    let session = river_expr::Session::from_options(&plan.options).map_err(Error::input)?;
    let connectors = deploy::Connectors::open(plan, components)?;
    let graph = Graph::new(plan, &options, |node| connectors.wished_parallelism(node))?;
    let deployment =
        deploy::Deployer { plan, graph: &graph, options: &options, session, components }
            .deploy(&connectors, collector)?;
    supervise::start(&plan.name, &graph, deployment, connectors.into_sinks())
}

impl JobHandle {
    /// Waits for the end. The first error of any task is the job's.
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
        self.shared.cancel();
    }

    /// Ends the sources as if they had no more rows; all windows fire and the output is committed
    /// (`stop --drain`).
    pub fn stop(&self) {
        self.shared.signals.stopping.store(true, Ordering::Relaxed);
        self.shared.queues.iter().for_each(|queue| queue.wake());
    }

    /// The figures now.
    pub fn metrics(&self) -> JobMetrics {
        let vertices = self.shared.vertices.iter().zip(&self.shared.metrics);
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

    /// The job's vertices, producers before consumers.
    pub fn vertices(&self) -> &[VertexInfo] {
        &self.shared.vertices
    }
}

impl Shared {
    fn cancel(&self) {
        self.signals.cancelled.store(true, Ordering::Relaxed);
        self.queues.iter().for_each(|queue| queue.close());
    }
}
