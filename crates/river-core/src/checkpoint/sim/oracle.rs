//! What must hold, kept apart from how the coordinator does it: sees events and commands in the
//! order in which they come, and panics with the name of the invariant that is broken.

use super::super::message::{Alignment, CheckpointId, Command, Event, Kind, TaskId};
use super::super::options::{CheckpointOptions, CheckpointingMode};
use super::super::{Coordinator, Failure, FailureReason};
use super::{Seen, bit};

/// How far a snapshot is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Collecting,
    Storing,
    Stored,
    StoreFailed { maybe_stored: bool },
}

/// A snapshot that began and has not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    id: CheckpointId,
    kind: Kind,
    begun_ms: i64,
    request: Option<u64>,
    /// One bit a task.
    acknowledged: u8,
    is_final: bool,
    state: State,
}

/// The files of an aborted snapshot that are yet to be discarded.
#[derive(Clone, Copy, Debug)]
struct Remains {
    id: CheckpointId,
    /// Whether the driver still writes them.
    is_storing: bool,
}

/// A request that is not answered.
#[derive(Clone, Copy, Debug)]
struct Asked {
    request: u64,
    kind: Kind,
    /// The snapshot, once it has begun.
    id: Option<CheckpointId>,
    /// Whether that has ended, and how.
    outcome: Option<Option<FailureReason>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Running,
    Stopping,
    Stopped,
    Finished,
    Shutdown,
}

/// The books of one world.
pub(super) struct Oracle {
    options: CheckpointOptions,
    tasks: usize,
    last_id: CheckpointId,
    open: Vec<Open>,
    remains: Vec<Remains>,
    asked: Vec<Asked>,
    /// One bit a task.
    finished: u8,
    phase: Phase,
    is_suspended: bool,
    is_end_committed: bool,
    last_completion_ms: Option<i64>,
    /// The youngest that completed, savepoints included.
    last_success: Option<CheckpointId>,
    /// The last snapshot of which sinks were told.
    last_committed: Option<CheckpointId>,
    /// Completed checkpoints that are not discarded.
    retained: Vec<CheckpointId>,
    /// Whether the next checkpoint must stand for itself.
    needs_full_snapshot: bool,
    consecutive_failures: u32,
    /// Failures of the job that the rules ask for, less those commanded.
    fail_jobs_due: i32,
    completed: u64,
    failed: u64,
    begun: u64,
    /// What the step is about.
    event: Event,
    /// Whether it is a task that has finished, for the first time.
    has_just_finished: bool,
    pub(super) seen: Seen,
}

impl Oracle {
    pub(super) fn new(options: CheckpointOptions, tasks: usize, next_id: CheckpointId) -> Oracle {
        Oracle {
            options,
            tasks,
            last_id: next_id - 1,
            open: Vec::new(),
            remains: Vec::new(),
            asked: Vec::new(),
            finished: 0,
            phase: Phase::Running,
            is_suspended: false,
            is_end_committed: false,
            last_completion_ms: None,
            last_success: None,
            last_committed: None,
            retained: Vec::new(),
            needs_full_snapshot: false,
            consecutive_failures: 0,
            fail_jobs_due: 0,
            completed: 0,
            failed: 0,
            begun: 0,
            event: Event::Tick,
            has_just_finished: false,
            seen: Seen::default(),
        }
    }

    // --- what the world asks ---

    pub(super) fn tasks(&self) -> usize {
        self.tasks
    }

    pub(super) fn is_finished(&self, task: TaskId) -> bool {
        self.finished & (1 << task) != 0
    }

    pub(super) fn completed(&self) -> u64 {
        self.completed
    }

    pub(super) fn retained(&self) -> Vec<CheckpointId> {
        self.retained.clone()
    }

    /// Whether the job has ended.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Finished | Phase::Shutdown)
    }

    /// Whether checkpoints come by themselves.
    pub(super) fn takes_checkpoints(&self) -> bool {
        self.options.is_enabled()
    }

    /// Whether checkpoints have ended for good because a task has.
    pub(super) fn must_restart_to_go_on(&self) -> bool {
        !self.options.checkpoints_after_tasks_finish && self.finished != 0
    }

    /// Whether the snapshot that completes now stops the job.
    pub(super) fn is_stop(&self, id: CheckpointId) -> bool {
        self.phase == Phase::Stopped && self.last_committed == Some(id)
    }

    /// Whether some tasks may be restarted while others run on.
    pub(super) fn has_regions(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopping)
    }

    fn is_failover(&self) -> bool {
        matches!(self.event, Event::Failover | Event::RegionFailover { .. })
    }

    fn are_all_finished(&self) -> bool {
        self.finished.count_ones() as usize == self.tasks
    }

    fn has_last_checkpoint(&self) -> bool {
        self.options.is_enabled() && self.options.checkpoints_after_tasks_finish
    }

    // --- events ---

    pub(super) fn on_event(&mut self, event: &Event) {
        self.event = event.clone();
        self.has_just_finished = false;
        match *event {
            Event::TriggerCheckpoint { request } => self.ask(request, Kind::Checkpoint),
            Event::TriggerSavepoint { request, stop } => {
                self.ask(request, Kind::Savepoint { stop });
            }
            Event::Acknowledge { checkpoint, task } if task < self.tasks => {
                if let Some(open) = self.open.iter_mut().find(|open| open.id == checkpoint) {
                    open.acknowledged |= 1 << task;
                }
            }
            Event::TaskFinished { task } if task < self.tasks => {
                self.has_just_finished = !self.is_finished(task);
                self.finished |= 1 << task;
                if self.options.checkpoints_after_tasks_finish {
                    self.open.iter_mut().for_each(|open| open.acknowledged |= 1 << task);
                }
            }
            Event::Stored { checkpoint } => self.on_store_answer(checkpoint, State::Stored),
            Event::StoreFailed { checkpoint, maybe_stored, .. } => {
                self.on_store_answer(checkpoint, State::StoreFailed { maybe_stored });
            }
            Event::Failover if self.phase != Phase::Shutdown => {
                self.finished = 0;
                self.is_end_committed = false;
                self.phase = Phase::Running;
            }
            Event::RegionFailover { ref tasks } if self.phase != Phase::Shutdown => {
                tasks.iter().for_each(|task| self.finished &= !(1 << task));
                self.is_end_committed = false;
                if self.phase == Phase::Stopping {
                    self.phase = Phase::Running;
                }
            }
            Event::Suspend => self.is_suspended = true,
            Event::Resume => self.is_suspended = false,
            Event::Shutdown => self.phase = Phase::Shutdown,
            _ => {}
        }
    }

    fn ask(&mut self, request: u64, kind: Kind) {
        if kind.is_stop() && self.phase == Phase::Running && !self.is_suspended {
            self.phase = Phase::Stopping;
        }
        self.asked.push(Asked { request, kind, id: None, outcome: None });
    }

    fn on_store_answer(&mut self, id: CheckpointId, answer: State) {
        if let Some(open) = self.open.iter_mut().find(|open| open.id == id) {
            if open.state == State::Storing {
                open.state = answer;
            }
        } else if let Some(at) = self.remains.iter().position(|remains| remains.id == id) {
            match answer {
                State::StoreFailed { maybe_stored: true } if self.remains[at].is_storing => {
                    self.remains.swap_remove(at);
                }
                _ => self.remains[at].is_storing = false,
            }
        }
    }

    // --- commands ---

    pub(super) fn on_command(&mut self, now_ms: i64, command: &Command) {
        match command {
            Command::Trigger { checkpoint, kind, alignment, timestamp_ms, full } => {
                assert_eq!(*timestamp_ms, now_ms, "trigger: time");
                assert_eq!(*alignment, self.alignment(*kind), "trigger: alignment");
                let is_full = kind.is_savepoint() || self.needs_full_snapshot;
                assert_eq!(*full, is_full, "trigger: full");
                assert!(!self.are_all_finished(), "trigger: nobody is there");
                self.begin(now_ms, *checkpoint, *kind);
            }
            Command::Store { checkpoint, kind, timestamp_ms } => {
                if *checkpoint > self.last_id {
                    assert!(self.are_all_finished(), "store: of what was not triggered");
                    self.begin(now_ms, *checkpoint, *kind);
                }
                self.store(*checkpoint, *kind, *timestamp_ms);
            }
            Command::Complete { checkpoint } => self.complete(now_ms, *checkpoint),
            Command::Abort { checkpoint, reason } => self.abort(now_ms, *checkpoint, *reason),
            Command::Discard { checkpoint } => self.discard(*checkpoint),
            Command::FailJob { .. } => {
                self.fail_jobs_due -= 1;
                self.seen.is_job_failed = true;
            }
            Command::SavepointDone { request, result } => {
                self.answer(now_ms, *request, true, result);
            }
            Command::CheckpointDone { request, result } => {
                self.answer(now_ms, *request, false, result);
            }
            Command::AllFinished => self.finish(),
        }
    }

    fn alignment(&self, kind: Kind) -> Alignment {
        let timeout_ms = self.options.aligned_checkpoint_timeout_ms;
        if self.options.mode == CheckpointingMode::AtLeastOnce {
            Alignment::AtLeastOnce
        } else if kind.is_savepoint() || !self.options.unaligned {
            Alignment::Aligned
        } else if timeout_ms > 0 {
            Alignment::AlignedWithTimeout(timeout_ms)
        } else {
            Alignment::Unaligned
        }
    }

    fn begin(&mut self, now_ms: i64, id: CheckpointId, kind: Kind) {
        assert!(id > self.last_id, "ids");
        assert!(!self.is_suspended, "suspended: begins");
        match self.phase {
            Phase::Running => assert!(!kind.is_stop(), "stop: begins unasked"),
            Phase::Stopping => {
                assert!(kind.is_stop() && self.open.is_empty(), "stop: something else begins");
            }
            _ => panic!("stop: begins after the end"),
        }
        let is_forced = kind.is_savepoint() && !self.options.unaligned;
        assert!(
            is_forced || self.open.len() < self.options.max_concurrent_checkpoints,
            "limit: too many in flight"
        );
        assert!(
            self.options.checkpoints_after_tasks_finish || self.finished == 0,
            "finish: begins although a task has finished"
        );
        let request = self.take_request(now_ms, id, kind);
        self.last_id = id;
        self.begun += 1;
        self.open.push(Open {
            id,
            kind,
            begun_ms: now_ms,
            request,
            acknowledged: self.finished,
            is_final: self.are_all_finished() && kind == Kind::Checkpoint,
            state: State::Collecting,
        });
    }

    /// Whose wish it is, which must be the first in order; none: the clock's.
    fn take_request(&mut self, now_ms: i64, id: CheckpointId, kind: Kind) -> Option<u64> {
        let waiting = |savepoint: bool| {
            let waits =
                move |asked: &Asked| asked.id.is_none() && asked.kind.is_savepoint() == savepoint;
            self.asked.iter().position(waits)
        };
        let first = waiting(true).or(waiting(false));
        if let Some(at) = first {
            let asked = &mut self.asked[at];
            assert_eq!(asked.kind, kind, "order: not the first that waits");
            asked.id = Some(id);
            return Some(asked.request);
        }
        assert_eq!(kind, Kind::Checkpoint, "order: nobody asked for a savepoint");
        assert!(self.options.is_enabled(), "pause: checkpoints are off");
        let has_last = self.is_end_committed || self.open.iter().any(|open| open.is_final);
        assert!(!self.are_all_finished() || !has_last, "finish: a second last checkpoint");
        let earliest_ms = self.last_completion_ms.map(|ms| ms + self.options.min_pause_ms);
        assert!(
            self.are_all_finished() || earliest_ms.is_none_or(|ms| now_ms >= ms),
            "pause: too soon"
        );
        None
    }

    fn store(&mut self, id: CheckpointId, kind: Kind, timestamp_ms: i64) {
        assert!(!self.is_suspended, "suspended: stores");
        let all = (1 << self.tasks) - 1;
        let open = self.open.iter_mut().find(|open| open.id == id).expect("dead: store");
        assert_eq!((open.kind, open.begun_ms), (kind, timestamp_ms), "store: of something else");
        assert_eq!(open.acknowledged, all, "store: not all have acknowledged");
        assert_eq!(open.state, State::Collecting, "store: twice");
        open.state = State::Storing;
    }

    fn close(&mut self, id: CheckpointId) -> Open {
        let at = self.open.iter().position(|open| open.id == id).expect("dead: ends twice");
        self.open.remove(at)
    }

    fn complete(&mut self, now_ms: i64, id: CheckpointId) {
        assert!(!self.is_suspended, "suspended: completes");
        assert!(self.last_committed.is_none_or(|last| id > last), "complete: out of order");
        let open = self.close(id);
        assert_eq!(open.state, State::Stored, "complete: not stored");
        assert!(!open.kind.is_savepoint() || open.kind.is_stop(), "complete: a savepoint");
        self.last_committed = Some(id);
        self.needs_full_snapshot = open.kind.is_stop();
        self.on_success(now_ms, &open);
        if open.kind.is_stop() {
            assert_eq!(self.phase, Phase::Stopping, "stop: completes");
            self.phase = Phase::Stopped;
            self.seen.is_job_stopped = true;
        } else {
            self.is_end_committed |= open.is_final;
            self.retained.push(id);
        }
    }

    fn on_success(&mut self, now_ms: i64, open: &Open) {
        self.last_completion_ms = Some(now_ms);
        self.completed += 1;
        if self.last_success < Some(open.id) {
            self.last_success = Some(open.id);
            self.consecutive_failures = 0;
        }
        self.settle(open.request, None);
    }

    /// Notes how the snapshot of a request ended.
    fn settle(&mut self, request: Option<u64>, failure: Option<FailureReason>) {
        let Some(request) = request else { return };
        let asked = self.asked.iter_mut().find(|asked| asked.request == request);
        asked.expect("answers: too early").outcome = Some(failure);
    }

    fn abort(&mut self, now_ms: i64, id: CheckpointId, reason: FailureReason) {
        let open = self.close(id);
        self.check_reason(now_ms, &open, reason);
        self.seen.aborts |= bit(reason);
        self.failed += 1;
        self.settle(open.request, Some(reason));
        if open.kind.is_stop() && self.phase == Phase::Stopping {
            self.phase = Phase::Running;
        }
        match open.state {
            State::StoreFailed { maybe_stored: true } => {}
            state => self.remains.push(Remains { id, is_storing: state == State::Storing }),
        }
        self.count(&open, reason);
    }

    fn check_reason(&self, now_ms: i64, open: &Open, reason: FailureReason) {
        let deadline_ms = open.begun_ms + self.options.timeout_ms;
        let is_collecting = open.state == State::Collecting;
        let is_declined = matches!(&self.event, Event::Decline { checkpoint, failure, .. }
            if *checkpoint == open.id && failure.reason == reason && is_collecting);
        let is_true = match reason {
            _ if is_declined => true,
            FailureReason::CheckpointExpired => is_collecting && now_ms >= deadline_ms,
            FailureReason::CheckpointSubsumed => {
                open.kind == Kind::Checkpoint && self.last_committed > Some(open.id)
            }
            FailureReason::FinalizeCheckpointFailure => {
                matches!(open.state, State::StoreFailed { .. })
            }
            FailureReason::JobFailoverRegion => self.is_failover(),
            FailureReason::CheckpointCoordinatorShutdown => self.event == Event::Shutdown,
            FailureReason::CheckpointCoordinatorSuspend => {
                matches!(self.event, Event::TriggerSavepoint { stop: Some(_), .. })
                    && self.phase == Phase::Stopping
            }
            FailureReason::CheckpointDeclinedTaskClosing => {
                matches!(self.event, Event::TaskFinished { .. })
                    && !self.options.checkpoints_after_tasks_finish
            }
            _ => false,
        };
        assert!(is_true, "reason: {reason:?} of {open:?}");
    }

    /// `CheckpointFailureManager`, once more.
    fn count(&mut self, open: &Open, reason: FailureReason) {
        use FailureReason::*;
        if open.kind.is_stop() {
            let is_over = matches!(reason, JobFailoverRegion | CheckpointCoordinatorShutdown);
            self.fail_jobs_due += i32::from(!is_over);
            return;
        }
        let is_by_task = reason != IoException
            && matches!(self.event, Event::Decline { checkpoint, .. } if checkpoint == open.id);
        let is_counted = matches!(
            reason,
            CheckpointDeclined
                | CheckpointAsyncException
                | CheckpointExpired
                | FinalizeCheckpointFailure
                | IoException
        );
        let is_exempt = open.kind.is_savepoint() && !is_by_task;
        let is_old = self.last_success > Some(open.id);
        if !is_counted || is_exempt || is_old {
            return;
        }
        self.consecutive_failures += 1;
        if self.consecutive_failures > self.options.tolerable_failed_checkpoints {
            self.consecutive_failures = 0;
            self.fail_jobs_due += 1;
        }
    }

    fn discard(&mut self, id: CheckpointId) {
        if let Some(at) = self.remains.iter().position(|remains| remains.id == id) {
            assert!(!self.remains[at].is_storing, "files: discarded while they are written");
            self.remains.swap_remove(at);
            return;
        }
        let is_surplus = self.retained.len() > self.options.num_retained;
        assert!(is_surplus && self.retained[0] == id, "retained: {id} is discarded");
        self.retained.remove(0);
    }

    fn answer(
        &mut self,
        now_ms: i64,
        request: u64,
        is_savepoint: bool,
        result: &Result<CheckpointId, Failure>,
    ) {
        let found = self.asked.iter().position(|asked| asked.request == request);
        let at = found.expect("answers: nobody asked, or twice");
        if let (Ok(id), None) = (result, self.asked[at].outcome) {
            // A savepoint that does not stop the job has no other sign of its end.
            let open = self.close(*id);
            assert_eq!(open.state, State::Stored, "complete: savepoint is not stored");
            assert!(open.kind.is_savepoint() && !open.kind.is_stop(), "answers: too early");
            assert!(!self.is_suspended, "suspended: savepoint completes");
            self.on_success(now_ms, &open);
            self.seen.is_savepoint_completed = true;
        }
        let asked = self.asked.remove(at);
        assert_eq!(asked.kind.is_savepoint(), is_savepoint, "answers: of the other kind");
        match (result, asked.id) {
            (Ok(id), begun) => {
                assert_eq!((Some(*id), asked.outcome), (begun, Some(None)), "answers: success");
            }
            (Err(failure), Some(_)) => {
                assert_eq!(asked.outcome, Some(Some(failure.reason)), "answers: failure");
            }
            (Err(failure), None) => self.check_refusal(&asked, failure.reason),
        }
    }

    /// A request that never began.
    fn check_refusal(&mut self, asked: &Asked, reason: FailureReason) {
        let is_true = match reason {
            FailureReason::NotAllRequiredTasksRunning => self.must_restart_to_go_on(),
            FailureReason::CheckpointCoordinatorSuspend => {
                self.is_suspended || matches!(self.phase, Phase::Stopping | Phase::Stopped)
            }
            FailureReason::CheckpointCoordinatorShutdown => self.is_over(),
            FailureReason::JobFailoverRegion => self.is_failover(),
            _ => false,
        };
        assert!(is_true, "answers: {reason:?} for {asked:?}");
        self.seen.refusals |= bit(reason);
        let is_by_itself = reason == FailureReason::NotAllRequiredTasksRunning;
        self.failed += u64::from(is_by_itself);
        if asked.kind.is_stop() && is_by_itself {
            self.phase = Phase::Running;
        }
    }

    fn finish(&mut self) {
        assert!(self.may_finish(), "finish: too early or twice");
        self.phase = Phase::Finished;
        self.seen.is_job_finished = true;
    }

    /// Whether all is done.
    fn may_finish(&self) -> bool {
        let is_committed = self.phase == Phase::Stopped
            || (self.phase == Phase::Running
                && (self.is_end_committed || !self.has_last_checkpoint()));
        is_committed
            && self.are_all_finished()
            && !self.is_suspended
            && self.open.is_empty()
            && !self.remains.iter().any(|remains| remains.is_storing)
    }

    // --- after a step ---

    pub(super) fn check_step(&mut self, now_ms: i64, coordinator: &Coordinator) {
        assert_eq!(self.fail_jobs_due, 0, "fail: not as the rules say");
        assert!(!self.may_finish(), "finish: not at once");
        let all = (1 << self.tasks) - 1;
        for open in &self.open {
            let is_overdue = now_ms >= open.begun_ms + self.options.timeout_ms;
            let is_collecting = open.acknowledged != all;
            assert!(!(is_overdue && is_collecting), "deadline: {open:?} should have expired");
            let is_stuck = matches!(open.state, State::Collecting | State::Stored);
            assert!(self.is_suspended || is_collecting || !is_stuck, "store: {open:?} is stuck");
            let is_subsumed = open.kind == Kind::Checkpoint && Some(open.id) < self.last_committed;
            assert!(!is_subsumed, "complete: {open:?} is older");
            assert!(!matches!(open.state, State::StoreFailed { .. }), "end: {open:?}");
        }
        for remains in &self.remains {
            assert!(remains.is_storing, "files: {remains:?} are not discarded");
        }
        assert!(self.retained.len() <= self.options.num_retained, "retained: too many");
        let has_room = self.open.len() < self.options.max_concurrent_checkpoints;
        let is_anyone_waiting = self.asked.iter().any(|asked| asked.id.is_none());
        assert!(!is_anyone_waiting || !has_room, "order: {:?} could begin", self.asked);
        self.check_last_checkpoint(has_room);
        self.check_coordinator(now_ms, coordinator);
    }

    /// The last checkpoint begins with the end of the last task, if it may.
    fn check_last_checkpoint(&self, has_room: bool) {
        let is_wanted = self.has_just_finished
            && self.are_all_finished()
            && self.has_last_checkpoint()
            && self.phase == Phase::Running
            && !self.is_suspended;
        let has_begun = self.open.iter().any(|open| open.is_final);
        assert!(!is_wanted || !has_room || has_begun, "finish: no last checkpoint");
    }

    fn check_coordinator(&mut self, now_ms: i64, coordinator: &Coordinator) {
        let deadline_ms = coordinator.next_deadline_ms();
        assert!(deadline_ms.is_none_or(|ms| ms > now_ms), "deadline: not ahead");
        assert!(coordinator.retained().eq(self.retained.iter().copied()), "retained: others");
        assert_eq!(coordinator.latest_completed(), self.last_committed, "restart: from elsewhere");
        let statistics = coordinator.statistics();
        if self.must_restart_to_go_on() {
            // Periodic checkpoints fail before they begin, which only the counts tell.
            self.failed = self.failed.max(statistics.failed);
        }
        let counted =
            [statistics.triggered, statistics.completed, statistics.failed, statistics.in_progress];
        let expected = [self.begun, self.completed, self.failed, self.open.len() as u64];
        assert_eq!(counted, expected, "counts");
    }

    /// After the shutdown, when all stores have been answered.
    pub(super) fn check_end(&self) {
        assert!(self.open.is_empty(), "end: {:?}", self.open);
        assert!(self.remains.is_empty(), "files: {:?}", self.remains);
        assert!(self.asked.is_empty(), "answers: {:?}", self.asked);
    }
}
