//! Makes sure that a checkpoint is whole before a job goes on from it.
//!
//! Tasks check what they read as well, but by then sinks have committed what the checkpoint holds
//! for them: going on from an older one instead would write these rows again. So all files are
//! read once before, several at a time; their rows are not decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use river_storage::Storage;

use super::Restore;
use crate::metadata::StateFile;
use crate::{Error, Result, VertexState, verify};

/// Files read at once.
const THREADS: usize = 4;

impl Restore {
    /// As [`Restore::open`], but reads all files of the checkpoint and compares checksums.
    ///
    /// # Errors
    /// One is missing or damaged: the error names it.
    pub fn open_whole(storage: Arc<dyn Storage>, path: &str) -> Result<Restore> {
        let restore = Restore::open(storage, path)?;
        restore.check()?;
        Ok(restore)
    }

    fn check(&self) -> Result<()> {
        let files: Vec<_> =
            verify::files(&self.metadata).map(|(vertex, _, file)| (vertex, file)).collect();
        let next = AtomicUsize::new(0);
        let work = || self.check_from(&files, &next);
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for _ in 1..THREADS.min(files.len()) {
                let thread = std::thread::Builder::new().name("check".to_owned());
                let started = thread.spawn_scoped(scope, work);
                threads.push(
                    started.map_err(|error| {
                        Error::internal(format!("cannot start a thread: {error}"))
                    })?,
                );
            }
            let mut found = work();
            for thread in threads {
                let other = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                found = found.into_iter().chain(other).min_by_key(|(number, _)| *number);
            }
            found.map_or(Ok(()), |(_, error)| Err(error))
        })
    }

    /// Checks files that no other thread has taken, up to the first that is not whole.
    fn check_from(
        &self,
        files: &[(&VertexState, &StateFile)],
        next: &AtomicUsize,
    ) -> Option<(usize, Error)> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (vertex, file) = files.get(number)?;
            if let Err(error) = verify::check_file(&self.storage, &self.folder, file, vertex) {
                // Later files need not be read.
                next.store(files.len(), Ordering::Relaxed);
                return Some((number, error));
            }
        }
    }
}
