//! What a task does for checkpoints: obeys commands, cuts its chain at barriers and passes them
//! on, and goes on from what was restored.

use std::sync::atomic::Ordering;
use std::time::Instant;

use river_expr::EvalContext;

use super::{Head, Running, now_us};
use crate::checkpoint::{Alignment, Barrier, Command, RestoredState, SubtaskState, Timing};
use crate::error::ErrorKind;
use crate::exchange::{Element, Notice, Outcome, Stop};
use crate::gate::Verdict;
use crate::{Batch, Error};

impl Running {
    /// Goes on from restored state: first the operators, then the batches that were in flight.
    pub(super) fn restore(
        &mut self,
        from: &mut dyn RestoredState,
        now: &mut EvalContext,
    ) -> Outcome<()> {
        self.chain.restore(from).map_err(unrestorable)?;
        for (channel, batch) in from.in_flight().map_err(unrestorable)? {
            let Head::Gate(gate) = &mut self.head else { continue };
            let step = gate.accept(channel, Element::Batch(batch), now_us(now))?;
            if let Some((input, batch)) = step.batch {
                self.metrics.add_in(batch.rows);
                self.chain.process(input, batch, now, &mut self.end)?;
            }
        }
        Ok(())
    }

    /// Does what the driver has said, and what is due for barriers that have been waited for.
    pub(super) fn obey(&mut self, now: &EvalContext) -> Outcome<()> {
        self.queue.take_notices(&mut self.notices);
        while let Some(notice) = self.notices.pop_front() {
            match notice {
                Notice::Command(Command::Snapshot(barrier)) => self.start(barrier, now)?,
                Notice::Command(Command::Abort(checkpoint)) => self.abort(checkpoint),
                Notice::Announced(barrier) => {
                    if let Head::Gate(gate) = &mut self.head {
                        gate.alignment().announce(barrier, now_us(now));
                    }
                }
            }
        }
        let Head::Gate(gate) = &mut self.head else { return Ok(()) };
        if let Some(verdict) = gate.alignment().pass_time(now_us(now)) {
            self.heed(0, verdict, Vec::new())?;
        }
        Ok(())
    }

    /// Makes the snapshot of a source.
    fn start(&mut self, mut barrier: Barrier, now: &EvalContext) -> Outcome<()> {
        if matches!(self.head, Head::Gate(_)) {
            return Ok(());
        }
        let since_trigger_ms = now_us(now).div_euclid(1000).saturating_sub(barrier.timestamp_ms);
        if let Alignment::AlignedFor(longest_ms) = barrier.alignment
            && since_trigger_ms.try_into().is_ok_and(|since_ms: u64| since_ms >= longest_ms)
        {
            barrier.alignment = Alignment::Unaligned;
        }
        let start_delay_us = since_trigger_ms.max(0) as u64 * 1000;
        self.snapshot(barrier, Timing { start_delay_us, ..Timing::default() })?;
        self.snapshots.complete(barrier.checkpoint, 0);
        if barrier.stop && self.snapshots.last_aborted() != barrier.checkpoint {
            self.halted_by = Some(barrier.checkpoint);
        }
        Ok(())
    }

    fn abort(&mut self, checkpoint: u64) {
        if let Head::Gate(gate) = &mut self.head
            && gate.alignment().abort(checkpoint)
        {
            self.queue.unblock_all();
        }
        self.snapshots.abort(checkpoint, &mut self.chain);
        self.halted_by = self.halted_by.filter(|halted_by| *halted_by != checkpoint);
    }

    /// Does what an element of a channel, or the passing of time, means for checkpoints.
    pub(super) fn heed(
        &mut self,
        channel: usize,
        verdict: Verdict,
        in_flight: Vec<Batch>,
    ) -> Outcome<()> {
        if verdict.release {
            self.queue.unblock_all();
        }
        if verdict.hold {
            self.queue.block(channel);
        }
        for checkpoint in verdict.given_up {
            self.snapshots.give_up(checkpoint, &mut self.chain);
        }
        if let Some(barrier) = verdict.snapshot {
            self.snapshot(barrier, verdict.timing)?;
        }
        self.snapshots.record(channel, in_flight);
        if let Some(checkpoint) = verdict.complete {
            self.snapshots.complete(checkpoint, verdict.timing.alignment_us);
        }
        Ok(())
    }

    /// Cuts everything at this point between two batches, and passes the barrier on.
    fn snapshot(&mut self, barrier: Barrier, mut timing: Timing) -> Outcome<()> {
        let begun = Instant::now();
        // Tables owe one cut at a time.
        self.settle()?;
        if self.snapshots.last_aborted() == barrier.checkpoint {
            return Ok(());
        }
        if self.snapshots.are_kept() {
            let cut = self.chain.cut(self.snapshots.incremental(&barrier))?;
            let mut state = SubtaskState { locals: cut.locals, ..SubtaskState::default() };
            if let Head::Source { reader, .. } = &self.head {
                state.splits = reader.snapshot();
            }
            state.prepared = self.end.prepare()?;
            timing.sync_us = begun.elapsed().as_micros() as u64;
            self.snapshots.begin(&barrier, state, timing, &mut self.chain, cut.changes);
        }
        if barrier.alignment == Alignment::Unaligned {
            self.queue.overtake(barrier.checkpoint);
        }
        self.end.barrier(barrier)
    }

    /// Gives all that is owed for the snapshot in progress, as fast as it is taken.
    pub(super) fn settle(&mut self) -> Outcome<()> {
        while self.snapshots.are_owing() {
            if self.signals.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::Cancelled);
            }
            self.snapshots.advance(&mut self.chain, &self.metrics)?;
            if let Some(pause) = self.snapshots.pause().filter(|pause| !pause.is_zero()) {
                self.queue.pause(Instant::now() + pause)?;
            }
            self.obey_aborts();
        }
        Ok(self.snapshots.advance(&mut self.chain, &self.metrics)?)
    }

    /// Aborts get through while rows are waited for; they also keep a snapshot from being begun.
    fn obey_aborts(&mut self) {
        self.queue.take_notices(&mut self.notices);
        for notice in std::mem::take(&mut self.notices) {
            let Notice::Command(Command::Abort(checkpoint)) = notice else {
                self.notices.push_back(notice);
                continue;
            };
            self.abort(checkpoint);
            self.notices.retain(|notice| match notice {
                Notice::Command(Command::Snapshot(barrier)) => barrier.checkpoint != checkpoint,
                _ => true,
            });
        }
    }
}

/// An error of reading state. One of the storage's may be over the next time.
fn unrestorable(error: Error) -> Stop {
    match error.kind {
        ErrorKind::Input => Stop::Unrestorable(error),
        _ => Stop::Failed(error),
    }
}
