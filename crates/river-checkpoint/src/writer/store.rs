//! The thread behind a writer: gathers rows by table and stores them, in the order they came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow_schema::SchemaRef;
use crossbeam_channel::{Receiver, Sender};
use river_runtime::checkpoint::{OperatorId, SubtaskState, Timing};
use river_runtime::state::Saved;

use super::file::FileWriter;
use super::{Message, Place, Shared, SnapshotEvent, WriterOptions};
use crate::metadata::{StateFile, StoredTiming};
use crate::{Error, Result, SubtaskHandle};

/// Rows of a table are stored once there are so many bytes of them.
const BLOCK_BYTES: u64 = 1 << 20;

/// Starts the thread. It ends when the sender is dropped; a snapshot that was not finished is given
/// up then.
pub(super) fn start(options: WriterOptions, shared: Arc<Shared>) -> Result<Sender<Message>> {
    // Not bounded: the task must not wait. It asks whether the writer is busy.
    let (sender, messages) = crossbeam_channel::unbounded();
    let name = format!("snapshot-{}", options.file_name);
    let store = Store { options, shared, snapshot: None };
    std::thread::Builder::new()
        .name(name)
        .spawn(move || store.run(&messages))
        .map_err(|error| Error::internal(format!("cannot start a thread: {error}")))?;
    Ok(sender)
}

/// What the metadata says of a subtask.
pub(super) fn handle(
    state: SubtaskState,
    timing: StoredTiming,
    rows: Option<StateFile>,
) -> SubtaskHandle {
    SubtaskHandle {
        in_flight: !state.in_flight.is_empty(),
        locals: state.locals,
        splits: state.splits,
        prepared: state.prepared,
        finished: state.finished,
        rows,
        timing,
    }
}

struct Store {
    options: WriterOptions,
    shared: Arc<Shared>,
    snapshot: Option<Snapshot>,
}

/// The snapshot being stored.
struct Snapshot {
    checkpoint: u64,
    begun: Instant,
    file: FileWriter,
    tables: BTreeMap<(OperatorId, &'static str), Gathered>,
}

/// Rows of a table that wait for more.
struct Gathered {
    schema: SchemaRef,
    rows: Vec<Saved>,
    bytes: u64,
}

impl Store {
    fn run(mut self, messages: &Receiver<Message>) {
        for message in messages {
            if let Err(error) = self.handle(message) {
                self.fail(error);
            }
        }
        self.give_up();
    }

    fn handle(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Begin { checkpoint, place, begun } => {
                self.give_up();
                self.begin(checkpoint, place, begun)
            }
            Message::Rows { operator, table, schema, rows, bytes } => {
                if self.is_given_up() {
                    self.give_up();
                }
                let Some(snapshot) = &mut self.snapshot else {
                    self.done(bytes);
                    return Ok(());
                };
                let gathered = snapshot
                    .tables
                    .entry((operator, table))
                    .or_insert_with(|| Gathered { schema, rows: Vec::new(), bytes: 0 });
                gathered.rows.push(rows);
                gathered.bytes += bytes;
                match gathered.bytes >= BLOCK_BYTES {
                    true => self.store(operator, table),
                    false => Ok(()),
                }
            }
            Message::Finish { state, timing } => self.finish(state, timing),
            Message::Abort => {
                self.give_up();
                Ok(())
            }
            Message::Wait(done) => {
                let _ = done.send(());
                Ok(())
            }
        }
    }

    fn begin(&mut self, checkpoint: u64, place: Place, begun: Instant) -> Result<()> {
        let made = FileWriter::new(place, &self.options);
        match made {
            Ok(file) => {
                let tables = BTreeMap::new();
                self.snapshot = Some(Snapshot { checkpoint, begun, file, tables });
                Ok(())
            }
            Err(error) => {
                self.report(checkpoint, SnapshotEvent::Failed(error));
                Ok(())
            }
        }
    }

    /// Stores what has been gathered of a table.
    fn store(&mut self, operator: OperatorId, table: &'static str) -> Result<()> {
        let Some(snapshot) = &mut self.snapshot else { return Ok(()) };
        let Some(gathered) = snapshot.tables.remove(&(operator, table)) else { return Ok(()) };
        let stored = snapshot.file.table_rows(
            operator,
            table,
            &gathered.schema,
            &gathered.rows,
            gathered.bytes,
        );
        self.done(gathered.bytes);
        stored
    }

    fn finish(&mut self, state: SubtaskState, timing: Timing) -> Result<()> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        let tables: Vec<_> = snapshot.tables.keys().copied().collect();
        for (operator, table) in tables {
            self.store(operator, table)?;
        }
        let Some(snapshot) = &mut self.snapshot else { return Ok(()) };
        for (channel, batch) in &state.in_flight {
            snapshot.file.in_flight(*channel, batch)?;
        }
        let Some(snapshot) = self.snapshot.take() else { return Ok(()) };
        let (checkpoint, begun) = (snapshot.checkpoint, snapshot.begun);
        let event = match snapshot.file.finish() {
            Ok(file) => {
                let store_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                let timing = StoredTiming::new(timing, store_us);
                SnapshotEvent::Stored(Box::new(handle(state, timing, file)))
            }
            Err(error) => SnapshotEvent::Failed(error),
        };
        self.report(checkpoint, event);
        Ok(())
    }

    /// These bytes no longer wait.
    fn done(&self, bytes: u64) {
        self.shared.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn is_given_up(&self) -> bool {
        let given_up = self.shared.given_up.load(Ordering::Relaxed);
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.checkpoint == given_up)
    }

    /// Forgets the snapshot; its unfinished file is removed as it is dropped. Returns its number.
    fn give_up(&mut self) -> Option<u64> {
        let snapshot = self.snapshot.take()?;
        let bytes = snapshot.tables.values().map(|gathered| gathered.bytes).sum();
        self.done(bytes);
        Some(snapshot.checkpoint)
    }

    /// The snapshot cannot be stored; what else comes of it is passed over.
    fn fail(&mut self, error: Error) {
        if let Some(checkpoint) = self.give_up() {
            self.report(checkpoint, SnapshotEvent::Failed(error));
        }
    }

    fn report(&self, checkpoint: u64, event: SnapshotEvent) {
        self.options.report(checkpoint, event);
    }
}
