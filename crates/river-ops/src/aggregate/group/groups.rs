//! The state of an updating aggregate: for each group its records, results, and when it was
//! written.

use arrow_schema::{DataType as Arrow, FieldRef};
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, Lifetime, Saved, StateTable};

use super::Spec;
use crate::aggregate::calls::Calls;
use crate::saved;
use crate::stored_rows::written_column;

/// When a group was written whose state was saved by an operator without time to live.
const UNKNOWN_MS: i64 = i64::MIN;

/// The groups.
pub struct Groups {
    key_columns: Vec<FieldRef>,
    pub index: KeyIndex,
    pub calls: Calls,
    /// Records of each slot; 0: no group.
    pub counts: Vec<i64>,
    /// What tells a group from all others of its key's hash, before and after it; empty where
    /// nobody asks.
    pub numbers: Vec<i64>,
    is_numbered: bool,
    next_number: i64,
    ttl_ms: i64,
    /// When each slot was last written; empty without time to live.
    written_ms: Vec<i64>,
    /// Whether any slot was written at an unknown time.
    any_unknown: bool,
}

impl Groups {
    /// No groups. `calls`: those of the operator, none of them `DISTINCT`; `is_numbered`: whether
    /// groups have numbers.
    pub fn new(spec: &Spec, calls: Calls, is_numbered: bool) -> Result<Groups> {
        let key_columns = saved::input_columns(spec.input, spec.keys);
        let types: Vec<Arrow> = key_columns.iter().map(|key| key.data_type().clone()).collect();
        Ok(Groups {
            key_columns,
            index: KeyIndex::new(&types)?,
            calls,
            counts: Vec::new(),
            numbers: Vec::new(),
            is_numbered,
            next_number: 0,
            ttl_ms: i64::try_from(spec.ttl_ms).unwrap_or(i64::MAX),
            written_ms: Vec::new(),
            any_unknown: false,
        })
    }

    /// Whether groups expire.
    pub fn expires(&self) -> bool {
        self.ttl_ms > 0
    }

    /// Makes room for all slots of the index.
    pub fn grow(&mut self) {
        let slots = self.index.capacity();
        self.calls.grow(slots);
        self.counts.resize(slots, 0);
        if self.is_numbered {
            self.numbers.resize(slots, 0);
        }
        if self.expires() {
            self.written_ms.resize(slots, 0);
        }
    }

    /// A group begins in an empty slot.
    pub fn begin(&mut self, slot: u32) {
        if self.is_numbered {
            self.numbers[slot as usize] = self.next_number;
            self.next_number += 1;
        }
    }

    /// Gives the key of a slot a new one, to begin anew.
    pub fn renew(&mut self, slot: u32) -> Result<u32> {
        let new = self.index.renew(slot)?;
        self.grow();
        if self.expires() {
            self.written_ms[new as usize] = self.written_ms[slot as usize];
        }
        Ok(new)
    }

    /// Ends groups that were not written to for too long, before anyone sees them; then the slots
    /// are written.
    pub fn write(&mut self, slots: &[u32], now_ms: i64) {
        self.settle_unknown(now_ms);
        let mut expired = Vec::new();
        for slot in slots {
            let at = *slot as usize;
            let lives_until = self.written_ms[at].saturating_add(self.ttl_ms);
            if self.counts[at] != 0 && lives_until <= now_ms {
                self.counts[at] = 0;
                expired.push(*slot);
            }
            self.written_ms[at] = now_ms;
        }
        self.calls.reset(&expired);
    }

    /// Groups of which it is not known when they were written live from now on.
    fn settle_unknown(&mut self, now_ms: i64) {
        if std::mem::take(&mut self.any_unknown) {
            let unknown = self.written_ms.iter_mut().filter(|written| **written == UNKNOWN_MS);
            unknown.for_each(|written| *written = now_ms);
        }
    }

    /// The slots whose time has come.
    pub fn expired(&mut self, now_ms: i64) -> Vec<u32> {
        self.settle_unknown(now_ms);
        let mut slots = self.index.slots();
        slots.retain(|slot| self.written_ms[*slot as usize].saturating_add(self.ttl_ms) <= now_ms);
        slots
    }

    /// Forgets groups.
    pub fn remove(&mut self, slots: &[u32]) {
        self.calls.reset(slots);
        for slot in slots {
            self.counts[*slot as usize] = 0;
            self.index.remove(*slot);
        }
    }
}

impl StateTable for Groups {
    fn name(&self) -> &'static str {
        "groups"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.key_columns.clone();
        columns.push(saved::column("#records", Arrow::Int64));
        columns.push(saved::column("#number", Arrow::Int64));
        columns.push(written_column());
        columns.extend(self.calls.state_columns());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.index
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut columns = self.index.key_columns(slots)?;
        columns.push(saved::numbers(slots.iter().map(|slot| self.counts[*slot as usize])));
        let number = |slot: &u32| self.numbers.get(*slot as usize).copied();
        columns.push(saved::numbers_or_null(slots.iter().map(number)));
        let written = |slot: &u32| self.written_ms.get(*slot as usize).copied();
        let known = |ms: &i64| *ms != UNKNOWN_MS;
        columns.push(saved::numbers_or_null(slots.iter().map(|s| written(s).filter(known))));
        columns.extend(self.calls.save(slots)?);
        Ok(Saved { columns, hashes: slots.iter().map(|slot| self.index.hash(*slot)).collect() })
    }

    fn load(&mut self, columns: &[arrow_array::ArrayRef], rows: usize) -> Result<()> {
        let (keys, rest) = columns.split_at(self.key_columns.len());
        let (own, calls) = rest.split_at(3);
        let mut slots = Vec::new();
        self.index.lookup_or_insert(keys, rows, &mut slots)?;
        self.grow();
        let [counts, numbers, written] = [&own[0], &own[1], &own[2]].map(saved::read_numbers);
        let (counts, numbers, written) = (counts?, numbers?, written?);
        for (row, slot) in slots.iter().enumerate() {
            self.counts[*slot as usize] = counts[row];
            if self.is_numbered {
                self.numbers[*slot as usize] = numbers[row];
                self.next_number = self.next_number.max(numbers[row].saturating_add(1));
            }
            if self.expires() {
                let unknown = own[2].is_null(row);
                self.any_unknown |= unknown;
                self.written_ms[*slot as usize] = if unknown { UNKNOWN_MS } else { written[row] };
            }
        }
        self.calls.load(&slots, calls)
    }

    fn memory(&self) -> usize {
        self.index.memory()
            + self.calls.memory()
            + (self.counts.capacity() + self.numbers.capacity() + self.written_ms.capacity()) * 8
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.index
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: (0..self.key_columns.len()).collect(),
            times: 0,
            carries_hash: false,
            lifetime: self
                .expires()
                .then_some(Lifetime { written: self.key_columns.len() + 2, ms: self.ttl_ms }),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        self.remove(slots);
    }
}
