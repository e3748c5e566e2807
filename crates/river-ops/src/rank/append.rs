//! Top-N of rows that only come: keeps the best N of each partition.

mod tops;

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Operator, Output, Result, Status};

use self::tops::Tops;
use super::{RankSpec, Ranks};
use crate::changes::Changes;
use crate::one_row::project;
use crate::order::{OrderKeys, StoredKey};
use crate::pending::Pending;

/// Keeps the best rows.
pub struct AppendTopN<K> {
    ranks: Ranks,
    state: Keyed<Tops<K>>,
    pending: Pending,
}

impl<K: StoredKey> AppendTopN<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<AppendTopN<K>> {
        Ok(AppendTopN {
            ranks: Ranks::of(spec),
            state: Keyed::new(Tops::new(input, spec)?),
            pending: Pending::default(),
        })
    }

    fn expire(&mut self, clock: i64) -> Result<()> {
        let expired = self.state.ttl.expired(clock);
        self.state.touch(&expired)?;
        self.state.forget(&expired);
        Ok(())
    }

    fn is_in_range(&self, slot: u32, key: &[u8]) -> bool {
        let top = &self.state.tops[slot as usize];
        (top.len() as u64) < self.ranks.end || top.last().is_some_and(|(k, _)| k.is_after(key))
    }

    fn insert(
        &mut self,
        slot: u32,
        key: &[u8],
        row: u32,
        changes: &mut Changes,
        dead: &mut Vec<u32>,
    ) {
        if !self.is_in_range(slot, key) {
            dead.push(row);
            return;
        }
        let key = K::from_bytes(key);
        let top = &mut self.state.tops[slot as usize];
        let at = top.partition_point(|(k, _)| *k <= key);
        top.insert(at, (key, row));
        if self.ranks.are_tracked() {
            let behind = top[at + 1..].iter().map(|(_, row)| *row);
            self.ranks.insert(changes, row, at as u64 + 1, behind);
        }
        if top.len() as u64 > self.ranks.end
            && let Some((_, last)) = top.pop()
        {
            dead.push(last);
            if !self.ranks.are_tracked() {
                changes.push(last, RowKind::Delete);
            }
        }
        if !self.ranks.are_tracked() {
            changes.push(row, RowKind::Insert);
        }
    }

    /// The rows that may enter: what is not good enough for the state as it is before the batch
    /// will not be later.
    fn candidates(&self, slots: &[u32], keys: &OrderKeys) -> Vec<u32> {
        let rows = slots.iter().enumerate();
        rows.filter(|(row, slot)| self.is_in_range(**slot, keys.get(*row)))
            .map(|(row, _)| row as u32)
            .collect()
    }
}

impl<K: StoredKey> Operator for AppendTopN<K> {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let clock = now_ms(now);
        let partition = project(&batch.columns, &self.state.partition);
        self.state.fetch(&partition, batch.rows)?;
        self.expire(clock)?;
        let slots = self.state.slots(&batch.columns, batch.rows)?;
        let keys = self.state.order.keys(&batch.columns)?;
        let candidates = self.candidates(&slots, &keys);
        let entered: Vec<u32> = candidates.iter().map(|row| slots[*row as usize]).collect();
        self.state.touch(&entered)?;
        let mut ids = Vec::new();
        self.state.store.append(&batch.columns, &candidates, &mut ids)?;
        let (mut changes, mut dead) = (Changes::default(), Vec::new());
        let mut next = candidates.iter().zip(&ids).peekable();
        for (range, watermark) in batch.segments() {
            while let Some((row, id)) = next.next_if(|(row, _)| (**row as usize) < range.end) {
                let slot = slots[*row as usize];
                self.insert(slot, keys.get(*row as usize), *id, &mut changes, &mut dead);
                self.state.ttl.touch(slot, clock);
            }
            watermark.into_iter().for_each(|watermark| changes.mark(watermark));
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.state.store)?);
        self.state.store.remove(&dead);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }
}
