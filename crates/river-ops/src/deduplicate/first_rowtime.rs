//! The row of each key with the least event time, sent when the watermark has reached it. What has
//! been sent is never corrected, so the output only appends.

mod firsts;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Operator, Output, Result, Status};

use self::firsts::Firsts;
use super::{event_times, times_of};
use crate::changes::{Changes, IN_BATCH, NO_ROW};
use crate::one_row::project;
use crate::pending::Pending;
use crate::saved::{encode_numbers, least_progress};

/// Holds the oldest row of each key until its time has come.
pub struct FirstByRowtime {
    state: Keyed<Firsts>,
    rowtime: usize,
    /// Event time of the waiting row of each slot.
    times: Vec<i64>,
    /// Time, order of arrival and slot of rows that wait or were replaced.
    timers: BinaryHeap<Reverse<(i64, i64, u32)>>,
    arrivals: i64,
    watermark: i64,
    /// Slots of late rows, which may be of no use.
    late: Vec<u32>,
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
            state: Keyed::new(Firsts::new(input, keys, ttl_ms)?),
            rowtime,
            times: Vec::new(),
            timers: BinaryHeap::new(),
            arrivals: 0,
            watermark: i64::MIN,
            late: Vec::new(),
            pending: Pending::default(),
        })
    }

    fn arrive(&mut self, slot: u32, row: usize, time: i64) {
        let at = slot as usize;
        let state = &mut *self.state;
        if state.sent[at] {
            return;
        }
        if time < self.watermark {
            self.late.push(slot);
            return;
        }
        if state.waiting.get(slot) == NO_ROW || time < self.times[at] {
            state.waiting.set(slot, row as u32 | IN_BATCH);
            self.arrivals += 1;
            state.arrivals[at] = self.arrivals;
            self.times[at] = time;
            self.timers.push(Reverse((time, self.arrivals, slot)));
        }
    }

    fn fire(&mut self, watermark: i64, clock: i64, changes: &mut Changes) -> Result<()> {
        self.watermark = self.watermark.max(watermark);
        let mut due = Vec::new();
        while let Some(Reverse((time, arrival, slot))) = self.timers.peek().copied() {
            if time > watermark {
                break;
            }
            self.timers.pop();
            // Not those that were replaced.
            if self.state.arrivals[slot as usize] == arrival {
                due.push(slot);
            }
        }
        self.state.touch(&due)?;
        for slot in due {
            let row = self.state.waiting.get(slot);
            if row != NO_ROW {
                changes.push(row, RowKind::Insert);
                self.state.is_sent(slot, clock);
            }
        }
        changes.mark(watermark);
        Ok(())
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
        let keys = project(&batch.columns, self.state.waiting.key_columns());
        self.state.fetch(&keys, batch.rows)?;
        let expired = self.state.sent_ttl.expired(clock);
        self.state.touch(&expired)?;
        self.state.forget_sent(&expired);
        let mut slots = Vec::new();
        let mut times: &[i64] = &[];
        if batch.rows > 0 {
            slots = self.state.slots(&batch)?;
            self.state.touch(&slots)?;
            times = event_times(&batch, self.rowtime)?;
            let capacity = self.state.waiting.keys.capacity().max(self.times.len());
            self.times.resize(capacity, i64::MIN);
        }
        let mut changes = Changes::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                self.arrive(slots[row], row, times[row]);
            }
            if let Some(watermark) = watermark {
                self.fire(watermark, clock, &mut changes)?;
            }
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.state.waiting.store)?);
        self.state.waiting.end(&batch.columns, false)?;
        let late = std::mem::take(&mut self.late);
        self.state.forget_unused(late);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }

    fn save_local(&self) -> Result<Vec<u8>> {
        Ok(encode_numbers(&[self.watermark]))
    }

    fn restore_local(&mut self, saved: &[Vec<u8>]) -> Result<()> {
        self.watermark = least_progress(saved)?.unwrap_or(i64::MIN);
        let Firsts { waiting, arrivals, .. } = &mut *self.state;
        self.times.resize(waiting.keys.capacity(), i64::MIN);
        waiting.for_loaded(|slots, columns| {
            for (slot, time) in slots.iter().zip(times_of(&columns[self.rowtime])?) {
                let arrival = arrivals[*slot as usize];
                self.times[*slot as usize] = *time;
                self.timers.push(Reverse((*time, arrival, *slot)));
                self.arrivals = self.arrivals.max(arrival);
            }
            Ok(())
        })
    }
}
