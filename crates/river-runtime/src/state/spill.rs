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

use super::changes::Changes;
use super::codec::{Codec, end_of, rows_in};
use super::disk::{DiskTree, Merged, Scan};
use super::memory::StateMemory;
use super::table::Saved;
use super::{DiskLayout, MISSING, SlotSet, StateTable};
use crate::Result;

/// Rows of a table that are read from disk at once for a checkpoint.
const SCAN_ROWS: usize = 2048;

/// First byte of a logged value: rows follow.
const ROWS: u8 = 0;
/// First byte of a logged value: the key has no rows any more; it follows itself.
const GONE: u8 = 1;

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
        changes: &mut Option<Changes>,
        keys: &[ArrayRef],
        rows: usize,
    ) -> Result<()> {
        self.note_removed(table, changes)?;
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
        self.load(table, changes, &values)
    }

    /// Loads values of keys that are not in memory.
    fn load(
        &mut self,
        table: &mut impl StateTable,
        changes: &mut Option<Changes>,
        values: &[lsm_tree::UserValue],
    ) -> Result<()> {
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
        table.index_mut().set_saved(&slots, true);
        if let Some(changes) = changes {
            changes.note_loaded(&slots);
        }
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
        changes: &mut Option<Changes>,
        range: &mut Scan,
        most: usize,
    ) -> Result<bool> {
        self.note_removed(table, changes)?;
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
        self.load(table, changes, &values)?;
        Ok(more)
    }

    /// Writes slots as they are now.
    pub fn write(&mut self, table: &mut impl StateTable, slots: &[u32]) -> Result<()> {
        self.put(table, slots, true, None)
    }

    /// Writes slots as they are now into the log of the epoch before the last cut.
    pub fn log_for_cut(
        &mut self,
        table: &mut impl StateTable,
        changes: &mut Changes,
        slots: &[u32],
    ) -> Result<()> {
        let log = changes.log_of_cut(self.tree.space())?;
        self.put(table, slots, false, Some(log))
    }

    /// Writes slots as they are now to the tree, to a log of changes, or to both.
    fn put(
        &mut self,
        table: &mut impl StateTable,
        slots: &[u32],
        to_tree: bool,
        mut log: Option<&mut DiskTree>,
    ) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let saved = table.save(slots)?;
        let tree = &mut self.tree;
        let mut keys_with_rows = 0;
        let mut logged = Vec::new();
        self.codec.values(&saved, |key, value| {
            keys_with_rows += 1;
            if let Some(log) = &mut log {
                logged.clear();
                logged.push(ROWS);
                logged.extend_from_slice(value);
                log.put(key, &logged)?;
            }
            if to_tree { tree.put(key, value) } else { Ok(()) }
        })?;
        if keys_with_rows < slots.len() {
            self.remove_without_rows(table, slots, &saved, to_tree, log)?;
        }
        if to_tree {
            slots.iter().for_each(|slot| self.clean.insert(*slot));
            table.index_mut().set_stored(slots, true);
        }
        Ok(())
    }

    /// Some slots have no rows, but may have had some before.
    fn remove_without_rows(
        &mut self,
        table: &impl StateTable,
        slots: &[u32],
        saved: &Saved,
        to_tree: bool,
        mut log: Option<&mut DiskTree>,
    ) -> Result<()> {
        let mut with_rows: HashSet<Box<[u8]>> = HashSet::new();
        self.codec.values(saved, |key, _| {
            with_rows.insert(key.into());
            Ok(())
        })?;
        let columns = table.index().key_columns(slots)?;
        let keys = self.codec.keys(&columns, slots.len())?;
        let to_tree = to_tree && table.index().any_stored(slots);
        for at in (0..keys.len()).filter(|at| !with_rows.contains(keys.get(*at))) {
            if to_tree {
                self.tree.remove(keys.get(at))?;
            }
        }
        let Some(log) = &mut log else { return Ok(()) };
        let whole = self.codec.whole_keys(&columns)?;
        for at in (0..keys.len()).filter(|at| !with_rows.contains(keys.get(*at))) {
            log.put(keys.get(at), &[&[GONE], whole.row(at).data()].concat())?;
        }
        Ok(())
    }

    /// Removes slots from memory; those that have changed are written.
    pub fn evict(
        &mut self,
        table: &mut impl StateTable,
        changes: &mut Option<Changes>,
        slots: &[u32],
    ) -> Result<()> {
        self.note_removed(table, changes)?;
        self.forget_removed()?;
        let logged = changes.as_mut().map(|changes| changes.note_leaving(slots));
        let logged = logged.unwrap_or_default();
        let (to_log, others): (Vec<u32>, Vec<u32>) =
            slots.iter().copied().partition(|slot| logged.contains(*slot));
        let (dirty, clean): (Vec<u32>, Vec<u32>) =
            to_log.into_iter().partition(|slot| !self.clean.contains(*slot));
        if let Some(changes) = changes.as_mut().filter(|_| !logged.is_empty()) {
            let log = changes.log(self.tree.space())?;
            self.put(table, &dirty, true, Some(&mut *log))?;
            self.put(table, &clean, false, Some(log))?;
        }
        let mut dirty = others;
        dirty.retain(|slot| !self.clean.contains(*slot));
        self.write(table, &dirty)?;
        table.index_mut().set_stored(slots, false);
        table.index_mut().set_saved(slots, false);
        table.evict(slots);
        self.touch(slots);
        Ok(())
    }

    /// Removes keys, which are not in memory any more, from disk.
    pub fn remove_keys(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        let keys = self.codec.keys(keys, rows)?;
        (0..keys.len()).try_for_each(|at| self.tree.remove(keys.get(at)))
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

    /// Some of the keys of logs: rows of those that have some, and keys whose rows are to be
    /// replaced; `None` at the end.
    pub fn next_changes(&self, logs: &mut Merged) -> Result<Option<(Saved, Vec<Saved>)>> {
        let (mut values, mut hashes) = (Vec::new(), Vec::new());
        let (mut first_rows, mut replaced_hashes) = (Vec::new(), Vec::new());
        let (mut gone, mut gone_hashes) = (Vec::new(), Vec::new());
        while hashes.len() + gone.len() < SCAN_ROWS
            && let Some((key, value)) = logs.next_entry()?
        {
            let hash = self.codec.hash(&key);
            if value.first() == Some(&GONE) {
                gone.push(value);
                gone_hashes.push(hash);
                continue;
            }
            first_rows.push(hashes.len() as u32);
            replaced_hashes.push(hash);
            let rows = rows_in(value.get(1..).unwrap_or_default());
            hashes.resize(hashes.len() + rows, hash);
            values.push(value);
        }
        if values.is_empty() && gone.is_empty() {
            return Ok(None);
        }
        let mut removed = Vec::new();
        if !gone.is_empty() {
            let columns = self.codec.read_whole_keys(gone.iter().map(|value| &value[1..]))?;
            removed.push(Saved { columns, hashes: gone_hashes });
        }
        if values.is_empty() {
            return Ok(Some((Saved::default(), removed)));
        }
        let rows = values.iter().map(|value| value.get(1..).unwrap_or_default());
        let (columns, _) = self.codec.rows(rows)?;
        let first_rows = UInt32Array::from(first_rows);
        let keys = self.codec.key_columns(&columns);
        let keys = keys.iter().map(|key| Ok(take(key, &first_rows, None)?));
        removed.push(Saved { columns: keys.collect::<Result<_>>()?, hashes: replaced_hashes });
        Ok(Some((Saved { columns, hashes }, removed)))
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
    pub fn note_removed(
        &mut self,
        table: &mut impl StateTable,
        changes: &mut Option<Changes>,
    ) -> Result<()> {
        for (columns, rows) in table.index_mut().take_removed()? {
            let keys = self.codec.keys(&columns, rows)?;
            self.removed.extend((0..keys.len()).map(|at| Box::<[u8]>::from(keys.get(at))));
            if let Some(changes) = changes {
                let whole = self.codec.whole_keys(&columns)?;
                let log = changes.log(self.tree.space())?;
                for at in 0..keys.len() {
                    log.put(keys.get(at), &[&[GONE], whole.row(at).data()].concat())?;
                }
            }
        }
        Ok(())
    }

    /// Bytes of memory for what is known of the slots.
    pub fn memory(&self) -> usize {
        let keys: usize = self.removed.iter().map(|key| key.len() + size_of::<Box<[u8]>>()).sum();
        self.clean.memory() + self.recent.memory() + keys
    }
}
