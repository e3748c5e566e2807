//! The thread behind a writer: gathers rows by table and stores them, in the order they came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use arrow_schema::SchemaRef;
use crossbeam_channel::{Receiver, Sender};
use river_runtime::checkpoint::{SubtaskState, Timing};
use river_runtime::state::Saved;

use super::file::FileWriter;
use super::{Chain, Message, Shared, SnapshotEvent, TableId, WriterOptions};
use crate::file::Part;
use crate::metadata::{StateFile, StoredTiming};
use crate::{Error, Result, SubtaskHandle, layout};

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
    mut files: Vec<StateFile>,
) -> SubtaskHandle {
    SubtaskHandle {
        rows: files.pop(),
        earlier: files,
        in_flight: !state.in_flight.is_empty(),
        locals: state.locals,
        splits: state.splits,
        prepared: state.prepared,
        finished: state.finished,
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
    is_shared: bool,
    /// What it builds on.
    chain: Chain,
    tables: BTreeMap<(TableId, Part), Gathered>,
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
            Message::Begin { checkpoint, place, begun, is_shared, chain } => {
                self.give_up();
                let inline_bytes = self.options.inline_bytes.saturating_sub(chain.inline_bytes());
                let shared = self.options.shared_prefix.as_deref().filter(|_| is_shared);
                let shared = shared.map(|prefix| layout::shared_file(prefix, checkpoint));
                let file = FileWriter::new(place, shared, inline_bytes, &self.options);
                self.begin(checkpoint, file, begun, chain)
            }
            Message::Rows { table, part, schema, rows, bytes } => {
                if self.is_given_up() {
                    self.give_up();
                }
                let Some(snapshot) = &mut self.snapshot else {
                    self.done(bytes);
                    return Ok(());
                };
                let gathered = snapshot.tables.entry((table, part)).or_insert_with(|| Gathered {
                    schema,
                    rows: Vec::new(),
                    bytes: 0,
                });
                gathered.rows.push(rows);
                gathered.bytes += bytes;
                match gathered.bytes >= BLOCK_BYTES {
                    true => self.store(table, part),
                    false => Ok(()),
                }
            }
            Message::Finish { state, timing, whole } => self.finish(state, timing, &whole),
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

    fn begin(
        &mut self,
        checkpoint: u64,
        made: Result<FileWriter>,
        begun: Instant,
        chain: Chain,
    ) -> Result<()> {
        match made {
            Ok(file) => {
                let (tables, is_shared) = (BTreeMap::new(), file.is_shared());
                let snapshot = Snapshot { checkpoint, begun, file, is_shared, chain, tables };
                self.snapshot = Some(snapshot);
                Ok(())
            }
            Err(error) => {
                self.report(checkpoint, SnapshotEvent::Failed(error));
                Ok(())
            }
        }
    }

    /// Stores what has been gathered of a table.
    fn store(&mut self, table: TableId, part: Part) -> Result<()> {
        let Some(snapshot) = &mut self.snapshot else { return Ok(()) };
        let Some(gathered) = snapshot.tables.remove(&(table, part)) else { return Ok(()) };
        let stored =
            snapshot.file.table_rows(table, part, &gathered.schema, &gathered.rows, gathered.bytes);
        self.done(gathered.bytes);
        stored
    }

    fn finish(
        &mut self,
        state: SubtaskState,
        timing: Timing,
        whole: &[(TableId, SchemaRef)],
    ) -> Result<()> {
        let Some(snapshot) = &self.snapshot else { return Ok(()) };
        let tables: Vec<_> = snapshot.tables.keys().copied().collect();
        for (table, part) in tables {
            self.store(table, part)?;
        }
        let Some(snapshot) = &mut self.snapshot else { return Ok(()) };
        for (table, schema) in whole {
            snapshot.file.declare(*table, Part::Whole, schema);
        }
        for (channel, batch) in &state.in_flight {
            snapshot.file.in_flight(*channel, batch)?;
        }
        let Some(snapshot) = self.snapshot.take() else { return Ok(()) };
        let Snapshot { checkpoint, begun, file, is_shared, mut chain, .. } = snapshot;
        chain.note(file.index());
        let event = match file.finish() {
            Ok(file) => {
                chain.files.extend(file);
                let files = chain.files.clone();
                if is_shared {
                    self.shared.chains.add(checkpoint, chain);
                }
                let store_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                let timing = StoredTiming::new(timing, store_us);
                SnapshotEvent::Stored(Box::new(handle(state, timing, files)))
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
