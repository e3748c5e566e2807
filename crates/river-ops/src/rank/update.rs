//! Top-N of rows that are updated in place by key, each time to a better or equal rank.

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{KeyIndex, RowStore};
use river_runtime::{Batch, Operator, Output, Result, Status};

use super::{RankSpec, Ranks};
use crate::changes::{Changes, NO_ROW};
use crate::one_row::{arrow_types, project};
use crate::order::{Order, StoredKey};
use crate::pending::Pending;
use crate::ttl::Ttl;

/// Keeps the best rows, by partition and by row key.
pub struct UpdateTopN<K> {
    ranks: Ranks,
    order: Order,
    partition: Vec<usize>,
    partitions: KeyIndex,
    row_key: Vec<usize>,
    row_keys: KeyIndex,
    store: RowStore,
    /// Stored row of each row key slot, or [`NO_ROW`].
    rows: Vec<u32>,
    /// The best row keys of each partition, best first.
    tops: Vec<Vec<(K, u32)>>,
    ttl: Ttl,
    dead: Vec<u32>,
    /// Row keys that have fallen out.
    evicted: Vec<u32>,
    pending: Pending,
}

impl<K: StoredKey> UpdateTopN<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>, keys: &[usize]) -> Result<UpdateTopN<K>> {
        let types = arrow_types(input);
        let of =
            |columns: &[usize]| -> Vec<_> { columns.iter().map(|c| types[*c].clone()).collect() };
        let mut row_key: Vec<usize> = spec.partition.iter().chain(keys).copied().collect();
        row_key.sort_unstable();
        row_key.dedup();
        Ok(UpdateTopN {
            ranks: Ranks::of(spec),
            order: Order::new(input, spec.order)?,
            partition: spec.partition.to_vec(),
            partitions: KeyIndex::new(&of(spec.partition))?,
            row_keys: KeyIndex::new(&of(&row_key))?,
            row_key,
            store: RowStore::new(&types)?,
            rows: Vec::new(),
            tops: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
            dead: Vec::new(),
            evicted: Vec::new(),
            pending: Pending::default(),
        })
    }

    fn expire(&mut self, clock: i64) {
        for slot in self.ttl.expired(clock) {
            for (_, row_key) in self.tops[slot as usize].drain(..) {
                let row = std::mem::replace(&mut self.rows[row_key as usize], NO_ROW);
                self.store.remove(&[row]);
                self.row_keys.remove(row_key);
            }
            self.ttl.forget(slot);
            self.partitions.remove(slot);
        }
    }

    /// A row comes, new or in place of that of its key. False if it is not good enough.
    fn arrive(&mut self, slot: u32, row_key: u32, key: K, row: u32, changes: &mut Changes) -> bool {
        let old = self.rows[row_key as usize];
        let top = &mut self.tops[slot as usize];
        if old == NO_ROW {
            let full = top.len() as u64 >= self.ranks.end;
            if full && top.last().is_none_or(|(last, _)| *last <= key) {
                return false;
            }
            self.enter(slot, row_key, key, row, changes);
            return true;
        }
        self.rows[row_key as usize] = row;
        self.dead.push(old);
        let Some(from) = top.iter().position(|(_, k)| *k == row_key) else { return true };
        let before = top[from].0.clone();
        let mut to = from;
        if before != key {
            top.remove(from);
            to = top.partition_point(|(k, _)| *k <= key);
            top.insert(to, (key, row_key));
        }
        if !self.ranks.are_tracked() {
            self.ranks.send(changes, old, RowKind::UpdateBefore, self.ranks.start);
            self.ranks.send(changes, row, RowKind::UpdateAfter, self.ranks.start);
            return true;
        }
        if to <= from {
            self.rise(slot, from, to, old, changes);
        } else {
            self.fall(slot, from, to, old, changes);
        }
        true
    }

    fn enter(&mut self, slot: u32, row_key: u32, key: K, row: u32, changes: &mut Changes) {
        self.rows[row_key as usize] = row;
        let top = &mut self.tops[slot as usize];
        let at = top.partition_point(|(k, _)| *k <= key);
        top.insert(at, (key, row_key));
        if self.ranks.are_tracked() {
            let behind = top[at + 1..].iter().map(|(_, k)| self.rows[*k as usize]);
            self.ranks.insert(changes, row, at as u64 + 1, behind);
        }
        if top.len() as u64 > self.ranks.end
            && let Some((_, last)) = top.pop()
        {
            let gone = std::mem::replace(&mut self.rows[last as usize], NO_ROW);
            self.dead.push(gone);
            self.evicted.push(last);
            if !self.ranks.are_tracked() {
                changes.push(gone, RowKind::Delete);
            }
        }
        if !self.ranks.are_tracked() {
            changes.push(row, RowKind::Insert);
        }
    }

    /// The row that was at `from` is now at `to`, not behind it: those in between move on by one.
    /// The old row is taken back before the new one is sent.
    fn rise(&self, slot: u32, from: usize, to: usize, old: u32, changes: &mut Changes) {
        let top = &self.tops[slot as usize];
        let row_at = |at: usize| self.rows[top[at].1 as usize];
        let old_rank = from as u64 + 1;
        for at in to..=from {
            let rank = at as u64 + 1;
            if at < from {
                self.ranks.send(changes, row_at(at + 1), RowKind::UpdateBefore, rank);
            }
            if at == to {
                self.ranks.send(changes, old, RowKind::UpdateBefore, old_rank);
            }
            self.ranks.send(changes, row_at(at), RowKind::UpdateAfter, rank);
        }
    }

    /// The row that was at `from` is now at `to`, behind it, which breaks the promise of the plan
    /// (state upstream expired): those in between move up by one.
    fn fall(&self, slot: u32, from: usize, to: usize, old: u32, changes: &mut Changes) {
        let top = &self.tops[slot as usize];
        let row_at = |at: usize| self.rows[top[at].1 as usize];
        self.ranks.send(changes, old, RowKind::UpdateBefore, from as u64 + 1);
        for at in from..to {
            self.ranks.send(changes, row_at(at), RowKind::UpdateBefore, at as u64 + 2);
            self.ranks.send(changes, row_at(at), RowKind::UpdateAfter, at as u64 + 1);
        }
        self.ranks.send(changes, row_at(to), RowKind::UpdateAfter, to as u64 + 1);
    }

    fn finish(&mut self, mut touched: Vec<u32>) {
        self.store.remove(&self.dead);
        self.dead.clear();
        touched.append(&mut self.evicted);
        touched.sort_unstable();
        touched.dedup();
        for row_key in touched {
            if self.rows[row_key as usize] == NO_ROW {
                self.row_keys.remove(row_key);
            }
        }
    }
}

impl<K: StoredKey> Operator for UpdateTopN<K> {
    fn process(
        &mut self,
        _input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let clock = now_ms(now);
        self.expire(clock);
        let (mut slots, mut row_keys, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        let columns = project(&batch.columns, &self.partition);
        self.partitions.lookup_or_insert(&columns, batch.rows, &mut slots)?;
        self.tops.resize_with(self.partitions.capacity().max(self.tops.len()), Vec::new);
        let columns = project(&batch.columns, &self.row_key);
        self.row_keys.lookup_or_insert(&columns, batch.rows, &mut row_keys)?;
        self.rows.resize(self.row_keys.capacity().max(self.rows.len()), NO_ROW);
        let all: Vec<u32> = (0..batch.rows as u32).collect();
        self.store.append(&batch.columns, &all, &mut ids)?;
        let keys = self.order.keys(&batch.columns)?;
        let mut changes = Changes::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                let (slot, row_key, id) = (slots[row], row_keys[row], ids[row]);
                let key = K::from_bytes(keys.get(row));
                let accumulate = batch.kind(row).is_accumulate();
                if accumulate && self.arrive(slot, row_key, key, id, &mut changes) {
                    self.ttl.touch(slot, clock);
                } else {
                    self.dead.push(id);
                }
            }
            watermark.into_iter().for_each(|watermark| changes.mark(watermark));
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.store)?);
        self.finish(row_keys);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }
}
