//! When a task makes its snapshot, and which channels it holds back for it: counts the barriers of
//! each checkpoint over the task's channels.
//!
//! Called by the gate; pure, time comes in. Watermarks and idleness have no part in it. A channel
//! that has ended sends no barrier and is not waited for.
//!
//! Rules: exactly once, Flink's `SingleCheckpointBarrierHandler`: one checkpoint at a time, a newer
//! one's barrier gives an older one up. At least once, `CheckpointBarrierTracker`: several at a
//! time, and one that is complete gives the older ones up. Barriers of a checkpoint that was given
//! up or aborted are ignored.

use std::collections::BTreeSet;

use crate::checkpoint::{Alignment as Mode, Barrier, Timing};

#[cfg(test)]
mod tests;

/// Checkpoints counted at once, at least once (`MAX_CHECKPOINTS_TO_TRACK`).
const MOST_PENDING: usize = 50;

/// Checkpoints remembered as aborted or given up.
const MOST_DEAD: usize = 64;

/// What a barrier, an end or the passing of time means, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the barrier counts; others are to be forgotten, with what they have overtaken.
    pub counts: bool,
    /// Hold no channel back any more.
    pub release: bool,
    /// Hold back the channel that the barrier has come from.
    pub hold: bool,
    /// Checkpoints whose barriers are no longer waited for, or were overtaken by a newer one's.
    pub given_up: Vec<u64>,
    /// Make the snapshot now, and pass this barrier on.
    pub snapshot: Option<Barrier>,
    /// All barriers of the checkpoint have come.
    pub complete: Option<u64>,
    /// Start delay and alignment of the checkpoint so far.
    pub timing: Timing,
}

/// The checkpoints whose barriers are being waited for.
#[derive(Debug)]
pub struct Alignment {
    /// For each channel whether it has not ended.
    open: Vec<bool>,
    /// One, or several of at least once; oldest first.
    pending: Vec<Pending>,
    /// The newest checkpoint of which a barrier has come.
    newest: u64,
    /// The newest ones that were aborted or given up.
    dead: BTreeSet<u64>,
    /// A barrier that is on its way in a channel, and since when, wall clock in microseconds.
    announced: Option<(Barrier, i64)>,
}

#[derive(Debug)]
struct Pending {
    barrier: Barrier,
    /// For each channel whether its barrier has come.
    arrived: Vec<bool>,
    first_us: i64,
    /// The snapshot was made at the first barrier; what comes before the others is recorded.
    recording: bool,
    /// Whether channels are held back.
    holding: bool,
}

impl Alignment {
    /// For that many channels.
    pub fn new(channels: usize) -> Alignment {
        Alignment {
            open: vec![true; channels],
            pending: Vec::new(),
            newest: 0,
            dead: BTreeSet::new(),
            announced: None,
        }
    }

    /// A barrier is on its way in a channel: the time for it to come counts from now on, if no
    /// other is waited for.
    pub fn announce(&mut self, barrier: Barrier, now_us: i64) {
        let id = barrier.checkpoint;
        let is_known = self.announced.is_some_and(|(announced, _)| announced.checkpoint >= id);
        if !is_known && id > self.newest && !self.dead.contains(&id) {
            self.announced = Some((barrier, now_us));
        }
    }

    /// A barrier has come on a channel, at that time: wall clock in microseconds.
    pub fn barrier(&mut self, channel: usize, barrier: Barrier, now_us: i64) -> Verdict {
        let mut verdict = Verdict::default();
        let id = barrier.checkpoint;
        if !self.pending.iter().any(|pending| pending.barrier.checkpoint == id) {
            let late = id <= self.newest;
            if late || self.dead.contains(&id) {
                verdict.given_up.extend(self.bury(id).then_some(id));
                // Had it overtaken, then its channel is no longer held back.
                let held = |p: &Pending| p.holding && p.arrived[channel];
                verdict.hold = self.pending.iter().any(held);
                return verdict;
            }
            self.begin(barrier, now_us, &mut verdict);
        }
        let Some(at) = self.pending.iter().position(|p| p.barrier.checkpoint == id) else {
            return verdict;
        };
        verdict.counts = true;
        let pending = &mut self.pending[at];
        pending.arrived[channel] = true;
        let overtakes = barrier.alignment == Mode::Unaligned || is_due(&pending.barrier, now_us);
        if overtakes && !pending.recording {
            pending.go_on_unaligned(&mut verdict);
        }
        let holds = !pending.recording && pending.barrier.alignment != Mode::AtLeastOnce;
        if holds && !pending.is_complete(&self.open) {
            pending.holding = true;
            verdict.hold = true;
        }
        verdict.timing = pending.timing(now_us);
        self.complete(now_us, &mut verdict);
        verdict
    }

    /// A channel has ended.
    pub fn end(&mut self, channel: usize, now_us: i64) -> Verdict {
        let mut verdict = Verdict::default();
        self.open[channel] = false;
        self.complete(now_us, &mut verdict);
        verdict
    }

    /// Whether the time for holding channels back is over, and what then.
    pub fn pass_time(&mut self, now_us: i64) -> Option<Verdict> {
        if let Some((barrier, _)) = self.announced
            && self.pending.is_empty()
            && is_due(&barrier, now_us)
        {
            self.begin(barrier, now_us, &mut Verdict::default());
        }
        let pending = self.pending.last_mut()?;
        if pending.recording || !is_due(&pending.barrier, now_us) {
            return None;
        }
        let mut verdict = Verdict { timing: pending.timing(now_us), ..Verdict::default() };
        pending.go_on_unaligned(&mut verdict);
        Some(verdict)
    }

    /// When [`Alignment::pass_time`] is wanted, wall clock in milliseconds.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        match self.pending.last() {
            Some(pending) if pending.recording => None,
            Some(pending) => deadline_ms(&pending.barrier),
            None => deadline_ms(&self.announced?.0),
        }
    }

    /// A checkpoint will not be completed. Returns whether channels were held back for it.
    pub fn abort(&mut self, checkpoint: u64) -> bool {
        self.bury(checkpoint);
        self.announced.take_if(|(announced, _)| announced.checkpoint == checkpoint);
        let at = self.pending.iter().position(|p| p.barrier.checkpoint == checkpoint);
        at.is_some_and(|at| self.pending.remove(at).holding)
    }

    /// Whether batches of a channel belong to a snapshot that was made.
    pub fn records(&self, channel: usize) -> bool {
        self.pending.last().is_some_and(|pending| pending.recording && !pending.arrived[channel])
    }

    fn begin(&mut self, barrier: Barrier, now_us: i64, verdict: &mut Verdict) {
        let others = self.pending.iter().map(|pending| pending.barrier.alignment);
        let at_least_once = others.chain([barrier.alignment]).all(|mode| mode == Mode::AtLeastOnce);
        let keep = if at_least_once { MOST_PENDING - 1 } else { 0 };
        let given_up = self.pending.len().saturating_sub(keep);
        self.give_up(given_up, verdict);
        self.newest = barrier.checkpoint;
        let announced = self.announced.take_if(|(a, _)| a.checkpoint <= barrier.checkpoint);
        let announced = announced.filter(|(a, _)| a.checkpoint == barrier.checkpoint);
        self.pending.push(Pending {
            barrier,
            arrived: vec![false; self.open.len()],
            first_us: announced.map_or(now_us, |(_, since_us)| since_us),
            recording: false,
            holding: false,
        });
    }

    /// Gives up the oldest.
    fn give_up(&mut self, count: usize, verdict: &mut Verdict) {
        let given_up: Vec<Pending> = self.pending.drain(..count).collect();
        for pending in given_up {
            self.bury(pending.barrier.checkpoint);
            verdict.given_up.push(pending.barrier.checkpoint);
            verdict.release |= pending.holding;
        }
    }

    /// Remembers that nothing will come of a checkpoint; says whether that is new.
    fn bury(&mut self, checkpoint: u64) -> bool {
        let is_new = self.dead.insert(checkpoint);
        if self.dead.len() > MOST_DEAD {
            self.dead.pop_first();
        }
        is_new
    }

    /// Looks for a checkpoint of which nothing is missing.
    fn complete(&mut self, now_us: i64, verdict: &mut Verdict) {
        let Some(at) = self.pending.iter().rposition(|p| p.is_complete(&self.open)) else {
            return;
        };
        self.give_up(at, verdict);
        let pending = self.pending.remove(0);
        verdict.release |= pending.holding;
        if !pending.recording {
            verdict.snapshot = Some(pending.barrier);
        }
        verdict.complete = Some(pending.barrier.checkpoint);
        verdict.timing = pending.timing(now_us);
    }
}

impl Pending {
    fn is_complete(&self, open: &[bool]) -> bool {
        open.iter().zip(&self.arrived).all(|(open, arrived)| !open || *arrived)
    }

    fn go_on_unaligned(&mut self, verdict: &mut Verdict) {
        self.barrier.alignment = Mode::Unaligned;
        self.recording = true;
        verdict.snapshot = Some(self.barrier);
        verdict.release |= std::mem::take(&mut self.holding);
    }

    fn timing(&self, now_us: i64) -> Timing {
        let since_trigger =
            self.first_us.saturating_sub(self.barrier.timestamp_ms.saturating_mul(1000));
        Timing {
            start_delay_us: since_trigger.max(0) as u64,
            alignment_us: now_us.saturating_sub(self.first_us).max(0) as u64,
            sync_us: 0,
        }
    }
}

/// Until when a barrier may be waited for with channels held back.
fn deadline_ms(barrier: &Barrier) -> Option<i64> {
    let Mode::AlignedFor(longest_ms) = barrier.alignment else { return None };
    Some(barrier.timestamp_ms.saturating_add_unsigned(longest_ms))
}

fn is_due(barrier: &Barrier, now_us: i64) -> bool {
    deadline_ms(barrier).is_some_and(|at| at <= now_us.div_euclid(1000))
}
