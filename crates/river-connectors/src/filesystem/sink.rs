//! The sink: part files that become visible only when they are whole, each exactly once.
//!
//! A writer writes `.part-<sink>-<run>-<subtask>-<n>.inprogress` beside where the file will be.
//! `prepare` ends and syncs all open files; `commit` renames them and syncs their directories, so
//! nothing half-written ever has a name that a reader looks at. Repeating a commit finds the files
//! renamed already. [`run`] says how leftovers are told from the files of others.
//!
//! Every barrier ends all files, for all formats, as Flink's bulk formats do; the rolling options
//! end them earlier. (Flink's row formats go on with a file over checkpoints, up to half an hour
//! by default, and cut it back after a failure. Here rows are visible after each checkpoint, and
//! a file once written is never touched again.)
//!
//! Partitions are marked complete on commit ([`pending`]). All that must outlive a restart is in
//! the [`committable`]s.

pub mod commits;
pub mod committable;
pub mod later;
pub mod part;
pub mod pending;
pub mod run;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use river_core::Field;
use river_core::options::Options;
use river_core::plan::SinkSpec;
use river_runtime::sink::{Sink, SinkWriter};
use river_runtime::{Batch, Error, MAX_WATERMARK, Result};

use self::commits::Commits;
use self::committable::{Committable, FinishedFile};
use self::part::{OpenPart, unwritable};
use self::pending::PendingPartitions;
use self::run::Run;
use super::partition::Partitioner;
use super::trigger::CommitRules;
use super::{Layout, of_table};
use crate::clock_ms;
use crate::format::{Encoder, Format};

/// When a part file is ended before the next checkpoint.
#[derive(Debug, Clone, Copy)]
struct Rolling {
    size: u64,
    rollover_ms: i64,
    inactivity_ms: i64,
    check_ms: i64,
}

impl Rolling {
    fn new(table: &str, options: &Options) -> Result<Rolling> {
        let wrong = |error| of_table(table, error);
        let millis = |key: &str, default_ms: i64| {
            let duration = options.duration(key).map_err(wrong)?;
            Ok::<i64, Error>(duration.map_or(default_ms, |d| d.as_millis() as i64))
        };
        let size = options.memory("sink.rolling-policy.file-size").map_err(wrong)?;
        Ok(Rolling {
            size: size.unwrap_or(128 << 20),
            rollover_ms: millis("sink.rolling-policy.rollover-interval", 30 * 60_000)?,
            inactivity_ms: millis("sink.rolling-policy.inactivity-interval", 30 * 60_000)?,
            check_ms: millis("sink.rolling-policy.check-interval", 60_000)?,
        })
    }
}

/// A table of files, ready to be written.
pub struct FilesystemSink {
    shared: Arc<Shared>,
    parallelism: Option<u32>,
}

struct Shared {
    layout: Layout,
    columns: Vec<Field>,
    partition_keys: Vec<String>,
    rolling: Rolling,
    rules: Option<CommitRules>,
    run: Run,
    commits: Commits,
    /// Number of the next file of this run.
    next_part: AtomicU64,
    /// Names of files that were handed over and are not committed.
    prepared: Mutex<HashSet<String>>,
    /// A complete checkpoint may hold them.
    commit_failed: AtomicBool,
    /// Earlier runs seemed to live still when this one started.
    has_leftovers: AtomicBool,
    pending: Mutex<PendingPartitions>,
}

impl FilesystemSink {
    /// The sink of a table.
    pub fn new(spec: &SinkSpec) -> Result<FilesystemSink> {
        let refused = |message: &str| Err(Error::input(format!("table {}: {message}", spec.name)));
        if spec.overwrite {
            return refused("INSERT OVERWRITE is not supported in streaming mode");
        }
        let wrong = |error| of_table(&spec.name, error);
        if spec.options.bool("auto-compaction").map_err(wrong)? == Some(true) {
            return refused("option 'auto-compaction': compaction is not available; remove it");
        }
        let parallelism = spec.options.i64("sink.parallelism").map_err(wrong)?;
        if parallelism.is_some_and(|p| !(1..=32_768).contains(&p)) {
            return refused("option 'sink.parallelism' must be between 1 and 32768");
        }
        let layout = Layout::new(&spec.name, &spec.options)?;
        let shared = Shared {
            run: Run::new(&layout.path),
            commits: Commits::new(&layout.path),
            next_part: AtomicU64::new(0),
            prepared: Mutex::default(),
            commit_failed: AtomicBool::new(false),
            has_leftovers: AtomicBool::new(false),
            pending: Mutex::default(),
            rolling: Rolling::new(&spec.name, &spec.options)?,
            rules: CommitRules::new(&spec.name, &spec.options)?,
            columns: spec.columns.clone(),
            partition_keys: spec.partition_keys.clone(),
            layout,
        };
        shared.parts()?; // refuses what the format cannot write before the job runs
        let parallelism = parallelism.map(|p| p as u32);
        Ok(FilesystemSink { shared: Arc::new(shared), parallelism })
    }
}

impl Shared {
    fn partitioner(&self) -> Result<Partitioner> {
        let name = &self.layout.default_partition;
        Partitioner::new(&self.columns, &self.partition_keys, name).map_err(|m| self.input(&m))
    }

    fn input(&self, message: &str) -> Error {
        Error::input(format!("table {}: {message}", self.layout.table))
    }

    /// What splits rows, the columns of a file, and what encodes them (parquet files do so
    /// themselves).
    fn parts(&self) -> Result<(Partitioner, Vec<Field>, Option<Box<dyn Encoder>>)> {
        let partitioner = self.partitioner()?;
        let written = partitioner.written(&self.columns);
        let encoder = match &self.layout.format {
            Format::Parquet(_) => None,
            format => Some(format.encoder(&written).map_err(|m| self.input(&m))?),
        };
        Ok((partitioner, written, encoder))
    }

    fn pending(&self) -> MutexGuard<'_, PendingPartitions> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prepared(&self) -> MutexGuard<'_, HashSet<String>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes finished files visible, and that durable. First all are looked for, so that one that
    /// is lost is found out before anybody can have taken another away.
    fn publish(&self, committables: &[&Committable]) -> Result<()> {
        let files = committables.iter().flat_map(|of| of.files.iter().map(move |f| (f, *of)));
        let mut hidden_files = Vec::new();
        let mut directories = BTreeSet::new();
        for (file, of) in files {
            let (hidden, visible) = file.paths(&self.layout.path);
            match find(&hidden, &visible, file.bytes)? {
                Place::Hidden => hidden_files.push((hidden, visible)),
                Place::Visible => directories.extend(visible.parent().map(Path::to_owned)),
                Place::Nowhere if self.commits.include(of) => {}
                Place::Nowhere => return Err(lost(&hidden, &visible)),
            }
        }
        if !hidden_files.is_empty() {
            self.commits.record(committables);
        }
        for (hidden, visible) in hidden_files {
            fs::rename(&hidden, &visible).map_err(|error| unwritable(&visible, &error))?;
            directories.extend(visible.parent().map(Path::to_owned));
        }
        // One that is gone was taken away with what is in it.
        let mut there = directories.iter().filter(|directory| directory.exists());
        there.try_for_each(|directory| sync_directory(directory))?;
        let mut prepared = self.prepared();
        for file in committables.iter().flat_map(|of| &of.files) {
            prepared.remove(&file.name);
        }
        Ok(())
    }

    /// All input has ended and all output is committed: nobody will go on from a checkpoint, and
    /// only the output is left behind.
    fn tidy_up_if_ended(&self) {
        let has_ended = self.pending().watermark() == Some(MAX_WATERMARK);
        if has_ended && self.prepared().is_empty() {
            self.run.release();
            self.commits.forget(self.run.sink());
        }
    }

    /// Marks the partitions that are complete, given the writers' watermark.
    fn mark_complete(&self, watermark: Option<i64>) -> Result<()> {
        let Some(rules) = &self.rules else { return Ok(()) };
        let now_ms = clock_ms();
        let complete = self.pending().complete(|partition, since_ms| {
            rules.is_complete(partition, since_ms, now_ms, watermark)
        })?;
        for partition in complete {
            if let Some(name) = rules.success_file() {
                mark(&self.layout.path.join(partition.trim_end_matches('/')), name)?;
            }
            self.pending().marked(&partition, now_ms);
        }
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tidy_up_if_ended();
    }
}

impl Sink for FilesystemSink {
    fn writer(&self, subtask: u32, _parallelism: u32) -> Result<Box<dyn SinkWriter>> {
        let (partitioner, written, encoder) = self.shared.parts()?;
        self.shared.pending().add_writer(subtask);
        Ok(Box::new(Writer {
            shared: self.shared.clone(),
            subtask,
            partitioner,
            written,
            encoder,
            open: HashMap::new(),
            ended: Vec::new(),
            unsynced: BTreeSet::new(),
            watermark: None,
            barriers: 0,
            used: false,
            next_check_ms: clock_ms() + self.shared.rolling.check_ms,
        }))
    }

    fn commit(&self, prepared: &[Vec<u8>]) -> Result<()> {
        let shared = &self.shared;
        let all = Committable::decode_all(prepared)?;
        let (run, settled) = (shared.run.run(), shared.run.settled());
        let committed = shared.pending().committed();
        let is_new = |writer: &&Committable| match writer.run == run {
            true => committed.get(&writer.subtask).is_none_or(|count| writer.barrier >= *count),
            false => !settled.contains(&writer.run),
        };
        let mut new: Vec<&Committable> = all.iter().filter(is_new).collect();
        new.sort_by_key(|writer| writer.barrier);
        shared
            .publish(&new)
            .inspect_err(|_| shared.commit_failed.store(true, Ordering::Relaxed))?;
        let mut pending = shared.pending();
        new.iter().filter(|writer| writer.run == run).for_each(|writer| pending.commit(writer));
        let watermark = pending.watermark();
        drop(pending);
        // Marks come last: a marked partition has all its files.
        shared.mark_complete(watermark)?;
        if shared.has_leftovers.swap(false, Ordering::Relaxed) {
            // An earlier attempt of this process, which is gone by now.
            shared.run.remove_leftovers();
        }
        shared.tidy_up_if_ended();
        Ok(())
    }

    fn recover(&self, prepared: &[Vec<u8>]) -> Result<()> {
        let shared = &self.shared;
        if shared.pending().has_writers() {
            return Err(Error::internal("filesystem sink: recovered after it was used"));
        }
        let all = Committable::decode_all(prepared)?;
        let Some(first) = all.first() else { return Ok(()) };
        shared.run.continue_as(&first.sink, all.iter().map(|writer| writer.run.clone()))?;
        let is_open = |writer: &&Committable| !all.iter().any(|later| writer.is_settled_by(later));
        let open: Vec<&Committable> = all.iter().filter(is_open).collect();
        let later = later::files_after(&shared.layout.path, &all, &shared.commits);
        if !later.is_empty() {
            tracing::warn!("{}", later::warning(&shared.layout.table, &later));
        }
        shared.publish(&open)?;
        shared.has_leftovers.store(!shared.run.remove_leftovers(), Ordering::Relaxed);
        // A writer that is told of several times has come as far as the last time says.
        let mut watermarks = BTreeMap::new();
        for writer in open {
            shared.pending().restore(writer);
            let known: &mut Option<i64> = watermarks.entry(writer.subtask).or_default();
            *known = writer.watermark.max(*known);
        }
        shared.mark_complete(watermarks.into_values().min().flatten())
    }

    /// What a commit that failed was to make visible stays: it is in a checkpoint.
    fn abort(&self) -> Result<()> {
        let mut kept = HashSet::new();
        if self.shared.commit_failed.load(Ordering::Relaxed) {
            kept.clone_from(&self.shared.prepared());
        }
        let table = &self.shared.layout.path;
        let kept: HashSet<PathBuf> =
            kept.iter().map(|name| committable::hidden_path(&table.join(name))).collect();
        self.shared.run.remove_own(|path| kept.contains(path));
        self.shared.run.release();
        Ok(())
    }

    fn parallelism(&self) -> Option<u32> {
        self.parallelism
    }
}

/// Where a finished file is.
enum Place {
    Hidden,
    /// It was committed before.
    Visible,
    Nowhere,
}

fn find(hidden: &Path, visible: &Path, bytes: u64) -> Result<Place> {
    match fs::metadata(hidden) {
        Ok(about) if about.len() != bytes => Err(Error::input(format!(
            "{}: the file has {} bytes, but {bytes} were written and made durable: rows are lost; \
             go on from another checkpoint",
            hidden.display(),
            about.len()
        ))),
        Ok(_) => Ok(Place::Hidden),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(unwritable(hidden, &error))
        }
        Err(_) if visible.exists() => Ok(Place::Visible),
        Err(_) => Ok(Place::Nowhere),
    }
}

fn lost(hidden: &Path, visible: &Path) -> Error {
    Error::input(format!(
        "{}: the file belongs to the checkpoint and is gone, and was not committed as {}: rows \
         are lost; go on from another checkpoint",
        hidden.display(),
        visible.display()
    ))
}

/// Marks a partition complete. One that is gone has been dealt with by whoever removed it.
fn mark(partition: &Path, name: &str) -> Result<()> {
    let path = partition.join(name);
    let marked = File::create(&path).and_then(|file| file.sync_all());
    match marked {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(&path, &error)),
        Ok(()) => sync_directory(partition),
    }
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|d| d.sync_all()).map_err(|error| unwritable(path, &error))
}

/// The writer of one subtask.
struct Writer {
    shared: Arc<Shared>,
    subtask: u32,
    partitioner: Partitioner,
    written: Vec<Field>,
    encoder: Option<Box<dyn Encoder>>,
    /// Open part files by partition path.
    open: HashMap<String, OpenPart>,
    /// Since the last barrier.
    ended: Vec<FinishedFile>,
    /// Directories with new entries.
    unsynced: BTreeSet<PathBuf>,
    watermark: Option<i64>,
    /// Barriers seen.
    barriers: u64,
    /// Whether it ever had anything to do.
    used: bool,
    next_check_ms: i64,
}

impl Writer {
    fn create(&mut self, partition: &str, now_ms: i64) -> Result<OpenPart> {
        let shared = &self.shared;
        shared.run.hold()?;
        let table = &shared.layout.path;
        let directory = table.join(partition.trim_end_matches('/'));
        if !directory.exists() {
            fs::create_dir_all(&directory).map_err(|error| unwritable(&directory, &error))?;
            let above = directory.ancestors().skip(1).take_while(|above| above.starts_with(table));
            self.unsynced.extend(above.map(Path::to_owned));
        }
        self.unsynced.insert(directory);
        let number = shared.next_part.fetch_add(1, Ordering::Relaxed);
        let (sink, run) = (shared.run.sink(), shared.run.run());
        let name = format!("{partition}part-{sink}-{run}-{}-{number}", self.subtask);
        OpenPart::create(table, name, &shared.layout.format, &self.written, now_ms)
    }

    fn write_partition(&mut self, partition: String, batch: &Batch, now_ms: i64) -> Result<()> {
        let mut part = match self.open.remove(&partition) {
            Some(part) => part,
            None => self.create(&partition, now_ms)?,
        };
        part.write(batch, self.encoder.as_mut(), now_ms)?;
        if self.shared.rules.is_some() && !partition.is_empty() {
            self.shared.pending().write(self.subtask, self.barriers, &partition, now_ms);
        }
        if part.size() >= self.shared.rolling.size {
            self.ended.push(part.end()?.sync()?);
        } else {
            self.open.insert(partition, part);
        }
        Ok(())
    }

    /// Ends the open files for which `ends` says so, in the order of their partitions.
    fn end_parts(&mut self, ends: impl Fn(&OpenPart) -> bool) -> Result<()> {
        let mut due: Vec<String> =
            self.open.iter().filter(|(_, part)| ends(part)).map(|(p, _)| p.clone()).collect();
        due.sort();
        let parts = due.iter().filter_map(|partition| self.open.remove(partition));
        let parts = parts.map(OpenPart::end).collect::<Result<Vec<_>>>()?;
        self.ended.extend(part::sync_all(parts)?);
        Ok(())
    }

    /// What is handed over at a barrier.
    fn committable(&mut self) -> Committable {
        let (run, pending) = (&self.shared.run, self.shared.pending());
        Committable {
            sink: run.sink().to_owned(),
            run: run.run().to_owned(),
            subtask: self.subtask,
            barrier: self.barriers,
            files: std::mem::take(&mut self.ended),
            next_file: Some(self.shared.next_part.load(Ordering::Relaxed)),
            watermark: self.watermark,
            pending: pending.known_to(self.subtask),
            committed: pending.committed(),
            settled: run.settled(),
        }
    }
}

impl SinkWriter for Writer {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.used = true;
        let now_ms = clock_ms();
        if batch.rows > 0 {
            for (partition, rows) in self.partitioner.split(batch)? {
                self.write_partition(partition, &rows, now_ms)?;
            }
        }
        if let Some(mark) = batch.marks.last() {
            self.watermark = Some(mark.watermark);
        }
        Ok(())
    }

    fn prepare(&mut self) -> Result<Vec<Vec<u8>>> {
        self.used = true;
        self.end_parts(|_| true)?;
        self.unsynced.iter().try_for_each(|directory| sync_directory(directory))?;
        self.unsynced.clear();
        let committable = self.committable();
        self.barriers += 1;
        let names = committable.files.iter().map(|file| file.name.clone());
        self.shared.prepared().extend(names);
        Ok(vec![committable.encode()?])
    }

    fn next_timer_ms(&self) -> Option<i64> {
        (!self.open.is_empty()).then_some(self.next_check_ms)
    }

    fn on_timer(&mut self, now_ms: i64) -> Result<()> {
        let rolling = self.shared.rolling;
        self.next_check_ms = now_ms + rolling.check_ms;
        self.end_parts(|part| {
            now_ms - part.created_ms >= rolling.rollover_ms
                || now_ms - part.written_ms >= rolling.inactivity_ms
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.used {
            self.shared.pending().remove_writer(self.subtask);
        }
    }
}
