//! Local disk for state that does not fit in memory: one log-structured merge tree a state table
//! (`lsm-tree`), in a directory that lives as long as the process.
//!
//! Nothing here survives a crash, and nothing has to: checkpoints do that. So there is no log.
//! Writes go to a table in memory; a thread of the process writes full ones to files and merges
//! files. Whoever writes faster than that waits.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crossbeam_channel::Sender;
use lsm_tree::compaction::Leveled;
use lsm_tree::compaction::filter::{CompactionFilter, Context, Factory, ItemAccessor, Verdict};
use lsm_tree::config::{BlockSizePolicy, CompressionPolicy, PinningPolicy};
use lsm_tree::{
    AbstractTree, AnyTree, Cache, CompressionType, Config, DescriptorTable, Guard, SeqNo,
    SequenceNumberCounter, UserValue,
};

use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Directories of this kind, of processes that are gone, are removed.
const PREFIX: &str = "river-state-";
/// Held locked by the process that owns a directory.
const LOCK: &str = "lock";
/// Full tables in memory that may wait to be written before the writer waits for them.
const MOST_WAITING: usize = 1;
/// Memory that a table in memory takes for each byte that it counts, about.
const BUFFER_COST: u64 = 2;
/// Open files of all trees.
const OPEN_FILES: usize = 1000;
/// Bytes of a file of a tree.
const FILE_BYTES: u64 = 16 << 20;
/// Files as they came from memory before these are merged. Each merge rewrites most of the level
/// below: with too few, most of the time goes into that.
const UNMERGED_FILES: u8 = 8;
/// Bytes of a block of a file: what one lookup reads.
const BLOCK_BYTES: u32 = 8192;
/// Levels whose files have index and filter in parts; the last one stands for all below.
const PARTITIONED: [bool; 2] = [false, true];
/// Merges after one flush, so that other trees get their turn.
const MERGES: usize = 16;

/// A directory for trees, and the memory they share.
pub struct DiskSpace {
    dir: PathBuf,
    _lock: File,
    cache: Arc<Cache>,
    files: Arc<DescriptorTable>,
    /// Bytes of all trees' tables in memory together.
    buffer_bytes: u64,
    trees: Arc<AtomicU64>,
    numbers: AtomicU64,
    flusher: Sender<Flush>,
}

/// Work for the thread that writes files.
struct Flush {
    tree: AnyTree,
    seqno: SequenceNumberCounter,
    progress: Arc<Progress>,
}

/// What has become of a tree's full tables in memory.
#[derive(Default)]
struct Progress {
    state: Mutex<Waiting>,
    done: Condvar,
}

#[derive(Default)]
struct Waiting {
    flushes: usize,
    failed: Option<String>,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskSpace {
    /// A new directory under `parent` (`io.tmp.dirs`); `memory` bytes are for the blocks that are
    /// kept in memory and for what is not written yet. Removes what processes that are gone have
    /// left there.
    pub fn create(parent: &Path, memory: u64) -> Result<Arc<DiskSpace>> {
        let failed = |error: std::io::Error| {
            Error::environment(format!(
                "no directory for state on disk in {}: {error}; name a local directory that can \
                 be written by io.tmp.dirs",
                parent.display()
            ))
        };
        fs::create_dir_all(parent).map_err(failed)?;
        remove_abandoned(parent);
        let (dir, lock) = claim_directory(parent).map_err(failed)?;
        let (flusher, work) = crossbeam_channel::unbounded::<Flush>();
        std::thread::Builder::new()
            .name("state-files".to_owned())
            .spawn(move || work.into_iter().for_each(|flush| flush.run()))
            .map_err(failed)?;
        Ok(Arc::new(DiskSpace {
            dir,
            _lock: lock,
            cache: Arc::new(Cache::with_capacity_bytes(memory / 3)),
            files: Arc::new(DescriptorTable::new(OPEN_FILES)),
            buffer_bytes: memory / 3 * 2,
            trees: Arc::default(),
            numbers: AtomicU64::new(0),
            flusher,
        }))
    }

    /// An empty tree. When files are merged, values are dropped whose end (as `end_of` tells it,
    /// wall clock in milliseconds) has passed.
    pub fn tree(self: &Arc<DiskSpace>, end_of: fn(&[u8]) -> i64) -> Result<DiskTree> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.join(number.to_string());
        let seqno = SequenceNumberCounter::default();
        // What is merged often is not worth it.
        let compression = [CompressionType::None, CompressionType::None, CompressionType::Lz4];
        let tree = Config::new(&dir, seqno.clone(), SequenceNumberCounter::default())
            .use_cache(self.cache.clone())
            .use_descriptor_table(Some(self.files.clone()))
            .data_block_size_policy(BlockSizePolicy::all(BLOCK_BYTES))
            // Index and filter of a large file would be blocks of a megabyte: in parts, only those
            // in use take memory.
            .index_block_partitioning_policy(PinningPolicy::new(PARTITIONED))
            .filter_block_partitioning_policy(PinningPolicy::new(PARTITIONED))
            .data_block_compression_policy(CompressionPolicy::new(compression))
            .with_compaction_filter_factory(Some(Arc::new(DropEnded(end_of))))
            .open()
            .map_err(|error| self.failed(&error))?;
        self.trees.fetch_add(1, Ordering::Relaxed);
        Ok(DiskTree { tree, seqno, progress: Arc::default(), space: self.clone(), dir })
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Error {
        Error::environment(format!(
            "state on disk in {} failed: {error}; there must be room for all state, see io.tmp.dirs",
            self.dir.display()
        ))
    }
}

impl Drop for DiskSpace {
    fn drop(&mut self) {
        remove(&self.dir);
    }
}

/// Removes a directory; what is left of it is removed by the next process.
fn remove(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir) {
        tracing::debug!(dir = %dir.display(), %error, "state on disk is not removed");
    }
}

/// A directory of this process, locked for as long as it lives.
fn claim_directory(parent: &Path) -> std::io::Result<(PathBuf, File)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match fs::create_dir(&dir) {
            // Of an earlier process with this number.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            created => created?,
        }
        let lock = File::create(dir.join(LOCK))?;
        lock.try_lock()?;
        return Ok((dir, lock));
    }
}

/// Removes directories whose owner is gone: their lock can be had.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let dir = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // One without the lock file is just being made.
        if ours && File::open(dir.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            remove(&dir);
        }
    }
}

impl Flush {
    fn run(self) {
        // Whoever waits must hear of the end, whatever it is.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.write_and_merge()));
        let failed = match outcome {
            Ok(outcome) => outcome.err().map(|error| error.to_string()),
            Err(_) => Some("writing files broke down; this is a bug".to_owned()),
        };
        let mut waiting = self.progress.lock();
        waiting.flushes -= 1;
        waiting.failed = waiting.failed.take().or(failed);
        self.progress.done.notify_all();
    }

    fn write_and_merge(&self) -> lsm_tree::Result<()> {
        // No reader needs old versions: an iterator holds what it reads.
        let oldest = self.seqno.get();
        self.tree.flush(&self.tree.get_flush_lock(), oldest)?;
        let strategy =
            Leveled::default().with_table_target_size(FILE_BYTES).with_l0_threshold(UNMERGED_FILES);
        let strategy = Arc::new(strategy);
        for _ in 0..MERGES {
            let before = self.tree.current_version().id();
            self.tree.compact(strategy.clone(), oldest)?;
            if self.tree.current_version().id() == before {
                break;
            }
        }
        Ok(())
    }
}

/// Drops values whose end has passed.
struct DropEnded(fn(&[u8]) -> i64);

/// [`DropEnded`] at one time.
struct DropEndedBy(fn(&[u8]) -> i64, i64);

impl Factory for DropEnded {
    fn name(&self) -> &str {
        "time to live"
    }

    fn make_filter(&self, _: &Context) -> Box<dyn CompactionFilter> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Box::new(DropEndedBy(self.0, i64::try_from(now).unwrap_or(i64::MAX)))
    }
}

impl CompactionFilter for DropEndedBy {
    fn filter_item(&mut self, item: ItemAccessor<'_>, _: &Context) -> lsm_tree::Result<Verdict> {
        let DropEndedBy(end_of, now) = self;
        Ok(if end_of(&item.value()?) <= *now { Verdict::Remove } else { Verdict::Keep })
    }
}

/// Values by key, on disk. Written and read by one task.
pub struct DiskTree {
    tree: AnyTree,
    seqno: SequenceNumberCounter,
    progress: Arc<Progress>,
    space: Arc<DiskSpace>,
    dir: PathBuf,
}

/// Keys and values in order of the keys, as of the moment it was made.
pub struct Scan {
    entries: Box<dyn Iterator<Item = lsm_tree::IterGuardImpl> + Send>,
    space: Arc<DiskSpace>,
}

impl DiskTree {
    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<UserValue>> {
        self.tree.get(key, SeqNo::MAX).map_err(|error| self.space.failed(&error))
    }

    /// Sets the value of a key. Waits if the disk is behind.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let (_, buffered) = self.tree.insert(key, value, self.seqno.next());
        self.written(buffered)
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &[u8]) -> Result<()> {
        let (_, buffered) = self.tree.remove(key, self.seqno.next());
        self.written(buffered)
    }

    /// All entries whose key begins with those bytes, as they are now.
    pub fn scan(&self, prefix: &[u8]) -> Scan {
        // Of what is written from now on nothing must be seen.
        let entries = self.tree.prefix(prefix, self.seqno.get(), None);
        Scan { entries: Box::new(entries), space: self.space.clone() }
    }

    /// Where it is, for further trees.
    pub fn space(&self) -> &Arc<DiskSpace> {
        &self.space
    }

    /// Bytes of files.
    pub fn disk_bytes(&self) -> u64 {
        self.tree.disk_space()
    }

    fn written(&mut self, buffered: u64) -> Result<()> {
        let trees = self.space.trees.load(Ordering::Relaxed).max(1);
        // Those that wait to be written count as well.
        let share = self.space.buffer_bytes / trees / (MOST_WAITING as u64 + 1);
        if buffered < share / BUFFER_COST {
            return Ok(());
        }
        let mut waiting = self.progress.lock();
        while waiting.flushes >= MOST_WAITING && waiting.failed.is_none() {
            waiting = self.progress.done.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(error) = &waiting.failed {
            return Err(self.space.failed(error));
        }
        if self.tree.rotate_memtable().is_some() {
            waiting.flushes += 1;
            let flush = Flush {
                tree: self.tree.clone(),
                seqno: self.seqno.clone(),
                progress: self.progress.clone(),
            };
            let gone = |_| Error::internal("the thread that writes state to disk is gone");
            return self.space.flusher.send(flush).map_err(gone);
        }
        Ok(())
    }
}

/// The entries of several trees, in order of the keys; of a key's the newest only.
pub struct Merged {
    /// The newest first.
    scans: Vec<(Scan, Option<(lsm_tree::UserKey, UserValue)>)>,
}

impl Merged {
    /// All entries, as they are now.
    pub fn new<'t>(newest_first: impl Iterator<Item = &'t DiskTree>) -> Result<Merged> {
        let scan = |tree: &DiskTree| {
            let mut scan = tree.scan(&[]);
            let first = scan.next().transpose()?;
            Ok((scan, first))
        };
        Ok(Merged { scans: newest_first.map(scan).collect::<Result<_>>()? })
    }

    /// The next entry.
    pub fn next_entry(&mut self) -> Result<Option<(lsm_tree::UserKey, UserValue)>> {
        let heads = self.scans.iter().filter_map(|(_, head)| Some(&head.as_ref()?.0));
        let Some(key) = heads.min().cloned() else { return Ok(None) };
        let mut newest = None;
        for (scan, head) in &mut self.scans {
            if head.as_ref().is_some_and(|(other, _)| *other == key) {
                let value = std::mem::replace(head, scan.next().transpose()?);
                newest = newest.or(value);
            }
        }
        Ok(newest)
    }
}

impl Drop for DiskTree {
    fn drop(&mut self) {
        self.space.trees.fetch_sub(1, Ordering::Relaxed);
        remove(&self.dir);
    }
}

impl Iterator for Scan {
    type Item = Result<(lsm_tree::UserKey, UserValue)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(entry.into_inner().map_err(|error| self.space.failed(&error)))
    }
}
