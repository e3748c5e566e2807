//! The best row of each partition: a better one replaces it.

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::Checkpointed;
use river_runtime::{Batch, Operator, Output, Result, Status};

use super::{RankSpec, Ranks};
use crate::changes::{Changes, IN_BATCH, NO_ROW};
use crate::one_row::OneRow;
use crate::order::{Order, StoredKey};
use crate::pending::Pending;

/// Keeps the best row.
pub struct TopOne<K> {
    ranks: Ranks,
    order: Order,
    rows: OneRow,
    /// Sort key of the row of each slot.
    best: Vec<Option<K>>,
    pending: Pending,
}

impl<K: StoredKey> TopOne<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<TopOne<K>> {
        Ok(TopOne {
            ranks: Ranks::of(spec),
            order: Order::new(input, spec.order)?,
            rows: OneRow::new(input, spec.partition, spec.ttl_ms)?,
            best: Vec::new(),
            pending: Pending::default(),
        })
    }

    /// Makes room for all slots, and learns the sort keys of rows that were loaded.
    fn learn(&mut self) -> Result<()> {
        self.best.resize(self.rows.keys.capacity().max(self.best.len()), None);
        self.rows.for_loaded(|slots, columns| {
            let keys = self.order.keys(columns)?;
            for (row, slot) in slots.iter().enumerate() {
                self.best[*slot as usize] = Some(K::from_bytes(keys.get(row)));
            }
            Ok(())
        })
    }
}

impl<K: StoredKey> Operator for TopOne<K> {
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
        let keys = self.order.keys(&batch.columns)?;
        let mut changes = Changes::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                let (slot, new, key) = (slots[row], row as u32 | IN_BATCH, keys.get(row));
                let kept = self.rows.get(slot);
                let best = &mut self.best[slot as usize];
                if kept == NO_ROW {
                    self.ranks.send(&mut changes, new, RowKind::Insert, 1);
                } else if best.as_ref().is_some_and(|best| best.is_after(key)) {
                    self.ranks.send(&mut changes, kept, RowKind::UpdateBefore, 1);
                    self.ranks.send(&mut changes, new, RowKind::UpdateAfter, 1);
                } else {
                    continue;
                }
                *best = Some(K::from_bytes(key));
                self.rows.set(slot, new);
                self.rows.ttl.touch(slot, clock);
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
