//! A state table that can be saved while it goes on changing, and that may be larger than memory.
//!
//! **Saving.** At a barrier the task calls [`Checkpointed::cut`] on every table, which costs one
//! copy of a bitmap. From then on the table still owes its content *as it was at the cut*. Between
//! batches the task takes some of it by [`Checkpointed::next_saved`]; and whoever is about to
//! change or remove slots calls [`Keyed::touch`] first, which saves those of them that are still
//! owed. So the state is saved as of one instant, nothing is copied twice, and no batch waits for
//! more than its own keys.
//!
//! **Disk.** [`Checkpointed::shrink`] moves the keys that were not used lately to disk. Whoever
//! looks keys up calls [`Keyed::fetch`] with them first, which brings back those that are there.
//! Once a table has something on disk, the slots that it owes at a cut are written there too, and
//! the rest of the cut is read from there: the disk then holds all of it.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;

use super::disk::Scan;
use super::memory::StateMemory;
use super::spill::Spill;
use super::table::check_columns;
use super::{Checkpointed, Saved, SlotSet, StateTable};
use crate::Result;

#[cfg(test)]
mod tests;

/// Slots that [`Checkpointed::next_saved`] saves at once.
const CHUNK_SLOTS: usize = 2048;

/// A state table that can be cut and moved to disk.
pub struct Keyed<T> {
    table: T,
    cut: Option<Cut>,
    /// Allows the table to move slots to disk.
    memory: Option<Arc<StateMemory>>,
    spill: Option<Spill>,
    /// Keys in memory while state is loaded, once it has taken its share.
    load_limit: Option<usize>,
}

/// What is still owed of a cut.
struct Cut {
    /// Slots that were live and have not changed since. If the table is on disk: only those that
    /// are not written.
    owed: SlotSet,
    next: u32,
    /// Saved because they were about to change.
    saved: Vec<Saved>,
    disk: OnDisk,
}

/// What a cut owes of the disk.
enum OnDisk {
    /// Nothing was there.
    Nothing,
    /// All that is there once no slot is owed.
    All,
    /// The rest of it.
    Rest(Scan),
}

impl<T: StateTable> Keyed<T> {
    /// The table, in memory and not cut.
    pub fn new(table: T) -> Keyed<T> {
        Keyed { table, cut: None, memory: None, spill: None, load_limit: None }
    }

    /// To be called before keys are looked up: brings back those that are on disk.
    #[inline]
    pub fn fetch(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        match &mut self.spill {
            None => Ok(()),
            Some(spill) => spill.fetch(&mut self.table, keys, rows),
        }
    }

    /// The keys of these times that are on disk, for [`Keyed::fetch_from`]; fewer times than the
    /// table has give all keys that begin with them.
    pub fn range(&self, times: &[i64]) -> Range {
        Range(self.spill.as_ref().map(|spill| spill.range(times)))
    }

    /// Brings back up to `most` keys of a range; says whether there may be more.
    pub fn fetch_from(&mut self, range: &mut Range, most: usize) -> Result<bool> {
        match (&mut self.spill, &mut range.0) {
            (Some(spill), Some(scan)) => spill.fetch_from(&mut self.table, scan, most),
            _ => Ok(false),
        }
    }

    /// To be called before these slots are changed or removed. Slots that are new, or that were
    /// touched before, do no harm, nor does [`super::MISSING`].
    #[inline]
    pub fn touch(&mut self, slots: &[u32]) -> Result<()> {
        if self.cut.is_some() {
            self.save_owed(slots)?;
        }
        if let Some(spill) = &mut self.spill {
            spill.touch(slots);
        }
        Ok(())
    }

    #[cold]
    fn save_owed(&mut self, slots: &[u32]) -> Result<()> {
        let Some(cut) = &mut self.cut else { return Ok(()) };
        let mut due = slots.to_vec();
        due.retain(|slot| cut.owed.remove(*slot));
        if due.is_empty() {
            return Ok(());
        }
        match (&cut.disk, &mut self.spill) {
            (OnDisk::All, Some(spill)) => spill.write(&mut self.table, &due),
            _ => {
                cut.saved.push(self.table.save(&due)?);
                Ok(())
            }
        }
    }

    /// Saves a chunk of the slots that are owed; `None` once none are.
    fn save_chunk(&mut self) -> Result<Option<Saved>> {
        let Some(cut) = &mut self.cut else { return Ok(None) };
        let mut slots = Vec::with_capacity(CHUNK_SLOTS);
        let next = cut.owed.take_from(cut.next, CHUNK_SLOTS, &mut slots);
        if slots.is_empty() {
            return Ok(None);
        }
        // Past the end nothing can be owed any more: slots are only ever taken out.
        cut.next = next.unwrap_or(u32::MAX);
        match (&cut.disk, &mut self.spill) {
            (OnDisk::All, Some(spill)) => {
                spill.write(&mut self.table, &slots)?;
                Ok(Some(Saved::default()))
            }
            _ => self.table.save(&slots).map(Some),
        }
    }

    /// Until the slots that a cut owes are written nothing later may be, nor removed.
    fn settle_cut(&mut self) -> Result<()> {
        while self.cut.as_ref().is_some_and(|cut| matches!(cut.disk, OnDisk::All)) {
            if self.save_chunk()?.is_none() {
                self.read_from_disk()?;
            }
        }
        Ok(())
    }

    /// What the cut owes from now on is all that is on disk.
    fn read_from_disk(&mut self) -> Result<()> {
        if let (Some(cut), Some(spill)) = (&mut self.cut, &mut self.spill) {
            cut.disk = OnDisk::Rest(spill.scan_all());
            spill.forget_removed()?;
        }
        Ok(())
    }
}

/// Keys of some times on disk.
pub struct Range(Option<Scan>);

impl<T> std::ops::Deref for Keyed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.table
    }
}

impl<T> std::ops::DerefMut for Keyed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.table
    }
}

impl<T: StateTable> Checkpointed for Keyed<T> {
    fn name(&self) -> &'static str {
        self.table.name()
    }

    fn columns(&self) -> Vec<FieldRef> {
        self.table.columns()
    }

    fn cut(&mut self) -> Result<()> {
        self.cut = None;
        let (owed, disk) = match &mut self.spill {
            None => (self.table.index().live().clone(), OnDisk::Nothing),
            Some(spill) => {
                spill.note_removed(&mut self.table)?;
                spill.forget_removed()?;
                (spill.changed(&self.table), OnDisk::All)
            }
        };
        self.cut = Some(Cut { owed, next: 0, saved: Vec::new(), disk });
        Ok(())
    }

    fn forget_cut(&mut self) {
        self.cut = None;
    }

    fn next_touched(&mut self) -> Option<Saved> {
        self.cut.as_mut()?.saved.pop()
    }

    fn next_saved(&mut self) -> Result<Option<Saved>> {
        if let Some(saved) = self.next_touched() {
            return Ok(Some(saved));
        }
        let saved = self.save_chunk()?;
        if saved.is_some() {
            return Ok(saved);
        }
        if self.cut.as_ref().is_some_and(|cut| matches!(cut.disk, OnDisk::All)) {
            self.read_from_disk()?;
        }
        if let (Some(Cut { disk: OnDisk::Rest(scan), .. }), Some(spill)) =
            (&mut self.cut, &self.spill)
        {
            let saved = spill.next_rows(scan)?;
            if saved.is_some() {
                return Ok(saved);
            }
        }
        self.cut = None;
        Ok(None)
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        check_columns(self.name(), &self.table.columns(), columns, rows)?;
        if let Some(spill) = &mut self.spill {
            // The first rows of a key may be on disk by now.
            let keys = spill.keys_of(columns);
            spill.fetch(&mut self.table, &keys, rows)?;
            let mut slots = Vec::new();
            self.table.index_mut().lookup(&keys, rows, &mut slots)?;
            spill.touch(&slots);
        }
        self.table.load(columns, rows)?;
        let Some(memory) = &self.memory else { return Ok(()) };
        if self.table.memory() as u64 > memory.share() {
            let keys = self.keys();
            let limit = *self.load_limit.get_or_insert(keys);
            self.shrink(limit)?;
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.table.memory() + self.spill.as_ref().map_or(0, Spill::memory)
    }

    fn keys(&self) -> usize {
        self.table.index().len()
    }

    fn use_disk(&mut self, memory: &Arc<StateMemory>) {
        self.memory = Some(memory.clone());
    }

    fn shrink(&mut self, keys: usize) -> Result<()> {
        let (Some(memory), Some(layout)) = (&self.memory, self.table.disk_layout()) else {
            return Ok(());
        };
        let over = self.keys().saturating_sub(keys);
        if over == 0 {
            return Ok(());
        }
        if self.spill.is_none() {
            self.spill = Some(Spill::new(&mut self.table, &layout, memory)?);
        }
        self.settle_cut()?;
        let Some(spill) = &mut self.spill else { return Ok(()) };
        let victims = spill.victims(&self.table, over);
        // A cut from before the table had anything on disk.
        self.save_owed(&victims)?;
        match &mut self.spill {
            Some(spill) => spill.evict(&mut self.table, &victims),
            None => Ok(()),
        }
    }
}
