//! The memory of a process for state: one budget that all tasks share
//! (`taskmanager.memory.process.size`).
//!
//! Nothing is handed out ahead. Each task tells what its tables hold; once all of them together
//! hold more than the budget has for state, those that hold more than their share move keys to disk
//! ([`crate::task`] decides how many).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::DiskSpace;
use crate::{Error, Result};

/// What a process needs apart from state: programs, threads, buffers between tasks, readers.
const BASE_BYTES: u64 = 128 << 20;
/// The least that can be worked with.
pub const LEAST_BYTES: u64 = 2 * BASE_BYTES;
/// Of what is above the base: for tables in memory. They double parts of them when these are full,
/// so there must be room for that beside the rest.
const STATE_PERCENT: u64 = 30;
/// For what is read from and written to disk.
const DISK_PERCENT: u64 = 25;
/// Of the whole: where no more is taken, whatever the tables say.
const FULL_PERCENT: u64 = 85;

/// The budget of the process.
pub struct StateMemory {
    process_bytes: u64,
    dir: PathBuf,
    space: Mutex<Option<Arc<DiskSpace>>>,
    held: AtomicU64,
    tables: AtomicUsize,
    keys_of_table: Option<usize>,
}

impl StateMemory {
    /// A budget of `process_bytes` for the whole process, with state on disk under `dir`. With
    /// `keys_of_table` no table keeps more keys than that in memory.
    pub fn new(
        process_bytes: u64,
        dir: &Path,
        keys_of_table: Option<usize>,
    ) -> Result<Arc<StateMemory>> {
        if process_bytes < LEAST_BYTES {
            return Err(Error::input(format!(
                "taskmanager.memory.process.size is {} MiB; at least {} MiB are needed",
                process_bytes >> 20,
                LEAST_BYTES >> 20
            )));
        }
        Ok(Arc::new(StateMemory {
            process_bytes,
            dir: dir.to_owned(),
            space: Mutex::default(),
            held: AtomicU64::new(0),
            tables: AtomicUsize::new(0),
            keys_of_table,
        }))
    }

    /// Where state on disk is; made when it is first asked for.
    pub fn space(&self) -> Result<Arc<DiskSpace>> {
        let mut space = self.space.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(space) = &*space {
            return Ok(space.clone());
        }
        let made = DiskSpace::create(&self.dir, self.above_base(DISK_PERCENT))?;
        tracing::info!(dir = %self.dir.display(), "state is near its budget of memory: moving some to disk");
        Ok(space.insert(made).clone())
    }

    /// That many more tables share the budget; fewer if negative.
    pub fn add_tables(&self, tables: isize) {
        self.tables.fetch_add(tables as usize, Ordering::Relaxed);
    }

    /// A task's tables hold that many bytes now instead of `before`.
    pub fn hold(&self, before: u64, now: u64) {
        self.held.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }

    /// Whether the tables hold more than there is for state.
    pub fn is_exceeded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.above_base(STATE_PERCENT)
    }

    /// Whether the process as a whole holds so much that none may be added.
    pub fn is_full(&self) -> bool {
        resident_bytes().is_some_and(|bytes| bytes > self.process_bytes / 100 * FULL_PERCENT)
    }

    /// Bytes that each table may hold while the budget is exceeded.
    pub fn share(&self) -> u64 {
        self.above_base(STATE_PERCENT) / self.tables.load(Ordering::Relaxed).max(1) as u64
    }

    /// Most keys that a table may keep in memory, whatever it holds.
    pub fn keys_of_table(&self) -> Option<usize> {
        self.keys_of_table
    }

    fn above_base(&self, percent: u64) -> u64 {
        (self.process_bytes - BASE_BYTES) / 100 * percent
    }
}

/// Memory of the process that is in use (`VmRSS`); unknown where there is no `/proc`.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
