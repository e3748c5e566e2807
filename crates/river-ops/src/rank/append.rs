//! Top-N of rows that only come: keeps the best N of each partition.

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{KeyIndex, RowStore};
use river_runtime::{Batch, Operator, Output, Result, Status};

use super::{RankSpec, Ranks};
use crate::changes::Changes;
use crate::one_row::{arrow_types, project};
use crate::order::{Order, OrderKeys, StoredKey};
use crate::pending::Pending;
use crate::ttl::Ttl;

/// Keeps the best rows.
pub struct AppendTopN<K> {
    ranks: Ranks,
    order: Order,
    columns: Vec<usize>,
    keys: KeyIndex,
    store: RowStore,
    /// The best rows of each partition, best first, equal ones by arrival.
    tops: Vec<Vec<(K, u32)>>,
    ttl: Ttl,
    pending: Pending,
}

impl<K: StoredKey> AppendTopN<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<AppendTopN<K>> {
        let types = arrow_types(input);
        let key_types: Vec<_> = spec.partition.iter().map(|c| types[*c].clone()).collect();
        Ok(AppendTopN {
            ranks: Ranks::of(spec),
            order: Order::new(input, spec.order)?,
            columns: spec.partition.to_vec(),
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            tops: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
            pending: Pending::default(),
        })
    }

    fn expire(&mut self, clock: i64) {
        for slot in self.ttl.expired(clock) {
            let gone: Vec<u32> = self.tops[slot as usize].drain(..).map(|(_, row)| row).collect();
            self.store.remove(&gone);
            self.ttl.forget(slot);
            self.keys.remove(slot);
        }
    }

    fn is_in_range(&self, slot: u32, key: &[u8]) -> bool {
        let top = &self.tops[slot as usize];
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
        let top = &mut self.tops[slot as usize];
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
        self.expire(clock);
        let mut slots = Vec::new();
        let columns = project(&batch.columns, &self.columns);
        self.keys.lookup_or_insert(&columns, batch.rows, &mut slots)?;
        self.tops.resize_with(self.keys.capacity().max(self.tops.len()), Vec::new);
        let keys = self.order.keys(&batch.columns)?;
        let candidates = self.candidates(&slots, &keys);
        let mut ids = Vec::new();
        self.store.append(&batch.columns, &candidates, &mut ids)?;
        let (mut changes, mut dead) = (Changes::default(), Vec::new());
        let mut next = candidates.iter().zip(&ids).peekable();
        for (range, watermark) in batch.segments() {
            while let Some((row, id)) = next.next_if(|(row, _)| (**row as usize) < range.end) {
                let slot = slots[*row as usize];
                self.insert(slot, keys.get(*row as usize), *id, &mut changes, &mut dead);
                self.ttl.touch(slot, clock);
            }
            watermark.into_iter().for_each(|watermark| changes.mark(watermark));
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.store)?);
        self.store.remove(&dead);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
