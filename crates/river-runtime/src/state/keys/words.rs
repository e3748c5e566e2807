//! Keys of one to four fixed-width columns. The whole key sits in the hash table's entry, so a
//! lookup touches one cache line.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType;
use hashbrown::HashTable;

use super::{MISSING, Slots};
use crate::state::SlotSet;
use crate::state::fixed::{self, Words};
use crate::state::hash;
use crate::{Error, Result};

#[derive(Clone, Copy, PartialEq, Eq)]
struct Key<const N: usize> {
    words: [i64; N],
    /// Bit `i`: column `i` is NULL; its word is then 0.
    nulls: u8,
}

impl<const N: usize> Key<N> {
    #[inline]
    fn hash(&self) -> u64 {
        let mut all = 0;
        for (i, word) in self.words.iter().enumerate() {
            let one =
                if self.nulls >> i & 1 == 1 { hash::hash_null() } else { hash::hash_word(*word) };
            all = if i == 0 { one } else { hash::combine(all, one) };
        }
        all
    }
}

#[derive(Default)]
pub(super) struct WordIndex<const N: usize> {
    table: HashTable<(Key<N>, u32)>,
    slots: Slots,
    words: Vec<[i64; N]>,
    nulls: Vec<u8>,
}

impl<const N: usize> WordIndex<N> {
    pub fn resolve<const INSERT: bool>(
        &mut self,
        columns: &[ArrayRef],
        rows: usize,
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        let words: Vec<Words> = columns.iter().filter_map(|c| fixed::words(c.as_ref())).collect();
        let Ok(words) = <[Words; N]>::try_from(words) else {
            return Err(Error::internal("a key column is of another type than the index"));
        };
        slots.reserve(rows);
        let nullable = columns.iter().any(|c| c.null_count() > 0);
        let mut previous = (Key { words: [0; N], nulls: u8::MAX }, MISSING);
        for row in 0..rows {
            let mut key = Key { words: std::array::from_fn(|column| words[column][row]), nulls: 0 };
            if nullable {
                mark_nulls(&mut key, columns, row);
            }
            if key != previous.0 {
                previous = (key, self.find::<INSERT>(key)?);
            }
            slots.push(previous.1);
        }
        Ok(())
    }

    #[inline]
    fn find<const INSERT: bool>(&mut self, key: Key<N>) -> Result<u32> {
        let hash = key.hash();
        if let Some((_, slot)) = self.table.find(hash, |(other, _)| *other == key) {
            return Ok(*slot);
        }
        if !INSERT {
            return Ok(MISSING);
        }
        let slot = self.place(key)?;
        self.table.insert_unique(hash, (key, slot), |(key, _)| key.hash());
        Ok(slot)
    }

    fn place(&mut self, key: Key<N>) -> Result<u32> {
        let (slot, new) = self.slots.take()?;
        if new {
            self.words.push(key.words);
            self.nulls.push(key.nulls);
        } else {
            self.words[slot as usize] = key.words;
            self.nulls[slot as usize] = key.nulls;
        }
        Ok(slot)
    }

    pub fn renew(&mut self, slot: u32) -> Result<u32> {
        let key = self.key(slot);
        let new = self.place(key)?;
        if let Some(entry) = self.table.find_mut(key.hash(), |(_, other)| *other == slot) {
            entry.1 = new;
        }
        self.slots.live.remove(slot);
        Ok(new)
    }

    pub fn release(&mut self, slot: u32) {
        self.slots.give_back(slot);
    }

    fn key(&self, slot: u32) -> Key<N> {
        Key { words: self.words[slot as usize], nulls: self.nulls[slot as usize] }
    }

    pub fn remove(&mut self, slot: u32) {
        let key = self.key(slot);
        if let Ok(entry) = self.table.find_entry(key.hash(), |(_, other)| *other == slot) {
            entry.remove();
            self.slots.give_back(slot);
        }
    }

    pub fn capacity(&self) -> usize {
        self.words.len()
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn live(&self) -> &SlotSet {
        &self.slots.live
    }

    pub fn slots(&self) -> Vec<u32> {
        self.table.iter().map(|(_, slot)| *slot).collect()
    }

    pub fn hash(&self, slot: u32) -> u64 {
        self.key(slot).hash()
    }

    pub fn key_columns(&self, slots: &[u32], types: &[DataType]) -> Result<Vec<ArrayRef>> {
        let column = |column: usize, ty: &DataType| {
            let words = slots.iter().map(|slot| self.words[*slot as usize][column]).collect();
            let valid = BooleanBuffer::collect_bool(slots.len(), |i| {
                self.nulls[slots[i] as usize] >> column & 1 == 0
            });
            fixed::from_words(words, Some(NullBuffer::new(valid)), ty)
        };
        types.iter().enumerate().map(|(i, ty)| column(i, ty)).collect()
    }

    pub fn memory(&self) -> usize {
        self.table.allocation_size()
            + self.words.capacity() * size_of::<[i64; N]>()
            + self.nulls.capacity()
            + self.slots.memory()
    }
}

#[inline]
fn mark_nulls<const N: usize>(key: &mut Key<N>, columns: &[ArrayRef], row: usize) {
    for (i, column) in columns.iter().enumerate() {
        if column.is_null(row) {
            key.nulls |= 1 << i;
            key.words[i] = 0;
        }
    }
}
