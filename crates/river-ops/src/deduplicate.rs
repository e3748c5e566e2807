//! First or last row of each key.
//!
//! | | processing time | event time |
//! |---|---|---|
//! | last | each new row replaces the last; equal rows are passed over (`ProcTimeDeduplicateKeepLastRowFunction`) | a row not older than the last replaces it (`RowTimeDeduplicateFunction`) |
//! | first | the first row, append-only (`ProcTimeDeduplicateKeepFirstRowFunction`) | the oldest row, sent once the watermark has reached it (`RowTimeDeduplicateKeepFirstRowFunction`) |

mod first_row;
mod first_rowtime;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

use arrow_array::{Array, ArrayRef};
use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_expr::column::timestamp_ticks;
use river_runtime::operator::now_ms;
use river_runtime::state::Checkpointed;
use river_runtime::{Batch, Error, Operator, Output, Result, Status};

use crate::changes::{Changes, IN_BATCH, NO_ROW};
use crate::one_row::{OneRow, RowEquality};
use crate::pending::Pending;
use first_row::FirstRow;
use first_rowtime::FirstByRowtime;

/// The operator for a deduplication of rows with the columns `input`.
pub fn create(
    input: &[Field],
    keys: &[usize],
    rowtime: Option<usize>,
    keep_last: bool,
    emit_update_before: bool,
    ttl_ms: u64,
) -> Result<Box<dyn Operator>> {
    Ok(match (keep_last, rowtime) {
        (false, None) => Box::new(FirstRow::new(input, keys, ttl_ms)?),
        (false, Some(rowtime)) => Box::new(FirstByRowtime::new(input, keys, rowtime, ttl_ms)?),
        (true, _) => Box::new(LastRow {
            rows: OneRow::new(input, keys, ttl_ms)?,
            equality: RowEquality::new(input)?,
            rowtime,
            times: Vec::new(),
            emit_update_before,
            pending: Pending::default(),
        }),
    })
}

/// The event times of a batch's rows.
pub(crate) fn event_times(batch: &Batch, rowtime: usize) -> Result<&[i64]> {
    times_of(&batch.columns[rowtime])
}

/// The event times of a column.
fn times_of(column: &ArrayRef) -> Result<&[i64]> {
    if column.null_count() > 0 {
        return Err(Error::input("the event-time column is NULL in some row"));
    }
    timestamp_ticks(column.as_ref())
        .ok_or_else(|| Error::internal("the event-time column is no timestamp"))
}

/// Keeps the last row of each key.
struct LastRow {
    rows: OneRow,
    equality: RowEquality,
    rowtime: Option<usize>,
    /// Event time of the row of each slot.
    times: Vec<i64>,
    emit_update_before: bool,
    pending: Pending,
}

impl LastRow {
    /// What follows from rows that were loaded.
    fn learn(&mut self) -> Result<()> {
        self.times.resize(self.rows.keys.capacity(), i64::MIN);
        self.rows.for_loaded(|slots, columns| {
            let Some(rowtime) = self.rowtime else { return self.equality.load(slots, columns) };
            for (slot, time) in slots.iter().zip(times_of(&columns[rowtime])?) {
                self.times[*slot as usize] = *time;
            }
            Ok(())
        })
    }

    /// Whether the new row must be passed over.
    fn is_passed_over(
        &self,
        batch: &Batch,
        times: Option<&[i64]>,
        slot: u32,
        kept: u32,
        row: usize,
    ) -> Result<bool> {
        if let Some(times) = times {
            return Ok(times[row] < self.times[slot as usize]);
        }
        if self.rows.ttl.is_on() {
            return Ok(false);
        }
        self.equality.is_same(slot, kept, row, &batch.columns, &self.rows.store)
    }
}

impl Operator for LastRow {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let clock = now_ms(now);
        let slots = self.rows.begin(&batch, clock)?;
        self.learn()?;
        let times = match self.rowtime {
            Some(rowtime) if batch.rows > 0 => Some(event_times(&batch, rowtime)?),
            _ => None,
        };
        let capacity = self.rows.keys.capacity();
        if times.is_some() {
            self.times.resize(capacity.max(self.times.len()), i64::MIN);
        } else {
            self.equality.begin(&batch, capacity)?;
        }
        let mut changes = Changes::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                let (slot, new) = (slots[row], row as u32 | IN_BATCH);
                let kept = self.rows.get(slot);
                if kept == NO_ROW {
                    changes.push(new, RowKind::Insert);
                } else {
                    if self.is_passed_over(&batch, times, slot, kept, row)? {
                        continue;
                    }
                    if self.emit_update_before {
                        changes.push(kept, RowKind::UpdateBefore);
                    }
                    changes.push(new, RowKind::UpdateAfter);
                }
                self.rows.set(slot, new);
                self.rows.ttl.touch(slot, clock);
                match times {
                    Some(times) => self.times[slot as usize] = times[row],
                    None => self.equality.set(slot, row),
                }
            }
            watermark.into_iter().for_each(|watermark| changes.mark(watermark));
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.rows.store)?);
        self.rows.end(&batch.columns, true)?;
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![self.rows.table()]
    }

    fn restore_local(&mut self, _saved: &[Vec<u8>]) -> Result<()> {
        self.learn()
    }
}
