//! The sink: part files that become visible only when they are whole.
//!
//! A writer writes `.part-<job>-<subtask>-<n>.inprogress` beside where the file will be. `prepare`
//! ends and syncs all open files; `commit` renames them to `part-<job>-<subtask>-<n>` and syncs
//! their directory, so nothing half-written ever has a name that a reader looks at. Repeating a
//! commit finds the files renamed already.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use river_core::Field;
use river_core::options::Options;
use river_core::plan::SinkSpec;
use river_runtime::sink::{Sink, SinkWriter};
use river_runtime::{Batch, Error, Result};

use super::partition::Partitioner;
use super::trigger::CommitRules;
use super::{Layout, of_table};
use crate::clock_ms;
use crate::format::parquet::ParquetWriter;
use crate::format::{Encoder, Format};

/// Encoded bytes gathered before they are written.
const WRITE_BYTES: usize = 256 << 10;

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
    /// Tells this job's files from those of others.
    id: String,
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
            rolling: Rolling::new(&spec.name, &spec.options)?,
            rules: CommitRules::new(&spec.name, &spec.options)?,
            columns: spec.columns.clone(),
            partition_keys: spec.partition_keys.clone(),
            id: uuid::Uuid::new_v4().to_string(),
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
}

impl Sink for FilesystemSink {
    fn writer(&self, subtask: u32, _parallelism: u32) -> Result<Box<dyn SinkWriter>> {
        let (partitioner, written, encoder) = self.shared.parts()?;
        Ok(Box::new(Writer {
            shared: self.shared.clone(),
            subtask,
            partitioner,
            written,
            encoder,
            open: HashMap::new(),
            ended: Vec::new(),
            partitions: BTreeMap::new(),
            watermark: None,
            next_part: 0,
            next_check_ms: clock_ms() + self.shared.rolling.check_ms,
        }))
    }

    fn commit(&self, prepared: &[Vec<u8>]) -> Result<()> {
        let prepared: Vec<Prepared> =
            prepared.iter().map(|bytes| Prepared::decode(bytes)).collect::<Result<_>>()?;
        let mut directories: Vec<PathBuf> = Vec::new();
        for entry in &prepared {
            if let Prepared::File { hidden, visible } = entry {
                publish(hidden, visible)?;
                directories.extend(visible.parent().map(Path::to_owned));
            }
        }
        // Marks come last: a marked partition has all its files.
        for entry in &prepared {
            if let Prepared::Mark(path) = entry {
                File::create(path)
                    .and_then(|file| file.sync_all())
                    .map_err(|error| unwritable(path, &error))?;
                directories.extend(path.parent().map(Path::to_owned));
            }
        }
        directories.sort();
        directories.dedup();
        directories.iter().try_for_each(|directory| sync_directory(directory))
    }

    fn abort(&self) -> Result<()> {
        remove_hidden(&self.shared.layout.path, &format!(".part-{}-", self.shared.id))
    }

    fn parallelism(&self) -> Option<u32> {
        self.parallelism
    }
}

/// What `commit` needs to know.
#[derive(Debug, PartialEq, Eq)]
enum Prepared {
    /// A finished file to be renamed.
    File { hidden: PathBuf, visible: PathBuf },
    /// A file that marks a complete partition.
    Mark(PathBuf),
}

impl Prepared {
    fn encode(&self) -> Vec<u8> {
        let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        match self {
            Prepared::File { hidden, visible } => {
                [b"F".to_vec(), bytes(hidden), b"\0".to_vec(), bytes(visible)].concat()
            }
            Prepared::Mark(path) => [b"M".to_vec(), bytes(path)].concat(),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Prepared> {
        let damaged = || Error::internal("filesystem sink: prepared output is damaged");
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        match (text.get(..1), text.get(1..)) {
            (Some("F"), Some(paths)) => {
                let (hidden, visible) = paths.split_once('\0').ok_or_else(damaged)?;
                Ok(Prepared::File { hidden: hidden.into(), visible: visible.into() })
            }
            (Some("M"), Some(path)) => Ok(Prepared::Mark(path.into())),
            _ => Err(damaged()),
        }
    }
}

fn publish(hidden: &Path, visible: &Path) -> Result<()> {
    match fs::rename(hidden, visible) {
        Ok(()) => Ok(()),
        // Committed before.
        Err(_) if !hidden.exists() && visible.exists() => Ok(()),
        Err(error) => Err(unwritable(visible, &error)),
    }
}

fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|d| d.sync_all()).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::environment(format!("cannot write {}: {error}", path.display()))
}

fn remove_hidden(path: &Path, prefix: &str) -> Result<()> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries.flatten() {
        let child = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory {
            remove_hidden(&child, prefix)?;
        } else if entry.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_file(&child).map_err(|error| unwritable(&child, &error))?;
        }
    }
    Ok(())
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
    ended: Vec<Prepared>,
    /// Partitions written and not yet marked complete, with the time of their first row.
    partitions: BTreeMap<String, i64>,
    watermark: Option<i64>,
    next_part: u64,
    next_check_ms: i64,
}

struct OpenPart {
    hidden: PathBuf,
    visible: PathBuf,
    output: PartOutput,
    created_ms: i64,
    written_ms: i64,
}

enum PartOutput {
    Records { file: File, buffer: Vec<u8>, flushed: u64 },
    Parquet(Box<ParquetWriter>),
}

impl OpenPart {
    fn create(writer: &mut Writer, partition: &str, now_ms: i64) -> Result<OpenPart> {
        let shared = &writer.shared;
        let directory = shared.layout.path.join(partition.trim_end_matches('/'));
        fs::create_dir_all(&directory).map_err(|error| unwritable(&directory, &error))?;
        let name = format!("part-{}-{}-{}", shared.id, writer.subtask, writer.next_part);
        writer.next_part += 1;
        let hidden = directory.join(format!(".{name}.inprogress"));
        let file = File::create(&hidden).map_err(|error| unwritable(&hidden, &error))?;
        let output = match &shared.layout.format {
            Format::Parquet(options) => {
                PartOutput::Parquet(Box::new(ParquetWriter::new(file, &writer.written, options)?))
            }
            _ => PartOutput::Records { file, buffer: Vec::new(), flushed: 0 },
        };
        let visible = directory.join(name);
        Ok(OpenPart { hidden, visible, output, created_ms: now_ms, written_ms: now_ms })
    }

    fn size(&self) -> u64 {
        match &self.output {
            PartOutput::Records { buffer, flushed, .. } => flushed + buffer.len() as u64,
            PartOutput::Parquet(writer) => writer.size(),
        }
    }

    /// Ends the file and makes it durable.
    fn end(self) -> Result<Prepared> {
        let OpenPart { hidden, visible, output, .. } = self;
        let file = match output {
            PartOutput::Records { mut file, buffer, .. } => {
                file.write_all(&buffer).map_err(|error| unwritable(&hidden, &error))?;
                file
            }
            PartOutput::Parquet(writer) => writer.finish()?,
        };
        file.sync_all().map_err(|error| unwritable(&hidden, &error))?;
        Ok(Prepared::File { hidden, visible })
    }
}

impl Writer {
    fn write_partition(&mut self, partition: String, batch: &Batch, now_ms: i64) -> Result<()> {
        let mut part = match self.open.remove(&partition) {
            Some(part) => part,
            None => OpenPart::create(self, &partition, now_ms)?,
        };
        part.written_ms = now_ms;
        match (&mut part.output, &mut self.encoder) {
            (PartOutput::Parquet(writer), _) => writer.write(batch)?,
            (PartOutput::Records { file, buffer, flushed }, Some(encoder)) => {
                encoder.encode(batch, buffer)?;
                if buffer.len() >= WRITE_BYTES {
                    file.write_all(buffer).map_err(|error| unwritable(&part.hidden, &error))?;
                    *flushed += buffer.len() as u64;
                    buffer.clear();
                }
            }
            (PartOutput::Records { .. }, None) => {
                return Err(Error::internal("filesystem sink: no encoder"));
            }
        }
        if self.shared.rules.is_some() && !partition.is_empty() {
            self.partitions.entry(partition.clone()).or_insert(now_ms);
        }
        if part.size() >= self.shared.rolling.size {
            self.ended.push(part.end()?);
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
        for partition in due {
            if let Some(part) = self.open.remove(&partition) {
                self.ended.push(part.end()?);
            }
        }
        Ok(())
    }

    fn marks(&mut self) -> Result<Vec<Prepared>> {
        let Some(rules) = &self.shared.rules else { return Ok(Vec::new()) };
        let Some(name) = rules.success_file() else { return Ok(Vec::new()) };
        let now_ms = clock_ms();
        let mut marks = Vec::new();
        let mut waiting = BTreeMap::new();
        for (partition, since_ms) in std::mem::take(&mut self.partitions) {
            if rules.is_complete(&partition, since_ms, now_ms, self.watermark)? {
                let directory = self.shared.layout.path.join(partition.trim_end_matches('/'));
                marks.push(Prepared::Mark(directory.join(name)));
            } else {
                waiting.insert(partition, since_ms);
            }
        }
        self.partitions = waiting;
        Ok(marks)
    }
}

impl SinkWriter for Writer {
    fn write(&mut self, batch: &Batch) -> Result<()> {
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
        self.end_parts(|_| true)?;
        let marks = self.marks()?;
        let entries = std::mem::take(&mut self.ended).into_iter().chain(marks);
        Ok(entries.map(|entry| entry.encode()).collect())
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
