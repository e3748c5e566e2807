//! One attempt at running a job: its threads, from start to the last one's end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{Builder, JoinHandle};

use river_runtime::checkpoint::{Command, SubtaskState};
use river_runtime::exchange::{InputQueue, Outcome};
use river_runtime::task::{Signals, Task};
use river_runtime::{Error, Result};

use crate::deploy::Placed;

/// Stack of a task's thread: expressions may be deep.
const STACK_BYTES: usize = 64 << 20;

/// Takes what each task says at its end: its number and outcome.
pub type OnEnd = Arc<dyn Fn(usize, Outcome<SubtaskState>) + Send + Sync>;

/// The tasks of a job while they run.
pub struct Attempt {
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
    pub fn start(tasks: Vec<Placed>, signals: Arc<Signals>, on_end: &OnEnd) -> Result<Attempt> {
        let mut attempt = Attempt {
            threads: Vec::new(),
            queues: tasks.iter().map(|placed| placed.task.queue.clone()).collect(),
            sources: Vec::new(),
            signals,
            running: tasks.len(),
        };
        for (number, placed) in tasks.into_iter().enumerate() {
            if placed.task.is_source() {
                attempt.sources.push(number);
            }
            match spawn(number, placed.task, on_end.clone()) {
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

    /// A task has ended; says whether it was the last one.
    pub fn task_ended(&mut self) -> bool {
        self.running -= 1;
        self.running == 0
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

fn spawn(number: usize, task: Task, on_end: OnEnd) -> Result<JoinHandle<()>> {
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
