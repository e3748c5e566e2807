//! What is known of each key while its oldest row waits and once it was sent: a state table.

use arrow_array::{Array, ArrayRef, UInt32Array};
use arrow_schema::{DataType, FieldRef};
use river_core::Field;
use river_runtime::state::{DiskLayout, KeyIndex, Saved, StateTable};
use river_runtime::{Batch, Result};

use crate::changes::NO_ROW;
use crate::one_row::{Rows, project};
use crate::pairs::take_all;
use crate::saved::{column, numbers_or_null, read_numbers};
use crate::stored_rows::{key_hashes, save_rows, written_column};
use crate::ttl::Ttl;

/// Waiting rows, and keys whose row was sent.
pub struct Firsts {
    pub waiting: Rows,
    /// When the waiting row of each slot came: an ever growing number.
    pub arrivals: Vec<i64>,
    pub sent: Vec<bool>,
    pub sent_ttl: Ttl,
}

impl Firsts {
    pub fn new(input: &[Field], keys: &[usize], ttl_ms: u64) -> Result<Firsts> {
        Ok(Firsts {
            waiting: Rows::new(input, keys, 0)?,
            arrivals: Vec::new(),
            sent: Vec::new(),
            sent_ttl: Ttl::new(ttl_ms),
        })
    }

    /// The slot of each row's key; new keys are added.
    pub fn slots(&mut self, batch: &Batch) -> Result<Vec<u32>> {
        let slots = self.waiting.slots(batch)?;
        self.grow();
        Ok(slots)
    }

    fn grow(&mut self) {
        let capacity = self.waiting.keys.capacity().max(self.sent.len());
        self.sent.resize(capacity, false);
        self.arrivals.resize(capacity, 0);
    }

    /// The waiting row of a slot is sent.
    pub fn is_sent(&mut self, slot: u32, now_ms: i64) {
        self.waiting.set(slot, NO_ROW);
        self.sent[slot as usize] = true;
        self.sent_ttl.touch(slot, now_ms);
    }

    /// Forgets that rows were sent.
    pub fn forget_sent(&mut self, slots: &[u32]) {
        for slot in slots {
            self.sent_ttl.forget(*slot);
            self.sent[*slot as usize] = false;
        }
        self.forget_unused(slots.to_vec());
    }

    /// Forgets those of the keys of which nothing is known.
    pub fn forget_unused(&mut self, mut slots: Vec<u32>) {
        slots.sort_unstable();
        slots.dedup();
        slots.retain(|slot| !self.is_known(*slot));
        slots.iter().for_each(|slot| self.waiting.keys.remove(*slot));
    }

    fn is_known(&self, slot: u32) -> bool {
        self.sent[slot as usize] || self.waiting.get(slot) != NO_ROW
    }
}

impl StateTable for Firsts {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.waiting.row_columns().to_vec();
        columns.push(column("#arrival", DataType::Int64));
        columns.push(written_column());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.waiting.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut slots = slots.to_vec();
        slots.retain(|slot| self.is_known(*slot));
        // Where no row waits, all but the key is NULL.
        let ids: Vec<u32> = slots.iter().map(|slot| self.waiting.get(*slot)).collect();
        let mut columns = save_rows(&self.waiting.store, &ids)?;
        let keys = self.waiting.keys.key_columns(&slots)?;
        for (position, key) in self.waiting.key_columns().iter().zip(keys) {
            columns[*position] = key;
        }
        let arrival = |slot: &u32| {
            (self.waiting.get(*slot) != NO_ROW).then_some(self.arrivals[*slot as usize])
        };
        columns.push(numbers_or_null(slots.iter().map(arrival)));
        columns.push(self.sent_ttl.save(&slots));
        Ok(Saved { columns, hashes: key_hashes(&self.waiting.keys, &slots) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (row, extra) = columns.split_at(self.waiting.row_columns().len());
        let arrivals = read_numbers(&extra[0])?;
        let (sent, waiting): (Vec<u32>, Vec<u32>) =
            (0..rows as u32).partition(|row| extra[0].is_null(*row as usize));
        let waiting_rows = take_all(row, &UInt32Array::from(waiting.clone()))?;
        let slots = self.waiting.load_rows(&waiting_rows, waiting.len())?;
        self.grow();
        for (slot, row) in slots.iter().zip(&waiting) {
            self.arrivals[*slot as usize] = arrivals[*row as usize];
        }
        let keys = project(row, self.waiting.key_columns());
        let sent_rows = UInt32Array::from(sent);
        let slots = self.waiting.load_keys(&take_all(&keys, &sent_rows)?, sent_rows.len())?;
        self.grow();
        slots.iter().for_each(|slot| self.sent[*slot as usize] = true);
        let written = take_all(&extra[1..], &sent_rows)?;
        self.sent_ttl.load(&slots, &written[0])
    }

    fn memory(&self) -> usize {
        self.waiting.memory()
            + self.sent_ttl.memory()
            + self.sent.capacity()
            + self.arrivals.capacity() * 8
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.waiting.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: self.waiting.key_columns().to_vec(),
            times: 0,
            carries_hash: false,
            lifetime: self.sent_ttl.lifetime(self.waiting.row_columns().len() + 1),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        self.forget_sent(slots);
    }

    fn discard(&mut self, slots: &[u32]) {
        for slot in slots {
            self.sent_ttl.forget(*slot);
            self.sent[*slot as usize] = false;
        }
        self.waiting.evict(slots);
    }

    /// Rows that wait have timers.
    fn may_leave(&self, slot: u32) -> bool {
        self.sent[slot as usize]
    }
}
