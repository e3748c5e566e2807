//! What the coordinator is told ([`Event`]) and what it asks for ([`Command`]).
//!
//! The driver carries out commands in the order in which they come. The order is the contract:
//! nothing is committed ([`Command::Complete`]) before the checkpoint is durable
//! ([`Event::Stored`]), and no files are deleted ([`Command::Discard`]) that a later restart
//! could need.

use super::failure::{Failure, FailureReason};

/// Number of a checkpoint or savepoint of a job; grows, is never used twice.
pub type CheckpointId = u64;

/// Number of a subtask, counted over all vertices of the job.
pub type TaskId = usize;

/// What kind of snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// For recovery; owned by the engine, subsumed by the next.
    Checkpoint,
    /// For the user, in the canonical format; owned by the user.
    Savepoint {
        /// Whether the job ends with it.
        stop: Option<Stop>,
    },
}

impl Kind {
    /// Whether it is a savepoint of either kind.
    pub fn is_savepoint(self) -> bool {
        matches!(self, Kind::Savepoint { .. })
    }

    /// Whether tasks stop at its barrier and wait for its completion (`isSynchronous`).
    pub fn is_stop(self) -> bool {
        matches!(self, Kind::Savepoint { stop: Some(_) })
    }
}

/// How a job stops with a savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ends for good: the last watermark is sent first, so that windows and timers fire.
    Drain,
    /// To be taken up again from the savepoint.
    Suspend,
}

/// How barriers pass inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// Inputs whose barrier came wait for the rest.
    Aligned,
    /// Aligned; after so many milliseconds of it, unaligned.
    AlignedWithTimeout(i64),
    /// Barriers overtake rows, which go into the checkpoint.
    Unaligned,
    /// Nothing waits; rows may be seen twice after recovery.
    AtLeastOnce,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time has passed; at the latest due at `Coordinator::next_deadline_ms`.
    Tick,
    /// Someone asks for a checkpoint now; answered by [`Command::CheckpointDone`].
    TriggerCheckpoint {
        /// The asker's own number, given back with the answer.
        request: u64,
    },
    /// Someone asks for a savepoint now; answered by [`Command::SavepointDone`].
    TriggerSavepoint {
        /// The asker's own number, given back with the answer.
        request: u64,
        /// Whether the job is to end with it.
        stop: Option<Stop>,
    },
    /// A task's part of a snapshot is durable.
    Acknowledge {
        /// The snapshot.
        checkpoint: CheckpointId,
        /// The task.
        task: TaskId,
    },
    /// A task cannot take part in a snapshot.
    Decline {
        /// The snapshot.
        checkpoint: CheckpointId,
        /// The task.
        task: TaskId,
        /// Why.
        failure: Failure,
    },
    /// A task has reached the end of its input; the driver holds its final report, which stands
    /// for its part in every snapshot that still waits for it and in all to come.
    TaskFinished {
        /// The task.
        task: TaskId,
    },
    /// A source begins or ends working off a backlog (`interval-during-backlog`).
    Backlog {
        /// The source task.
        task: TaskId,
        /// Whether it has a backlog now.
        active: bool,
    },
    /// The metadata of a snapshot is durable.
    Stored {
        /// The snapshot.
        checkpoint: CheckpointId,
    },
    /// The metadata of a snapshot could not be written.
    StoreFailed {
        /// The snapshot.
        checkpoint: CheckpointId,
        /// The error.
        detail: String,
        /// Whether it may have become durable nevertheless; then its files are left alone
        /// (`PossibleInconsistentStateException`).
        maybe_stored: bool,
    },
    /// Tasks have failed; all are restarted from the latest completed checkpoint. Reports of the
    /// old tasks must not be passed on after this event. If the new tasks do not run yet,
    /// [`Event::Suspend`] follows, and [`Event::Resume`] when they do. Before they run, a store
    /// under way must have ended and its [`Command::Discard`] been carried out: a crash must not
    /// recover from a snapshot whose prepared output has been rolled back since.
    Failover,
    /// Some tasks have failed and are restarted from the latest completed checkpoint, while others,
    /// to which no rows flow from these and from which these take none, run on. As
    /// [`Event::Failover`] otherwise; not for a job that a savepoint has stopped, whose tasks do
    /// not run on ([`Coordinator::is_stopping`](super::Coordinator::is_stopping)).
    RegionFailover {
        /// The tasks that are restarted.
        tasks: Vec<TaskId>,
    },
    /// No snapshot may begin or complete (the coordination service is lost, tasks do not run).
    Suspend,
    /// The end of [`Event::Suspend`].
    Resume,
    /// The end of the job or of this process's part in it.
    Shutdown,
}

/// What the driver must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Send barriers from all sources that have not finished.
    Trigger {
        /// The snapshot.
        checkpoint: CheckpointId,
        /// What kind it is.
        kind: Kind,
        /// How its barriers pass.
        alignment: Alignment,
        /// Its time stamp, in milliseconds.
        timestamp_ms: i64,
        /// Whether it must not refer to files of earlier snapshots.
        full: bool,
    },
    /// Tell the tasks that the snapshot will not complete: they end alignments and uploads.
    /// What sinks have prepared stays prepared: the next completed checkpoint commits it.
    Abort {
        /// The snapshot.
        checkpoint: CheckpointId,
        /// Why.
        reason: FailureReason,
    },
    /// All parts are there: write the metadata, then [`Event::Stored`] or
    /// [`Event::StoreFailed`]. May come for a snapshot that was never triggered, when all tasks
    /// had finished: it consists of their final reports.
    Store {
        /// The snapshot.
        checkpoint: CheckpointId,
        /// What kind it is.
        kind: Kind,
        /// Its time stamp, in milliseconds.
        timestamp_ms: i64,
    },
    /// Tell tasks and sinks that all up to this snapshot may be committed.
    Complete {
        /// The snapshot.
        checkpoint: CheckpointId,
    },
    /// Delete what is stored of a snapshot.
    Discard {
        /// The snapshot.
        checkpoint: CheckpointId,
    },
    /// Too many snapshots failed, or the savepoint that was to stop the job did: fail the job,
    /// which restarts by its restart strategy.
    FailJob {
        /// Flink's text.
        reason: String,
    },
    /// The answer to [`Event::TriggerSavepoint`].
    SavepointDone {
        /// The asker's number.
        request: u64,
        /// The savepoint.
        result: Result<CheckpointId, Failure>,
    },
    /// The answer to [`Event::TriggerCheckpoint`].
    CheckpointDone {
        /// The asker's number.
        request: u64,
        /// The checkpoint.
        result: Result<CheckpointId, Failure>,
    },
    /// All tasks have finished, and what they wrote is committed: the job is `FINISHED`.
    AllFinished,
}
