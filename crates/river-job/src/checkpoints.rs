//! Takes the checkpoints of a job: carries out what the coordinator decides.
//!
//! Called by the supervisor only, on its thread. Tasks are told through the [`Action`]s that it
//! returns; storage and sinks through [`Io`], which answers with [`Done`] events. What a checkpoint
//! is made of comes from the tasks' reports; what sinks prepared is kept in [`Uncommitted`] until a
//! checkpoint that covers it is durable.
//!
//! The order that makes output exactly once: files of the subtasks, metadata, commit. A crash
//! before the metadata is durable leaves the checkpoint before; one after it repeats the commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Sender;
use river_checkpoint::{CheckpointMetadata, Kind as StoredKind, SnapshotEvent, SnapshotReport};
use river_checkpoint::{Place, Places, SubtaskHandle, VertexState, discard, layout};
use river_core::checkpoint::{
    Alignment, CheckpointId, CheckpointOptions, Command, Coordinator, Event, Failure,
    FailureReason, JobEnd, Kind, Stop, TaskId, statistics::LastCompleted,
};
use river_core::plan::{Plan, node_name};
use river_runtime::checkpoint::{self as task, Barrier, Scope, SubtaskState};
use river_runtime::sink::Sink;
use river_runtime::{Error, Result};

use crate::io::{Io, guarded};
use crate::shared_files::SharedFiles;
use crate::uncommitted::{Covered, Uncommitted};

/// What the supervisor is to do for checkpoints.
#[derive(Debug)]
pub enum Action {
    /// Give the command to all tasks that have no input channels.
    TellSources(task::Command),
    /// Give the command to all tasks.
    TellAll(task::Command),
    /// The job fails, and restarts by its strategy.
    Fail(Error),
    /// All tasks have ended and their output is committed.
    Finished,
    /// The job was stopped with a savepoint, and its output is committed.
    Stopped,
}

/// What [`Io`] has done.
#[derive(Debug)]
pub enum Done {
    /// Metadata was written, or not.
    Stored(CheckpointId, river_checkpoint::Result<()>),
    /// Sinks have committed.
    Committed(Result<()>),
}

/// What a user sees of a job's checkpoints, savepoints included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckpointFigures {
    /// Completed.
    pub completed: u64,
    /// Failed, or not begun when they were due.
    pub failed: u64,
    /// Under way.
    pub in_progress: u64,
    /// The one completed last.
    pub last: Option<LastCompleted>,
    /// Bytes of state in the one whose metadata was written last.
    pub last_bytes: u64,
    /// Bytes of these that were written for it; the others are in files of earlier ones.
    pub last_written_bytes: u64,
}

/// Answers a request for a savepoint with its path.
pub type Reply = Sender<Result<String>>;

/// A savepoint that someone waits for.
struct Request {
    reply: Reply,
    place: Place,
    /// The job ends with it.
    stop: bool,
}

/// A vertex of the job as metadata describes it, without its subtasks' state.
#[derive(Debug, Clone)]
pub struct VertexPlace {
    /// The vertex.
    pub state: VertexState,
    /// Its first task; the others follow.
    pub first_task: TaskId,
}

/// What does not change from one attempt to the next.
#[derive(Debug, Clone)]
pub struct JobFacts {
    /// 32 hexadecimal digits.
    pub id: String,
    /// What runs.
    pub plan: Arc<Plan>,
    /// Where checkpoints go; without it none are taken but savepoints.
    pub home: Option<Place>,
    /// Options of the job, with those of the storage.
    pub options: CheckpointOptions,
}

/// Checkpoints of one job.
pub struct Checkpoints {
    job: JobFacts,
    coordinator: Coordinator,
    commands: Vec<Command>,
    actions: Vec<Action>,
    /// Where each checkpoint is, from its trigger until it is discarded.
    places: BTreeMap<CheckpointId, Place>,
    /// The same, for the tasks' writers, as long as tasks may write.
    open_places: Arc<Places>,
    /// Parts of the checkpoints in flight.
    parts: BTreeMap<CheckpointId, BTreeMap<TaskId, SubtaskHandle>>,
    /// What each task that has ended has left.
    finals: BTreeMap<TaskId, SubtaskHandle>,
    uncommitted: Uncommitted,
    /// How far each task's output goes in checkpoints that are stored and not yet committed.
    covered: BTreeMap<CheckpointId, Vec<Covered>>,
    shared_files: SharedFiles,
    /// Those of its own that are complete and kept.
    complete: BTreeSet<CheckpointId>,
    /// The checkpoint of another job that belongs to this one.
    claimed: Option<CheckpointId>,
    /// Checkpoints that could not be deleted.
    undeleted: Arc<Mutex<Vec<Place>>>,
    requests: BTreeMap<u64, Request>,
    /// Savepoints may hold output that is not committed.
    made_savepoint: bool,
    next_request: u64,
    vertices: Vec<VertexPlace>,
    sinks: BTreeMap<usize, Arc<dyn Sink>>,
    sink_of: Vec<Option<usize>>,
    last_bytes: u64,
    last_written_bytes: u64,
    commits_under_way: usize,
    /// A commit has failed, and nothing has repeated it yet. What would be stored now would not
    /// hold its output any more, so nothing is.
    commit_failed: Arc<AtomicBool>,
    /// What to do once no commit is under way.
    after_commits: Option<Action>,
    io: Io,
    done: Arc<dyn Fn(Done) + Send + Sync>,
}

/// The tasks of a job, as far as checkpoints are concerned.
pub struct TaskPlaces {
    /// The vertices, with the places of their tasks.
    pub vertices: Vec<VertexPlace>,
    /// Sinks by node.
    pub sinks: BTreeMap<usize, Arc<dyn Sink>>,
    /// The sink that each task writes.
    pub sink_of: Vec<Option<usize>>,
}

/// Which tasks fail over.
#[derive(Debug, Clone, Copy)]
pub enum Failed<'a> {
    /// All of the job.
    All,
    /// Those of some regions; others run on.
    Tasks(&'a [TaskId]),
}

impl Checkpoints {
    /// For a job whose first checkpoint gets the number `next_id`. `done` takes what the I/O
    /// thread has done.
    pub fn new(
        job: JobFacts,
        (next_id, claimed): (CheckpointId, Option<(CheckpointId, Place)>),
        tasks: TaskPlaces,
        open_places: Arc<Places>,
        now_ms: i64,
        done: Arc<dyn Fn(Done) + Send + Sync>,
    ) -> Result<Checkpoints> {
        let mut options = job.options.clone();
        if job.home.is_none() {
            options.interval_ms = None;
        }
        let mut coordinator = Coordinator::new(options, tasks.sink_of.len(), next_id, now_ms);
        let mut places = BTreeMap::new();
        let claimed_id = claimed.as_ref().map(|(id, _)| *id);
        if let Some((id, place)) = claimed {
            coordinator = coordinator.with_retained(&[id]);
            places.insert(id, place);
        }
        Ok(Checkpoints {
            job,
            coordinator,
            commands: Vec::new(),
            actions: Vec::new(),
            places,
            open_places,
            parts: BTreeMap::new(),
            finals: BTreeMap::new(),
            uncommitted: Uncommitted::default(),
            covered: BTreeMap::new(),
            shared_files: SharedFiles::default(),
            complete: BTreeSet::new(),
            claimed: claimed_id,
            undeleted: Arc::default(),
            requests: BTreeMap::new(),
            made_savepoint: false,
            next_request: 0,
            vertices: tasks.vertices,
            sinks: tasks.sinks,
            sink_of: tasks.sink_of,
            last_bytes: 0,
            last_written_bytes: 0,
            commits_under_way: 0,
            commit_failed: Arc::default(),
            after_commits: None,
            io: Io::start()?,
            done,
        })
    }

    /// Whether checkpoints are taken by themselves.
    pub fn are_periodic(&self) -> bool {
        self.job.home.is_some() && self.job.options.is_enabled()
    }

    /// Wall clock at which [`Checkpoints::tick`] is due, milliseconds.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.coordinator.next_deadline_ms()
    }

    /// The figures now.
    pub fn figures(&self) -> CheckpointFigures {
        let statistics = self.coordinator.statistics();
        CheckpointFigures {
            completed: statistics.completed,
            failed: statistics.failed,
            in_progress: statistics.in_progress,
            last: statistics.last_completed,
            last_bytes: self.last_bytes,
            last_written_bytes: self.last_written_bytes,
        }
    }

    /// What is to be done now, in order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// Time has passed.
    pub fn tick(&mut self, now_ms: i64) {
        self.step(now_ms, Event::Tick);
    }

    /// What has become of a task's part.
    pub fn report(&mut self, now_ms: i64, report: SnapshotReport) {
        let SnapshotReport { checkpoint, task, event } = report;
        let failure = match event {
            SnapshotEvent::Prepared(prepared) => {
                return self.uncommitted.add(task, checkpoint, prepared);
            }
            SnapshotEvent::Stored(handle) => {
                match self.parts.get_mut(&checkpoint) {
                    Some(parts) => drop(parts.insert(task, *handle)),
                    // It was given up meanwhile.
                    None if !self.places.contains_key(&checkpoint) => {
                        self.remove_shared_of(checkpoint);
                    }
                    None => {}
                }
                return self.step(now_ms, Event::Acknowledge { checkpoint, task });
            }
            SnapshotEvent::Failed(error) => {
                tracing::warn!(checkpoint, task, %error, "a task cannot store its snapshot");
                Failure::new(FailureReason::IoException, error.to_string())
            }
            // If the coordinator has given it up itself, it passes over this.
            SnapshotEvent::GivenUp => FailureReason::CheckpointDeclinedSubsumed.into(),
        };
        self.step(now_ms, Event::Decline { checkpoint, task, failure });
    }

    /// A task has reached the end of its input.
    pub fn task_finished(&mut self, now_ms: i64, task: TaskId, state: SubtaskState) {
        let SubtaskState { splits, prepared, locals, .. } = state;
        self.uncommitted.add_last(task, prepared);
        let handle = SubtaskHandle { splits, locals, finished: true, ..SubtaskHandle::default() };
        self.finals.insert(task, handle);
        self.step(now_ms, Event::TaskFinished { task });
    }

    /// Asks for a savepoint in that place, which must be new; the job ends with it if `stop`.
    pub fn savepoint(&mut self, now_ms: i64, place: Place, stop: Option<Stop>, reply: Reply) {
        self.next_request += 1;
        let request = self.next_request;
        self.requests.insert(request, Request { reply, place, stop: stop.is_some() });
        self.step(now_ms, Event::TriggerSavepoint { request, stop });
    }

    /// The I/O thread has done something.
    pub fn io_done(&mut self, now_ms: i64, done: Done) {
        match done {
            Done::Stored(checkpoint, Ok(())) => self.step(now_ms, Event::Stored { checkpoint }),
            Done::Stored(checkpoint, Err(error)) => {
                tracing::warn!(checkpoint, %error, "cannot store the checkpoint's metadata");
                let event = Event::StoreFailed {
                    checkpoint,
                    detail: error.to_string(),
                    maybe_stored: false,
                };
                self.step(now_ms, event);
            }
            Done::Committed(result) => {
                self.commits_under_way -= 1;
                match result {
                    Err(error) => self.actions.push(Action::Fail(error)),
                    Ok(()) if self.commits_under_way == 0 => {
                        self.actions.extend(self.after_commits.take());
                    }
                    Ok(()) => {}
                }
            }
        }
    }

    /// Tasks have failed; nothing that these still report counts, and what they have prepared for
    /// no complete checkpoint is void. What others have stays theirs: they never go back. Nothing
    /// begins until [`Checkpoints::resume`].
    pub fn fail_over(&mut self, now_ms: i64, failed: Failed<'_>) {
        // In this order, so that nothing begins whose barriers no task would ever see.
        self.step(now_ms, Event::Suspend);
        match failed {
            Failed::All => {
                self.step(now_ms, Event::Failover);
                self.finals.clear();
                self.uncommitted.clear();
            }
            Failed::Tasks(tasks) => {
                self.step(now_ms, Event::RegionFailover { tasks: tasks.to_vec() });
                for task in tasks {
                    self.finals.remove(task);
                    self.uncommitted.forget(*task, Covered::All);
                }
            }
        }
        // What was decided for the tasks as they were.
        self.after_commits = None;
    }

    /// Whether a savepoint stops the job.
    pub fn are_stopping(&self) -> bool {
        self.coordinator.is_stopping()
    }

    /// New tasks run, perhaps with sinks that were opened anew.
    pub fn replace_sinks(&mut self, sinks: &BTreeMap<usize, Arc<dyn Sink>>) {
        self.sinks.clone_from(sinks);
    }

    /// All tasks run again.
    pub fn resume(&mut self, now_ms: i64) {
        // Commits that failed were repeated by the recovery.
        self.commit_failed.store(false, Ordering::Relaxed);
        self.step(now_ms, Event::Resume);
    }

    /// The newest complete checkpoint.
    pub fn latest(&self) -> Option<Place> {
        self.places.get(&self.coordinator.latest_completed()?).cloned()
    }

    /// Commits all that the tasks, which have ended, have prepared: where no checkpoints are taken.
    pub fn commit_all(&mut self) -> Result<()> {
        let all = vec![Covered::All; self.sink_of.len()];
        commit_outputs(&self.take_outputs(all))
    }

    /// No more checkpoints: the job is over. Waits until nothing is stored or committed any more.
    pub fn shut_down(&mut self, now_ms: i64) {
        self.step(now_ms, Event::Shutdown);
        self.io.wait();
    }

    /// Waits until nothing is stored, committed or deleted any more.
    pub fn wait_for_io(&self) {
        self.io.wait();
    }

    /// Whether the job's own checkpoints outlive its failure.
    pub fn keeps_after_failure(&self) -> bool {
        self.job.options.retention.keeps_after(JobEnd::Failed)
    }

    /// Whether output that is not committed may be part of a savepoint.
    pub fn may_keep_output(&self) -> bool {
        self.made_savepoint
    }

    /// The same, once the job has ended like that: or of a checkpoint that outlives it.
    pub fn keeps_output_after(&self, end: JobEnd) -> bool {
        let is_kept = self.job.options.retention.keeps_after(end);
        self.made_savepoint || (is_kept && self.commit_failed.load(Ordering::Relaxed))
    }

    /// The end: what need not be kept is deleted, oldest first. If one cannot be, newer ones stay:
    /// whoever starts the job again from the newest must not find an old one.
    pub fn end(mut self, end: JobEnd) {
        let old = self.coordinator.on_job_end(end);
        let old: Vec<Place> = old.iter().filter_map(|id| self.places.remove(id)).collect();
        let left = self.undeleted.clone();
        self.io.run(move || {
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            left.drain(..).chain(old).all(|place| delete(&place));
        });
        if let Some(home) = self.job.home.clone().filter(|_| self.job.options.incremental) {
            let id = self.job.id.clone();
            self.io.run(move || {
                let swept = discard::sweep_shared(home.storage.as_ref(), &home.folder, Some(&id));
                warn_of_shared(swept.map(drop));
            });
        }
        let kept = self.coordinator.retained().next().is_some();
        if let (Some(home), false) = (&self.job.home, kept) {
            let home = home.clone();
            self.io.run(move || {
                // Others may have put something there.
                if home.storage.list(&home.folder, true).is_ok_and(|left| left.is_empty()) {
                    let _ = home.storage.delete_dir(&home.folder);
                }
            });
        }
        for (_, request) in std::mem::take(&mut self.requests) {
            let _ = request.reply.send(Err(Error::environment("the job has ended".to_owned())));
        }
        self.io.wait();
    }

    fn step(&mut self, now_ms: i64, event: Event) {
        let mut commands = std::mem::take(&mut self.commands);
        self.coordinator.step(now_ms, event, &mut commands);
        for command in commands.drain(..) {
            self.carry_out(command);
        }
        self.commands = commands;
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Trigger { checkpoint, kind, alignment, timestamp_ms, full } => {
                let barrier = Barrier {
                    checkpoint,
                    timestamp_ms,
                    alignment: alignment_of(alignment),
                    stop: kind.is_stop(),
                    scope: self.scope(kind, full),
                };
                self.trigger(kind, barrier);
            }
            Command::Abort { checkpoint, reason } => {
                tracing::info!(checkpoint, reason = reason.name(), "checkpoint aborted");
                self.parts.remove(&checkpoint);
                self.open_places.remove(checkpoint);
                self.actions.push(Action::TellAll(task::Command::Abort(checkpoint)));
            }
            Command::Store { checkpoint, kind, timestamp_ms } => {
                self.store(checkpoint, kind, timestamp_ms);
            }
            Command::Complete { checkpoint } => self.commit(checkpoint),
            Command::Discard { checkpoint } => self.discard(checkpoint),
            Command::FailJob { reason } => {
                self.actions.push(Action::Fail(Error::environment(reason)));
            }
            Command::SavepointDone { request, result } => self.answer(request, result),
            Command::CheckpointDone { request, .. } => {
                self.requests.remove(&request);
            }
            Command::AllFinished => self.once_committed(Action::Finished),
        }
    }

    /// Whether a snapshot may refer to files of earlier ones.
    fn scope(&self, kind: Kind, full: bool) -> Scope {
        if kind.is_savepoint() || !self.job.options.incremental {
            return Scope::Full;
        }
        let complete = self.coordinator.retained().next_back();
        Scope::Incremental { complete: complete.filter(|_| !full) }
    }

    fn trigger(&mut self, kind: Kind, barrier: Barrier) {
        let checkpoint = barrier.checkpoint;
        let Some(place) = self.place(checkpoint, kind) else { return };
        self.open_places.add(checkpoint, place.clone());
        self.places.insert(checkpoint, place);
        self.parts.insert(checkpoint, BTreeMap::new());
        if let Scope::Incremental { complete } = barrier.scope {
            self.shared_files.begin(checkpoint, complete);
        }
        self.actions.push(Action::TellSources(task::Command::Snapshot(barrier)));
    }

    /// Where a snapshot goes: a savepoint where its request wants it.
    fn place(&self, checkpoint: CheckpointId, kind: Kind) -> Option<Place> {
        if kind.is_savepoint() {
            // Savepoints begin in the order of their requests, also while others are stored.
            let mut requested = self.requests.values().map(|request| &request.place);
            let taken =
                |place: &Place| self.places.values().any(|other| other.folder == place.folder);
            return requested.find(|place| !taken(place)).cloned();
        }
        let home = self.job.home.as_ref()?;
        let folder = layout::checkpoint_folder(&home.folder, checkpoint);
        Some(Place { storage: home.storage.clone(), folder })
    }

    fn store(&mut self, checkpoint: CheckpointId, kind: Kind, timestamp_ms: i64) {
        if !self.places.contains_key(&checkpoint)
            && let Some(place) = self.place(checkpoint, kind)
        {
            // Never triggered: all tasks had ended.
            self.places.insert(checkpoint, place);
        }
        self.open_places.remove(checkpoint);
        let parts = self.parts.remove(&checkpoint).unwrap_or_default();
        let Some(place) = self.places.get(&checkpoint).cloned() else {
            let error = river_checkpoint::Error::internal("a checkpoint has no place");
            (self.done)(Done::Stored(checkpoint, Err(error)));
            return;
        };
        let covered: Vec<Covered> = (0..self.sink_of.len())
            .map(|task| match parts.contains_key(&task) {
                true => Covered::Barrier(checkpoint),
                false => Covered::All,
            })
            .collect();
        let metadata = self.metadata(checkpoint, kind, timestamp_ms, parts, &covered);
        self.last_bytes = metadata.state_bytes();
        self.last_written_bytes = metadata.written_bytes();
        self.shared_files.store(checkpoint, metadata.shared_files().map(str::to_owned));
        self.remove_unneeded();
        self.covered.insert(checkpoint, covered);
        let done = self.done.clone();
        let commit_failed = self.commit_failed.clone();
        self.io.run(move || {
            if commit_failed.load(Ordering::Relaxed) {
                let error = river_checkpoint::Error::internal("output was not committed");
                return done(Done::Stored(checkpoint, Err(error)));
            }
            let complete =
                || Ok(layout::complete(place.storage.as_ref(), &place.folder, &metadata));
            let stored = guarded("the storage of checkpoints", complete)
                .unwrap_or_else(|bug| Err(river_checkpoint::Error::internal(bug.message)));
            done(Done::Stored(checkpoint, stored.map(|_| ())));
        });
    }

    fn metadata(
        &self,
        checkpoint: CheckpointId,
        kind: Kind,
        timestamp_ms: i64,
        mut parts: BTreeMap<TaskId, SubtaskHandle>,
        covered: &[Covered],
    ) -> CheckpointMetadata {
        let mut subtask = |task: TaskId| {
            let part = parts.remove(&task).or_else(|| self.finals.get(&task).cloned());
            let prepared = self.uncommitted.of(task, covered[task]);
            SubtaskHandle { prepared, ..part.unwrap_or_default() }
        };
        let vertices = self.vertices.iter().map(|vertex| {
            let tasks = vertex.first_task..vertex.first_task + vertex.state.parallelism as usize;
            VertexState { subtasks: tasks.map(&mut subtask).collect(), ..vertex.state.clone() }
        });
        CheckpointMetadata {
            kind: if kind.is_savepoint() { StoredKind::Savepoint } else { StoredKind::Checkpoint },
            checkpoint,
            job_id: self.job.id.clone(),
            job_name: self.job.plan.name.clone(),
            leader_epoch: 0,
            timestamp_ms,
            river_version: env!("CARGO_PKG_VERSION").to_owned(),
            vertices: vertices.collect(),
            plan: self.job.plan.as_ref().clone(),
        }
    }

    /// Lets the sinks commit all that a durable checkpoint covers.
    fn commit(&mut self, checkpoint: CheckpointId) {
        tracing::debug!(checkpoint, "checkpoint complete");
        self.complete.insert(checkpoint);
        let Some(covered) = self.covered.remove(&checkpoint) else { return };
        let outputs = self.take_outputs(covered);
        let done = self.done.clone();
        self.commits_under_way += 1;
        let commit_failed = self.commit_failed.clone();
        self.io.run(move || {
            let result = commit_outputs(&outputs);
            if result.is_err() {
                commit_failed.store(true, Ordering::Relaxed);
            }
            done(Done::Committed(result));
        });
    }

    /// What each sink is to commit; it is no longer uncommitted.
    fn take_outputs(&mut self, covered: Vec<Covered>) -> Vec<Output> {
        let mut outputs: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        for (task, covered) in covered.into_iter().enumerate() {
            if let Some(sink) = self.sink_of[task] {
                outputs.entry(sink).or_default().extend(self.uncommitted.of(task, covered));
                self.uncommitted.forget(task, covered);
            }
        }
        let output = |(node, prepared)| {
            let sink = self.sinks.get(&node)?.clone();
            Some(Output { name: node_name(&self.job.plan.nodes[node]), sink, prepared })
        };
        outputs.into_iter().filter_map(output).collect()
    }

    fn once_committed(&mut self, action: Action) {
        match self.commits_under_way {
            0 => self.actions.push(action),
            _ => self.after_commits = Some(action),
        }
    }

    fn discard(&mut self, checkpoint: CheckpointId) {
        self.covered.remove(&checkpoint);
        self.open_places.remove(checkpoint);
        let Some(place) = self.places.remove(&checkpoint) else { return };
        let undeleted = self.undeleted.clone();
        let is_claimed = self.claimed == Some(checkpoint);
        self.io.run(move || {
            let deleted = if is_claimed { delete_claimed(&place) } else { delete(&place) };
            if !deleted {
                undeleted.lock().unwrap_or_else(PoisonError::into_inner).push(place);
            }
        });
        self.shared_files.discard(checkpoint);
        if !self.complete.remove(&checkpoint) && !is_claimed {
            self.remove_shared_of(checkpoint);
        }
        self.remove_unneeded();
    }

    /// Removes the shared files that nobody needs any more.
    fn remove_unneeded(&mut self) {
        let names = self.shared_files.take_unneeded();
        let Some(home) = self.job.home.clone().filter(|_| !names.is_empty()) else { return };
        let undeleted = self.undeleted.clone();
        self.io.run(move || {
            // A checkpoint that is still there may name them; the end of the job looks again.
            if undeleted.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                let shared = river_storage::join(&home.folder, layout::SHARED);
                warn_of_shared(discard::remove_shared(home.storage.as_ref(), &shared, &names));
            }
        });
    }

    /// Removes what tasks have written to shared files for a checkpoint that was given up.
    fn remove_shared_of(&mut self, checkpoint: CheckpointId) {
        let Some(home) = self.job.home.clone().filter(|_| self.job.options.incremental) else {
            return;
        };
        let id = self.job.id.clone();
        self.io.run(move || {
            let (storage, shared) =
                (home.storage, river_storage::join(&home.folder, layout::SHARED));
            warn_of_shared(discard::remove_shared_of(storage.as_ref(), &shared, &id, checkpoint));
        });
    }

    fn answer(&mut self, request: u64, result: std::result::Result<CheckpointId, Failure>) {
        let Some(Request { reply, place, stop }) = self.requests.remove(&request) else { return };
        let answer = match result {
            Ok(checkpoint) => {
                self.covered.remove(&checkpoint);
                self.made_savepoint = true;
                if stop {
                    // The job goes on from it if its output cannot be committed.
                    self.once_committed(Action::Stopped);
                } else {
                    self.places.remove(&checkpoint);
                }
                Ok(place.storage.display(&place.folder))
            }
            Err(failure) => Err(Error::environment(format!("no savepoint was made: {failure}"))),
        };
        // Whoever asked may have gone.
        let _ = reply.send(answer);
    }
}

/// What a sink is to commit.
struct Output {
    /// The sink, for errors.
    name: String,
    sink: Arc<dyn Sink>,
    prepared: Vec<Vec<u8>>,
}

fn commit_outputs(outputs: &[Output]) -> Result<()> {
    outputs.iter().try_for_each(|Output { name, sink, prepared }| {
        guarded(&format!("{name}: the commit"), || sink.commit(prepared))
    })
}

/// Deletes the files of a checkpoint; says whether it is gone. What cannot be deleted is tried
/// again at the end, and found by `river fsck`.
fn delete(place: &Place) -> bool {
    let deleted = discard::discard(place.storage.as_ref(), &place.folder);
    if let Err(error) = &deleted {
        tracing::warn!(folder = place.folder, %error, "cannot delete a checkpoint");
    }
    deleted.is_ok()
}

/// The same for a checkpoint of another job that belongs to this one: that job's other checkpoints
/// may name the same files.
fn delete_claimed(place: &Place) -> bool {
    let Place { storage, folder } = place;
    let metadata = layout::read(storage.as_ref(), &river_storage::join(folder, layout::METADATA));
    if !delete(place) {
        return false;
    }
    let named = metadata.iter().flat_map(CheckpointMetadata::shared_files).map(str::to_owned);
    let named: BTreeSet<String> = named.collect();
    warn_of_shared(discard::remove_shared_by_last(storage.as_ref(), folder, named));
    true
}

fn warn_of_shared(removed: river_checkpoint::Result<()>) {
    if let Err(error) = removed {
        tracing::warn!(%error, "cannot delete files of checkpoints");
    }
}

fn alignment_of(alignment: Alignment) -> task::Alignment {
    match alignment {
        Alignment::Aligned => task::Alignment::Aligned,
        Alignment::AlignedWithTimeout(ms) => task::Alignment::AlignedFor(ms.max(0) as u64),
        Alignment::Unaligned => task::Alignment::Unaligned,
        Alignment::AtLeastOnce => task::Alignment::AtLeastOnce,
    }
}
