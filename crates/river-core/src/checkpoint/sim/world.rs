//! The driver, the tasks, the storage and the users around one coordinator.
//!
//! A run has three parts: faults; then none, until a checkpoint completes; then the tasks finish.
//! What is to come lies on an agenda. The driver ticks when the coordinator asks for it, in the
//! first part sometimes late.

use super::super::message::{CheckpointId, Command, Event, Stop, TaskId};
use super::super::options::CheckpointOptions;
use super::super::{Coordinator, Failure, FailureReason, JobEnd};
use super::oracle::Oracle;
use super::{Random, Seen};

/// How long faults last, in milliseconds.
const FAULTS_MS: i64 = 250;
/// In what time a sound world must make progress; more than all its delays together.
const PROGRESS_MS: i64 = 1_500;
/// After so many steps something goes round in circles.
const MOST_STEPS: usize = 2_000;

/// What tasks may decline with.
const DECLINES: [FailureReason; 5] = [
    FailureReason::CheckpointDeclined,
    FailureReason::CheckpointAsyncException,
    FailureReason::CheckpointDeclinedTaskNotReady,
    FailureReason::CheckpointDeclinedSubsumed,
    FailureReason::IoException,
];

/// Something that will happen.
enum Plan {
    /// An event reaches the coordinator.
    Event(Event),
    /// The same, unless the tasks that it is about have been restarted since.
    OfAttempt(u32, Event),
    /// A user or a fault does something.
    Whim,
}

struct World {
    random: Random,
    now_ms: i64,
    coordinator: Coordinator,
    oracle: Oracle,
    agenda: Vec<(i64, Plan)>,
    /// Counts restarts of the tasks.
    attempt: u32,
    is_healing: bool,
    /// Whether a restart is on the agenda.
    is_restarting: bool,
    next_request: u64,
    steps: usize,
    commands: Vec<Command>,
    is_traced: bool,
}

/// Runs one world from beginning to end; panics if anything is wrong.
pub(super) fn run(seed: u64, is_traced: bool) -> Seen {
    let mut world = World::new(seed, is_traced);
    world.suffer();
    if world.heal() {
        world.finish();
    }
    world.shut_down();
    world.oracle.seen
}

fn random_options(random: &mut Random) -> CheckpointOptions {
    let interval_ms = random.ms(10, 60);
    let min_pause_ms = if random.percent(50) { random.ms(1, 40) } else { 0 };
    let unaligned = random.percent(25);
    CheckpointOptions {
        interval_ms: (!random.percent(3)).then_some(interval_ms.max(min_pause_ms)),
        interval_during_backlog_ms: random.percent(50).then_some(interval_ms + 30),
        timeout_ms: random.ms(10, 80),
        min_pause_ms,
        max_concurrent_checkpoints: if unaligned { 1 } else { random.ms(1, 3) as usize },
        tolerable_failed_checkpoints: random.pick(&[0, 0, 1, 2, i32::MAX as u32]),
        unaligned,
        aligned_checkpoint_timeout_ms: random.ms(0, 1) * 5,
        checkpoints_after_tasks_finish: !random.percent(15),
        num_retained: random.ms(1, 3) as usize,
        ..CheckpointOptions::default()
    }
}

impl World {
    fn new(seed: u64, is_traced: bool) -> World {
        let mut random = Random(seed);
        let options = random_options(&mut random);
        let tasks = random.ms(1, 4) as usize;
        let next_id = random.ms(1, 5) as CheckpointId;
        if is_traced {
            eprintln!("{tasks} tasks, first id {next_id}, {options:?}");
        }
        let agenda = (0..random.ms(1, 9)).map(|_| (random.ms(0, FAULTS_MS), Plan::Whim)).collect();
        World {
            random,
            now_ms: 0,
            coordinator: Coordinator::new(options.clone(), tasks, next_id, 0),
            oracle: Oracle::new(options, tasks, next_id),
            agenda,
            attempt: 0,
            is_healing: false,
            is_restarting: false,
            next_request: 0,
            steps: 0,
            commands: Vec::new(),
            is_traced,
        }
    }

    // --- the parts of a run ---

    fn suffer(&mut self) {
        while self.go_on(FAULTS_MS) {}
        self.now_ms = FAULTS_MS;
    }

    /// No more faults. Whether the job still runs then, after a checkpoint has completed.
    fn heal(&mut self) -> bool {
        self.is_healing = true;
        self.step(Event::Resume);
        for task in 0..self.oracle.tasks() {
            self.step(Event::Backlog { task, active: false });
        }
        if self.oracle.must_restart_to_go_on() {
            self.restart();
        }
        let since = self.oracle.completed();
        let end_ms = self.now_ms + PROGRESS_MS;
        while !self.oracle.is_over() && self.oracle.completed() == since {
            if !self.oracle.takes_checkpoints() {
                break;
            }
            assert!(self.go_on(end_ms), "progress: no checkpoint completes");
        }
        !self.oracle.is_over()
    }

    fn finish(&mut self) {
        let end_ms = self.now_ms + PROGRESS_MS;
        let mut told = None;
        while !self.oracle.is_over() {
            if told.replace(self.attempt) != Some(self.attempt) {
                self.finish_tasks(30);
            }
            assert!(self.go_on(end_ms), "progress: the job does not finish");
        }
    }

    fn shut_down(&mut self) {
        self.step(Event::Shutdown);
        let end_ms = self.now_ms + PROGRESS_MS;
        while self.go_on(end_ms) {}
        self.oracle.check_end();
        let mut discarded = self.coordinator.on_job_end(JobEnd::Finished);
        discarded.extend(self.coordinator.retained());
        assert_eq!(discarded, self.oracle.retained(), "retained: at the end");
    }

    // --- one step of time ---

    /// Does what comes next; false if nothing does before `end_ms`.
    fn go_on(&mut self, end_ms: i64) -> bool {
        let planned = (0..self.agenda.len()).min_by_key(|at| self.agenda[*at].0);
        let planned_ms = planned.map_or(i64::MAX, |at| self.agenda[at].0);
        let deadline_ms = self.coordinator.next_deadline_ms().unwrap_or(i64::MAX);
        if planned_ms.min(deadline_ms) > end_ms {
            return false;
        }
        if deadline_ms < planned_ms {
            let is_late = !self.is_healing && self.random.percent(20);
            let late_ms = if is_late { self.random.ms(1, 25) } else { 0 };
            self.now_ms = (deadline_ms + late_ms).min(planned_ms).max(self.now_ms);
            self.step(Event::Tick);
        } else if let Some(at) = planned {
            self.now_ms = planned_ms.max(self.now_ms);
            match self.agenda.swap_remove(at).1 {
                Plan::Event(event) => self.step(event),
                Plan::OfAttempt(attempt, event) if attempt == self.attempt => self.step(event),
                Plan::OfAttempt(..) => {}
                Plan::Whim => self.follow_whim(),
            }
        }
        true
    }

    fn step(&mut self, event: Event) {
        self.steps += 1;
        assert!(self.steps < MOST_STEPS, "deadline: no end of steps");
        if self.is_traced {
            eprintln!("{}: {event:?}", self.now_ms);
        }
        match event {
            Event::Failover => {
                self.attempt += 1;
                self.is_restarting = false;
            }
            Event::RegionFailover { .. } => self.attempt += 1,
            _ => {}
        }
        self.oracle.on_event(&event);
        let mut commands = std::mem::take(&mut self.commands);
        self.coordinator.step(self.now_ms, event, &mut commands);
        for command in &commands {
            if self.is_traced {
                eprintln!("    {command:?}");
            }
            self.oracle.on_command(self.now_ms, command);
            self.carry_out(command);
        }
        self.oracle.check_step(self.now_ms, &self.coordinator);
        commands.clear();
        self.commands = commands;
    }

    fn after(&mut self, least_ms: i64, most_ms: i64, event: Event) {
        let at_ms = self.now_ms + self.random.ms(least_ms, most_ms);
        self.agenda.push((at_ms, Plan::Event(event)));
    }

    // --- the driver and the tasks ---

    fn carry_out(&mut self, command: &Command) {
        match *command {
            Command::Trigger { checkpoint, .. } => {
                for task in 0..self.oracle.tasks() {
                    if !self.oracle.is_finished(task) {
                        self.take_part(checkpoint, task);
                    }
                }
            }
            Command::Store { checkpoint, .. } => self.store(checkpoint),
            Command::Complete { checkpoint } if self.oracle.is_stop(checkpoint) => {
                self.finish_tasks(20);
            }
            Command::FailJob { .. } => self.restart(),
            _ => {}
        }
    }

    /// All tasks come to their end, unless they are restarted before.
    fn finish_tasks(&mut self, most_ms: i64) {
        for task in 0..self.oracle.tasks() {
            let at_ms = self.now_ms + self.random.ms(0, most_ms);
            let event = Event::TaskFinished { task };
            self.agenda.push((at_ms, Plan::OfAttempt(self.attempt, event)));
        }
    }

    /// A task meets a barrier.
    fn take_part(&mut self, checkpoint: CheckpointId, task: TaskId) {
        let acknowledge = Event::Acknowledge { checkpoint, task };
        let chance = if self.is_healing { 0 } else { self.random.below(100) };
        match chance {
            0..70 => self.after(0, 9, acknowledge),
            70..80 => self.after(10, 100, acknowledge),
            80..86 => {}
            86..92 => {
                self.after(0, 20, acknowledge.clone());
                self.after(0, 120, acknowledge);
            }
            _ => {
                let failure = Failure::from(self.random.pick(&DECLINES));
                self.after(0, 20, Event::Decline { checkpoint, task, failure });
            }
        }
    }

    /// The storage is asked to make metadata durable; it always answers.
    fn store(&mut self, checkpoint: CheckpointId) {
        let stored = Event::Stored { checkpoint };
        let chance = if self.is_healing { 0 } else { self.random.below(100) };
        match chance {
            0..70 => self.after(0, 9, stored),
            70..82 => self.after(10, 120, stored),
            82..86 => {
                self.after(0, 9, stored.clone());
                self.after(9, 50, stored);
            }
            _ => {
                let maybe_stored = self.random.percent(25);
                let detail = String::new();
                self.after(0, 20, Event::StoreFailed { checkpoint, detail, maybe_stored });
            }
        }
    }

    /// All tasks are restarted, now or after a while in which nothing runs.
    fn restart(&mut self) {
        if std::mem::replace(&mut self.is_restarting, true) {
            return;
        }
        if self.random.percent(50) {
            return self.after(0, 15, Event::Failover);
        }
        let restart_ms = self.now_ms + self.random.ms(0, 10);
        self.agenda.push((restart_ms, Plan::Event(Event::Failover)));
        self.agenda.push((restart_ms, Plan::Event(Event::Suspend)));
        let runs_ms = restart_ms + self.random.ms(1, 30);
        self.agenda.push((runs_ms, Plan::Event(Event::Resume)));
    }

    /// One task is restarted; the others run on.
    fn restart_region(&mut self, task: TaskId) {
        if self.oracle.has_regions() {
            self.step(Event::Suspend);
            self.step(Event::RegionFailover { tasks: vec![task] });
            self.after(1, 30, Event::Resume);
        }
    }

    // --- chance ---

    fn follow_whim(&mut self) {
        let task = self.random.below(self.oracle.tasks() as u64) as TaskId;
        let request = self.next_request;
        match self.random.below(100) {
            0..22 => {
                self.next_request += 1;
                self.step(Event::TriggerSavepoint { request, stop: None });
            }
            22..30 => {
                self.next_request += 1;
                let stop = Some(self.random.pick(&[Stop::Drain, Stop::Suspend]));
                self.step(Event::TriggerSavepoint { request, stop });
            }
            30..45 => {
                self.next_request += 1;
                self.step(Event::TriggerCheckpoint { request });
            }
            45..60 => {
                self.step(Event::TaskFinished { task });
                if self.random.percent(20) {
                    self.step(Event::TaskFinished { task });
                }
            }
            60..70 => {
                self.step(Event::Suspend);
                self.after(1, 80, Event::Resume);
            }
            70..75 => self.restart(),
            75..80 => self.restart_region(task),
            80..88 => {
                self.step(Event::Backlog { task, active: true });
                self.after(1, 100, Event::Backlog { task, active: false });
            }
            88..99 => self.speak_nonsense(task),
            _ => self.step(Event::Shutdown),
        }
    }

    /// Reports that fit nothing.
    fn speak_nonsense(&mut self, task: TaskId) {
        let checkpoint = self.random.below(12);
        let failure = Failure::from(FailureReason::CheckpointDeclined);
        let beyond = self.oracle.tasks();
        for event in [
            Event::Acknowledge { checkpoint: 1 << 40, task },
            Event::Acknowledge { checkpoint, task: beyond },
            Event::Decline { checkpoint, task: beyond, failure },
            Event::TaskFinished { task: beyond },
            Event::Backlog { task: beyond, active: true },
            Event::Stored { checkpoint: 1 << 40 },
        ] {
            self.step(event);
        }
    }
}
