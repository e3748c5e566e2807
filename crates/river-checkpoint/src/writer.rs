//! Takes the snapshots of one task and stores them behind its back.
//!
//! The task's thread only hands rows over ([`FileSnapshotWriter`]); a thread of the writer's own
//! (`store.rs`), started with the first rows, orders them, encodes them and writes them
//! (`file.rs`). A task without rows needs no thread and no file: what it has goes into the
//! metadata.
//!
//! Each snapshot that is begun gives one [`SnapshotReport`] of its end, unless the task ends
//! before. An error of the storage is such a report; it never fails the task. A snapshot that is
//! given up leaves no file.
//!
//! Files of incremental checkpoints are shared by several: a snapshot adds one to the chain of
//! files of a complete checkpoint, or begins a new chain (`chain.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arrow_schema::{Field, FieldRef, Schema, SchemaRef};
use crossbeam_channel::Sender;
use river_runtime::checkpoint::{Barrier, OperatorId, Scope, SnapshotWriter, SubtaskState, Timing};
use river_runtime::state::Saved;
use river_storage::Storage;

use self::chain::{Chain, Chains};
use crate::file::Part;
use crate::file::columns::stored_bytes;
use crate::metadata::StoredTiming;
use crate::{Error, Result, SubtaskHandle};

mod chain;
mod file;
mod store;
#[cfg(test)]
mod tests;

pub use self::chain::FILE_COST;

/// With more than this waiting to be stored, a writer is busy.
pub const BUSY_BYTES: u64 = 64 << 20;

/// No checkpoint has this number.
const NONE: u64 = u64::MAX;

/// Where the files of a checkpoint go.
#[derive(Debug, Clone)]
pub struct Place {
    /// The storage.
    pub storage: Arc<dyn Storage>,
    /// Folder in it: that of the metadata to come.
    pub folder: String,
}

/// The places of the checkpoints under way, by number. The driver adds one before it triggers the
/// checkpoint, and removes it when the checkpoint is complete or given up.
#[derive(Debug, Default)]
pub struct Places {
    places: Mutex<BTreeMap<u64, Place>>,
}

impl Places {
    /// Files of `checkpoint` go there from now on.
    pub fn add(&self, checkpoint: u64, place: Place) {
        self.lock().insert(checkpoint, place);
    }

    /// No more files of `checkpoint` are begun.
    pub fn remove(&self, checkpoint: u64) {
        self.lock().remove(&checkpoint);
    }

    /// Where files of `checkpoint` go.
    pub fn get(&self, checkpoint: u64) -> Option<Place> {
        self.lock().get(&checkpoint).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a task's writer says of a checkpoint.
#[derive(Debug)]
pub struct SnapshotReport {
    /// The checkpoint.
    pub checkpoint: u64,
    /// [`WriterOptions::task`]
    pub task: usize,
    /// What it says.
    pub event: SnapshotEvent,
}

/// What has become of a subtask's part of a checkpoint.
#[derive(Debug)]
pub enum SnapshotEvent {
    /// The sink's writer has prepared this. Comes before any other report of the checkpoint, and
    /// is to be committed with the next one that completes, whatever becomes of this one.
    Prepared(Vec<Vec<u8>>),
    /// All of it is durable; this goes into the metadata.
    Stored(Box<SubtaskHandle>),
    /// It could not be stored: the checkpoint is declined.
    Failed(Error),
    /// The task has given it up, as it was told or because a newer checkpoint has overtaken it.
    GivenUp,
}

/// Takes reports; called from the writers' threads, and must not wait.
pub type Reports = Arc<dyn Fn(SnapshotReport) + Send + Sync>;

/// What a writer is told of its task.
#[derive(Clone)]
pub struct WriterOptions {
    /// Where files go.
    pub places: Arc<Places>,
    /// The task's number for its reports.
    pub task: usize,
    /// Name of its files: [`crate::layout::subtask_file`].
    pub file_name: String,
    /// What the names of its shared files begin with ([`crate::layout::shared_prefix`]); `None`:
    /// checkpoints are never incremental.
    pub shared_prefix: Option<String>,
    /// What one more file costs a reader, in bytes ([`FILE_COST`]).
    pub file_cost: u64,
    /// Key groups of the vertex.
    pub max_parallelism: u32,
    /// `execution.checkpointing.snapshot-compression`
    pub compression: bool,
    /// `execution.checkpointing.data-inline-threshold`, bytes.
    pub inline_bytes: u64,
    /// Takes its reports.
    pub reports: Reports,
}

impl WriterOptions {
    fn report(&self, checkpoint: u64, event: SnapshotEvent) {
        (self.reports)(SnapshotReport { checkpoint, task: self.task, event });
    }
}

impl fmt::Debug for WriterOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterOptions")
            .field("task", &self.task)
            .field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}

/// The writer of one task, on the task's thread.
pub struct FileSnapshotWriter {
    options: WriterOptions,
    /// Columns of the tables, as far as they were told.
    tables: BTreeMap<TableId, SchemaRef>,
    /// The key columns of those that can tell changes.
    keys: BTreeMap<TableId, SchemaRef>,
    /// What the next snapshot builds on, if it can.
    base: Option<Chain>,
    shared: Arc<Shared>,
    current: Option<Current>,
    thread: Option<Sender<Message>>,
}

/// A table of an operator.
type TableId = (OperatorId, &'static str);

/// A snapshot that has begun.
struct Current {
    checkpoint: u64,
    place: Place,
    begun: Instant,
    /// Whether the thread knows of it.
    has_rows: bool,
    /// Whether later ones may refer to its file.
    is_shared: bool,
    /// What it builds on.
    chain: Chain,
    /// The tables of which it gives only changes.
    changes: BTreeSet<TableId>,
}

impl Current {
    /// Tables with rows in the chain of which it gives all rows, so that old ones do not count.
    fn replaced<'c>(
        &'c self,
        tables: &'c BTreeMap<TableId, SchemaRef>,
    ) -> impl Iterator<Item = (TableId, SchemaRef)> + 'c {
        let is_replaced = |id: &TableId| {
            !self.changes.contains(id) && self.chain.tables.contains(&(id.0, id.1.to_owned()))
        };
        let replaced = tables.iter().filter(move |(id, _)| is_replaced(id));
        replaced.map(|(id, schema)| (*id, schema.clone()))
    }
}

/// What the task's thread and the writer's share.
#[derive(Debug)]
struct Shared {
    /// Bytes given and not yet stored.
    waiting_bytes: AtomicU64,
    /// The checkpoint given up last, or [`NONE`]: its rows that still wait need not be stored.
    given_up: AtomicU64,
    chains: Chains,
}

/// What the writer's thread is told.
enum Message {
    Begin {
        checkpoint: u64,
        place: Place,
        begun: Instant,
        is_shared: bool,
        chain: Chain,
    },
    Rows {
        table: TableId,
        part: Part,
        schema: SchemaRef,
        rows: Saved,
        bytes: u64,
    },
    Finish {
        state: SubtaskState,
        timing: Timing,
        /// Tables that are whole in it, even if no rows came.
        whole: Vec<(TableId, SchemaRef)>,
    },
    Abort,
    /// Says when everything before it is done.
    Wait(Sender<()>),
}

impl FileSnapshotWriter {
    /// A writer that has stored nothing yet.
    pub fn new(options: WriterOptions) -> FileSnapshotWriter {
        FileSnapshotWriter {
            options,
            tables: BTreeMap::new(),
            keys: BTreeMap::new(),
            base: None,
            shared: Arc::new(Shared {
                waiting_bytes: AtomicU64::new(0),
                given_up: AtomicU64::new(NONE),
                chains: Chains::default(),
            }),
            current: None,
            thread: None,
        }
    }

    /// Tells the thread, which is started if there is none. It ends with this writer.
    fn send(&mut self, message: Message) -> Result<()> {
        if self.thread.is_none() {
            self.thread = Some(store::start(self.options.clone(), self.shared.clone())?);
        }
        let sent = self.thread.as_ref().map(|thread| thread.send(message));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => {
                self.thread = None;
                Err(Error::internal("the thread that stores snapshots has ended"))
            }
        }
    }

    fn report(&self, checkpoint: u64, event: SnapshotEvent) {
        self.options.report(checkpoint, event);
    }

    /// Sends a message of the current snapshot, of which the thread is told first.
    fn send_current(&mut self, message: Message) {
        let Some(current) = &mut self.current else { return };
        let checkpoint = current.checkpoint;
        let begin = (!current.has_rows).then(|| Message::Begin {
            checkpoint,
            place: current.place.clone(),
            begun: current.begun,
            is_shared: current.is_shared,
            chain: current.chain.clone(),
        });
        current.has_rows = true;
        let sent = begin.map_or(Ok(()), |begin| self.send(begin));
        if let Err(error) = sent.and_then(|()| self.send(message)) {
            self.current = None;
            self.report(checkpoint, SnapshotEvent::Failed(error));
        }
    }

    fn send_rows(&mut self, table: TableId, part: Part, schema: SchemaRef, rows: Saved) {
        if self.current.is_none() || rows.rows() == 0 {
            return;
        }
        let columns = rows.columns.iter().map(|column| stored_bytes(column.as_ref()));
        let bytes = columns.sum::<usize>() as u64 + rows.hashes.len() as u64 * 8;
        self.shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.send_current(Message::Rows { table, part, schema, rows, bytes });
    }

    fn schema(&mut self, operator: OperatorId, table: &'static str, rows: &Saved) -> SchemaRef {
        let unnamed = || {
            let field = |(position, column): (usize, &arrow_array::ArrayRef)| {
                Field::new(format!("column{position}"), column.data_type().clone(), true)
            };
            let fields: Vec<Field> = rows.columns.iter().enumerate().map(field).collect();
            Arc::new(Schema::new(fields))
        };
        self.tables.entry((operator, table)).or_insert_with(unnamed).clone()
    }
}

impl SnapshotWriter for FileSnapshotWriter {
    fn table(&mut self, operator: OperatorId, table: &'static str, columns: Vec<FieldRef>) {
        self.tables.insert((operator, table), Arc::new(Schema::new(columns)));
    }

    fn keys(&mut self, operator: OperatorId, table: &'static str, keys: Vec<usize>) {
        let Some(schema) = self.tables.get(&(operator, table)) else { return };
        let keys: Option<Vec<FieldRef>> =
            keys.iter().map(|key| schema.fields().get(*key).cloned()).collect();
        if let Some(keys) = keys {
            self.keys.insert((operator, table), Arc::new(Schema::new(keys)));
        }
    }

    fn since(&mut self, barrier: &Barrier) -> Option<u64> {
        self.base = None;
        let Scope::Incremental { complete: Some(complete) } = barrier.scope else { return None };
        self.options.shared_prefix.as_ref()?;
        let chain = self.shared.chains.of_complete(complete)?;
        if chain.is_full(self.options.file_cost) {
            return None;
        }
        self.base = Some(chain);
        Some(complete)
    }

    fn begin(&mut self, barrier: &Barrier) {
        self.abort();
        let checkpoint = barrier.checkpoint;
        match self.options.places.get(checkpoint) {
            Some(place) => {
                let is_shared = matches!(barrier.scope, Scope::Incremental { .. })
                    && self.options.shared_prefix.is_some()
                    && !self.keys.is_empty();
                self.current = Some(Current {
                    checkpoint,
                    place,
                    begun: Instant::now(),
                    has_rows: false,
                    is_shared,
                    chain: Chain::default(),
                    changes: BTreeSet::new(),
                });
            }
            // Given up before the barrier came here.
            None => {
                let error = Error::internal(format!("checkpoint {checkpoint} is not under way"));
                self.report(checkpoint, SnapshotEvent::Failed(error));
            }
        }
    }

    fn prepared(&mut self, checkpoint: u64, prepared: Vec<Vec<u8>>) {
        self.report(checkpoint, SnapshotEvent::Prepared(prepared));
    }

    fn changes(&mut self, tables: Vec<TableId>) {
        let Some(current) = &mut self.current else { return };
        current.chain = self.base.take().unwrap_or_default();
        current.changes = tables.into_iter().collect();
    }

    fn removed(&mut self, operator: OperatorId, table: &'static str, keys: Saved) {
        let Some(schema) = self.keys.get(&(operator, table)).cloned() else { return };
        self.send_rows((operator, table), Part::Removed, schema, keys);
    }

    fn rows(&mut self, operator: OperatorId, table: &'static str, rows: Saved) {
        let Some(current) = self.current.as_ref().filter(|_| rows.rows() > 0) else { return };
        let is_change = current.changes.contains(&(operator, table));
        let part = if is_change { Part::Changed } else { Part::Whole };
        let schema = self.schema(operator, table, &rows);
        self.send_rows((operator, table), part, schema, rows);
    }

    fn is_busy(&self) -> bool {
        self.shared.waiting_bytes.load(Ordering::Relaxed) > BUSY_BYTES
    }

    fn finish(&mut self, state: SubtaskState, timing: Timing) {
        let Some(current) = &self.current else { return };
        let whole: Vec<_> = current.replaced(&self.tables).collect();
        if current.has_rows || !state.in_flight.is_empty() || !whole.is_empty() {
            self.send_current(Message::Finish { state, timing, whole });
        } else {
            let timing = StoredTiming::new(timing, 0);
            if current.is_shared {
                self.shared.chains.add(current.checkpoint, current.chain.clone());
            }
            let handle = store::handle(state, timing, current.chain.files.clone());
            self.report(current.checkpoint, SnapshotEvent::Stored(Box::new(handle)));
        }
        self.current = None;
    }

    fn abort(&mut self) {
        let Some(current) = self.current.take() else { return };
        self.shared.given_up.store(current.checkpoint, Ordering::Relaxed);
        if current.has_rows {
            // If the thread is gone, so is the snapshot.
            let _ = self.send(Message::Abort);
        }
        self.report(current.checkpoint, SnapshotEvent::GivenUp);
    }

    fn wait(&mut self) {
        if self.thread.is_none() {
            return;
        }
        let (done, is_done) = crossbeam_channel::bounded(1);
        if self.send(Message::Wait(done)).is_ok() {
            // An error says that the thread is gone, and with it all that it had to do.
            let _ = is_done.recv();
        }
    }

    fn decline(&mut self, checkpoint: u64) {
        self.report(checkpoint, SnapshotEvent::GivenUp);
    }
}
