//! The thread that does a job's slow work with storage and sinks, in order: metadata, commits,
//! deletions. The supervisor never waits for it but at the end and before a restart.

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
        let run = move || work.into_iter().for_each(|work| work());
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
