//! A snapshot in flight (`PendingCheckpoint`): who has acknowledged it, and how far it is.

use super::message::{CheckpointId, Kind, TaskId};
use super::requests::Request;
use super::statistics::{CheckpointRecord, Status};

/// The steps of a snapshot on its way to completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Tasks take their part; ends by the last acknowledgement or by the timeout.
    Collecting,
    /// All parts are there; the coordinator is suspended, so that nothing may be written.
    Acknowledged,
    /// The driver writes the metadata. No timeout: it may be durable at any moment.
    Storing,
    /// Durable; the coordinator is suspended, so that nothing may be committed.
    Stored,
    /// The driver could not find out whether it is durable; about to be aborted.
    Doubtful,
}

/// A snapshot in flight.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    /// What users see of it; holds the acknowledgements.
    pub(super) record: CheckpointRecord,
    /// Why it was begun; who is to be told of its end.
    pub(super) request: Request,
    pub(super) phase: Phase,
    pub(super) deadline_ms: i64,
    /// Whether all tasks had finished when it began: nothing will be written after it.
    pub(super) is_final: bool,
    missing: usize,
}

impl Pending {
    /// One that begins now. Tasks that have finished need not be asked.
    pub(super) fn new(
        id: CheckpointId,
        request: Request,
        finished: &[bool],
        now_ms: i64,
        timeout_ms: i64,
    ) -> Pending {
        let missing = finished.iter().filter(|finished| !**finished).count();
        let acknowledged_ms = finished.iter().map(|finished| finished.then_some(now_ms)).collect();
        Pending {
            record: CheckpointRecord {
                id,
                kind: request.kind,
                status: Status::InProgress,
                triggered_ms: now_ms,
                ended_ms: None,
                acknowledged_ms,
            },
            request,
            phase: Phase::Collecting,
            deadline_ms: now_ms.saturating_add(timeout_ms),
            is_final: missing == 0,
            missing,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.request.kind
    }

    /// Whether that task's part is still awaited.
    pub(super) fn awaits(&self, task: TaskId) -> bool {
        matches!(self.record.acknowledged_ms.get(task), Some(None))
    }

    /// Notes an acknowledgement; one that is not awaited changes nothing.
    pub(super) fn acknowledge(&mut self, task: TaskId, now_ms: i64) {
        if self.awaits(task) {
            self.record.acknowledged_ms[task] = Some(now_ms);
            self.missing -= 1;
        }
    }

    /// Whether all parts are there.
    pub(super) fn is_acknowledged(&self) -> bool {
        self.missing == 0
    }

    /// When it expires, if it still can.
    pub(super) fn expires_ms(&self) -> Option<i64> {
        (self.phase == Phase::Collecting).then_some(self.deadline_ms)
    }
}
