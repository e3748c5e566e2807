//! The checkpoint coordinator of one job: a state machine that is told events and gives commands
//! (Flink's `CheckpointCoordinator`).
//!
//! A snapshot is *triggered* (barriers go out), *collects* acknowledgements, is *stored* (the
//! driver writes its metadata), and *completes*, or is *aborted* at any step before. Rules:
//!
//! 1. Checkpoints and savepoints share one sequence of ids; an id is never used twice.
//! 2. A checkpoint begins only below `max-concurrent-checkpoints` in flight; a savepoint begins
//!    at once, unless checkpoints are unaligned (`CheckpointProperties.forceCheckpoint`).
//! 3. A periodic checkpoint begins `min-pause` after the last completion or later. As in Flink,
//!    a failure is not a completion.
//! 4. Completion of a checkpoint aborts the older checkpoints in flight. A savepoint is neither
//!    subsumed nor does it subsume, is not retained, and commits nothing, except one that stops
//!    the job.
//! 5. Nothing completes before it is stored; nothing is stored before all have acknowledged. A
//!    finished task has acknowledged all.
//! 6. Files of an aborted snapshot are discarded, but never while they may be written.
//! 7. When all tasks have finished, one last checkpoint of their final reports commits the rest.
//!
//! It must never read a clock: it is stepped with the time, which never goes back. A late,
//! doubled or unknown report changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::failure::{Failure, FailureCounter, FailureReason};
use super::message::{CheckpointId, Command, Event, Kind, TaskId};
use super::options::CheckpointOptions;
use super::pending::{Pending, Phase};
use super::requests::{Request, Requests};
use super::retention::{JobEnd, Retained};
use super::schedule::Schedule;
use super::statistics::{CheckpointRecord, Statistics, Status};

/// Whether the job runs towards its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Snapshots are taken.
    Running,
    /// A savepoint that stops the job is in flight; nothing else may be.
    Stopping,
    /// That savepoint is complete: tasks are about to finish, all is committed.
    Stopped,
    /// `AllFinished` was commanded.
    Finished,
    /// Shut down.
    Shutdown,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Coordinator {
    options: CheckpointOptions,
    next_id: CheckpointId,
    schedule: Schedule,
    requests: Requests,
    in_flight: BTreeMap<CheckpointId, Pending>,
    /// Aborted while the driver wrote their metadata; discarded when it reports.
    abandoned: BTreeSet<CheckpointId>,
    retained: Retained,
    failures: FailureCounter,
    finished: Vec<bool>,
    progress: Progress,
    is_suspended: bool,
    /// The savepoint that stopped the job and committed its output.
    committed_savepoint: Option<CheckpointId>,
    /// Whether the last checkpoint of a finished job is complete.
    is_end_committed: bool,
    /// Whether the next checkpoint must refer to no earlier files.
    needs_full_snapshot: bool,
    last_completion_ms: Option<i64>,
    statistics: Statistics,
}

impl Coordinator {
    /// A coordinator of a job whose `tasks` subtasks run. `next_id` is above all ids that the
    /// job has ever used. The first periodic checkpoint comes after one interval.
    pub fn new(
        options: CheckpointOptions,
        tasks: usize,
        next_id: CheckpointId,
        now_ms: i64,
    ) -> Coordinator {
        Coordinator {
            schedule: Schedule::new(&options, now_ms),
            retained: Retained::new(options.num_retained),
            failures: FailureCounter::new(options.tolerable_failed_checkpoints),
            options,
            next_id,
            requests: Requests::default(),
            in_flight: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            finished: vec![false; tasks],
            progress: Progress::Running,
            is_suspended: false,
            committed_savepoint: None,
            is_end_committed: false,
            needs_full_snapshot: false,
            last_completion_ms: None,
            statistics: Statistics::default(),
        }
    }

    /// Takes over checkpoints of an earlier run that belong to the job, oldest first; they are
    /// discarded when they are subsumed. Ids must be below the first of this coordinator.
    pub fn with_retained(mut self, ids: &[CheckpointId]) -> Coordinator {
        ids.iter().for_each(|id| self.retained.add(*id));
        self
    }

    /// The job was restored from a snapshot that is not its own (`NO_CLAIM`): until a checkpoint
    /// completes, each must stand for itself.
    pub fn with_full_first_snapshot(mut self) -> Coordinator {
        self.needs_full_snapshot = true;
        self
    }

    /// Takes note of an event and of the time; appends what is to be done, in order.
    pub fn step(&mut self, now_ms: i64, event: Event, out: &mut Vec<Command>) {
        match event {
            Event::Tick => {}
            Event::TriggerCheckpoint { request } => {
                self.request(now_ms, Kind::Checkpoint, request, out);
            }
            Event::TriggerSavepoint { request, stop } => {
                self.request(now_ms, Kind::Savepoint { stop }, request, out);
            }
            Event::Acknowledge { checkpoint, task } => {
                if let Some(pending) = self.in_flight.get_mut(&checkpoint) {
                    pending.acknowledge(task, now_ms);
                }
            }
            Event::Decline { checkpoint, task, failure } => {
                self.decline(now_ms, checkpoint, task, failure, out);
            }
            Event::TaskFinished { task } => self.finish_task(now_ms, task, out),
            Event::Backlog { task, active } => {
                if self.finished.get(task) == Some(&false) {
                    self.schedule.set_backlog(now_ms, task, active);
                }
            }
            Event::Stored { checkpoint } => self.on_stored(checkpoint, out),
            Event::StoreFailed { checkpoint, detail, maybe_stored } => {
                self.on_store_failed(now_ms, checkpoint, detail, maybe_stored, out);
            }
            Event::Failover => self.fail_over(now_ms, out),
            Event::RegionFailover { tasks } => self.fail_over_region(now_ms, &tasks, out),
            Event::Suspend => self.suspend(now_ms, out),
            Event::Resume => self.resume(now_ms),
            Event::Shutdown => self.shut_down(now_ms, out),
        }
        self.advance(now_ms, out);
    }

    /// When to step with [`Event::Tick`] if nothing happens before.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let expiry = self.in_flight.values().filter_map(Pending::expires_ms).min();
        let trigger = self.schedule.next_ms().filter(|_| self.takes_periodic());
        expiry.into_iter().chain(trigger).min()
    }

    /// The snapshot from which tasks restart: the last whose output was committed. It is a
    /// savepoint if the job failed after a savepoint that was to stop it.
    pub fn latest_completed(&self) -> Option<CheckpointId> {
        self.retained.iter().next_back().max(self.committed_savepoint)
    }

    /// The completed checkpoints that are kept, oldest first.
    pub fn retained(&self) -> impl DoubleEndedIterator<Item = CheckpointId> + '_ {
        self.retained.iter()
    }

    /// Whether a savepoint is to stop the job, or has: tasks that passed its barrier read no more.
    pub fn is_stopping(&self) -> bool {
        matches!(self.progress, Progress::Stopping | Progress::Stopped)
    }

    /// The snapshots in flight, oldest first.
    pub fn in_flight(&self) -> impl Iterator<Item = &CheckpointRecord> {
        self.in_flight.values().map(|pending| &pending.record)
    }

    /// Counts and history.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The job is over for good: the retained checkpoints that must be discarded, by
    /// `externalized-checkpoint-retention`. What is in flight is ended by [`Event::Shutdown`].
    pub fn on_job_end(&mut self, end: JobEnd) -> Vec<CheckpointId> {
        match self.options.retention.keeps_after(end) {
            true => Vec::new(),
            false => self.retained.drain(),
        }
    }

    // --- events ---

    fn request(&mut self, now_ms: i64, kind: Kind, request: u64, out: &mut Vec<Command>) {
        let request = Request { kind, request: Some(request) };
        if let Some(failure) = self.refusal() {
            return answer(request, Err(failure), out);
        }
        if kind.is_stop() {
            // As `stopCheckpointScheduler`: the tasks stop at this savepoint's barrier.
            self.progress = Progress::Stopping;
            self.abort_all(now_ms, FailureReason::CheckpointCoordinatorSuspend, out);
        }
        if let Err(request) = self.requests.push(request) {
            let reason = FailureReason::TooManyCheckpointRequests;
            self.refuse(now_ms, request, reason, out);
        }
    }

    /// Why no request is taken now.
    fn refusal(&self) -> Option<Failure> {
        use FailureReason::{CheckpointCoordinatorShutdown, CheckpointCoordinatorSuspend};
        match self.progress {
            Progress::Shutdown => Some(CheckpointCoordinatorShutdown.into()),
            Progress::Finished => {
                Some(Failure::new(CheckpointCoordinatorShutdown, "The job has finished."))
            }
            Progress::Stopping | Progress::Stopped => Some(Failure::new(
                CheckpointCoordinatorSuspend,
                "The job is being stopped with a savepoint.",
            )),
            Progress::Running => self.is_suspended.then(|| CheckpointCoordinatorSuspend.into()),
        }
    }

    fn decline(
        &mut self,
        now_ms: i64,
        checkpoint: CheckpointId,
        task: TaskId,
        failure: Failure,
        out: &mut Vec<Command>,
    ) {
        // A task that has acknowledged has nothing left to decline.
        if !self.in_flight.get(&checkpoint).is_some_and(|pending| pending.awaits(task)) {
            return;
        }
        self.abort(now_ms, checkpoint, failure, out);
    }

    fn finish_task(&mut self, now_ms: i64, task: TaskId, out: &mut Vec<Command>) {
        let Some(finished) = self.finished.get_mut(task).filter(|finished| !**finished) else {
            return;
        };
        *finished = true;
        self.schedule.set_backlog(now_ms, task, false);
        if self.options.checkpoints_after_tasks_finish {
            self.in_flight.values_mut().for_each(|pending| pending.acknowledge(task, now_ms));
        } else {
            let reason = FailureReason::CheckpointDeclinedTaskClosing;
            self.abort_where(now_ms, reason, |pending| pending.awaits(task), out);
        }
        if self.is_last_checkpoint_wanted() {
            // At once, and if that fails, at the usual times.
            self.requests.is_periodic_due = true;
            let interval_ms = self.options.interval_ms.unwrap_or(0);
            self.schedule.restart(now_ms, interval_ms);
        }
    }

    fn on_stored(&mut self, checkpoint: CheckpointId, out: &mut Vec<Command>) {
        if self.abandoned.remove(&checkpoint) {
            out.push(Command::Discard { checkpoint });
        } else if let Some(pending) = self.in_flight.get_mut(&checkpoint)
            && pending.phase == Phase::Storing
        {
            pending.phase = Phase::Stored;
        }
    }

    fn on_store_failed(
        &mut self,
        now_ms: i64,
        checkpoint: CheckpointId,
        detail: String,
        maybe_stored: bool,
        out: &mut Vec<Command>,
    ) {
        if self.abandoned.remove(&checkpoint) {
            if !maybe_stored {
                out.push(Command::Discard { checkpoint });
            }
            return;
        }
        if let Some(pending) = self.in_flight.get_mut(&checkpoint)
            && pending.phase == Phase::Storing
        {
            pending.phase = if maybe_stored { Phase::Doubtful } else { Phase::Acknowledged };
            let failure = Failure::new(FailureReason::FinalizeCheckpointFailure, detail);
            self.abort(now_ms, checkpoint, failure, out);
        }
    }

    fn fail_over(&mut self, now_ms: i64, out: &mut Vec<Command>) {
        if self.progress == Progress::Shutdown {
            return;
        }
        self.abort_all(now_ms, FailureReason::JobFailoverRegion, out);
        self.finished.fill(false);
        self.is_end_committed = false;
        self.progress = Progress::Running;
        self.schedule.clear_backlog();
        self.restart_schedule(now_ms);
    }

    /// None in flight can complete without the tasks.
    fn fail_over_region(&mut self, now_ms: i64, tasks: &[TaskId], out: &mut Vec<Command>) {
        if self.progress == Progress::Shutdown {
            return;
        }
        self.abort_all(now_ms, FailureReason::JobFailoverRegion, out);
        for task in tasks {
            if let Some(finished) = self.finished.get_mut(*task) {
                *finished = false;
                self.schedule.set_backlog(now_ms, *task, false);
            }
        }
        self.is_end_committed = false;
        self.restart_schedule(now_ms);
    }

    /// Snapshots in flight may go on collecting; what waits to begin will not.
    fn suspend(&mut self, now_ms: i64, out: &mut Vec<Command>) {
        self.is_suspended = true;
        self.drop_requests(now_ms, FailureReason::CheckpointCoordinatorSuspend, out);
    }

    fn resume(&mut self, now_ms: i64) {
        if std::mem::take(&mut self.is_suspended) && self.progress == Progress::Running {
            self.restart_schedule(now_ms);
        }
    }

    fn shut_down(&mut self, now_ms: i64, out: &mut Vec<Command>) {
        self.progress = Progress::Shutdown;
        self.abort_all(now_ms, FailureReason::CheckpointCoordinatorShutdown, out);
    }

    // --- what follows from events and from time ---

    fn advance(&mut self, now_ms: i64, out: &mut Vec<Command>) {
        self.expire(now_ms, out);
        loop {
            let before = out.len();
            if self.takes_periodic() && self.schedule.take_due(now_ms) {
                self.requests.is_periodic_due = true;
            }
            self.start_requests(now_ms, out);
            self.move_on(now_ms, out);
            // Each end of a snapshot makes room for a request, until there is none.
            if out.len() == before {
                break;
            }
        }
        self.finish_job(out);
    }

    fn expire(&mut self, now_ms: i64, out: &mut Vec<Command>) {
        let reason = FailureReason::CheckpointExpired;
        let is_expired = |pending: &Pending| {
            !pending.is_acknowledged() && pending.expires_ms().is_some_and(|ms| ms <= now_ms)
        };
        self.abort_where(now_ms, reason, is_expired, out);
    }

    /// Begins what may begin now.
    fn start_requests(&mut self, now_ms: i64, out: &mut Vec<Command>) {
        while let Some(first) = self.requests.first() {
            let is_forced = first.kind.is_savepoint() && !self.options.unaligned;
            let is_full = self.in_flight.len() >= self.options.max_concurrent_checkpoints.max(1);
            if self.is_suspended || (is_full && !is_forced) {
                return;
            }
            self.requests.pop();
            if first.request.is_none() && !self.may_start_periodic(now_ms) {
                continue;
            }
            if self.needs_running_tasks() {
                self.statistics.on_refused();
                let reason = FailureReason::NotAllRequiredTasksRunning;
                self.refuse(now_ms, first, reason, out);
                continue;
            }
            self.start(now_ms, first, out);
        }
    }

    /// Whether the periodic checkpoint whose time has come may begin; if it is only too early,
    /// its time is put off.
    fn may_start_periodic(&mut self, now_ms: i64) -> bool {
        if self.are_all_finished() {
            return self.is_last_checkpoint_wanted();
        }
        let Some(last_ms) = self.last_completion_ms else { return true };
        let wait_ms = last_ms + self.options.min_pause_ms - now_ms;
        if wait_ms > 0 {
            self.schedule.restart(now_ms, wait_ms);
        }
        wait_ms <= 0
    }

    fn start(&mut self, now_ms: i64, request: Request, out: &mut Vec<Command>) {
        let checkpoint = self.next_id;
        self.next_id += 1;
        let timeout_ms = self.options.timeout_ms;
        let pending = Pending::new(checkpoint, request, &self.finished, now_ms, timeout_ms);
        if !pending.is_acknowledged() {
            out.push(Command::Trigger {
                checkpoint,
                kind: request.kind,
                alignment: self.options.alignment(request.kind),
                timestamp_ms: now_ms,
                full: self.needs_full_snapshot || request.kind.is_savepoint(),
            });
        }
        self.statistics.on_triggered();
        self.in_flight.insert(checkpoint, pending);
    }

    /// Takes snapshots in flight to their next step, oldest first.
    fn move_on(&mut self, now_ms: i64, out: &mut Vec<Command>) {
        for pending in self.in_flight.values_mut() {
            if pending.phase == Phase::Collecting && pending.is_acknowledged() {
                pending.phase = Phase::Acknowledged;
            }
            if pending.phase == Phase::Acknowledged && !self.is_suspended {
                pending.phase = Phase::Storing;
                let CheckpointRecord { id, kind, triggered_ms, .. } = pending.record;
                out.push(Command::Store { checkpoint: id, kind, timestamp_ms: triggered_ms });
            }
        }
        while !self.is_suspended {
            let mut stored = self.in_flight.values().filter(|p| p.phase == Phase::Stored);
            let Some(id) = stored.next().map(|pending| pending.record.id) else { return };
            self.complete(now_ms, id, out);
        }
    }

    fn complete(&mut self, now_ms: i64, checkpoint: CheckpointId, out: &mut Vec<Command>) {
        let Some(pending) = self.in_flight.remove(&checkpoint) else { return };
        let kind = pending.kind();
        self.failures.succeeded(checkpoint);
        self.last_completion_ms = Some(now_ms);
        self.statistics.on_ended(now_ms, Status::Completed, pending.record);
        if !kind.is_savepoint() || kind.is_stop() {
            out.push(Command::Complete { checkpoint });
            let is_older =
                |other: &Pending| other.record.id < checkpoint && !other.kind().is_savepoint();
            self.abort_where(now_ms, FailureReason::CheckpointSubsumed, is_older, out);
        }
        if kind.is_stop() {
            self.progress = Progress::Stopped;
            self.committed_savepoint = Some(checkpoint);
            // Should the job go on from it after all: its files are the user's.
            self.needs_full_snapshot = true;
        }
        if !kind.is_savepoint() {
            self.needs_full_snapshot = false;
            self.is_end_committed |= pending.is_final;
            self.retained.add(checkpoint);
            while let Some(checkpoint) = self.retained.pop_subsumed() {
                out.push(Command::Discard { checkpoint });
            }
        }
        answer(pending.request, Ok(checkpoint), out);
    }

    /// Commands `AllFinished` when nothing is left to commit or to write.
    fn finish_job(&mut self, out: &mut Vec<Command>) {
        let is_running = matches!(self.progress, Progress::Running | Progress::Stopped);
        let is_idle = self.in_flight.is_empty() && self.abandoned.is_empty();
        if is_running
            && is_idle
            && !self.is_suspended
            && self.are_all_finished()
            && (self.progress == Progress::Stopped
                || self.is_end_committed
                || !self.has_last_checkpoint())
        {
            self.progress = Progress::Finished;
            out.push(Command::AllFinished);
        }
    }

    // --- ends of snapshots ---

    /// Ends a snapshot in flight without success.
    fn abort(
        &mut self,
        now_ms: i64,
        checkpoint: CheckpointId,
        failure: Failure,
        out: &mut Vec<Command>,
    ) {
        let Some(pending) = self.in_flight.remove(&checkpoint) else { return };
        let kind = pending.kind();
        out.push(Command::Abort { checkpoint, reason: failure.reason });
        match pending.phase {
            Phase::Storing => drop(self.abandoned.insert(checkpoint)),
            Phase::Doubtful => {}
            Phase::Collecting | Phase::Acknowledged | Phase::Stored => {
                out.push(Command::Discard { checkpoint });
            }
        }
        self.statistics.on_ended(now_ms, Status::Failed(failure.clone()), pending.record);
        answer(pending.request, Err(failure.clone()), out);
        if let Some(reason) = self.count_failure(checkpoint, kind, &failure) {
            out.push(Command::FailJob { reason });
        }
        self.give_up_stopping(now_ms, kind);
    }

    /// Why the job must fail together with a snapshot, if it must.
    fn count_failure(
        &mut self,
        checkpoint: CheckpointId,
        kind: Kind,
        failure: &Failure,
    ) -> Option<String> {
        use FailureReason::{CheckpointCoordinatorShutdown, JobFailoverRegion};
        match kind {
            // Tasks that have passed its barrier have ended their input; they cannot go on.
            Kind::Savepoint { stop: Some(_) } => {
                let is_over =
                    matches!(failure.reason, CheckpointCoordinatorShutdown | JobFailoverRegion);
                (!is_over).then(|| format!("Stop-with-savepoint failed. {failure}"))
            }
            // A restart does not help where only the savepoint itself could not be written.
            Kind::Savepoint { stop: None } if !failure.reason.is_by_task() => None,
            _ => self.failures.failed(checkpoint, failure.reason),
        }
    }

    fn abort_where(
        &mut self,
        now_ms: i64,
        reason: FailureReason,
        matches: impl Fn(&Pending) -> bool,
        out: &mut Vec<Command>,
    ) {
        let chosen = self.in_flight.values().filter(|pending| matches(pending));
        let ids: Vec<CheckpointId> = chosen.map(|pending| pending.record.id).collect();
        ids.into_iter().for_each(|id| self.abort(now_ms, id, reason.into(), out));
    }

    /// Ends all that is in flight or waits to begin.
    fn abort_all(&mut self, now_ms: i64, reason: FailureReason, out: &mut Vec<Command>) {
        self.abort_where(now_ms, reason, |_| true, out);
        self.drop_requests(now_ms, reason, out);
    }

    fn drop_requests(&mut self, now_ms: i64, reason: FailureReason, out: &mut Vec<Command>) {
        while let Some(request) = self.requests.pop() {
            self.refuse(now_ms, request, reason, out);
        }
    }

    /// Ends a request that did not begin.
    fn refuse(
        &mut self,
        now_ms: i64,
        request: Request,
        reason: FailureReason,
        out: &mut Vec<Command>,
    ) {
        answer(request, Err(reason.into()), out);
        self.give_up_stopping(now_ms, request.kind);
    }

    /// The savepoint that was to stop the job has failed: the job goes on.
    fn give_up_stopping(&mut self, now_ms: i64, kind: Kind) {
        if kind.is_stop() && self.progress == Progress::Stopping {
            self.progress = Progress::Running;
            self.restart_schedule(now_ms);
        }
    }

    // --- conditions ---

    /// As `startCheckpointScheduler` does from the second time on: one pause from now.
    fn restart_schedule(&mut self, now_ms: i64) {
        self.schedule.restart(now_ms, self.options.min_pause_ms);
    }

    fn takes_periodic(&self) -> bool {
        self.progress == Progress::Running
            && !self.is_suspended
            && (!self.are_all_finished() || self.is_last_checkpoint_wanted())
    }

    fn are_all_finished(&self) -> bool {
        self.finished.iter().all(|finished| *finished)
    }

    /// Whether some tasks have finished and checkpoints may not go on without them.
    fn needs_running_tasks(&self) -> bool {
        !self.options.checkpoints_after_tasks_finish && self.finished.contains(&true)
    }

    /// Whether a finished job commits the rest with a last checkpoint.
    fn has_last_checkpoint(&self) -> bool {
        self.options.is_enabled() && self.options.checkpoints_after_tasks_finish
    }

    /// Whether that checkpoint has to begin.
    fn is_last_checkpoint_wanted(&self) -> bool {
        let is_under_way = || {
            self.in_flight
                .values()
                .any(|pending| pending.is_final && pending.kind() == Kind::Checkpoint)
        };
        self.progress == Progress::Running
            && self.are_all_finished()
            && self.has_last_checkpoint()
            && !self.is_end_committed
            && !is_under_way()
    }
}

/// Tells whoever asked for a snapshot; the clock is not told.
fn answer(request: Request, result: Result<CheckpointId, Failure>, out: &mut Vec<Command>) {
    let Some(asker) = request.request else { return };
    out.push(match request.kind {
        Kind::Savepoint { .. } => Command::SavepointDone { request: asker, result },
        Kind::Checkpoint => Command::CheckpointDone { request: asker, result },
    });
}

#[cfg(test)]
mod tests;
