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
//!
//! **Changes.** After [`Checkpointed::cut_changes`] the table keeps count of what changes
//! ([`Changes`]), and owes only that at later cuts of this kind: removed keys, and the rows of
//! changed ones. On disk changes are logged beside the table, so they need not be looked for.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;

use super::changes::Changes;
use super::codec::words;
use super::disk::{Merged, Scan};
use super::keys::KeyBatch;
use super::memory::StateMemory;
use super::spill::Spill;
use super::table::check_columns;
use super::{Checkpointed, MISSING, Saved, SlotSet, StateTable, hash_columns};
use crate::{Error, Result};

#[cfg(test)]
mod tests;

/// Slots that [`Checkpointed::next_saved`] saves at once.
const CHUNK_SLOTS: usize = 2048;

/// A state table that can be cut and moved to disk.
pub struct Keyed<T> {
    table: T,
    cut: Option<Cut>,
    /// What has changed since which cut, once someone wants to know.
    changes: Option<Changes>,
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
    /// Keys to be removed first.
    removed: Vec<Saved>,
    /// The same, as the index gave them.
    gone: Vec<KeyBatch>,
    /// Of a cut of changes: slots whose keys may have been saved before.
    replaced: Option<SlotSet>,
    disk: OnDisk,
}

impl Cut {
    /// Owes all rows of these slots.
    fn of(owed: SlotSet, disk: OnDisk) -> Cut {
        let (saved, removed, gone) = (Vec::new(), Vec::new(), Vec::new());
        Cut { owed, next: 0, saved, removed, gone, replaced: None, disk }
    }
}

/// What a cut owes of the disk.
enum OnDisk {
    /// Nothing was there.
    Nothing,
    /// All that is there once no slot is owed.
    All,
    /// The rest of it.
    Rest(Scan),
    /// Changes that are logged there, once no slot is owed.
    Changes,
    /// The rest of these.
    RestOfChanges(Merged),
}

impl<T: StateTable> Keyed<T> {
    /// The table, in memory and not cut.
    pub fn new(table: T) -> Keyed<T> {
        Keyed { table, cut: None, changes: None, memory: None, spill: None, load_limit: None }
    }

    /// To be called before keys are looked up: brings back those that are on disk.
    #[inline]
    pub fn fetch(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        match &mut self.spill {
            None => Ok(()),
            Some(spill) => spill.fetch(&mut self.table, &mut self.changes, keys, rows),
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
            (Some(spill), Some(scan)) => {
                spill.fetch_from(&mut self.table, &mut self.changes, scan, most)
            }
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
        if let Some(changes) = &mut self.changes {
            changes.touch(slots);
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
        let saved = self.save(&due)?;
        if let Some(cut) = self.cut.as_mut().filter(|_| saved.rows() > 0) {
            cut.saved.push(saved);
        }
        Ok(())
    }

    /// Saves slots that were owed: to disk, if the rest of the cut is read from there.
    fn save(&mut self, slots: &[u32]) -> Result<Saved> {
        let Some(cut) = &mut self.cut else { return Ok(Saved::default()) };
        match (&cut.disk, &mut self.spill, &mut self.changes) {
            (OnDisk::All, Some(spill), _) => {
                spill.write(&mut self.table, slots)?;
                Ok(Saved::default())
            }
            (OnDisk::Changes, Some(spill), Some(changes)) => {
                spill.log_for_cut(&mut self.table, changes, slots)?;
                Ok(Saved::default())
            }
            _ => {
                let replaced = cut.replaced.iter();
                let replaced: Vec<u32> = replaced
                    .flat_map(|replaced| slots.iter().filter(|slot| replaced.contains(**slot)))
                    .copied()
                    .collect();
                if !replaced.is_empty() {
                    let keys = self.table.index().key_columns(&replaced)?;
                    cut.removed.push(removed_keys(&self.table, (keys, replaced.len()))?);
                }
                self.table.save(slots)
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
        self.save(&slots).map(Some)
    }

    /// Until the slots that a cut owes are written nothing later may be, nor removed.
    fn settle_cut(&mut self) -> Result<()> {
        while self.is_written_first() {
            if self.save_chunk()?.is_none() {
                self.read_from_disk()?;
            }
        }
        Ok(())
    }

    /// Whether what a cut owes must be on disk before the rest is read.
    fn is_written_first(&self) -> bool {
        let disk = self.cut.as_ref().map(|cut| &cut.disk);
        matches!(disk, Some(OnDisk::All | OnDisk::Changes))
    }

    /// What the cut owes from now on is all that is on disk, or all changes that are.
    fn read_from_disk(&mut self) -> Result<()> {
        let (Some(cut), Some(spill)) = (&mut self.cut, &mut self.spill) else { return Ok(()) };
        match (&cut.disk, &self.changes) {
            (OnDisk::All, _) => {
                cut.disk = OnDisk::Rest(spill.scan_all());
                spill.forget_removed()
            }
            (OnDisk::Changes, Some(changes)) => {
                cut.disk = OnDisk::RestOfChanges(Merged::new(changes.logs())?);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Some of what a cut owes of the disk; `None` at its end.
    fn next_from_disk(&mut self) -> Result<Option<Saved>> {
        let (Some(cut), Some(spill)) = (&mut self.cut, &self.spill) else { return Ok(None) };
        match &mut cut.disk {
            OnDisk::Rest(scan) => spill.next_rows(scan),
            OnDisk::RestOfChanges(logs) => {
                let Some((rows, removed)) = spill.next_changes(logs)? else { return Ok(None) };
                cut.removed.extend(removed);
                Ok(Some(rows))
            }
            _ => Ok(None),
        }
    }

    /// Moves the keys that the operator has removed to what is known of changes.
    fn note_removed(&mut self) -> Result<()> {
        if let Some(spill) = &mut self.spill {
            return spill.note_removed(&mut self.table, &mut self.changes);
        }
        let removed = self.table.index_mut().take_removed()?;
        if let Some(changes) = &mut self.changes {
            changes.note_removed(removed);
        }
        Ok(())
    }

    /// Begins to keep count of changes, from a cut of all rows on.
    fn begin_changes(&mut self, checkpoint: u64) -> Result<()> {
        let mut changes = Changes::new(checkpoint, self.table.index().live().clone());
        if let Some(old) = self.changes.take() {
            changes.retire(old);
        }
        self.changes = Some(changes);
        self.cut()
    }
}

/// Keys as they are given, with their hashes.
fn removed_keys(table: &impl StateTable, (columns, rows): KeyBatch) -> Result<Saved> {
    let layout = table.disk_layout();
    let (times, carries_hash) =
        layout.map_or((0, false), |layout| (layout.times, layout.carries_hash));
    let partitioned = columns.get(times..).unwrap_or_default();
    let mut hashes = Vec::new();
    match partitioned.first().filter(|_| carries_hash) {
        Some(carried) => hashes.extend(words(carried)?.iter().map(|hash| *hash as u64)),
        None => hash_columns(partitioned, rows, &mut hashes)?,
    }
    Ok(Saved { columns, hashes })
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
                spill.note_removed(&mut self.table, &mut self.changes)?;
                spill.forget_removed()?;
                (spill.changed(&self.table), OnDisk::All)
            }
        };
        self.cut = Some(Cut::of(owed, disk));
        Ok(())
    }

    fn cut_changes(&mut self, checkpoint: u64, since: Option<u64>) -> Result<bool> {
        if self.change_keys().is_none() {
            self.cut()?;
            return Ok(false);
        }
        self.cut = None;
        self.note_removed()?;
        // If keys were lost there is none.
        let replaced = self.table.index_mut().track_saved();
        let (Some(changes), Some(since), Some(replaced)) = (&mut self.changes, since, replaced)
        else {
            self.begin_changes(checkpoint)?;
            return Ok(false);
        };
        if !changes.cut(self.table.index(), &replaced, checkpoint, since) {
            self.begin_changes(checkpoint)?;
            return Ok(false);
        }
        let disk = if self.spill.is_some() { OnDisk::Changes } else { OnDisk::Nothing };
        let mut cut = Cut::of(changes.changed(self.table.index()), disk);
        cut.gone = changes.removed();
        cut.replaced = Some(replaced);
        self.cut = Some(cut);
        Ok(true)
    }

    fn change_keys(&self) -> Option<Vec<usize>> {
        let layout = self.table.disk_layout();
        layout.map(|layout| layout.key_columns).filter(|keys| !keys.is_empty())
    }

    fn forget_cut(&mut self) {
        self.cut = None;
    }

    fn next_touched(&mut self) -> Option<Saved> {
        self.cut.as_mut()?.saved.pop()
    }

    fn next_removed(&mut self) -> Option<Saved> {
        self.cut.as_mut()?.removed.pop()
    }

    fn next_saved(&mut self) -> Result<Option<Saved>> {
        if let Some(saved) = self.next_touched() {
            return Ok(Some(saved));
        }
        if let Some(changes) = &mut self.changes {
            changes.tidy();
        }
        if let Some(keys) = self.cut.as_mut().and_then(|cut| cut.gone.pop()) {
            let removed = removed_keys(&self.table, keys)?;
            self.cut.iter_mut().for_each(|cut| cut.removed.push(removed.clone()));
            return Ok(Some(Saved::default()));
        }
        let mut saved = self.save_chunk()?;
        if saved.is_none() && self.is_written_first() {
            self.read_from_disk()?;
        }
        if saved.is_none() {
            saved = self.next_from_disk()?;
        }
        let is_asked_for = self.cut.as_ref().is_some_and(|cut| !cut.removed.is_empty());
        if saved.is_none() && is_asked_for {
            saved = Some(Saved::default());
        }
        if saved.is_none() {
            self.cut = None;
        }
        Ok(saved)
    }

    fn remove_keys(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        let columns = self.table.columns();
        let wanted = self.change_keys().unwrap_or_default();
        let fits = keys.len() == wanted.len()
            && keys
                .iter()
                .zip(&wanted)
                .all(|(key, at)| key.len() == rows && key.data_type() == columns[*at].data_type());
        if !fits || wanted.is_empty() {
            let name = self.name();
            return Err(Error::input(format!("removed keys of state '{name}' do not fit it")));
        }
        let mut slots = Vec::new();
        self.table.index_mut().lookup(keys, rows, &mut slots)?;
        slots.retain(|slot| *slot != MISSING);
        slots.sort_unstable();
        slots.dedup();
        if let Some(spill) = &mut self.spill {
            self.table.index_mut().set_stored(&slots, false);
            spill.touch(&slots);
            spill.remove_keys(keys, rows)?;
        }
        self.table.discard(&slots);
        Ok(())
    }
    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        check_columns(self.name(), &self.table.columns(), columns, rows)?;
        if let Some(spill) = &mut self.spill {
            // The first rows of a key may be on disk by now.
            let keys = spill.keys_of(columns);
            spill.fetch(&mut self.table, &mut self.changes, &keys, rows)?;
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
        let changes = self.changes.as_ref().map_or(0, Changes::memory);
        self.table.memory() + changes + self.spill.as_ref().map_or(0, Spill::memory)
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
            Some(spill) => spill.evict(&mut self.table, &mut self.changes, &victims),
            None => Ok(()),
        }
    }
}
