//! The snapshot a task is making: from the cut until everything owed for it was given.
//!
//! ```text
//!   none --begin--> open: tables owe rows, or in-flight batches are recorded --> finished --> none
//!                     \-- abort, or a newer checkpoint before all barriers came ------------> none
//! ```
//! The cut itself is short. What the tables owe is given between batches, a chunk after each, so
//! that no batch waits for more than a chunk; and without pause while there is no input. Storage
//! that is slower than that slows the giving, not the batches: only rows that would be overwritten
//! are given then.
//!
//! Called by the task's loop. Never waits, and never calls an operator but for its state.

use std::time::Duration;

use super::TaskMetrics;
use crate::Batch;
use crate::Result;
use crate::chain::{Chain, TableColumns};
use crate::checkpoint::{Barrier, OperatorId, Scope, SnapshotWriter, SubtaskState, Timing};

/// How soon a writer that was busy is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// The snapshots of a task, one after the other.
pub struct Snapshots {
    /// Where they go; without one only barriers are passed on.
    writer: Option<Box<dyn SnapshotWriter>>,
    open: Option<Open>,
    last_aborted: u64,
    /// The writer knows the tables.
    declared: bool,
}

/// A snapshot in progress.
struct Open {
    checkpoint: u64,
    state: SubtaskState,
    timing: Timing,
    /// Tables owe rows.
    owing: bool,
    /// Barriers have not all come, so that batches may have to be recorded.
    recording: bool,
}

impl Snapshots {
    /// None yet.
    pub fn new(writer: Option<Box<dyn SnapshotWriter>>) -> Snapshots {
        Snapshots { writer, open: None, last_aborted: 0, declared: false }
    }

    /// Whether snapshots go anywhere.
    pub fn are_kept(&self) -> bool {
        self.writer.is_some()
    }

    /// The checkpoint that was aborted last, 0 for none.
    pub fn last_aborted(&self) -> u64 {
        self.last_aborted
    }

    /// Whether rows are owed.
    pub fn are_owing(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.owing)
    }

    /// How tables are cut for a barrier, if it is of an incremental checkpoint: see
    /// [`Chain::cut`].
    pub fn incremental(&mut self, barrier: &Barrier) -> Option<(u64, Option<u64>)> {
        match (barrier.scope, &mut self.writer) {
            (Scope::Incremental { .. }, Some(writer)) => {
                Some((barrier.checkpoint, writer.since(barrier)))
            }
            _ => None,
        }
    }

    /// Begins one. The chain has been cut; `state` is what there is to give beside rows, and
    /// `changes` are the tables that give only changes.
    pub fn begin(
        &mut self,
        barrier: &Barrier,
        mut state: SubtaskState,
        timing: Timing,
        chain: &mut Chain,
        changes: Vec<(OperatorId, &'static str)>,
    ) {
        let Some(writer) = &mut self.writer else { return };
        if !std::mem::replace(&mut self.declared, true) {
            for TableColumns { operator, table, columns, keys } in chain.tables() {
                writer.table(operator, table, columns);
                if let Some(keys) = keys {
                    writer.keys(operator, table, keys);
                }
            }
        }
        writer.begin(barrier);
        if !changes.is_empty() {
            writer.changes(changes);
        }
        let checkpoint = barrier.checkpoint;
        let prepared = std::mem::take(&mut state.prepared);
        if !prepared.is_empty() {
            writer.prepared(checkpoint, prepared);
        }
        self.open = Some(Open { checkpoint, state, timing, owing: true, recording: true });
    }

    /// Adds batches that were in flight on a channel.
    pub fn record(&mut self, channel: usize, batches: Vec<Batch>) {
        if let Some(open) = self.open.as_mut().filter(|open| open.recording) {
            open.state.in_flight.extend(batches.into_iter().map(|batch| (channel, batch)));
        }
    }

    /// All barriers have come: nothing is recorded any more.
    pub fn complete(&mut self, checkpoint: u64, alignment_us: u64) {
        if let Some(open) = self.open.as_mut().filter(|open| open.checkpoint == checkpoint) {
            open.recording = false;
            open.timing.alignment_us = alignment_us;
        }
    }

    /// The checkpoint's barriers will not all come, and the driver does not know.
    pub fn give_up(&mut self, checkpoint: u64, chain: &mut Chain) {
        self.abort(checkpoint, chain);
        if let Some(writer) = &mut self.writer {
            writer.decline(checkpoint);
        }
    }

    /// Drops the checkpoint's snapshot, if it is the one in progress.
    pub fn abort(&mut self, checkpoint: u64, chain: &mut Chain) {
        self.last_aborted = checkpoint;
        if self.open.take_if(|open| open.checkpoint == checkpoint).is_some() {
            chain.forget_cut();
            if let Some(writer) = &mut self.writer {
                writer.abort();
            }
        }
    }

    /// Gives a chunk of what is owed, if the writer can take it, and what must be given in any
    /// case; ends the snapshot once nothing is left.
    pub fn advance(&mut self, chain: &mut Chain, metrics: &TaskMetrics) -> Result<()> {
        let (Some(open), Some(writer)) = (&mut self.open, &mut self.writer) else { return Ok(()) };
        if open.owing {
            chain.take_touched(|operator, table, rows| writer.rows(operator, table, rows));
            chain.take_removed(|operator, table, keys| writer.removed(operator, table, keys));
            if !writer.is_busy() {
                match chain.next_saved()? {
                    Some((_, _, rows)) if rows.rows() == 0 => {}
                    Some((operator, table, rows)) => writer.rows(operator, table, rows),
                    None => open.owing = false,
                }
            }
        }
        if !open.owing
            && !open.recording
            && let Some(open) = self.open.take()
        {
            let rows = open.state.in_flight.iter().map(|(_, batch)| batch.rows).sum();
            metrics.add_snapshot(&open.timing, rows);
            writer.finish(open.state, open.timing);
        }
        Ok(())
    }

    /// Waits until all that was given is stored, at the end of the task.
    pub fn wait(&mut self) {
        if let Some(writer) = &mut self.writer {
            writer.wait();
        }
    }

    /// How long the task may wait for input before [`Snapshots::advance`] is wanted again; for
    /// ever without an answer.
    pub fn pause(&self) -> Option<Duration> {
        let writer = self.writer.as_ref().filter(|_| self.are_owing())?;
        Some(if writer.is_busy() { BUSY_PAUSE } else { Duration::ZERO })
    }
}
