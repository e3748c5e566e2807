//! The row that the sink has of each key, and the changes since the last watermark: a state table.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, FieldRef};
use river_runtime::state::{DiskLayout, KeyIndex, Saved, StateTable};
use river_runtime::{Error, Result};

use super::Kept;
use crate::changes::NO_ROW;
use crate::saved::{bytes, column, numbers, read_bytes, read_numbers};
use crate::stored_rows::{key_hashes, save_lists};

/// What a saved row is: what the sink has, or a change.
const CURRENT: u8 = 0;
const ADDED: u8 = 1;
const TAKEN_BACK: u8 = 2;

/// What is known of a key.
#[derive(Clone)]
pub struct Entry {
    /// The row the sink has, or [`NO_ROW`].
    pub current: u32,
    /// Changes since the last watermark: added (true) or taken back.
    pub changes: Vec<(bool, u32)>,
    /// When the first of the changes came: an ever growing number.
    pub arrival: i64,
}

/// What is known of the keys.
pub struct Entries {
    pub(super) kept: Kept,
    pub entries: Vec<Entry>,
}

impl Entries {
    pub(super) fn new(kept: Kept) -> Entries {
        Entries { kept, entries: Vec::new() }
    }

    /// Makes room for all slots.
    pub fn grow(&mut self) {
        let empty = Entry { current: NO_ROW, changes: Vec::new(), arrival: 0 };
        self.entries.resize(self.kept.keys.capacity().max(self.entries.len()), empty);
    }

    /// The slots with changes, in order of the first.
    pub fn changed(&self) -> Vec<u32> {
        let mut changed = self.kept.keys.slots();
        changed.retain(|slot| !self.entries[*slot as usize].changes.is_empty());
        changed.sort_by_key(|slot| (self.entries[*slot as usize].arrival, *slot));
        changed
    }
}

impl StateTable for Entries {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.kept.row_columns.clone();
        columns.push(column("#change", DataType::UInt8));
        columns.push(column("#arrival", DataType::Int64));
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.kept.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let (mut columns, of_row) = save_lists(&self.kept.store, slots, |slot, ids| {
            let entry = &self.entries[slot as usize];
            ids.extend((entry.current != NO_ROW).then_some(entry.current));
            ids.extend(entry.changes.iter().map(|(_, row)| *row));
        })?;
        let changes = slots.iter().flat_map(|slot| {
            let entry = &self.entries[*slot as usize];
            let current = (entry.current != NO_ROW).then_some(CURRENT);
            let change = |added: &(bool, u32)| if added.0 { ADDED } else { TAKEN_BACK };
            current.into_iter().chain(entry.changes.iter().map(change))
        });
        columns.push(bytes(changes));
        columns.push(numbers(of_row.iter().map(|slot| self.entries[*slot as usize].arrival)));
        Ok(Saved { columns, hashes: key_hashes(&self.kept.keys, &of_row) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (row, extra) = columns.split_at(self.kept.row_columns.len());
        let (changes, arrivals) = (read_bytes(&extra[0])?, read_numbers(&extra[1])?);
        let (slots, ids) = self.kept.load(row, rows)?;
        self.grow();
        for (row, (slot, id)) in slots.iter().zip(ids).enumerate() {
            let entry = &mut self.entries[*slot as usize];
            entry.arrival = arrivals[row];
            match changes[row] {
                CURRENT => entry.current = id,
                ADDED => entry.changes.push((true, id)),
                TAKEN_BACK => entry.changes.push((false, id)),
                other => return Err(Error::input(format!("saved state: no change {other}"))),
            }
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.kept.memory()
            + self.entries.capacity() * size_of::<Entry>()
            + self.kept.store.len() * size_of::<(bool, u32)>()
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.kept.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: self.kept.columns.clone(),
            times: 0,
            carries_hash: false,
            lifetime: None,
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        for slot in slots {
            let row = std::mem::replace(&mut self.entries[*slot as usize].current, NO_ROW);
            let rows: Vec<u32> = (row != NO_ROW).then_some(row).into_iter().collect();
            self.kept.forget(&rows, vec![*slot], |_| true);
        }
    }

    fn discard(&mut self, slots: &[u32]) {
        for slot in slots {
            let changes = std::mem::take(&mut self.entries[*slot as usize].changes);
            let rows: Vec<u32> = changes.into_iter().map(|(_, row)| row).collect();
            self.kept.store.remove(&rows);
        }
        self.evict(slots);
    }

    /// Changes wait for the watermark.
    fn may_leave(&self, slot: u32) -> bool {
        self.entries[slot as usize].changes.is_empty()
    }
}
