//! Slots of a state table that are on disk instead of in memory.
//!
//! Memory holds the keys in use, disk the others. A key that is looked up is brought back first;
//! its value on disk stays, so that a slot that has not changed since leaves memory again without
//! being written. A key that is removed in memory is removed on disk as well, later: until then
//! it is on the list of the removed, and its value is not looked at.
//!
//! Which slots leave is decided as by a clock's hand: those that were not looked up since the hand
//! came by last.

use arrow_array::{ArrayRef, UInt32Array};
use arrow_select::take::take;
use hashbrown::HashSet;

use super::codec::{Codec, end_of, rows_in};
use super::disk::{DiskTree, Scan};
use super::memory::StateMemory;
use super::table::Saved;
use super::{DiskLayout, MISSING, SlotSet, StateTable};
use crate::Result;

/// Rows of a table that are read from disk at once for a checkpoint.
const SCAN_ROWS: usize = 2048;

/// What a table has on disk.
pub(super) struct Spill {
    codec: Codec,
    tree: DiskTree,
    /// Slots whose value on disk is what they hold.
    clean: SlotSet,
    /// Slots that were looked up since the hand came by.
    recent: SlotSet,
    hand: u32,
    /// Keys that are gone but have a value on disk still.
    removed: HashSet<Box<[u8]>>,
    slots: Vec<u32>,
}

impl Spill {
    /// Nothing on disk yet.
    pub fn new(
        table: &mut impl StateTable,
        layout: &DiskLayout,
        memory: &StateMemory,
    ) -> Result<Spill> {
        table.index_mut().track_stored();
        Ok(Spill {
            codec: Codec::new(&table.columns(), layout)?,
            tree: memory.space()?.tree(end_of)?,
            clean: SlotSet::default(),
            recent: SlotSet::default(),
            hand: 0,
            removed: HashSet::new(),
            slots: Vec::new(),
        })
    }

    /// The slots are about to change.
    pub fn touch(&mut self, slots: &[u32]) {
        slots.iter().for_each(|slot| {
            self.clean.remove(*slot);
        });
    }

    /// The live slots that have no value on disk, or not that.
    pub fn changed(&self, table: &impl StateTable) -> SlotSet {
        table.index().live().without(&self.clean)
    }

    /// Brings the keys back that are on disk.
    pub fn fetch(
        &mut self,
        table: &mut impl StateTable,
        keys: &[ArrayRef],
        rows: usize,
    ) -> Result<()> {
        self.note_removed(table)?;
        let mut slots = std::mem::take(&mut self.slots);
        table.index_mut().lookup(keys, rows, &mut slots)?;
        let mut missing = Vec::new();
        for (row, slot) in slots.iter().enumerate() {
            match *slot {
                MISSING => missing.push(row as u32),
                slot => self.recent.insert(slot),
            }
        }
        self.slots = slots;
        if missing.is_empty() {
            return Ok(());
        }
        let missing = UInt32Array::from(missing);
        let keys: Vec<ArrayRef> =
            keys.iter().map(|key| Ok(take(key, &missing, None)?)).collect::<Result<_>>()?;
        let encoded = self.codec.keys(&keys, missing.len())?;
        // Neighbours on disk are read together, and each key once.
        let mut order: Vec<usize> = (0..encoded.len()).collect();
        order.sort_unstable_by(|one, other| encoded.get(*one).cmp(encoded.get(*other)));
        order.dedup_by(|one, other| encoded.get(*one) == encoded.get(*other));
        let mut values = Vec::new();
        for at in order {
            let key = encoded.get(at);
            if !self.removed.contains(key) {
                values.extend(self.tree.get(key)?);
            }
        }
        self.load(table, &values)
    }

    /// Loads values of keys that are not in memory.
    fn load(&mut self, table: &mut impl StateTable, values: &[lsm_tree::UserValue]) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let (columns, rows) = self.codec.rows(values.iter().map(|value| &value[..]))?;
        table.load(&columns, rows)?;
        let mut slots = std::mem::take(&mut self.slots);
        table.index_mut().lookup(&self.codec.key_columns(&columns), rows, &mut slots)?;
        for slot in &slots {
            self.clean.insert(*slot);
            self.recent.insert(*slot);
        }
        table.index_mut().set_stored(&slots, true);
        self.slots = slots;
        Ok(())
    }

    /// All keys of those times on disk, for [`Spill::fetch_from`].
    pub fn range(&self, times: &[i64]) -> Scan {
        self.tree.scan(&Codec::prefix(times))
    }

    /// Brings back up to `most` of the keys of a range that are not in memory; says whether there
    /// may be more.
    pub fn fetch_from(
        &mut self,
        table: &mut impl StateTable,
        range: &mut Scan,
        most: usize,
    ) -> Result<bool> {
        self.note_removed(table)?;
        let mut values = Vec::new();
        let mut more = false;
        for entry in range {
            let (key, value) = entry?;
            if !self.removed.contains(&key[..]) {
                values.push(value);
            }
            more = values.len() >= most;
            if more {
                break;
            }
        }
        let (columns, rows) = self.codec.rows(values.iter().map(|value| &value[..]))?;
        let keys = self.codec.key_columns(&columns);
        let mut slots = Vec::new();
        table.index_mut().lookup(&keys, rows, &mut slots)?;
        let mut first_row = 0;
        values.retain(|value| {
            let is_missing = slots[first_row] == MISSING;
            first_row += rows_in(value);
            is_missing
        });
        self.load(table, &values)?;
        Ok(more)
    }

    /// Writes slots as they are now.
    pub fn write(&mut self, table: &mut impl StateTable, slots: &[u32]) -> Result<()> {
        let saved = table.save(slots)?;
        let mut without_rows: HashSet<Box<[u8]>> = HashSet::new();
        if table.index().any_stored(slots) {
            let keys = self.codec.keys(&table.index().key_columns(slots)?, slots.len())?;
            without_rows.extend((0..keys.len()).map(|at| keys.get(at).into()));
        }
        let tree = &mut self.tree;
        self.codec.values(&saved, |key, value| {
            without_rows.remove(key);
            tree.put(key, value)
        })?;
        // They may have had some before.
        for key in without_rows {
            tree.remove(&key)?;
        }
        slots.iter().for_each(|slot| self.clean.insert(*slot));
        table.index_mut().set_stored(slots, true);
        Ok(())
    }

    /// Removes slots from memory; those that have changed are written.
    pub fn evict(&mut self, table: &mut impl StateTable, slots: &[u32]) -> Result<()> {
        self.note_removed(table)?;
        self.forget_removed()?;
        let changed: Vec<u32> =
            slots.iter().copied().filter(|slot| !self.clean.contains(*slot)).collect();
        self.write(table, &changed)?;
        table.index_mut().set_stored(slots, false);
        table.evict(slots);
        self.touch(slots);
        Ok(())
    }

    /// Up to `number` slots that were not looked up lately.
    pub fn victims(&mut self, table: &impl StateTable, number: usize) -> Vec<u32> {
        self.hand = self.hand.min(table.index().capacity() as u32);
        let mut victims = table.index().live().sweep(&mut self.recent, &mut self.hand, number);
        victims.retain(|slot| table.may_leave(*slot));
        victims
    }

    /// Everything that is on disk, as it is now; the removed keys too.
    pub fn scan_all(&self) -> Scan {
        self.tree.scan(&[])
    }

    /// Rows of a scan; `None` at its end.
    pub fn next_rows(&self, scan: &mut Scan) -> Result<Option<Saved>> {
        let (mut values, mut hashes) = (Vec::new(), Vec::new());
        while hashes.len() < SCAN_ROWS
            && let Some(entry) = scan.next()
        {
            let (key, value) = entry?;
            hashes.resize(hashes.len() + rows_in(&value), self.codec.hash(&key));
            values.push(value);
        }
        if values.is_empty() {
            return Ok(None);
        }
        let (columns, _) = self.codec.rows(values.iter().map(|value| &value[..]))?;
        Ok(Some(Saved { columns, hashes }))
    }

    /// The key columns of rows that are about to be loaded.
    pub fn keys_of(&self, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        self.codec.key_columns(columns)
    }

    /// Removes the keys on disk that are gone. Not while a cut owes rows: they belong to it.
    pub fn forget_removed(&mut self) -> Result<()> {
        for key in std::mem::take(&mut self.removed) {
            self.tree.remove(&key)?;
        }
        Ok(())
    }

    /// Learns which keys the operator has removed.
    pub fn note_removed(&mut self, table: &mut impl StateTable) -> Result<()> {
        for keys in table.index_mut().take_removed() {
            let keys = self.codec.keys(&keys?, 1)?;
            self.removed.insert(keys.get(0).into());
        }
        Ok(())
    }

    /// Bytes of memory for what is known of the slots.
    pub fn memory(&self) -> usize {
        let keys: usize = self.removed.iter().map(|key| key.len() + size_of::<Box<[u8]>>()).sum();
        self.clean.memory() + self.recent.memory() + keys
    }
}
