//! The source: splits pulled by readers from one queue, in the order of the listing.
//!
//! A reader goes on with the splits it was restored with, then takes from the [`Queue`]; which
//! says how a checkpoint of all readers together knows what is left. What is read to the end
//! stays in a reader's snapshot, so that it is not read again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arrow_array::ArrayRef;
use river_core::plan::TableRef;
use river_runtime::source::{Poll, Source, SourceReader, SplitState};
use river_runtime::{Batch, Error, Result};

use super::compression::is_compressed;
use super::listing::{Lister, TableFile};
use super::metadata::FileColumn;
use super::names::{self, Names};
use super::parquet_file::ParquetFile;
use super::queue::Queue;
use super::record_file::RecordFile;
use super::split::{Split, Stored, is_open};
use super::{Layout, of_table};
use crate::format::{DecodeSpec, Format, Rows, WantedColumn};

/// Rows of a batch.
const BATCH_ROWS: usize = 4096;
/// Uncompressed files of line formats are read in ranges of this many bytes.
const RANGE_BYTES: u64 = 64 << 20;
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
    /// Size of the ranges of large files.
    range_bytes: u64,
    queue: Mutex<Queue>,
}

enum OutputColumn {
    /// Position in what the decoder gives.
    Decoded(usize),
    File(FileColumn),
}

impl FilesystemSource {
    /// The source of a table.
    pub fn new(table: &TableRef) -> Result<FilesystemSource> {
        FilesystemSource::with_ranges(table, RANGE_BYTES)
    }

    /// The source of a table whose large files are read in ranges of that size.
    pub fn with_ranges(table: &TableRef, range_bytes: u64) -> Result<FilesystemSource> {
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
            shared: Arc::new(Shared { layout, lister, spec, outputs, monitor, range_bytes, queue }),
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
    fn reader(&self, subtask: u32, _parallelism: u32) -> Result<Box<dyn SourceReader>> {
        Ok(Box::new(Reader {
            shared: self.shared.clone(),
            keeps_listing: subtask == 0,
            own: VecDeque::new(),
            current: None,
            done: Names::default(),
        }))
    }

    /// Splits with rows to come are spread evenly, in the order of the files: a reader that went
    /// back from a later file to an earlier one would find its rows late. Lists of names may be
    /// anybody's.
    fn redistribute(
        &self,
        splits: Vec<Vec<SplitState>>,
        parallelism: u32,
    ) -> Result<Vec<Vec<SplitState>>> {
        if splits.len() == parallelism as usize {
            return Ok(splits);
        }
        let (mut open, lists): (Vec<_>, Vec<_>) = splits.into_iter().flatten().partition(is_open);
        open.sort_by_cached_key(|state| match Stored::decode(state, &self.shared.lister) {
            Ok(Stored::Open(split, _)) => {
                let begin = split.begin();
                Some((split.file.path, begin))
            }
            // Whoever goes on with it says what is wrong.
            _ => None,
        });
        let mut shares = vec![Vec::new(); parallelism as usize];
        for (number, state) in open.into_iter().chain(lists).enumerate() {
            shares[number % parallelism as usize].push(state);
        }
        Ok(shares)
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
        self.queue().list_if_due(self.monitor, || {
            let files = self.lister.list()?;
            if let Some(file) = files.iter().find(|file| file.path.to_str().is_none()) {
                let path = file.path.display();
                return Err(Error::input(format!("cannot read {path}: its name is not UTF-8")));
            }
            Ok(files.into_iter().flat_map(|file| self.splits(file)).collect())
        })
    }

    /// The splits of a file. A monitored file is read as it is when first seen, as in Flink.
    fn splits(&self, file: TableFile) -> Vec<Split> {
        let whole = !self.layout.format.is_splittable()
            || is_compressed(&file.path)
            || file.size < 2 * self.range_bytes
            || self.monitor.is_some();
        if whole {
            return vec![Split { file, range: None }];
        }
        let count = file.size / self.range_bytes;
        let bound = |i: u64| if i == count { file.size } else { i * self.range_bytes };
        (0..count)
            .map(|i| Split { file: file.clone(), range: Some((bound(i), bound(i + 1))) })
            .collect()
    }
}

/// The reader of one subtask.
struct Reader {
    shared: Arc<Shared>,
    /// Whether a bounded source's listing is part of this reader's snapshots.
    keeps_listing: bool,
    /// Restored splits with their positions.
    own: VecDeque<(Split, u64)>,
    current: Option<OpenSplit>,
    /// Identities of splits read to the end.
    done: Names,
}

struct OpenSplit {
    split: Split,
    content: Content,
    /// The file's constant columns, at most [`BATCH_ROWS`] long; by output position.
    constants: Vec<Option<ArrayRef>>,
}

enum Content {
    Records(RecordFile),
    Parquet(Box<ParquetFile>),
}

impl Content {
    fn position(&self) -> u64 {
        match self {
            Content::Records(file) => file.position(),
            Content::Parquet(file) => file.position(),
        }
    }

    fn next_rows(&mut self) -> Result<Option<Rows>> {
        match self {
            Content::Records(file) => file.next_rows(BATCH_ROWS),
            Content::Parquet(file) => file.next_rows(),
        }
    }
}

impl Reader {
    fn open(&self, split: Split, position: u64) -> Result<OpenSplit> {
        let shared = &self.shared;
        let path = &split.file.path;
        let content = if matches!(shared.layout.format, Format::Parquet(_)) {
            let file = ParquetFile::open(path, &shared.spec, position, BATCH_ROWS)?;
            Content::Parquet(Box::new(file))
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
        let constants = constants.collect::<Result<_>>()?;
        Ok(OpenSplit { split, content, constants })
    }

    fn next_split(&mut self) -> Result<Option<(Split, u64)>> {
        if let Some(split) = self.own.pop_front() {
            return Ok(Some(split));
        }
        self.shared.list_if_due()?;
        let split = self.shared.queue().pop();
        Ok(split.map(|split| {
            let begin = split.begin();
            (split, begin)
        }))
    }

    /// The listing of a bounded source, made now if nobody has needed it yet.
    fn listing(&self) -> Option<Arc<[u8]>> {
        if !self.keeps_listing || self.shared.monitor.is_some() {
            return None;
        }
        // The next poll of any reader fails if this does.
        self.shared.list_if_due().ok()?;
        self.shared.queue().listing()
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
                let rows = open.content.next_rows()?;
                match (rows, &self.current) {
                    (Some(rows), Some(open)) => return Ok(Poll::Batch(self.batch(open, rows))),
                    _ => {
                        if let Some(open) = self.current.take() {
                            self.done.push(&open.split.identity());
                        }
                        continue;
                    }
                }
            }
            match (self.next_split()?, self.shared.monitor) {
                (Some((split, position)), _) => self.current = Some(self.open(split, position)?),
                (None, None) => return Ok(Poll::End),
                (None, Some(interval)) => return Ok(Poll::Wait(interval.min(LONGEST_WAIT))),
            }
        }
    }

    /// Encodes no more than the splits this reader has open: lists are copied as they are.
    fn snapshot(&self) -> Vec<SplitState> {
        let open = |split: &Split, position| Stored::Open(split.clone(), position).encode();
        let current = self.current.iter().map(|o| open(&o.split, o.content.position()));
        let own = self.own.iter().map(|(split, position)| open(split, *position));
        let mut states: Vec<SplitState> = current.chain(own).collect();
        if !self.done.is_empty() {
            states.push(Stored::Done(self.done.bytes()).encode());
        }
        if let Some(listing) = self.listing() {
            states.push(Stored::Listing(&listing).encode());
        }
        states
    }

    fn restore(&mut self, splits: Vec<SplitState>) -> Result<()> {
        let lister = &self.shared.lister;
        let mut queue = self.shared.queue();
        for state in &splits {
            match Stored::decode(state, lister)? {
                Stored::Open(split, position) => {
                    queue.claim(&split.identity());
                    self.own.push_back((split, position));
                }
                Stored::Done(list) => names::for_each(list, |identity| {
                    queue.claim(identity);
                    self.done.push(identity);
                    Ok(())
                })?,
                Stored::Listing(records) => {
                    let monitored = self.shared.monitor.is_some();
                    queue.restore_listing(records, monitored, lister)?;
                }
            }
        }
        Ok(())
    }
}
