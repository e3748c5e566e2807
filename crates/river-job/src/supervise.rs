//! Starts a job's threads, watches them, and commits or aborts the sinks.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::deploy::Deployment;
use crate::{Ended, JobHandle, Shared, VertexInfo};
use river_runtime::checkpoint::SubtaskState;
use river_runtime::exchange::{Outcome, Stop};
use river_runtime::graph::Graph;
use river_runtime::sink::Sink;
use river_runtime::task::Task;
use river_runtime::{Error, Result};

/// Stack of a task's thread: expressions may be deep.
const STACK_BYTES: usize = 64 << 20;

/// For each sink's node, what its tasks have prepared, with the task's position.
type Prepared = BTreeMap<usize, Vec<(usize, Vec<Vec<u8>>)>>;

/// What a task says at its end.
struct Report {
    /// Position among the job's tasks.
    task: usize,
    outcome: Outcome<SubtaskState>,
}

/// Waits for all tasks of a job.
struct Supervisor {
    shared: Arc<Shared>,
    /// Sink that each task writes.
    sink_of: Vec<Option<usize>>,
    sinks: BTreeMap<usize, Arc<dyn Sink>>,
    reports: Receiver<Report>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts all tasks, and the thread that waits for them.
pub fn start(
    job: &str,
    graph: &Graph,
    deployment: Deployment,
    sinks: BTreeMap<usize, Arc<dyn Sink>>,
) -> Result<JobHandle> {
    let shared = Arc::new(shared(graph, &deployment));
    let sink_of = deployment.tasks.iter().map(|placed| placed.sink).collect();
    let (sender, reports) = unbounded();
    let threads = Vec::new();
    let mut supervisor = Supervisor { shared: shared.clone(), sink_of, sinks, reports, threads };
    for (number, placed) in deployment.tasks.into_iter().enumerate() {
        match spawn(number, placed.task, sender.clone()) {
            Ok(thread) => supervisor.threads.push(thread),
            Err(error) => {
                shared.cancel();
                supervisor.join();
                supervisor.abort();
                return Err(error);
            }
        }
    }
    drop(sender);
    let supervise = move || supervisor.run();
    let spawned = Builder::new().name(thread_name(job)).spawn(supervise);
    if let Err(error) = spawned {
        shared.cancel();
        return Err(Error::environment(format!("cannot start a thread: {error}")));
    }
    Ok(JobHandle { shared })
}

fn shared(graph: &Graph, deployment: &Deployment) -> Shared {
    let inputs = |vertex: &river_runtime::graph::Vertex| {
        let edges = vertex.inputs.iter().flatten();
        edges.map(|edge| (edge.vertex, edge.exchange.clone())).collect()
    };
    let info = |vertex: &river_runtime::graph::Vertex| VertexInfo {
        name: vertex.name.clone(),
        parallelism: vertex.parallelism,
        inputs: inputs(vertex),
    };
    let mut metrics = vec![Vec::new(); graph.vertices.len()];
    for placed in &deployment.tasks {
        metrics[placed.vertex].push(placed.task.metrics.clone());
    }
    Shared {
        started: Instant::now(),
        vertices: graph.vertices.iter().map(info).collect(),
        metrics,
        queues: deployment.tasks.iter().map(|placed| placed.task.queue.clone()).collect(),
        signals: deployment.signals.clone(),
        outcome: Mutex::new(None),
        ended: Condvar::new(),
    }
}

fn spawn(number: usize, task: Task, reports: Sender<Report>) -> Result<JoinHandle<()>> {
    let name = thread_name(&task.name);
    let work = move || {
        let outcome = task.run();
        // The supervisor outlives its tasks, so the report arrives.
        let _ = reports.send(Report { task: number, outcome });
    };
    let spawned = Builder::new().name(name).stack_size(STACK_BYTES).spawn(work);
    spawned.map_err(|error| Error::environment(format!("cannot start a thread: {error}")))
}

/// A thread's name must not hold a zero.
fn thread_name(name: &str) -> String {
    name.replace('\0', "")
}

impl Supervisor {
    fn run(mut self) {
        let mut prepared = Prepared::new();
        let mut failure = None;
        let mut finished = 0;
        while let Ok(report) = self.reports.recv() {
            match report.outcome {
                Ok(state) => {
                    finished += 1;
                    if let Some(sink) = self.sink_of[report.task] {
                        prepared.entry(sink).or_default().push((report.task, state.prepared));
                    }
                }
                Err(Stop::Cancelled) => self.shared.cancel(),
                Err(Stop::Failed(error)) => {
                    tracing::debug!(task = report.task, %error, "task failed");
                    self.shared.cancel();
                    failure.get_or_insert(error);
                }
            }
        }
        self.join();
        let all = finished == self.sink_of.len();
        let outcome = match failure {
            Some(error) => Err(error),
            None if all => self.commit(prepared).map(|()| Ended::Finished),
            None if self.shared.signals.cancelled.load(Ordering::Relaxed) => Ok(Ended::Cancelled),
            None => Err(Error::internal("a task ended without saying how")),
        };
        if !matches!(outcome, Ok(Ended::Finished)) {
            self.abort();
        }
        let mut place = self.shared.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(outcome);
        self.shared.ended.notify_all();
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // Tasks catch their panics; what is left is in dropping them, after their report.
            if thread.join().is_err() {
                tracing::error!("a task broke down while it was taken apart");
            }
        }
    }

    /// Phase two of every sink, with what its subtasks have prepared, in their order. A sink that
    /// was committed is no longer there to be aborted.
    fn commit(&mut self, prepared: Prepared) -> Result<()> {
        for (sink, mut outputs) in prepared {
            outputs.sort_by_key(|(task, _)| *task);
            let outputs: Vec<Vec<u8>> = outputs.into_iter().flat_map(|(_, o)| o).collect();
            let Some(target) = self.sinks.get(&sink) else { continue };
            target.commit(&outputs)?;
            self.sinks.remove(&sink);
        }
        Ok(())
    }

    fn abort(&self) {
        for sink in self.sinks.values() {
            if let Err(error) = sink.abort() {
                tracing::warn!(%error, "cannot clean up after a sink");
            }
        }
    }
}
