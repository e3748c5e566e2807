//! One attempt at running a region: its threads, from start to the last one's end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

use river_core::checkpoint::TaskId;
use river_runtime::checkpoint::{Command, SubtaskState};
use river_runtime::exchange::{InputQueue, Outcome};
use river_runtime::task::{Signals, Task};
use river_runtime::{Error, Result};

use crate::deploy::RegionTasks;

/// Stack of a task's thread: expressions may be deep.
const STACK_BYTES: usize = 64 << 20;

/// Takes what each task says at its end: its number and outcome.
pub type OnEnd = Arc<dyn Fn(TaskId, Outcome<SubtaskState>) + Send + Sync>;

/// The tasks of a region while they run.
pub struct Attempt {
    /// Tells it from other attempts at any region of the job.
    number: u32,
    threads: Vec<JoinHandle<()>>,
    queues: Vec<Arc<InputQueue>>,
    /// Tasks without input channels.
    sources: Vec<usize>,
    signals: Arc<Signals>,
    /// Tasks whose end has not been heard of.
    running: usize,
}

impl Attempt {
    /// Starts all tasks.
    ///
    /// # Errors
    /// No more threads; those that were started have ended again.
    pub fn start(made: RegionTasks, number: u32, on_end: &OnEnd) -> Result<Attempt> {
        let mut attempt = Attempt {
            number,
            threads: Vec::new(),
            queues: made.tasks.iter().map(|(_, task)| task.queue.clone()).collect(),
            sources: Vec::new(),
            signals: made.signals,
            running: made.tasks.len(),
        };
        for (place, (id, task)) in made.tasks.into_iter().enumerate() {
            if task.is_source() {
                attempt.sources.push(place);
            }
            match spawn(id, task, on_end.clone()) {
                Ok(thread) => attempt.threads.push(thread),
                Err(error) => {
                    attempt.cancel();
                    attempt.join();
                    return Err(error);
                }
            }
        }
        Ok(attempt)
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Tells all tasks without input channels.
    pub fn tell_sources(&self, command: Command) {
        self.sources.iter().for_each(|source| self.queues[*source].command(command));
    }

    /// Tells all tasks.
    pub fn tell_all(&self, command: Command) {
        self.queues.iter().for_each(|queue| queue.command(command));
    }

    /// Ends everything at once.
    pub fn cancel(&self) {
        self.signals.cancelled.store(true, Ordering::Relaxed);
        self.queues.iter().for_each(|queue| queue.close());
    }

    /// A task has ended.
    pub fn task_ended(&mut self) {
        self.running -= 1;
    }

    /// Whether tasks still run.
    pub fn is_running(&self) -> bool {
        self.running > 0
    }

    /// Waits for the threads of tasks that have ended.
    pub fn join(&mut self) {
        for thread in self.threads.drain(..) {
            // Tasks catch their panics; what is left is in dropping them, after their report.
            if thread.join().is_err() {
                tracing::error!("a task broke down while it was taken apart");
            }
        }
    }
}

fn spawn(number: TaskId, task: Task, on_end: OnEnd) -> Result<JoinHandle<()>> {
    let name = thread_name(&task.name);
    let work = move || {
        let outcome = task.run();
        on_end(number, outcome);
    };
    let spawned = Builder::new().name(name).stack_size(STACK_BYTES).spawn(work);
    spawned.map_err(|error| Error::environment(format!("cannot start a thread: {error}")))
}

/// A thread's name must not hold a zero.
pub fn thread_name(name: &str) -> String {
    name.replace('\0', "")
}
