//! Keys that are bytes: text, or several columns encoded into one row. The bytes sit in one arena;
//! the hash table holds 8 bytes a key.

use hashbrown::HashTable;

use super::{MISSING, Slots};
use crate::Result;
use crate::state::SlotSet;

/// Length that stands for a NULL key.
const NULL_LENGTH: u32 = u32::MAX;

/// Garbage below this many bytes is left alone.
const MIN_GARBAGE: usize = 1 << 16;

#[derive(Default)]
pub(super) struct ByteIndex {
    /// Upper half of the hash, and slot.
    table: HashTable<(u32, u32)>,
    slots: Slots,
    hashes: Vec<u64>,
    starts: Vec<usize>,
    lengths: Vec<u32>,
    arena: Vec<u8>,
    garbage: usize,
}

impl ByteIndex {
    /// `key` gives the key of a row, `None` for NULL.
    pub fn resolve<'a, const INSERT: bool>(
        &mut self,
        key: impl Fn(usize) -> Option<&'a [u8]>,
        hashes: &[u64],
        slots: &mut Vec<u32>,
    ) -> Result<()> {
        slots.reserve(hashes.len());
        for (row, hash) in hashes.iter().enumerate() {
            slots.push(self.find::<INSERT>(key(row), *hash)?);
        }
        Ok(())
    }

    #[inline]
    fn find<const INSERT: bool>(&mut self, key: Option<&[u8]>, hash: u64) -> Result<u32> {
        let tag = (hash >> 32) as u32;
        let same = |(other, slot): &(u32, u32)| *other == tag && self.key(*slot) == key;
        if let Some((_, slot)) = self.table.find(hash, same) {
            return Ok(*slot);
        }
        if !INSERT {
            return Ok(MISSING);
        }
        let slot = self.place()?;
        self.compact();
        let at = slot as usize;
        self.hashes[at] = hash;
        self.starts[at] = self.arena.len();
        self.lengths[at] = key.map_or(NULL_LENGTH, |key| key.len() as u32);
        self.arena.extend_from_slice(key.unwrap_or_default());
        let hashes = &self.hashes;
        self.table.insert_unique(hash, (tag, slot), |(_, slot)| hashes[*slot as usize]);
        Ok(slot)
    }

    fn place(&mut self) -> Result<u32> {
        let (slot, new) = self.slots.take()?;
        if new {
            self.hashes.push(0);
            self.starts.push(0);
            self.lengths.push(0);
        }
        Ok(slot)
    }

    pub fn renew(&mut self, slot: u32) -> Result<u32> {
        let new = self.place()?;
        let (old, at) = (slot as usize, new as usize);
        // The bytes now belong to the new slot.
        self.hashes[at] = self.hashes[old];
        self.starts[at] = self.starts[old];
        self.lengths[at] = std::mem::take(&mut self.lengths[old]);
        if let Some(entry) = self.table.find_mut(self.hashes[at], |(_, other)| *other == slot) {
            entry.1 = new;
        }
        self.slots.live.remove(slot);
        Ok(new)
    }

    pub fn release(&mut self, slot: u32) {
        self.slots.give_back(slot);
    }

    /// The key of a live slot.
    pub fn key(&self, slot: u32) -> Option<&[u8]> {
        let length = self.lengths[slot as usize];
        let start = self.starts[slot as usize];
        (length != NULL_LENGTH).then(|| &self.arena[start..start + length as usize])
    }

    pub fn remove(&mut self, slot: u32) {
        let hash = self.hashes[slot as usize];
        if let Ok(entry) = self.table.find_entry(hash, |(_, other)| *other == slot) {
            entry.remove();
            self.garbage += self.key(slot).map_or(0, <[u8]>::len);
            self.lengths[slot as usize] = 0;
            self.slots.give_back(slot);
        }
    }

    /// Moves the live keys together once most of the arena is garbage.
    fn compact(&mut self) {
        if self.garbage < MIN_GARBAGE || self.garbage * 2 < self.arena.len() {
            return;
        }
        let mut arena = Vec::with_capacity(self.arena.len() - self.garbage);
        for (start, length) in self.starts.iter_mut().zip(&self.lengths) {
            if *length != NULL_LENGTH {
                let old = *start;
                *start = arena.len();
                arena.extend_from_slice(&self.arena[old..old + *length as usize]);
            }
        }
        self.arena = arena;
        self.garbage = 0;
    }

    pub fn capacity(&self) -> usize {
        self.hashes.len()
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
        self.hashes[slot as usize]
    }

    pub fn memory(&self) -> usize {
        self.table.allocation_size()
            + self.hashes.capacity() * 8
            + self.starts.capacity() * 8
            + self.lengths.capacity() * 4
            + self.arena.capacity()
            + self.slots.memory()
    }
}
