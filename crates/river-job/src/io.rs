//! The thread that does a job's slow work with storage and sinks, in order: metadata, commits,
//! deletions. The supervisor never waits for it but at the end and before a restart.
//!
//! What it calls may break down: work that answers is given through [`guarded`], so that the answer
//! comes in any case, and a panic of any other work ends neither the thread nor the job.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Sender, unbounded};
use river_runtime::{Error, Result};

/// A piece of work.
pub type Work = Box<dyn FnOnce() + Send>;

/// The thread and the queue of its work.
pub struct Io {
    queue: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Io {
    /// Starts the thread.
    pub fn start() -> Result<Io> {
        let (queue, work) = unbounded::<Work>();
        let run = move || {
            for work in work {
                // Whoever waits for an answer has one from `guarded`.
                let work = || {
                    work();
                    Ok(())
                };
                if let Err(error) = guarded("the thread for storage and commits", work) {
                    tracing::error!(%error);
                }
            }
        };
        let thread = Builder::new().name("job-io".to_owned()).spawn(run);
        let thread = thread
            .map_err(|error| Error::environment(format!("cannot start a thread: {error}")))?;
        Ok(Io { queue: Some(queue), thread: Some(thread) })
    }

    /// Does the work after all that was given before.
    pub fn run(&self, work: impl FnOnce() + Send + 'static) {
        if let Some(queue) = &self.queue {
            // The thread ends only with the queue.
            let _ = queue.send(Box::new(work));
        }
    }

    /// Waits until all that was given is done.
    pub fn wait(&self) {
        let (done, is_done) = crossbeam_channel::bounded(1);
        self.run(move || {
            let _ = done.send(());
        });
        let _ = is_done.recv();
    }
}

/// Does work that calls a connector or a storage; a panic of it becomes an error of `what`.
pub fn guarded<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::broke_down(what, &*panic)))
}

impl Drop for Io {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread for storage and commits broke down");
        }
    }
}
