//! Top-N of rows that are updated in place by key, each time to a better or equal rank.

mod tops;

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Operator, Output, Result, Status};

use self::tops::Tops;
use super::{RankSpec, Ranks};
use crate::changes::{Changes, NO_ROW};
use crate::one_row::project;
use crate::order::StoredKey;
use crate::pending::Pending;

/// Keeps the best rows, by partition and by row key.
pub struct UpdateTopN<K> {
    ranks: Ranks,
    state: Keyed<Tops<K>>,
    dead: Vec<u32>,
    /// Row keys that have fallen out.
    evicted: Vec<u32>,
    pending: Pending,
}

impl<K: StoredKey> UpdateTopN<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>, keys: &[usize]) -> Result<UpdateTopN<K>> {
        Ok(UpdateTopN {
            ranks: Ranks::of(spec),
            state: Keyed::new(Tops::new(input, spec, keys)?),
            dead: Vec::new(),
            evicted: Vec::new(),
            pending: Pending::default(),
        })
    }

    fn expire(&mut self, clock: i64) -> Result<()> {
        let expired = self.state.ttl.expired(clock);
        self.state.touch(&expired)?;
        self.state.forget(&expired);
        Ok(())
    }

    /// A row comes, new or in place of that of its key. False if it is not good enough.
    fn arrive(&mut self, slot: u32, row_key: u32, key: K, row: u32, changes: &mut Changes) -> bool {
        let state = &mut *self.state;
        let old = state.rows[row_key as usize];
        let top = &mut state.tops[slot as usize];
        if old == NO_ROW {
            let full = top.len() as u64 >= self.ranks.end;
            if full && top.last().is_none_or(|(last, _)| *last <= key) {
                return false;
            }
            self.enter(slot, row_key, key, row, changes);
            return true;
        }
        state.rows[row_key as usize] = row;
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
        let state = &mut *self.state;
        state.rows[row_key as usize] = row;
        let top = &mut state.tops[slot as usize];
        let at = top.partition_point(|(k, _)| *k <= key);
        top.insert(at, (key, row_key));
        if self.ranks.are_tracked() {
            let behind = top[at + 1..].iter().map(|(_, k)| state.rows[*k as usize]);
            self.ranks.insert(changes, row, at as u64 + 1, behind);
        }
        if top.len() as u64 > self.ranks.end
            && let Some((_, last)) = top.pop()
        {
            let gone = std::mem::replace(&mut state.rows[last as usize], NO_ROW);
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
        let top = &self.state.tops[slot as usize];
        let row_at = |at: usize| self.state.rows[top[at].1 as usize];
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
        let top = &self.state.tops[slot as usize];
        let row_at = |at: usize| self.state.rows[top[at].1 as usize];
        self.ranks.send(changes, old, RowKind::UpdateBefore, from as u64 + 1);
        for at in from..to {
            self.ranks.send(changes, row_at(at), RowKind::UpdateBefore, at as u64 + 2);
            self.ranks.send(changes, row_at(at), RowKind::UpdateAfter, at as u64 + 1);
        }
        self.ranks.send(changes, row_at(to), RowKind::UpdateAfter, to as u64 + 1);
    }

    fn finish(&mut self, mut touched: Vec<u32>) {
        self.state.store.remove(&self.dead);
        self.dead.clear();
        touched.append(&mut self.evicted);
        self.state.forget_row_keys(touched);
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
        let partition = project(&batch.columns, &self.state.partition);
        self.state.fetch(&partition, batch.rows)?;
        self.expire(clock)?;
        let slots = self.state.slots(&batch.columns, batch.rows)?;
        self.state.touch(&slots)?;
        let row_keys = self.state.row_keys(&batch.columns, batch.rows)?;
        let all: Vec<u32> = (0..batch.rows as u32).collect();
        let mut ids = Vec::new();
        self.state.store.append(&batch.columns, &all, &mut ids)?;
        let keys = self.state.order.keys(&batch.columns)?;
        let mut changes = Changes::default();
        for (range, watermark) in batch.segments() {
            for row in range {
                let (slot, row_key, id) = (slots[row], row_keys[row], ids[row]);
                let key = K::from_bytes(keys.get(row));
                let accumulate = batch.kind(row).is_accumulate();
                if accumulate && self.arrive(slot, row_key, key, id, &mut changes) {
                    self.state.ttl.touch(slot, clock);
                } else {
                    self.dead.push(id);
                }
            }
            watermark.into_iter().for_each(|watermark| changes.mark(watermark));
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.state.store)?);
        self.finish(row_keys);
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }
}
