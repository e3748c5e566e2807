//! The operator interface: synchronous, batch in, bounded batches out, resumable.
//!
//! The task loop calls an operator with one batch at a time. An operator that would emit more than
//! its [`Output`] takes stops with [`Status::More`] and is called again through
//! [`Operator::resume`] until it is done; only then does it get its next input. Between the calls
//! barriers, cancels and timers get through. An operator never blocks, sleeps or does I/O.
//!
//! Watermarks: the task combines the watermarks of all inputs first, so each [`crate::Mark`] an
//! operator sees is *its* watermark. An operator passes marks on at the right place between its
//! own output rows (and holds back or changes them only if its node says so).

use std::collections::VecDeque;

use river_expr::{EvalContext, Session};

use crate::state::Checkpointed;
use crate::{Batch, Result};

/// Rows of an output batch that operators aim for.
pub const TARGET_ROWS: usize = 4096;

/// Batches an operator may put into its output before it must stop with [`Status::More`].
pub const OUTPUT_BATCHES: usize = 16;

/// Whether an operator has finished what it was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Status {
    /// Ready for the next call.
    Done,
    /// The output is full; call [`Operator::resume`] once it is drained.
    More,
}

/// Where an operator puts what it emits.
#[derive(Debug, Default)]
pub struct Output {
    batches: VecDeque<Batch>,
    idle: Option<bool>,
}

impl Output {
    /// Adds a batch; empty ones are dropped.
    pub fn push(&mut self, batch: Batch) {
        if !batch.is_empty() {
            self.batches.push_back(batch);
        }
    }

    /// Whether the operator should stop with [`Status::More`] before it makes another batch.
    pub fn is_full(&self) -> bool {
        self.batches.len() >= OUTPUT_BATCHES
    }

    /// Says that no watermarks will come for a while, so that others need not wait for this
    /// subtask, or that they will again (`WatermarkStatus`). Holds from behind the batches so far.
    pub fn set_idle(&mut self, idle: bool) {
        self.idle = Some(idle);
    }

    /// What was last said by [`Output::set_idle`] since it was last asked for. The task asks once
    /// the batches are drained; a batch with rows after it makes the subtask active in any case.
    pub fn take_idle(&mut self) -> Option<bool> {
        self.idle.take()
    }

    /// Whether no batch waits in it.
    pub fn is_drained(&self) -> bool {
        self.batches.is_empty()
    }

    /// The oldest batch.
    pub fn pop(&mut self) -> Option<Batch> {
        self.batches.pop_front()
    }
}

/// What an operator instance knows of its place.
#[derive(Debug, Clone)]
pub struct OperatorContext {
    /// This subtask, from 0.
    pub subtask: u32,
    /// Subtasks of the operator.
    pub parallelism: u32,
    /// Key groups of the job.
    pub max_parallelism: u32,
    /// Session settings for expressions.
    pub session: Session,
}

/// One operator of a chain, in one subtask. Single-threaded.
pub trait Operator: Send {
    /// Takes a batch of input `input`. `now` is the wall clock and session for expressions.
    fn process(
        &mut self,
        input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status>;

    /// Goes on after [`Status::More`].
    fn resume(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        let _ = (now, out);
        Ok(Status::Done)
    }

    /// Input `input` has ended. Bounded event-time input ends with a [`crate::MAX_WATERMARK`] mark,
    /// so this is for what watermarks do not trigger (sorting, processing-time windows).
    fn end_input(&mut self, input: usize, now: &EvalContext, out: &mut Output) -> Result<Status> {
        let _ = (input, now, out);
        Ok(Status::Done)
    }

    /// Wall-clock time in milliseconds at which it wants [`Operator::on_timer`], if any.
    fn next_timer_ms(&self) -> Option<i64> {
        None
    }

    /// The time asked for by [`Operator::next_timer_ms`] has come.
    fn on_timer(&mut self, now: &EvalContext, out: &mut Output) -> Result<Status> {
        let _ = (now, out);
        Ok(Status::Done)
    }

    /// Its keyed state, always the same tables in the same order. Called between other calls only,
    /// when nothing waits to be sent.
    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        Vec::new()
    }

    /// What it must remember beside its tables: small, of this subtask, in its own encoding (a
    /// window operator's watermark). Empty for none.
    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// What [`Operator::save_local`] gave in this subtask when the checkpoint was made; if there
    /// were more or fewer subtasks then, what it gave in each of them. Called before any row and
    /// after the tables are loaded, so that what follows from the tables (timers, orders) can be
    /// made here.
    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        let _ = saved;
        Ok(())
    }
}

/// Milliseconds since the epoch of an evaluation context's clock.
pub fn now_ms(now: &EvalContext) -> i64 {
    now.now_ns.div_euclid(1_000_000)
}
