//! The source: splits pulled by readers from one queue, in the order of the listing.
//!
//! A split is a file, or a range of lines of a large uncompressed one. What is read to the end
//! stays in a reader's snapshot, so that a restored job does not read it again.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use arrow_array::ArrayRef;
use river_core::plan::TableRef;
use river_runtime::source::{Poll, Source, SourceReader, SplitState};
use river_runtime::{Batch, Error, Result};

use super::compression::{is_compressed, unreadable};
use super::listing::{Lister, TableFile};
use super::metadata::FileColumn;
use super::record_file::RecordFile;
use super::{Layout, of_table};
use crate::format::parquet::ParquetReader;
use crate::format::{DecodeSpec, Format, Rows, WantedColumn};

/// Rows of a batch.
const BATCH_ROWS: usize = 4096;
/// Uncompressed files of line formats are read in ranges of this many bytes.
const RANGE_BYTES: u64 = 64 << 20;
/// Position of a split that is read to the end.
const DONE: u64 = u64::MAX;
/// Longest wait before the reader is asked again.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A table of files, ready to be read.
pub struct FilesystemSource {
    shared: Arc<Shared>,
}

struct Shared {
    layout: Layout,
    lister: Lister,
    spec: DecodeSpec,
    /// Where each output column comes from.
    outputs: Vec<OutputColumn>,
    /// `source.monitor-interval`; `None`: one listing is all.
    monitor: Option<Duration>,
    queue: Mutex<Queue>,
}

enum OutputColumn {
    /// Position in what the decoder gives.
    Decoded(usize),
    File(FileColumn),
}

#[derive(Default)]
struct Queue {
    pending: VecDeque<Split>,
    /// Names of all splits ever listed or restored.
    known: HashSet<String>,
    listed: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Split {
    file: TableFile,
    /// First and last byte of a range; `None`: the whole file.
    range: Option<(u64, u64)>,
}

impl Split {
    fn name(&self) -> String {
        let path = self.file.path.display();
        match self.range {
            Some((begin, end)) => format!("{path}#{begin}-{end}"),
            None => path.to_string(),
        }
    }
}

impl FilesystemSource {
    /// The source of a table.
    pub fn new(table: &TableRef) -> Result<FilesystemSource> {
        let layout = Layout::new(&table.name, &table.options)?;
        let monitor = table
            .options
            .duration("source.monitor-interval")
            .map_err(|error| of_table(&table.name, error))?;
        let lister = Lister::new(&table.name, &layout.path, &table.partition_keys, &table.options)?;
        let (spec, outputs) = columns(table)?;
        if !matches!(layout.format, Format::Parquet(_)) {
            layout
                .format
                .decoder(&spec)
                .map_err(|message| Error::input(format!("table {}: {message}", table.name)))?;
        }
        let queue = Mutex::new(Queue::default());
        Ok(FilesystemSource {
            shared: Arc::new(Shared { layout, lister, spec, outputs, monitor, queue }),
        })
    }
}

/// What the decoder is to give, and how output columns are made of it.
fn columns(table: &TableRef) -> Result<(DecodeSpec, Vec<OutputColumn>)> {
    let is_partition = |name: &str| table.partition_keys.iter().any(|key| key == name);
    let schema: Vec<_> =
        table.physical.iter().filter(|f| !is_partition(&f.name)).cloned().collect();
    let mut wanted: Vec<WantedColumn> = Vec::new();
    let mut outputs = Vec::new();
    for (output, position) in table.projection.iter().enumerate() {
        let Some(field) = table.physical.get(*position) else {
            let metadata = table.metadata.get(position - table.physical.len());
            let field = metadata.ok_or_else(|| {
                Error::internal(format!("table {}: no column {position}", table.name))
            })?;
            outputs.push(OutputColumn::File(FileColumn::Metadata(field.clone())));
            continue;
        };
        if is_partition(&field.name) {
            outputs.push(OutputColumn::File(FileColumn::Partition(field.clone())));
            continue;
        }
        let position = schema.iter().position(|f| f.name == field.name).unwrap_or(0);
        outputs.push(OutputColumn::Decoded(wanted.len()));
        let used_fields = table.used_fields.get(output).cloned().flatten();
        wanted.push(WantedColumn { position, field: field.clone(), used_fields });
    }
    Ok((DecodeSpec { schema, wanted }, outputs))
}

impl Source for FilesystemSource {
    fn reader(&self, _subtask: u32, _parallelism: u32) -> Result<Box<dyn SourceReader>> {
        Ok(Box::new(Reader {
            shared: self.shared.clone(),
            own: VecDeque::new(),
            current: None,
            done: Vec::new(),
        }))
    }

    fn is_bounded(&self) -> bool {
        self.shared.monitor.is_none()
    }
}

impl Shared {
    /// A panic of another reader leaves the queue whole: every change is one push or pop.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn list_if_due(&self) -> Result<()> {
        let mut queue = self.queue();
        let due = match (queue.listed, self.monitor) {
            (None, _) => true,
            (Some(listed), Some(interval)) => listed.elapsed() >= interval,
            (Some(_), None) => false,
        };
        if !due {
            return Ok(());
        }
        for split in self.lister.list()?.into_iter().flat_map(|file| self.splits(file)) {
            if queue.known.insert(split.name()) {
                queue.pending.push_back(split);
            }
        }
        queue.listed = Some(Instant::now());
        Ok(())
    }

    /// The splits of a file. A monitored file is read as it is when first seen, as in Flink.
    fn splits(&self, file: TableFile) -> Vec<Split> {
        let whole = !self.layout.format.is_splittable()
            || is_compressed(&file.path)
            || file.size < 2 * RANGE_BYTES
            || self.monitor.is_some();
        if whole {
            return vec![Split { file, range: None }];
        }
        let count = file.size / RANGE_BYTES;
        let bound = |i: u64| if i == count { file.size } else { i * RANGE_BYTES };
        (0..count)
            .map(|i| Split { file: file.clone(), range: Some((bound(i), bound(i + 1))) })
            .collect()
    }
}

/// The reader of one subtask.
struct Reader {
    shared: Arc<Shared>,
    /// Restored splits with their positions.
    own: VecDeque<(Split, u64)>,
    current: Option<OpenSplit>,
    /// Names of splits read to the end.
    done: Vec<String>,
}

struct OpenSplit {
    name: String,
    content: Content,
    /// The file's constant columns, at most [`BATCH_ROWS`] long; by output position.
    constants: Vec<Option<ArrayRef>>,
}

enum Content {
    Records(RecordFile),
    /// The reader and the rows read.
    Parquet(Box<ParquetReader>, u64),
}

impl Content {
    fn position(&self) -> u64 {
        match self {
            Content::Records(file) => file.position(),
            Content::Parquet(_, rows) => *rows,
        }
    }

    fn next_rows(&mut self) -> Result<Option<Rows>> {
        match self {
            Content::Records(file) => file.next_rows(BATCH_ROWS),
            Content::Parquet(reader, read) => {
                let rows = reader.next_rows()?;
                *read += rows.as_ref().map_or(0, |r| r.rows as u64);
                Ok(rows)
            }
        }
    }
}

impl Reader {
    fn open(&self, split: &Split, position: u64) -> Result<OpenSplit> {
        let shared = &self.shared;
        let path = &split.file.path;
        let of_file = |error: Error| error.context(path.display());
        let content = if matches!(shared.layout.format, Format::Parquet(_)) {
            let file = File::open(path).map_err(|error| unreadable(path, &error))?;
            let mut reader =
                ParquetReader::new(file, &shared.spec, 0, BATCH_ROWS).map_err(of_file)?;
            let mut read = 0;
            while read < position {
                let Some(rows) = reader.next_rows().map_err(of_file)? else { break };
                read += rows.rows as u64;
            }
            Content::Parquet(Box::new(reader), read)
        } else {
            let decoder = shared.layout.format.decoder(&shared.spec).map_err(Error::input)?;
            Content::Records(match split.range {
                Some((begin, end)) if position <= begin => {
                    RecordFile::open_range(path, begin, end, decoder)?
                }
                range => RecordFile::open(path, position, range.map(|(_, end)| end), decoder)?,
            })
        };
        let constants = shared.outputs.iter().map(|output| match output {
            OutputColumn::Decoded(_) => Ok(None),
            OutputColumn::File(column) => column
                .values(&split.file, &shared.layout.default_partition, BATCH_ROWS * 2)
                .map(Some),
        });
        Ok(OpenSplit { name: split.name(), content, constants: constants.collect::<Result<_>>()? })
    }

    fn next_split(&mut self) -> Result<Option<(Split, u64)>> {
        if let Some(split) = self.own.pop_front() {
            return Ok(Some(split));
        }
        self.shared.list_if_due()?;
        let split = self.shared.queue().pending.pop_front();
        Ok(split.map(|split| {
            let begin = split.range.map_or(0, |(begin, _)| begin);
            (split, begin)
        }))
    }

    fn batch(&self, open: &OpenSplit, rows: Rows) -> Batch {
        let columns = self.shared.outputs.iter().zip(&open.constants).map(|(output, constant)| {
            match (output, constant) {
                (OutputColumn::Decoded(position), _) => rows.columns[*position].clone(),
                (OutputColumn::File(_), Some(constant)) => constant.slice(0, rows.rows),
                (OutputColumn::File(_), None) => {
                    arrow_array::new_null_array(&arrow_schema::DataType::Null, rows.rows)
                }
            }
        });
        let kinds = rows.kinds.map(Into::into);
        Batch::new(columns.collect(), rows.rows).with_kinds(kinds)
    }
}

impl SourceReader for Reader {
    fn poll(&mut self) -> Result<Poll> {
        loop {
            if let Some(open) = &mut self.current {
                let rows = match &mut open.content {
                    Content::Parquet(..) => {
                        let name = open.name.clone();
                        open.content.next_rows().map_err(|error| error.context(name))?
                    }
                    Content::Records(_) => open.content.next_rows()?,
                };
                match (rows, &self.current) {
                    (Some(rows), Some(open)) => return Ok(Poll::Batch(self.batch(open, rows))),
                    _ => {
                        self.done.extend(self.current.take().map(|open| open.name));
                        continue;
                    }
                }
            }
            match (self.next_split()?, self.shared.monitor) {
                (Some((split, position)), _) => self.current = Some(self.open(&split, position)?),
                (None, None) => return Ok(Poll::End),
                (None, Some(interval)) => return Ok(Poll::Wait(interval.min(LONGEST_WAIT))),
            }
        }
    }

    fn snapshot(&self) -> Vec<SplitState> {
        let state = |split: String, position: u64| SplitState {
            split,
            position: position.to_le_bytes().to_vec(),
        };
        let done = self.done.iter().map(|name| state(name.clone(), DONE));
        let current = self.current.iter().map(|o| state(o.name.clone(), o.content.position()));
        let own = self.own.iter().map(|(split, position)| state(split.name(), *position));
        done.chain(current).chain(own).collect()
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        self.shared.list_if_due()?;
        let mut queue = self.shared.queue();
        for state in splits {
            let bytes = <[u8; 8]>::try_from(state.position.as_slice()).map_err(|_| {
                Error::internal(format!("split {}: the stored position is damaged", state.split))
            })?;
            let position = u64::from_le_bytes(bytes);
            // What was queued from the listing is this reader's now.
            let at = queue.pending.iter().position(|split| split.name() == state.split);
            let pending = at.and_then(|at| queue.pending.remove(at));
            queue.known.insert(state.split.clone());
            if position == DONE {
                self.done.push(state.split);
                continue;
            }
            let split = pending.ok_or_else(|| {
                Error::input(format!(
                    "table {}: {} was being read and is gone",
                    self.shared.layout.table, state.split
                ))
            })?;
            self.own.push_back((split, position));
        }
        Ok(())
    }
}
