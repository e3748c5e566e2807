//! The thread that runs a job: starts its tasks, takes checkpoints, restarts regions after failures
//! ([`failover`](crate::failover)), and says how it ended.
//!
//! ```text
//! running --a task fails--> its region cancelled --delay--> it runs from the latest checkpoint
//!    |  \--no more restarts, or state that cannot be used--> failed
//!    |--cancel--> cancelled        |--savepoint that stops--> finished
//!    \--all tasks ended, last checkpoint committed--> finished
//! ```
//! Everything that happens comes in through one queue of [`Event`]s. Reports of tasks of an
//! earlier attempt are known by its number and passed over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use river_checkpoint::{Place, SnapshotReport};
use river_core::checkpoint::{JobEnd, RestartStrategy, Stop as StopKind, TaskId};
use river_runtime::checkpoint::SubtaskState;
use river_runtime::exchange::{Outcome, Stop};
use river_runtime::{Error, Result};

use crate::attempt::{Attempt, thread_name};
use crate::checkpoints::{Action, Checkpoints, Done, Reply};
use crate::io::guarded;
use crate::launch::{Launch, Launched};
use crate::{Ended, Shared, clock_ms};

/// What a job's thread is told.
pub enum Event {
    /// A task has ended.
    Ended { attempt: u32, task: TaskId, outcome: Outcome<SubtaskState> },
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
    pub(crate) shared: Arc<Shared>,
    pub(crate) launch: Launch,
    pub(crate) checkpoints: Checkpoints,
    /// By number.
    pub(crate) regions: Vec<RunningRegion>,
    pub(crate) strategy: RestartStrategy,
    pub(crate) events: Receiver<Event>,
}

/// A region, running or between two attempts.
pub struct RunningRegion {
    /// Its tasks; those of the last attempt, as long as the next has not begun.
    pub attempt: Attempt,
    /// The attempt has failed or was told to end; the next begins then.
    pub restart_at: Option<Instant>,
}

/// How a job ends.
pub enum End {
    /// All is done and committed.
    Finished,
    /// Someone wanted it to.
    Cancelled,
    /// By an error, and it is not restarted.
    Failed(Error),
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
    let checkpoints = launch.checkpoints(done)?;
    let attempt = launched.attempt;
    let mut regions = Vec::new();
    for tasks in launched.regions {
        let started = launch.start(tasks, attempt).inspect_err(|_| shared.cancel())?;
        regions.push(RunningRegion { attempt: started, restart_at: None });
    }
    let strategy = RestartStrategy::new(launch.settings.restart.clone());
    let name = thread_name(&launch.plan().name);
    let job = shared.clone();
    let supervisor = Supervisor { shared, launch, checkpoints, regions, strategy, events };
    let watched = job.clone();
    let spawned = Builder::new().name(name).spawn(move || {
        let outcome = guarded("the thread that watches the job", || supervisor.run());
        watched.end(outcome);
    });
    if let Err(error) = spawned {
        job.cancel();
        return Err(Error::environment(format!("cannot start a thread: {error}")));
    }
    Ok(())
}

/// The queue of a job's events.
pub fn channel() -> (Sender<Event>, Receiver<Event>) {
    unbounded()
}

impl Supervisor {
    fn run(mut self) -> Result<Ended> {
        let end = loop {
            if let Some(end) = self.step() {
                break end;
            }
        };
        self.end_tasks();
        let (outcome, end) = match end {
            End::Finished => (Ok(Ended::Finished), JobEnd::Finished),
            End::Cancelled => (Ok(Ended::Cancelled), JobEnd::Cancelled),
            End::Failed(error) => (Err(error), JobEnd::Failed),
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
        outcome
    }

    /// Does what is to be done now, or waits for something to happen; says how the job ends, if it
    /// does.
    fn step(&mut self) -> Option<End> {
        self.shared.set_checkpoints(self.checkpoints.figures());
        // First of all: a restart may begin with a checkpoint, and no event may come before it.
        if let Some(end) = self.act() {
            return Some(end);
        }
        if self.is_restart_due() {
            return self.restart();
        }
        let Some(event) = self.next_event() else {
            self.checkpoints.tick(clock_ms());
            return None;
        };
        self.handle(event)
    }

    /// Does what checkpoints have decided.
    pub(crate) fn act(&mut self) -> Option<End> {
        for action in self.checkpoints.take_actions() {
            match action {
                Action::TellSources(command) => {
                    self.regions.iter().for_each(|region| region.attempt.tell_sources(command));
                }
                Action::TellAll(command) => {
                    self.regions.iter().for_each(|region| region.attempt.tell_all(command));
                }
                Action::Fail(error) => return self.fail_all(error),
                Action::Finished | Action::Stopped => return Some(End::Finished),
            }
        }
        None
    }

    /// The next event; `None` once a checkpoint is due or has expired, or a restart is due.
    fn next_event(&self) -> Option<Event> {
        let checkpoint = self.checkpoints.next_deadline_ms().map(|deadline_ms| {
            Duration::from_millis(deadline_ms.saturating_sub(clock_ms()).max(0) as u64)
        });
        let restart = self.next_restart().map(|at| at.saturating_duration_since(Instant::now()));
        match checkpoint.into_iter().chain(restart).min() {
            None => self.events.recv().ok(),
            Some(left) => self.events.recv_timeout(left).ok(),
        }
    }

    /// Takes note of an event; says how the job ends, if it does.
    pub(crate) fn handle(&mut self, event: Event) -> Option<End> {
        let now_ms = clock_ms();
        match event {
            Event::Ended { attempt, task, outcome } => {
                return self.task_ended(now_ms, attempt, task, outcome);
            }
            Event::Snapshot { attempt, report } => {
                let region = &self.regions[self.launch.topology.regions.of_task(report.task)];
                if region.attempt.number() == attempt && region.restart_at.is_none() {
                    self.checkpoints.report(now_ms, report);
                }
            }
            Event::Io(done) => self.checkpoints.io_done(now_ms, done),
            Event::Savepoint { place, stop, reply } => match self.savepoint_refusal() {
                // Whoever asked may have gone.
                Some(error) => drop(reply.send(Err(error))),
                None => self.checkpoints.savepoint(now_ms, place, stop, reply),
            },
            Event::Cancel => return Some(End::Cancelled),
        }
        None
    }

    fn savepoint_refusal(&self) -> Option<Error> {
        if !self.launch.makes_snapshots() {
            return Some(Error::input(
                "a query whose rows are shown has no savepoints; write them to a table",
            ));
        }
        let is_restarting = self.regions.iter().any(|region| region.restart_at.is_some());
        is_restarting.then(|| Error::environment("the job's tasks do not run just now"))
    }

    fn task_ended(
        &mut self,
        now_ms: i64,
        attempt: u32,
        task: TaskId,
        outcome: Outcome<SubtaskState>,
    ) -> Option<End> {
        let number = self.count_end(attempt, task)?;
        if self.regions[number].restart_at.is_some() {
            return None;
        }
        match outcome {
            Ok(state) => {
                self.checkpoints.task_finished(now_ms, task, state);
                let runs = |region: &RunningRegion| {
                    region.attempt.is_running() || region.restart_at.is_some()
                };
                // With checkpoints the last one of them commits the output.
                if self.checkpoints.are_periodic() || self.regions.iter().any(runs) {
                    return None;
                }
                match self.checkpoints.commit_all() {
                    Ok(()) => Some(End::Finished),
                    Err(error) => self.fail_all(error),
                }
            }
            // The collector has gone, or someone has cancelled it.
            Err(Stop::Cancelled) => Some(End::Cancelled),
            Err(Stop::Failed(error)) => self.fail_region(error, number),
            Err(Stop::Unrestorable(error)) => Some(End::Failed(self.unrestorable(error))),
        }
    }

    /// A task has ended: gives its region. One of an attempt that could not be started whole does
    /// not count.
    fn count_end(&mut self, attempt: u32, task: TaskId) -> Option<usize> {
        let number = self.launch.topology.regions.of_task(task);
        let region = &mut self.regions[number];
        let counts = region.attempt.number() == attempt;
        counts.then(|| region.attempt.task_ended())?;
        Some(number)
    }

    /// Ends what still runs. A failure that shows up meanwhile does not change how the job ends.
    fn end_tasks(&mut self) {
        self.regions.iter().for_each(|region| region.attempt.cancel());
        while self.regions.iter().any(|region| region.attempt.is_running()) {
            let Ok(event) = self.events.recv() else { break };
            self.handle_after_end(event);
        }
        self.regions.iter_mut().for_each(|region| region.attempt.join());
    }

    /// While no task runs: hears of all that storage and sinks have done, and waits for what
    /// follows from it. A snapshot that was stored too late is gone before sinks remove its output.
    fn settle(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.handle_after_end(event);
        }
        self.checkpoints.wait_for_io();
    }

    /// Takes note of what happens once it is clear how the job ends.
    fn handle_after_end(&mut self, event: Event) {
        match event {
            Event::Ended { attempt, task, .. } => {
                self.count_end(attempt, task);
            }
            Event::Io(done) => self.checkpoints.io_done(clock_ms(), done),
            Event::Savepoint { reply, .. } => {
                let _ = reply.send(Err(Error::environment("the job has ended".to_owned())));
            }
            Event::Snapshot { .. } | Event::Cancel => {}
        }
    }
}

impl Shared {
    fn end(&self, outcome: Result<Ended>) {
        if outcome.is_err() {
            // After a bug in this thread tasks may run still.
            self.cancel();
        }
        let mut place = self.outcome.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *place = Some(outcome);
        self.ended.notify_all();
    }

    /// Lets tasks that wait end.
    pub(crate) fn cancel(&self) {
        let tasks = self.tasks();
        tasks.signals.iter().for_each(|signals| signals.cancelled.store(true, Ordering::Relaxed));
        tasks.queues.iter().for_each(|queue| queue.close());
    }
}
