//! What users are shown of checkpoints (`CheckpointStatsTracker`): counts, the last one, and a
//! short history with the time of each task's acknowledgement.

use std::collections::VecDeque;

use super::failure::Failure;
use super::message::{CheckpointId, Kind};

/// How many ended checkpoints the history holds (`web.checkpoints.history`).
pub const HISTORY_LENGTH: usize = 10;

/// How far a checkpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Not ended.
    InProgress,
    /// Durable.
    Completed,
    /// Aborted.
    Failed(Failure),
}

/// One checkpoint or savepoint. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRecord {
    /// Its number.
    pub id: CheckpointId,
    /// What kind it is.
    pub kind: Kind,
    /// How far it is.
    pub status: Status,
    /// When it was triggered.
    pub triggered_ms: i64,
    /// When it completed or failed.
    pub ended_ms: Option<i64>,
    /// When each task acknowledged; for a task that had finished, the trigger.
    pub acknowledged_ms: Vec<Option<i64>>,
}

/// The last checkpoint that completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCompleted {
    /// Its number.
    pub id: CheckpointId,
    /// From trigger to completion, in milliseconds.
    pub duration_ms: i64,
    /// When it completed, in milliseconds.
    pub completed_ms: i64,
}

/// Counts over the life of a coordinator.
#[derive(Debug, Clone, Default)]
pub struct Statistics {
    /// Begun, savepoints included.
    pub triggered: u64,
    /// Completed.
    pub completed: u64,
    /// Failed, those included that could not begin.
    pub failed: u64,
    /// Begun and not ended.
    pub in_progress: u64,
    /// The last that completed, savepoints included.
    pub last_completed: Option<LastCompleted>,
    /// The last that ended, oldest first, at most [`HISTORY_LENGTH`].
    pub history: VecDeque<CheckpointRecord>,
}

impl Statistics {
    /// One begins.
    pub(super) fn on_triggered(&mut self) {
        self.triggered += 1;
        self.in_progress += 1;
    }

    /// One ends; its record tells how.
    pub(super) fn on_ended(&mut self, now_ms: i64, status: Status, mut record: CheckpointRecord) {
        self.in_progress -= 1;
        match status {
            Status::Completed => {
                self.completed += 1;
                self.last_completed = Some(LastCompleted {
                    id: record.id,
                    duration_ms: now_ms - record.triggered_ms,
                    completed_ms: now_ms,
                });
            }
            _ => self.failed += 1,
        }
        record.status = status;
        record.ended_ms = Some(now_ms);
        if self.history.len() == HISTORY_LENGTH {
            self.history.pop_front();
        }
        self.history.push_back(record);
    }

    /// One could not begin.
    pub(super) fn on_refused(&mut self) {
        self.failed += 1;
    }
}
