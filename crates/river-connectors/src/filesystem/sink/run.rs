//! Which hidden files are whose.
//!
//! A sink has an id for all lives of its job, kept in its checkpoints, and each life, a run, one
//! of its own; both are in the names of all files: `part-<sink>-<run>-<subtask>-<n>`. So a new run
//! never takes a name that was taken, and a restarted job tells what its earlier runs have left
//! behind from the files of other jobs.
//!
//! Two jobs may have started from one savepoint and so share the sink's id. Therefore a run holds
//! a lock on `.part-<sink>-<run>.lock` while it lives, which ends with its process whatever
//! happens; the files of a run whose lock is held are not touched.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use river_runtime::{Error, Result};

use super::part::unwritable;

/// A life of a sink.
#[derive(Debug)]
pub struct Run {
    table: PathBuf,
    sink: OnceLock<String>,
    run: String,
    /// Earlier runs that the checkpoint this one started from tells of.
    settled: OnceLock<BTreeSet<String>>,
    lock: Mutex<Option<File>>,
}

impl Run {
    /// A run of a sink that writes below `table`.
    pub fn new(table: &Path) -> Run {
        Run {
            table: table.to_owned(),
            sink: OnceLock::new(),
            run: uuid::Uuid::new_v4().simple().to_string()[..8].to_owned(),
            settled: OnceLock::new(),
            lock: Mutex::new(None),
        }
    }

    /// The sink's id in all its lives.
    pub fn sink(&self) -> &str {
        self.sink.get_or_init(|| uuid::Uuid::new_v4().to_string())
    }

    /// This life's id.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Runs whose output was committed when this one started, as far as it counts.
    pub fn settled(&self) -> BTreeSet<String> {
        self.settled.get().cloned().unwrap_or_default()
    }

    /// Takes on the id that an earlier run has had.
    pub fn continue_as(&self, sink: &str, runs: impl Iterator<Item = String>) -> Result<()> {
        // The id is part of paths that are removed.
        if !sink.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Error::internal("filesystem sink: the stored id of the sink is damaged"));
        }
        if self.sink.get_or_init(|| sink.to_owned()) != sink {
            return Err(Error::internal("filesystem sink: recovered as two sinks"));
        }
        self.settled.get_or_init(|| runs.collect());
        Ok(())
    }

    /// Says to others that this run lives. Must come before the run's first file.
    pub fn hold(&self) -> Result<()> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            return Ok(());
        }
        create_table(&self.table).map_err(|error| unwritable(&self.table, &error))?;
        let path = self.lock_path(&self.run);
        let file = File::create(&path).map_err(|error| unwritable(&path, &error))?;
        // Where files cannot be locked, nobody can take the lock from us either.
        if let Err(error) = file.try_lock() {
            tracing::debug!(path = %path.display(), %error, "cannot lock");
        }
        *lock = Some(file);
        Ok(())
    }

    /// The opposite of [`Run::hold`].
    pub fn release(&self) {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.take().is_some() {
            remove(&self.lock_path(&self.run));
        }
    }

    fn lock_path(&self, run: &str) -> PathBuf {
        self.table.join(format!(".part-{}-{run}.lock", self.sink()))
    }

    /// Removes the files of this run that were not committed, but those that `keep` says.
    pub fn remove_own(&self, keep: impl Fn(&Path) -> bool) {
        let prefix = format!(".part-{}-{}-", self.sink(), self.run);
        walk(&self.table, &mut |path, name| {
            if name.starts_with(&prefix) && !keep(path) {
                remove(path);
            }
        });
    }

    /// Removes what this sink's earlier runs have left behind, except those that still live; gives
    /// whether that is all of them.
    pub fn remove_leftovers(&self) -> bool {
        let prefix = format!(".part-{}-", self.sink());
        let mut dead = HashMap::from([(self.run.clone(), false)]);
        let mut locks = Vec::new();
        walk(&self.table, &mut |path, name| {
            let Some(rest) = name.strip_prefix(&prefix) else { return };
            let Some(run) = rest.split(['-', '.']).next() else { return };
            let is_dead = *dead.entry(run.to_owned()).or_insert_with(|| self.is_dead(run));
            if is_dead && name.ends_with(".inprogress") {
                remove(path);
            } else if is_dead {
                locks.push(path.to_owned());
            }
        });
        // Last: until then they say whose the files are.
        locks.iter().for_each(|path| remove(path));
        dead.iter().all(|(run, dead)| *dead || *run == self.run)
    }

    fn is_dead(&self, run: &str) -> bool {
        match File::open(self.lock_path(run)) {
            Ok(file) => match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
            },
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.release();
    }
}

/// Creates the table's directory, durably.
fn create_table(table: &Path) -> std::io::Result<()> {
    if table.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(table)?;
    match table.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// A file that stays is hidden and harms nobody.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove a file left behind");
    }
}

/// Calls `each` with path and name of all files below a directory. Links are not followed.
pub(super) fn walk(directory: &Path, each: &mut dyn FnMut(&Path, &str)) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, each);
        } else if let Some(name) = entry.file_name().to_str() {
            each(&path, name);
        }
    }
}
