//! The row of each key with the least event time, sent when the watermark has reached it. What has
//! been sent is never corrected, so the output only appends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::{Batch, Operator, Output, Result, Status};

use super::event_times;
use crate::changes::{Changes, IN_BATCH, NO_ROW};
use crate::one_row::OneRow;
use crate::pending::Pending;
use crate::ttl::Ttl;

/// Holds the oldest row of each key until its time has come.
pub struct FirstByRowtime {
    waiting: OneRow,
    rowtime: usize,
    /// Event time of the waiting row of each slot.
    times: Vec<i64>,
    sent: Vec<bool>,
    sent_ttl: Ttl,
    /// Time, order of arrival and slot of rows that wait or were replaced.
    timers: BinaryHeap<Reverse<(i64, u64, u32)>>,
    arrivals: u64,
    watermark: i64,
    pending: Pending,
}

impl FirstByRowtime {
    pub fn new(
        input: &[Field],
        keys: &[usize],
        rowtime: usize,
        ttl_ms: u64,
    ) -> Result<FirstByRowtime> {
        Ok(FirstByRowtime {
            waiting: OneRow::new(input, keys, 0)?,
            rowtime,
            times: Vec::new(),
            sent: Vec::new(),
            sent_ttl: Ttl::new(ttl_ms),
            timers: BinaryHeap::new(),
            arrivals: 0,
            watermark: i64::MIN,
            pending: Pending::default(),
        })
    }

    fn arrive(&mut self, slot: u32, row: usize, time: i64) {
        let at = slot as usize;
        if time < self.watermark || self.sent[at] {
            return;
        }
        if self.waiting.get(slot) == NO_ROW || time < self.times[at] {
            self.waiting.set(slot, row as u32 | IN_BATCH);
            self.times[at] = time;
            self.arrivals += 1;
            self.timers.push(Reverse((time, self.arrivals, slot)));
        }
    }

    fn fire(&mut self, watermark: i64, clock: i64, changes: &mut Changes) {
        self.watermark = self.watermark.max(watermark);
        while let Some(Reverse((time, _, slot))) = self.timers.peek().copied() {
            if time > watermark {
                break;
            }
            self.timers.pop();
            let (row, at) = (self.waiting.get(slot), slot as usize);
            if row != NO_ROW && self.times[at] == time {
                changes.push(row, RowKind::Insert);
                self.waiting.set(slot, NO_ROW);
                self.sent[at] = true;
                self.sent_ttl.touch(slot, clock);
            }
        }
        changes.mark(watermark);
    }
}

impl Operator for FirstByRowtime {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let clock = now_ms(now);
        for slot in self.sent_ttl.expired(clock) {
            self.sent_ttl.forget(slot);
            self.sent[slot as usize] = false;
            if self.waiting.get(slot) == NO_ROW {
                self.waiting.keys.remove(slot);
            }
        }
        let mut slots = Vec::new();
        let mut times: &[i64] = &[];
        if batch.rows > 0 {
            slots = self.waiting.begin(&batch, clock)?;
            times = event_times(&batch, self.rowtime)?;
            let capacity = self.waiting.keys.capacity().max(self.times.len());
            self.times.resize(capacity, i64::MIN);
            self.sent.resize(capacity, false);
        }
        let mut changes = Changes::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                self.arrive(slots[row], row, times[row]);
            }
            if let Some(watermark) = watermark {
                self.fire(watermark, clock, &mut changes);
            }
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.waiting.store)?);
        self.waiting.end(&batch.columns, false)?;
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
