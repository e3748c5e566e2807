//! A task: one thread that runs one chain for one subtask, from its source or gate to its
//! consumers or sink.
//!
//! The loop: obey commands, fire due timers, take one batch, run it through the chain, give some of
//! what is owed for a checkpoint; with nothing to take, send what is held back and wait, for input
//! or the next timer. A cancel closes the task's queue, which ends every wait. A panic of an
//! operator becomes an error that names it; nothing here lets one out of the thread.
//!
//! Commands and barriers get through between batches: a task that waits for room in a consumer's
//! queue first ends the batch it is on, also for an unaligned barrier.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use river_expr::{EvalContext, Session};

use crate::chain::Chain;
use crate::checkpoint::{RestoredState, SnapshotWriter, SubtaskState};
use crate::exchange::{InputQueue, Notice, Outcome, Received, Stop};
use crate::gate::Gate;
use crate::metrics::{TaskMetrics, Waiting};
use crate::source::{Poll, SourceReader};
use crate::state::StateMemory;
use crate::{Batch, Error, MAX_WATERMARK};

mod checkpoint;
mod end;
mod memory;
mod snapshot;
#[cfg(test)]
mod tests;

use memory::MemoryWatch;
use snapshot::Snapshots;

pub use end::{ChainEnd, Destination};

/// Where a task's rows come from.
pub enum Head {
    /// A source, read on this thread.
    Source {
        /// For errors.
        name: String,
        /// The subtask's reader.
        reader: Box<dyn SourceReader>,
    },
    /// Channels from other tasks.
    Gate(Gate),
}

/// What a job tells all its tasks.
#[derive(Debug, Default)]
pub struct Signals {
    /// Sources are to end as if they had no more rows.
    pub stopping: AtomicBool,
    /// Everything is to end at once.
    pub cancelled: AtomicBool,
}

/// All that one subtask needs.
pub struct Task {
    /// `<vertex>-<subtask>`
    pub name: String,
    /// Where rows come from.
    pub head: Head,
    /// What is done to them.
    pub chain: Chain,
    /// Where they go.
    pub end: ChainEnd,
    /// The task's channels; for a source, what it waits on.
    pub queue: Arc<InputQueue>,
    /// Settings for expressions.
    pub session: Session,
    /// The task's counters.
    pub metrics: Arc<TaskMetrics>,
    /// The job's signals.
    pub signals: Arc<Signals>,
    /// Where snapshots go; without one barriers are only passed on.
    pub writer: Option<Box<dyn SnapshotWriter>>,
    /// What the operators go on from. A source's reader and a sink have been given theirs before.
    pub restored: Option<Box<dyn RestoredState>>,
    /// The budget for state; without one it is all kept in memory.
    pub memory: Option<Arc<StateMemory>>,
    /// The subtask had ended when the checkpoint was made that the job goes on from: it only says
    /// so again.
    pub finished_before: bool,
}

impl Task {
    /// Whether it has no input channels.
    pub fn is_source(&self) -> bool {
        matches!(self.head, Head::Source { .. })
    }

    /// Runs to the end. Returns the state for all checkpoints from now on: `finished`, with what a
    /// sink's writer has prepared to be committed.
    pub fn run(self) -> Outcome<SubtaskState> {
        let Task { name, session, restored, finished_before, .. } = self;
        let metrics = self.metrics.clone();
        let mut chain = self.chain;
        let memory = self.memory.map(|memory| MemoryWatch::new(memory, &mut chain));
        let mut running = Running {
            head: self.head,
            chain,
            memory,
            end: self.end,
            queue: self.queue,
            metrics: self.metrics,
            signals: self.signals,
            snapshots: Snapshots::new(self.writer),
            notices: VecDeque::new(),
            halted_by: None,
        };
        let now = EvalContext::new(session, 0);
        let work = || match finished_before {
            true => running.end_again(),
            false => running.work(&name, restored, now),
        };
        let outcome = catch_unwind(AssertUnwindSafe(work));
        metrics.end();
        outcome.unwrap_or_else(|panic| {
            let place = running.chain.running().unwrap_or(&name);
            Err(Stop::Failed(Error::broke_down(place, &*panic)))
        })
    }
}

/// A task at work.
struct Running {
    head: Head,
    chain: Chain,
    memory: Option<MemoryWatch>,
    end: ChainEnd,
    queue: Arc<InputQueue>,
    metrics: Arc<TaskMetrics>,
    signals: Arc<Signals>,
    snapshots: Snapshots,
    /// Notices taken from the queue and not obeyed yet.
    notices: VecDeque<Notice>,
    /// The checkpoint with which the job ends: a source reads no further.
    halted_by: Option<u64>,
}

impl Running {
    fn work(
        &mut self,
        name: &str,
        restored: Option<Box<dyn RestoredState>>,
        mut now: EvalContext,
    ) -> Outcome<SubtaskState> {
        set_clock(&mut now);
        if let Some(mut restored) = restored {
            let begun = Instant::now();
            self.restore(&mut *restored, &mut now)?;
            let ms = begun.elapsed().as_millis();
            tracing::info!(task = name, ms, "state is restored");
        }
        loop {
            let now_ms = set_clock(&mut now);
            if self.signals.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::Cancelled);
            }
            self.obey(&now)?;
            self.chain.fire_timers(now_ms, &mut now, &mut self.end)?;
            self.end.tick(now_ms)?;
            let goes_on = match &self.head {
                Head::Source { .. } => self.read_source(&mut now)?,
                Head::Gate(_) => self.read_gate(&mut now)?,
            };
            if !goes_on {
                let prepared = self.end.prepare()?;
                self.end.close()?;
                self.snapshots.wait();
                return Ok(self.finished(prepared));
            }
            let inputs_idle = matches!(&self.head, Head::Gate(gate) if gate.is_idle());
            self.end.set_idle(self.chain.is_idle(inputs_idle))?;
            self.snapshots.advance(&mut self.chain, &self.metrics)?;
            if let Some(memory) = &mut self.memory {
                memory.look(&mut self.chain)?;
            }
        }
    }

    /// Ends as in an earlier run; no operator and no sink takes part.
    fn end_again(&mut self) -> Outcome<SubtaskState> {
        self.end.close()?;
        Ok(self.finished(Vec::new()))
    }

    fn finished(&self, prepared: Vec<Vec<u8>>) -> SubtaskState {
        let splits = match &self.head {
            Head::Source { reader, .. } => reader.snapshot(),
            Head::Gate(_) => Vec::new(),
        };
        SubtaskState { prepared, splits, finished: true, ..SubtaskState::default() }
    }

    /// Reads and runs one batch, or waits; false at the end.
    fn read_source(&mut self, now: &mut EvalContext) -> Outcome<bool> {
        let Head::Source { name, reader } = &mut self.head else { return Ok(false) };
        let polled = if self.halted_by.is_some() {
            Poll::Wait(Duration::from_secs(1))
        } else if self.signals.stopping.load(Ordering::Relaxed) {
            Poll::End
        } else {
            reader.poll().map_err(|error| error.context(&*name))?
        };
        match polled {
            Poll::Batch(batch) => {
                self.metrics.add_in(batch.rows);
                set_clock(now);
                self.chain.process(0, batch, now, &mut self.end)?;
                Ok(true)
            }
            Poll::Wait(longest) => {
                self.end.flush()?;
                let woken = self.wait(Some(longest));
                if matches!(woken, Received::Closed) { Err(Stop::Cancelled) } else { Ok(true) }
            }
            Poll::End => {
                // A checkpoint that was asked for by now is of the state before the end.
                self.obey(now)?;
                if self.halted_by.is_some() {
                    return Ok(true);
                }
                self.settle()?;
                let last = Batch::watermark(MAX_WATERMARK);
                self.chain.process(0, last, now, &mut self.end)?;
                self.chain.end_input(0, now, &mut self.end)?;
                Ok(false)
            }
        }
    }

    /// Takes and runs one element, or waits; false at the end.
    fn read_gate(&mut self, now: &mut EvalContext) -> Outcome<bool> {
        let received = match self.queue.try_receive() {
            Received::Nothing => {
                self.end.flush()?;
                let received = self.wait(None);
                set_clock(now);
                received
            }
            received => received,
        };
        let Head::Gate(gate) = &mut self.head else { return Ok(false) };
        let (channel, element) = match received {
            Received::Nothing => return Ok(true),
            Received::Closed => return Err(Stop::Cancelled),
            Received::Element(channel, element) => (channel, element),
        };
        let step = gate.accept(channel, element, now_us(now))?;
        let done = gate.is_done();
        if let Some(verdict) = step.verdict {
            self.heed(channel, verdict, step.in_flight)?;
        } else if !step.in_flight.is_empty() {
            self.snapshots.record(channel, step.in_flight);
        }
        if done {
            // What is owed for a checkpoint is of the state before the end.
            self.settle()?;
        }
        if let Some((input, batch)) = step.batch {
            self.metrics.add_in(batch.rows);
            self.chain.process(input, batch, now, &mut self.end)?;
        }
        if let Some(input) = step.ended {
            self.chain.end_input(input, now, &mut self.end)?;
        }
        Ok(!done)
    }

    /// Waits for input, a timer, a signal, or at most `longest`; not at all while tables owe rows
    /// that can be given.
    fn wait(&self, longest: Option<Duration>) -> Received {
        let alignment_ends = match &self.head {
            Head::Gate(gate) => gate.next_deadline_ms(),
            Head::Source { .. } => None,
        };
        let timers = [self.chain.next_timer_ms(), self.end.next_timer_ms(), alignment_ends];
        let to_timer = timers.into_iter().flatten().min().map(|at| {
            let left_ms = at.saturating_sub(now_ns().div_euclid(1_000_000)).max(0);
            Duration::from_millis(left_ms as u64)
        });
        let longest = [longest, to_timer, self.snapshots.pause()].into_iter().flatten().min();
        let deadline = longest.and_then(|longest| Instant::now().checked_add(longest));
        let _waiting = self.metrics.wait(Waiting::Idle);
        self.queue.receive(deadline)
    }
}

/// Sets the wall clock of a context; returns it in milliseconds.
fn set_clock(now: &mut EvalContext) -> i64 {
    now.now_ns = now_ns();
    now.now_ns.div_euclid(1_000_000)
}

/// Wall clock, nanoseconds since the epoch.
fn now_ns() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX)
}

/// The wall clock that a context was set to, microseconds since the epoch.
fn now_us(now: &EvalContext) -> i64 {
    now.now_ns.div_euclid(1000)
}
