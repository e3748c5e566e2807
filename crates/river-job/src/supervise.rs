//! The thread that runs a job: starts its tasks, takes checkpoints, restarts after failures, and
//! says how it ended.
//!
//! ```text
//! running --task fails--> all tasks cancelled --delay--> running from the latest checkpoint
//!    |  \--no more restarts--> failed
//!    |--cancel--> cancelled        |--savepoint that stops--> finished
//!    \--all tasks ended, last checkpoint committed--> finished
//! ```
//! Everything that happens comes in through one queue of [`Event`]s. Reports of tasks of an
//! earlier attempt are known by its number and passed over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use river_checkpoint::{Place, SnapshotReport};
use river_core::checkpoint::{JobEnd, RestartStrategy, Stop as StopKind};
use river_runtime::checkpoint::SubtaskState;
use river_runtime::error::ErrorKind;
use river_runtime::exchange::{Outcome, Stop};
use river_runtime::{Error, Result};

use crate::attempt::{Attempt, thread_name};
use crate::checkpoints::{Action, Checkpoints, Done, Reply};
use crate::fallback::with_fallback;
use crate::launch::{Launch, Launched};
use crate::recovery::Recovery;
use crate::{Ended, Shared, clock_ms};

/// What a job's thread is told.
pub enum Event {
    /// A task has ended.
    Ended { attempt: u32, task: usize, outcome: Outcome<SubtaskState> },
    /// What has become of a task's part of a checkpoint.
    Snapshot { attempt: u32, report: SnapshotReport },
    /// Storage and sinks have done something.
    Io(Done),
    /// Someone wants a savepoint.
    Savepoint { place: Place, stop: Option<StopKind>, reply: Reply },
    /// Someone wants the job to end at once.
    Cancel,
}

/// Runs a job to its end.
pub struct Supervisor {
    shared: Arc<Shared>,
    launch: Launch,
    checkpoints: Checkpoints,
    attempt: Attempt,
    strategy: RestartStrategy,
    events: Receiver<Event>,
    cancelled: bool,
}

/// How an attempt ended.
enum End {
    Finished,
    Cancelled,
    Failed(Error),
    /// By an error that a restart does not mend.
    GivenUp(Error),
}

/// Starts the tasks that were made, and the thread that watches them.
pub fn start(
    launch: Launch,
    launched: Launched,
    shared: Arc<Shared>,
    channel: (Sender<Event>, Receiver<Event>),
) -> Result<()> {
    let (sender, events) = channel;
    let done = Arc::new(move |done| {
        // Whoever is told of it may have ended.
        let _ = sender.send(Event::Io(done));
    });
    let checkpoints = launch.checkpoints(launched.places, done)?;
    let attempt = launch.start(launched.tasks, launched.signals, 1)?;
    let strategy = RestartStrategy::new(launch.settings.restart.clone());
    let name = thread_name(&launch.plan.name);
    let cancelled = false;
    let supervisor = Supervisor {
        shared: shared.clone(),
        launch,
        checkpoints,
        attempt,
        strategy,
        events,
        cancelled,
    };
    let spawned = Builder::new().name(name).spawn(move || supervisor.run());
    if let Err(error) = spawned {
        shared.cancel();
        return Err(Error::environment(format!("cannot start a thread: {error}")));
    }
    Ok(())
}

/// The queue of a job's events.
pub fn channel() -> (Sender<Event>, Receiver<Event>) {
    unbounded()
}

impl Supervisor {
    fn run(mut self) {
        let outcome = loop {
            match self.run_attempt() {
                End::Finished => break Ok(Ended::Finished),
                End::Cancelled => break Ok(Ended::Cancelled),
                End::GivenUp(error) => break Err(self.unrestorable(error)),
                End::Failed(error) => {
                    if let Err(end) = self.restart(error) {
                        break end;
                    }
                }
            }
        };
        let end = match outcome {
            Ok(Ended::Finished) => JobEnd::Finished,
            Ok(Ended::Cancelled) => JobEnd::Cancelled,
            Err(_) => JobEnd::Failed,
        };
        if end == JobEnd::Finished {
            // All is committed and nothing is deleted yet: who reads this need not start it again.
            tracing::info!("the job has finished");
        }
        self.checkpoints.shut_down(clock_ms());
        self.settle();
        if end != JobEnd::Finished && !self.checkpoints.keeps_output_after(end) {
            self.launch.abort_sinks();
        }
        self.checkpoints.end(end);
        self.shared.end(outcome);
    }

    /// Watches the tasks until none runs.
    fn run_attempt(&mut self) -> End {
        loop {
            self.shared.set_checkpoints(self.checkpoints.figures());
            // First of all: a restart may begin with a checkpoint, and no event may come before it.
            for action in self.checkpoints.take_actions() {
                match action {
                    Action::TellSources(command) => self.attempt.tell_sources(command),
                    Action::TellAll(command) => self.attempt.tell_all(command),
                    Action::Fail(error) => return self.end_attempt(End::Failed(error)),
                    Action::Finished | Action::Stopped => return self.end_attempt(End::Finished),
                }
            }
            if let Some(event) = self.next_event() {
                if let Some(end) = self.handle(event) {
                    return self.end_attempt(end);
                }
            } else {
                self.checkpoints.tick(clock_ms());
            }
        }
    }

    /// The next event; `None` once a checkpoint is due or has expired.
    fn next_event(&self) -> Option<Event> {
        let Some(deadline_ms) = self.checkpoints.next_deadline_ms() else {
            return self.events.recv().ok();
        };
        let left_ms = deadline_ms.saturating_sub(clock_ms()).max(0);
        self.events.recv_timeout(Duration::from_millis(left_ms as u64)).ok()
    }

    /// Takes note of an event; says how the attempt ends, if it does.
    fn handle(&mut self, event: Event) -> Option<End> {
        let now_ms = clock_ms();
        let current = self.launch.attempt_number();
        match event {
            Event::Ended { attempt, task, outcome } if attempt == current => {
                let last = self.attempt.task_ended();
                return self.task_ended(now_ms, task, outcome, last);
            }
            Event::Snapshot { attempt, report } if attempt == current => {
                self.checkpoints.report(now_ms, report);
            }
            Event::Ended { .. } | Event::Snapshot { .. } => {}
            Event::Io(done) => self.checkpoints.io_done(now_ms, done),
            Event::Savepoint { reply, .. } if !self.launch.makes_snapshots() => {
                let _ = reply.send(Err(Error::input(
                    "a query whose rows are shown has no savepoints; write them to a table",
                )));
            }
            Event::Savepoint { place, stop, reply } => {
                self.checkpoints.savepoint(now_ms, place, stop, reply);
            }
            Event::Cancel => {
                self.cancelled = true;
                return Some(End::Cancelled);
            }
        }
        None
    }

    fn task_ended(
        &mut self,
        now_ms: i64,
        task: usize,
        outcome: Outcome<SubtaskState>,
        last: bool,
    ) -> Option<End> {
        match outcome {
            Ok(state) => {
                self.checkpoints.task_finished(now_ms, task, state);
                // With checkpoints the last one of them commits the output.
                let commits = last && !self.checkpoints.are_periodic();
                commits.then(|| match self.checkpoints.commit_all() {
                    Ok(()) => End::Finished,
                    Err(error) => End::Failed(error),
                })
            }
            // The collector has gone, or someone has cancelled it.
            Err(Stop::Cancelled) => Some(End::Cancelled),
            Err(Stop::Failed(error)) => Some(End::Failed(error)),
            Err(Stop::Unrestorable(error)) => Some(End::GivenUp(error)),
        }
    }

    /// Ends what still runs. A failure that shows up meanwhile does not change how it ended.
    fn end_attempt(&mut self, end: End) -> End {
        self.attempt.cancel();
        while self.attempt.is_running() {
            let Ok(event) = self.events.recv() else { break };
            match event {
                Event::Ended { attempt, .. } if attempt == self.launch.attempt_number() => {
                    self.attempt.task_ended();
                }
                other => self.handle_between_attempts(other),
            }
        }
        self.attempt.join();
        end
    }

    /// While no task runs: hears of all that storage and sinks have done, and waits for what
    /// follows from it. A snapshot that was stored too late is gone before sinks remove its output.
    fn settle(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.handle_between_attempts(event);
        }
        self.checkpoints.wait_for_io();
    }

    /// Takes note of what happens while no task runs.
    fn handle_between_attempts(&mut self, event: Event) {
        match event {
            Event::Io(done) => self.checkpoints.io_done(clock_ms(), done),
            Event::Cancel => self.cancelled = true,
            Event::Savepoint { reply, .. } => {
                let _ = reply.send(Err(Error::environment("the job's tasks do not run just now")));
            }
            Event::Ended { .. } | Event::Snapshot { .. } => {}
        }
    }

    /// Starts the tasks again from the latest checkpoint, unless the strategy gives up or someone
    /// cancels; then says how the job has ended.
    fn restart(&mut self, mut error: Error) -> std::result::Result<(), Result<Ended>> {
        self.checkpoints.fail_over(clock_ms());
        self.settle();
        loop {
            let Some(delay_ms) = self.strategy.on_failure(clock_ms(), rand_unit()) else {
                return Err(Err(error));
            };
            if !self.launch.can_restart() {
                return Err(Err(error));
            }
            tracing::warn!(%error, delay_ms, "the job failed and is restarted");
            self.wait(Duration::from_millis(delay_ms.max(0) as u64));
            if self.cancelled {
                return Err(Ok(Ended::Cancelled));
            }
            match self.relaunch() {
                Ok(()) => return Ok(()),
                Err(next) if next.kind == ErrorKind::Input => {
                    return Err(Err(self.unrestorable(next)));
                }
                Err(next) => error = next,
            }
        }
    }

    /// Makes and starts new tasks from the job's latest checkpoint, else from the one that the job
    /// itself started from, else from nothing.
    fn relaunch(&mut self) -> Result<()> {
        let latest = self.checkpoints.latest();
        let latest = latest.map(|place| Recovery::own(place, &self.launch.plan)).transpose()?;
        let initial = self.launch.initial.clone();
        let recovery = latest.as_ref().or(initial.as_deref());
        if recovery.is_none() && !self.checkpoints.may_keep_output() {
            // What was prepared belongs to no checkpoint.
            self.launch.abort_sinks();
        }
        let launched = self.launch.make(recovery)?;
        self.shared.set_tasks(&launched);
        let number = self.launch.attempt_number();
        self.attempt = self.launch.start(launched.tasks, launched.signals, number)?;
        // Nothing of the new tasks is heard before this.
        self.checkpoints.resume(clock_ms(), launched.places);
        match recovery {
            Some(recovery) => tracing::info!(from = recovery.uri(), "the job goes on"),
            None => tracing::info!("the job begins again"),
        }
        Ok(())
    }

    /// The error of state that cannot be used, with what else the user can go on from.
    fn unrestorable(&self, error: Error) -> Error {
        let initial = self.launch.initial.as_deref().map(Recovery::place);
        match (self.checkpoints.latest(), initial) {
            (Some(_), _) if !self.checkpoints.keeps_after_failure() => error,
            (Some(own), _) => with_fallback(error, &own),
            (None, Some(initial)) => with_fallback(error, initial),
            (None, None) => error,
        }
    }

    fn wait(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while !self.cancelled {
            let left = until.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => self.handle_between_attempts(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// A number from 0 to 1 for the jitter of restarts.
fn rand_unit() -> f64 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    f64::from(nanos % 1_000_000) / 1e6
}

impl Shared {
    fn end(&self, outcome: Result<Ended>) {
        let mut place = self.outcome.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *place = Some(outcome);
        self.ended.notify_all();
    }

    /// Lets tasks that wait end.
    pub(crate) fn cancel(&self) {
        let tasks = self.tasks();
        tasks.signals.cancelled.store(true, Ordering::Relaxed);
        tasks.queues.iter().for_each(|queue| queue.close());
    }
}
