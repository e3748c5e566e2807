//! A task: one thread that runs one chain for one subtask, from its source or gate to its
//! consumers or sink.
//!
//! The loop: fire due timers, take one batch, run it through the chain; with nothing to take, send
//! what is held back and wait, for input or the next timer. A cancel closes the task's queue, which
//! ends every wait. A panic of an operator becomes an error that names it; nothing here lets one
//! out of the thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use river_expr::{EvalContext, Session};

use crate::chain::Chain;
use crate::exchange::{InputQueue, Outcome, Received, Stop};
use crate::gate::Gate;
use crate::metrics::{TaskMetrics, Waiting};
use crate::source::{Poll, SourceReader};
use crate::{Batch, Error, MAX_WATERMARK};

mod end;

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
}

impl Task {
    /// Runs to the end. Returns what a sink's writer has prepared to be committed.
    pub fn run(mut self) -> Outcome<Vec<Vec<u8>>> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.work()));
        self.metrics.end();
        outcome.unwrap_or_else(|panic| {
            let message = panic_message(&*panic);
            let place = self.chain.running().unwrap_or(&self.name);
            let message = format!("{place} broke down: {message}; this is a bug of river");
            Err(Stop::Failed(Error::internal(message)))
        })
    }

    fn work(&mut self) -> Outcome<Vec<Vec<u8>>> {
        let mut now = EvalContext::new(self.session.clone(), 0);
        loop {
            let now_ms = set_clock(&mut now);
            if self.signals.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::Cancelled);
            }
            self.chain.fire_timers(now_ms, &mut now, &mut self.end)?;
            self.end.tick(now_ms)?;
            let goes_on = match &self.head {
                Head::Source { .. } => self.read_source(&mut now)?,
                Head::Gate(_) => self.read_gate(&mut now)?,
            };
            if !goes_on {
                return self.end.finish();
            }
            let inputs_idle = matches!(&self.head, Head::Gate(gate) if gate.is_idle());
            self.end.set_idle(self.chain.is_idle(inputs_idle))?;
        }
    }

    /// Reads and runs one batch, or waits; false at the end.
    fn read_source(&mut self, now: &mut EvalContext) -> Outcome<bool> {
        let Head::Source { name, reader } = &mut self.head else { return Ok(false) };
        let polled = if self.signals.stopping.load(Ordering::Relaxed) {
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
        let step = gate.accept(channel, element)?;
        let done = gate.is_done();
        if let Some((input, batch)) = step.batch {
            self.metrics.add_in(batch.rows);
            self.chain.process(input, batch, now, &mut self.end)?;
        }
        if let Some(input) = step.ended {
            self.chain.end_input(input, now, &mut self.end)?;
        }
        Ok(!done)
    }

    /// Waits for input, a timer, a signal, or at most `longest`.
    fn wait(&self, longest: Option<Duration>) -> Received {
        let timers = [self.chain.next_timer_ms(), self.end.next_timer_ms()];
        let to_timer = timers.into_iter().flatten().min().map(|at| {
            let left_ms = at.saturating_sub(now_ns().div_euclid(1_000_000)).max(0);
            Duration::from_millis(left_ms as u64)
        });
        let longest = longest.into_iter().chain(to_timer).min();
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

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "no message",
    }
}
