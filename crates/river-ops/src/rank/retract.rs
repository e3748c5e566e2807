//! Top-N of rows that can be taken back: keeps all rows, so that the next one can move up.

mod partitions;

use std::ops::Bound::{Excluded, Unbounded};

use river_core::{Field, RowKind};
use river_expr::EvalContext;
use river_runtime::operator::now_ms;
use river_runtime::state::{Checkpointed, Keyed};
use river_runtime::{Batch, Operator, Output, Result, Status};

use self::partitions::{Partitions, Rows};
use super::{RankSpec, Ranks};
use crate::changes::Changes;
use crate::one_row::{RowEquality, project};
use crate::order::StoredKey;
use crate::pending::Pending;

/// Keeps all rows.
pub struct RetractTopN<K> {
    ranks: Ranks,
    state: Keyed<Partitions<K>>,
    equality: RowEquality,
    pending: Pending,
}

impl<K: StoredKey> RetractTopN<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<RetractTopN<K>> {
        Ok(RetractTopN {
            ranks: Ranks::of(spec),
            state: Keyed::new(Partitions::new(input, spec)?),
            equality: RowEquality::new(input)?,
            pending: Pending::default(),
        })
    }

    fn expire(&mut self, clock: i64) -> Result<()> {
        let expired = self.state.ttl.expired(clock);
        self.state.touch(&expired)?;
        self.state.forget(&expired);
        Ok(())
    }

    /// Rows that come before the key, or more than the last rank if there are too many.
    fn rows_before(&self, rows: &Rows<K>, key: &K) -> u64 {
        let mut count = 0;
        for (_, ids) in rows.range(..key) {
            count += ids.len() as u64;
            if count > self.ranks.end {
                break;
            }
        }
        count
    }

    fn add(&mut self, slot: u32, key: K, row: u32, changes: &mut Changes) {
        self.state.partitions[slot as usize].entry(key.clone()).or_default().push(row);
        let rows = &self.state.partitions[slot as usize];
        let same = rows.get(&key).map_or(0, Vec::len) as u64;
        let rank = self.rows_before(rows, &key) + same;
        if rank > self.ranks.end {
            return;
        }
        let behind = behind(rows, &key);
        if self.ranks.are_tracked() {
            self.ranks.insert(changes, row, rank, behind.copied());
            return;
        }
        if let Some(last) = nth_behind(rows, &key, &[], self.ranks.end - rank) {
            changes.push(last, RowKind::Delete);
        }
        changes.push(row, RowKind::Insert);
    }

    /// Takes back the first row equal to row `row` of the batch. Gives its number.
    fn take_back(
        &mut self,
        slot: u32,
        key: &K,
        row: usize,
        batch: &Batch,
        changes: &mut Changes,
    ) -> Result<Option<u32>> {
        let rows = &self.state.partitions[slot as usize];
        let Some(same) = rows.get(key) else { return Ok(None) };
        let mut found = None;
        for (at, id) in same.iter().enumerate() {
            if self.state.hashes[*id as usize] == self.equality.hash(row)
                && self.equality.is_equal(*id, row, &batch.columns, &self.state.store)?
            {
                found = Some((at, *id));
                break;
            }
        }
        let Some((at, id)) = found else { return Ok(None) };
        let rank = self.rows_before(rows, key) + at as u64 + 1;
        if rank <= self.ranks.end {
            let rest = &same[at + 1..];
            if self.ranks.are_tracked() {
                let behind = rest.iter().chain(behind(rows, key)).copied();
                self.ranks.remove(changes, id, rank, behind);
            } else {
                changes.push(id, RowKind::Delete);
                if let Some(next) = nth_behind(rows, key, rest, self.ranks.end - rank) {
                    changes.push(next, RowKind::Insert);
                }
            }
        }
        let rows = &mut self.state.partitions[slot as usize];
        if let Some(same) = rows.get_mut(key) {
            same.remove(at);
            if same.is_empty() {
                rows.remove(key);
            }
        }
        Ok(Some(id))
    }

    /// Stores the rows that come and gives each its number.
    fn store(&mut self, batch: &Batch) -> Result<Vec<u32>> {
        self.equality.begin(batch, 0)?;
        let added: Vec<u32> = (0..batch.rows)
            .filter(|row| batch.kind(*row).is_accumulate())
            .map(|row| row as u32)
            .collect();
        let mut ids = Vec::new();
        let state = &mut *self.state;
        state.store.append(&batch.columns, &added, &mut ids)?;
        state.hashes.resize(state.store.capacity(), 0);
        let mut of_row = vec![u32::MAX; batch.rows];
        for (row, id) in added.iter().zip(ids) {
            of_row[*row as usize] = id;
            state.hashes[id as usize] = self.equality.hash(*row as usize);
        }
        Ok(of_row)
    }
}

/// The rows behind those of a key.
fn behind<'a, K: StoredKey>(rows: &'a Rows<K>, key: &K) -> impl Iterator<Item = &'a u32> {
    rows.range((Excluded(key.clone()), Unbounded)).flat_map(|(_, ids)| ids)
}

/// The row `n` places behind, counted through `rest`, then through the rows behind the key.
fn nth_behind<K: StoredKey>(rows: &Rows<K>, key: &K, rest: &[u32], mut n: u64) -> Option<u32> {
    let later = rows.range((Excluded(key.clone()), Unbounded)).map(|(_, ids)| ids.as_slice());
    for ids in std::iter::once(rest).chain(later) {
        if let Some(id) = usize::try_from(n).ok().and_then(|n| ids.get(n)) {
            return Some(*id);
        }
        n -= ids.len() as u64;
    }
    None
}

impl<K: StoredKey> Operator for RetractTopN<K> {
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
        let keys = self.state.order.keys(&batch.columns)?;
        let ids = self.store(&batch)?;
        let (mut changes, mut dead) = (Changes::default(), Vec::new());
        for (range, watermark) in batch.segments() {
            for row in range {
                let (slot, key) = (slots[row], K::from_bytes(keys.get(row)));
                if batch.kind(row).is_accumulate() {
                    self.add(slot, key, ids[row], &mut changes);
                } else {
                    dead.extend(self.take_back(slot, &key, row, &batch, &mut changes)?);
                }
                self.state.ttl.touch(slot, clock);
            }
            watermark.into_iter().for_each(|watermark| changes.mark(watermark));
        }
        self.pending.push(changes.into_batch(&batch.columns, &self.state.store)?);
        if !dead.is_empty() {
            self.state.store.remove(&dead);
            self.state.forget_empty(slots);
        }
        Ok(self.pending.drain(out))
    }

    fn resume(&mut self, _now: &EvalContext, out: &mut Output) -> Result<Status> {
        Ok(self.pending.drain(out))
    }

    fn tables(&mut self) -> Vec<&mut dyn Checkpointed> {
        vec![&mut self.state]
    }
}
