//! Checkpoints: what a barrier is, what a subtask gives for one, and where it goes.
//!
//! One checkpoint, end to end: the driver (`river-job`) asks the coordinator
//! (`river_core::checkpoint`) and gives a [`Command::Snapshot`] to every source task. A source task
//! cuts its operators and sends an [`crate::exchange::Element::Barrier`] to its consumers; a
//! consumer does the same once the barrier has come on all its channels. What a task owes goes to
//! its [`SnapshotWriter`] bit by bit, between batches; the writer stores it from a thread of its
//! own and reports to the driver, who writes the metadata once all subtasks have, and then commits
//! the sinks.

use arrow_schema::FieldRef;
use serde::{Deserialize, Serialize};

use crate::source::SplitState;
use crate::state::Saved;
use crate::{Batch, Result};

/// A barrier: all that came before it belongs to the checkpoint, all after it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// The checkpoint, by number.
    pub checkpoint: u64,
    /// When it was triggered, wall clock in milliseconds.
    pub timestamp_ms: i64,
    /// What channels do for it.
    pub alignment: Alignment,
    /// The job ends with it: sources read no further, unless it is aborted.
    pub stop: bool,
    /// What it may refer to.
    pub scope: Scope,
}

/// Whether a snapshot stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it is in files of its own.
    Full,
    /// It is one in a row of incremental checkpoints.
    Incremental {
        /// The latest that is complete: its files stay at least until this one is complete or
        /// aborted, and this one may refer to them.
        complete: Option<u64>,
    },
}

/// What a task does with channels whose barrier has come while others' has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// Reads on: rows after the barrier may be in the snapshot too.
    AtLeastOnce,
    /// Holds them back.
    Aligned,
    /// Holds them back, but not for longer than this many milliseconds after the checkpoint was
    /// triggered; then goes on as [`Alignment::Unaligned`].
    AlignedFor(u64),
    /// Takes the snapshot at the first barrier, which overtakes queued batches; these become part
    /// of the snapshot.
    Unaligned,
}

/// What the driver tells a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Make a snapshot now. For tasks without input channels.
    Snapshot(Barrier),
    /// A checkpoint will not be completed: give up its alignment and what is owed for it.
    Abort(u64),
}

/// An operator of a job: a node of the plan may be run by several in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperatorId {
    /// Node of the plan.
    pub node: usize,
    /// Position among the operators of that node, from 0.
    pub part: usize,
}

/// What a subtask gives for a checkpoint beside the rows of its tables.
#[derive(Debug, Default)]
pub struct SubtaskState {
    /// [`crate::Operator::save_local`] of the operators that have something to remember.
    pub locals: Vec<(OperatorId, Vec<u8>)>,
    /// The source's splits.
    pub splits: Vec<SplitState>,
    /// What the sink's writer has prepared at its end. What it prepares for a checkpoint goes
    /// through [`SnapshotWriter::prepared`].
    pub prepared: Vec<Vec<u8>>,
    /// Batches that an unaligned barrier has overtaken, by channel of the task and in their order
    /// within it, with the watermarks of the channel as they came. Channels are numbered through
    /// the task's inputs, each input's producers by subtask; so a restore with the same
    /// parallelism gives each batch to the channel it was in. With another one, rows of a hash
    /// exchange go to the owner of their key group (by any channel of that input), and others to
    /// any subtask; each row to one, and each channel's in order.
    pub in_flight: Vec<(usize, Batch)>,
    /// The subtask has ended; it has no tables any more and is not run again.
    pub finished: bool,
}

/// Takes the snapshots of one task to where they are kept. Called on the task's thread: must not
/// wait for storage. Results and errors go to the driver.
pub trait SnapshotWriter: Send {
    /// A table of an operator, before rows of it come ([`crate::state::Checkpointed::columns`]).
    /// Once is enough; without it the columns have no names.
    fn table(&mut self, operator: OperatorId, table: &'static str, columns: Vec<FieldRef>) {
        let _ = (operator, table, columns);
    }

    /// An operator's table can tell what has changed in it; where its key columns stand. After
    /// [`SnapshotWriter::table`].
    fn keys(&mut self, operator: OperatorId, table: &'static str, keys: Vec<usize>) {
        let _ = (operator, table, keys);
    }

    /// The complete checkpoint on which the next snapshot, for that barrier, may build: of tables
    /// that can tell only what has changed since is given then. `None`: everything is.
    fn since(&mut self, barrier: &Barrier) -> Option<u64> {
        let _ = barrier;
        None
    }

    /// A checkpoint begins; an earlier one that was not finished is given up.
    fn begin(&mut self, barrier: &Barrier);

    /// Of these tables only changes are given; never if [`SnapshotWriter::since`] was `None`.
    fn changes(&mut self, tables: Vec<(OperatorId, &'static str)>) {
        let _ = tables;
    }

    /// Keys of which nothing counts that was saved by earlier checkpoints.
    fn removed(&mut self, operator: OperatorId, table: &'static str, keys: Saved) {
        let _ = (operator, table, keys);
    }

    /// The sink's writer has prepared output for a checkpoint that has begun. The driver gets it
    /// at once, before any other report of this checkpoint, and whatever becomes of that: running
    /// tasks never go back, so what was prepared for an aborted checkpoint is committed with the
    /// next one that completes.
    fn prepared(&mut self, checkpoint: u64, prepared: Vec<Vec<u8>>);

    /// Rows of a table of an operator.
    fn rows(&mut self, operator: OperatorId, table: &'static str, rows: Saved);

    /// Whether so much waits to be stored that only what must be saved should be.
    fn is_busy(&self) -> bool;

    /// Everything was given.
    fn finish(&mut self, state: SubtaskState, timing: Timing);

    /// The checkpoint is given up.
    fn abort(&mut self);

    /// The task is about to end well: waits until everything that was finished is stored and
    /// reported, so that no report comes after the task's end. A driver that heard of the end
    /// first would put the task's last state into a checkpoint of others' earlier ones.
    fn wait(&mut self) {}

    /// A checkpoint will not be completed by this task, whether it was begun or not: a newer one
    /// has overtaken its barriers.
    fn decline(&mut self, checkpoint: u64) {
        let _ = checkpoint;
    }
}

/// How long the parts of a subtask's snapshot took, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// From the trigger to the first barrier.
    pub start_delay_us: u64,
    /// From the first barrier to the last one.
    pub alignment_us: u64,
    /// The cut: nothing is processed meanwhile.
    pub sync_us: u64,
}

/// State that a subtask goes on from: filled into its operators before it takes any row.
pub trait RestoredState: Send {
    /// Fills the tables and the local state of an operator.
    fn restore(&mut self, operator: OperatorId, into: &mut dyn crate::Operator) -> Result<()>;

    /// Batches that were in flight, by channel of the task ([`SubtaskState::in_flight`]); they
    /// come before all others.
    fn in_flight(&mut self) -> Result<Vec<(usize, Batch)>>;
}
