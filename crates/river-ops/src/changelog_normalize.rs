//! Makes a full changelog of an upsert stream (`ProcTimeDeduplicateKeepLastRowFunction` on a
//! changelog, `StreamExecChangelogNormalize`): remembers the last row of each key, so that an
//! update has its before-image, a deletion the whole row, and repetitions are dropped.

#[cfg(test)]
mod survival;
#[cfg(test)]
mod tests;

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::Checkpointed;
use river_runtime::{Batch, Operator, Output, Result, Status};

use crate::changes::{Changes, IN_BATCH, NO_ROW};
use crate::one_row::{OneRow, RowEquality};
use crate::pending::Pending;

/// Normalises changes by key.
pub struct ChangelogNormalize {
    rows: OneRow,
    equality: RowEquality,
    emit_update_before: bool,
    pending: Pending,
}

impl ChangelogNormalize {
    /// Of rows with those columns, by these keys.
    pub fn new(
        input: &[Field],
        keys: &[usize],
        emit_update_before: bool,
        ttl_ms: u64,
    ) -> Result<ChangelogNormalize> {
        Ok(ChangelogNormalize {
            rows: OneRow::new(input, keys, ttl_ms)?,
            equality: RowEquality::new(input)?,
            emit_update_before,
            pending: Pending::default(),
        })
    }

    /// What follows from rows that were loaded.
    fn learn(&mut self) -> Result<()> {
        self.rows.for_loaded(|slots, columns| self.equality.load(slots, columns))
    }

    fn change(
        &mut self,
        batch: &Batch,
        row: usize,
        slot: u32,
        changes: &mut Changes,
        now_ms: i64,
    ) -> Result<()> {
        let kept = self.rows.get(slot);
        if !batch.kind(row).is_accumulate() {
            if kept != NO_ROW {
                changes.push(kept, RowKind::Delete);
            }
            self.rows.set(slot, NO_ROW);
            return Ok(());
        }
        let new = row as u32 | IN_BATCH;
        if kept == NO_ROW {
            changes.push(new, RowKind::Insert);
        } else {
            let store = &self.rows.store;
            if !self.rows.ttl.is_on()
                && self.equality.is_same(slot, kept, row, &batch.columns, store)?
            {
                return Ok(());
            }
            if self.emit_update_before {
                changes.push(kept, RowKind::UpdateBefore);
            }
            changes.push(new, RowKind::UpdateAfter);
        }
        self.rows.set(slot, new);
        self.rows.ttl.touch(slot, now_ms);
        self.equality.set(slot, row);
        Ok(())
    }
}

impl Operator for ChangelogNormalize {
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
        self.equality.begin(&batch, self.rows.keys.capacity())?;
        let mut changes = Changes::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                self.change(&batch, row, slots[row], &mut changes, clock)?;
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
