//! Why checkpoints fail, in Flink's names and words, and when failures fail the job
//! (`CheckpointFailureReason`, `CheckpointException`, `CheckpointFailureManager`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CheckpointId;

/// Value of `execution.checkpointing.tolerable-failed-checkpoints` with which nothing is counted.
pub const UNLIMITED_TOLERABLE_FAILURES: u32 = i32::MAX as u32;

/// Flink's reasons, of which users see the name and the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureReason {
    /// The periodic trigger is off.
    PeriodicSchedulerShutdown,
    /// More requests wait than may.
    TooManyCheckpointRequests,
    /// `min-pause` is not over.
    MinimumTimeBetweenCheckpoints,
    /// Tasks have finished and `checkpoints-after-tasks-finish` is off, or do not run yet.
    NotAllRequiredTasksRunning,
    /// Storage failed while the checkpoint began.
    IoException,
    /// A task's files could not be written.
    CheckpointAsyncException,
    /// `timeout` is over.
    CheckpointExpired,
    /// A younger checkpoint completed first.
    CheckpointSubsumed,
    /// A task refused, for no more special reason.
    CheckpointDeclined,
    /// A task is not running yet.
    CheckpointDeclinedTaskNotReady,
    /// A task is on its way to the end.
    CheckpointDeclinedTaskClosing,
    /// A task saw the barrier of a younger checkpoint first.
    CheckpointDeclinedSubsumed,
    /// An upstream task gave up.
    CheckpointDeclinedOnCancellationBarrier,
    /// An input ended before its barrier.
    CheckpointDeclinedInputEndOfStream,
    /// The coordinator is shut down.
    CheckpointCoordinatorShutdown,
    /// The coordinator is suspended.
    CheckpointCoordinatorSuspend,
    /// The tasks are restarted.
    JobFailoverRegion,
    /// A task failed.
    TaskFailure,
    /// A task failed while it took its snapshot.
    TaskCheckpointFailure,
    /// The checkpoint's own record could not be written.
    FinalizeCheckpointFailure,
    /// The barriers could not be sent.
    TriggerCheckpointFailure,
}

impl FailureReason {
    /// The name that REST, logs and metrics show.
    pub fn name(self) -> &'static str {
        self.name_and_text().0
    }

    /// The sentence shown to users.
    pub fn text(self) -> &'static str {
        self.name_and_text().1
    }

    /// Whether it befell before any task heard of the checkpoint (`isPreFlight`).
    pub fn is_pre_flight(self) -> bool {
        matches!(
            self,
            FailureReason::TooManyCheckpointRequests
                | FailureReason::MinimumTimeBetweenCheckpoints
                | FailureReason::NotAllRequiredTasksRunning
                | FailureReason::IoException
                | FailureReason::PeriodicSchedulerShutdown
        )
    }

    /// Whether it counts against `tolerable-failed-checkpoints`.
    pub fn is_counted(self) -> bool {
        matches!(
            self,
            FailureReason::IoException
                | FailureReason::CheckpointAsyncException
                | FailureReason::CheckpointDeclined
                | FailureReason::CheckpointExpired
                | FailureReason::FinalizeCheckpointFailure
        )
    }

    /// Whether only a task gives it.
    pub(super) fn is_by_task(self) -> bool {
        matches!(
            self,
            FailureReason::CheckpointAsyncException
                | FailureReason::CheckpointDeclined
                | FailureReason::CheckpointDeclinedTaskNotReady
                | FailureReason::CheckpointDeclinedTaskClosing
                | FailureReason::CheckpointDeclinedSubsumed
                | FailureReason::CheckpointDeclinedOnCancellationBarrier
                | FailureReason::CheckpointDeclinedInputEndOfStream
                | FailureReason::TaskFailure
                | FailureReason::TaskCheckpointFailure
        )
    }

    fn name_and_text(self) -> (&'static str, &'static str) {
        use FailureReason::*;
        match self {
            PeriodicSchedulerShutdown => {
                ("PERIODIC_SCHEDULER_SHUTDOWN", "Periodic checkpoint scheduler is shut down.")
            }
            TooManyCheckpointRequests => (
                "TOO_MANY_CHECKPOINT_REQUESTS",
                "The maximum number of queued checkpoint requests exceeded",
            ),
            MinimumTimeBetweenCheckpoints => (
                "MINIMUM_TIME_BETWEEN_CHECKPOINTS",
                "The minimum time between checkpoints is still pending. Checkpoint will be \
                 triggered after the minimum time.",
            ),
            NotAllRequiredTasksRunning => {
                ("NOT_ALL_REQUIRED_TASKS_RUNNING", "Not all required tasks are currently running.")
            }
            IoException => (
                "IO_EXCEPTION",
                "An Exception occurred while triggering the checkpoint. IO-problem detected.",
            ),
            CheckpointAsyncException => {
                ("CHECKPOINT_ASYNC_EXCEPTION", "Asynchronous task checkpoint failed.")
            }
            CheckpointExpired => ("CHECKPOINT_EXPIRED", "Checkpoint expired before completing."),
            CheckpointSubsumed => ("CHECKPOINT_SUBSUMED", "Checkpoint has been subsumed."),
            CheckpointDeclined => ("CHECKPOINT_DECLINED", "Checkpoint was declined."),
            CheckpointDeclinedTaskNotReady => {
                ("CHECKPOINT_DECLINED_TASK_NOT_READY", "Checkpoint was declined (tasks not ready)")
            }
            CheckpointDeclinedTaskClosing => {
                ("CHECKPOINT_DECLINED_TASK_CLOSING", "Checkpoint was declined (task is closing)")
            }
            CheckpointDeclinedSubsumed => (
                "CHECKPOINT_DECLINED_SUBSUMED",
                "Checkpoint was canceled because a barrier from newer checkpoint was received.",
            ),
            CheckpointDeclinedOnCancellationBarrier => (
                "CHECKPOINT_DECLINED_ON_CANCELLATION_BARRIER",
                "Task received cancellation from one of its inputs",
            ),
            CheckpointDeclinedInputEndOfStream => (
                "CHECKPOINT_DECLINED_INPUT_END_OF_STREAM",
                "Checkpoint was declined because one input stream is finished",
            ),
            CheckpointCoordinatorShutdown => {
                ("CHECKPOINT_COORDINATOR_SHUTDOWN", "CheckpointCoordinator shutdown.")
            }
            CheckpointCoordinatorSuspend => {
                ("CHECKPOINT_COORDINATOR_SUSPEND", "Checkpoint Coordinator is suspending.")
            }
            JobFailoverRegion => ("JOB_FAILOVER_REGION", "FailoverRegion is restarting."),
            TaskFailure => ("TASK_FAILURE", "Task has failed."),
            TaskCheckpointFailure => ("TASK_CHECKPOINT_FAILURE", "Task local checkpoint failure."),
            FinalizeCheckpointFailure => {
                ("FINALIZE_CHECKPOINT_FAILURE", "Failure to finalize checkpoint.")
            }
            TriggerCheckpointFailure => {
                ("TRIGGER_CHECKPOINT_FAILURE", "Trigger checkpoint failure.")
            }
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A failure with what is known of its cause; printed as `CheckpointException` prints itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure.
    pub reason: FailureReason,
    /// What happened, for people; empty if the reason says it all.
    pub detail: String,
}

impl Failure {
    /// A failure with its cause in words.
    pub fn new(reason: FailureReason, detail: impl Into<String>) -> Failure {
        Failure { reason, detail: detail.into() }
    }
}

impl From<FailureReason> for Failure {
    fn from(reason: FailureReason) -> Failure {
        Failure { reason, detail: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.detail.is_empty() {
            true => f.write_str(self.reason.text()),
            false => write!(f, "{} Failure reason: {}", self.detail, self.reason.text()),
        }
    }
}

/// Counts failures since the last success; says when there were more than are tolerated.
#[derive(Debug, Clone)]
pub(super) struct FailureCounter {
    tolerable: u32,
    consecutive: u32,
    last_succeeded: Option<CheckpointId>,
}

impl FailureCounter {
    pub(super) fn new(tolerable: u32) -> FailureCounter {
        FailureCounter { tolerable, consecutive: 0, last_succeeded: None }
    }

    /// Counts the end of one checkpoint, which must not be told twice. Text: the job must fail.
    pub(super) fn failed(&mut self, id: CheckpointId, reason: FailureReason) -> Option<String> {
        let is_old = self.last_succeeded.is_some_and(|last| id <= last);
        if is_old || !reason.is_counted() || self.tolerable == UNLIMITED_TOLERABLE_FAILURES {
            return None;
        }
        self.consecutive += 1;
        if self.consecutive <= self.tolerable {
            return None;
        }
        self.consecutive = 0;
        Some(format!(
            "Exceeded checkpoint tolerable failure threshold. The latest checkpoint failed due \
             to {reason}, view the Checkpoint History tab or the Job Manager log to find out why \
             continuous checkpoints failed."
        ))
    }

    /// A checkpoint or savepoint is complete.
    pub(super) fn succeeded(&mut self, id: CheckpointId) {
        if self.last_succeeded.is_none_or(|last| id > last) {
            self.last_succeeded = Some(id);
            self.consecutive = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_flinks_exception() {
        let bare = Failure::from(FailureReason::CheckpointExpired);
        assert_eq!(bare.to_string(), "Checkpoint expired before completing.");
        let told = Failure::new(FailureReason::FinalizeCheckpointFailure, "disk full.");
        assert_eq!(told.to_string(), "disk full. Failure reason: Failure to finalize checkpoint.");
    }

    #[test]
    fn names_are_those_that_serde_writes() {
        let reason = FailureReason::CheckpointDeclinedOnCancellationBarrier;
        let written = serde_json::to_string(&reason).unwrap_or_default();
        assert_eq!(written, format!("\"{}\"", reason.name()));
    }

    #[test]
    fn success_resets_and_old_checkpoints_do_not_count() {
        let mut counter = FailureCounter::new(1);
        assert_eq!(counter.failed(1, FailureReason::CheckpointExpired), None);
        counter.succeeded(3);
        assert_eq!(counter.failed(2, FailureReason::CheckpointExpired), None);
        assert_eq!(counter.failed(4, FailureReason::CheckpointExpired), None);
        assert_eq!(counter.failed(5, FailureReason::CheckpointSubsumed), None);
        let reason = counter.failed(6, FailureReason::CheckpointDeclined);
        assert_eq!(
            reason.as_deref(),
            Some(
                "Exceeded checkpoint tolerable failure threshold. The latest checkpoint failed \
                 due to Checkpoint was declined., view the Checkpoint History tab or the Job \
                 Manager log to find out why continuous checkpoints failed."
            )
        );
        assert_eq!(counter.failed(7, FailureReason::CheckpointDeclined), None, "begins anew");
    }

    #[test]
    fn unlimited_is_unlimited() {
        let mut counter = FailureCounter::new(UNLIMITED_TOLERABLE_FAILURES);
        for id in 1..100 {
            assert_eq!(counter.failed(id, FailureReason::CheckpointExpired), None);
        }
    }
}
