//! The state of aggregation in windows of fixed boundaries: results of each slice and key.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arrow_array::ArrayRef;
use arrow_schema::{DataType as Arrow, FieldRef};
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, Saved, StateTable, hash_columns};

use super::sliced::Spec;
use crate::aggregate::calls::Calls;
use crate::saved;

/// A slice: its end and, for windows that the input has, their start (else 0). Base slots of
/// cumulating windows are filed under the window's start, as an odd number.
pub type SliceId = (i64, i64);

/// Count of a slot that is filed under no slice.
pub const NEW: i64 = i64::MIN;

/// Count of a slot that is taken out of its slice.
const GONE: i64 = i64::MIN + 1;

/// Columns of a saved row before those of the grouping.
const SLICE_COLUMNS: usize = 2;

/// The slices that are open.
pub struct Slices {
    key_columns: Vec<FieldRef>,
    /// Keys: slice end and start, then the grouping columns.
    pub index: KeyIndex,
    pub calls: Calls,
    /// Records of each slot, or [`NEW`].
    pub counts: Vec<i64>,
    /// Slots of each slice in memory, in order of first row.
    pub slots: BTreeMap<SliceId, Vec<u32>>,
}

impl Slices {
    /// No slices.
    pub fn new(spec: &Spec) -> Result<Slices> {
        let mut key_columns = vec![
            saved::column("#slice_end", Arrow::Int64),
            saved::column("#slice_start", Arrow::Int64),
        ];
        key_columns.extend(saved::input_columns(spec.input, spec.keys));
        let types: Vec<Arrow> = key_columns.iter().map(|key| key.data_type().clone()).collect();
        Ok(Slices {
            key_columns,
            index: KeyIndex::new(&types)?,
            calls: Calls::new(spec.calls, spec.input, spec.retract)?,
            counts: Vec::new(),
            slots: BTreeMap::new(),
        })
    }

    /// Arrow types of the grouping columns.
    pub fn grouping(&self) -> Vec<Arrow> {
        self.key_columns[SLICE_COLUMNS..].iter().map(|key| key.data_type().clone()).collect()
    }

    /// The grouping columns of slots.
    pub fn grouping_of(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(self.index.key_columns(slots)?.split_off(SLICE_COLUMNS))
    }

    /// Makes sure that slots `0..slots` exist.
    pub fn grow(&mut self, slots: usize) {
        self.calls.grow(slots);
        if self.counts.len() < slots {
            self.counts.resize(slots, NEW);
        }
    }

    /// Counts a record of a slot; files the slot under its slice when it is new. Says whether the
    /// slice is new.
    #[inline]
    pub fn count(&mut self, slot: u32, id: SliceId, change: i64) -> bool {
        let count = &mut self.counts[slot as usize];
        if *count != NEW {
            *count += change;
            return false;
        }
        *count = change;
        match self.slots.entry(id) {
            Entry::Occupied(mut slots) => {
                slots.get_mut().push(slot);
                false
            }
            Entry::Vacant(slots) => {
                slots.insert(vec![slot]);
                true
            }
        }
    }

    /// Removes slots that are no longer filed.
    pub fn remove(&mut self, slots: &[u32]) {
        self.calls.reset(slots);
        for slot in slots {
            self.counts[*slot as usize] = NEW;
            self.index.remove(*slot);
        }
    }
}

impl StateTable for Slices {
    fn name(&self) -> &'static str {
        "slices"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.key_columns.clone();
        columns.push(saved::column("#records", Arrow::Int64));
        columns.extend(self.calls.state_columns());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.index
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut columns = self.index.key_columns(slots)?;
        let mut hashes = Vec::new();
        hash_columns(&columns[SLICE_COLUMNS..], slots.len(), &mut hashes)?;
        columns.push(saved::numbers(slots.iter().map(|slot| self.counts[*slot as usize])));
        columns.extend(self.calls.save(slots)?);
        Ok(Saved { columns, hashes })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (keys, rest) = columns.split_at(self.key_columns.len());
        let (records, calls) = rest.split_at(1);
        let mut slots = Vec::new();
        self.index.lookup_or_insert(keys, rows, &mut slots)?;
        self.grow(self.index.capacity());
        let (ends, starts) = (saved::read_numbers(&keys[0])?, saved::read_numbers(&keys[1])?);
        for (row, records) in saved::read_numbers(&records[0])?.iter().enumerate() {
            self.count(slots[row], (ends[row], starts[row]), *records);
        }
        self.calls.load(&slots, calls)
    }

    fn memory(&self) -> usize {
        let filed: usize = self.slots.values().map(|slots| slots.capacity() * 4).sum();
        self.index.memory() + self.calls.memory() + self.counts.capacity() * 8 + filed
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.index
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: (0..self.key_columns.len()).collect(),
            times: 2,
            carries_hash: false,
            lifetime: None,
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        for slot in slots {
            self.counts[*slot as usize] = GONE;
        }
        // A slice that is all on disk is still known.
        for filed in self.slots.values_mut() {
            filed.retain(|slot| self.counts[*slot as usize] != GONE);
        }
        self.remove(slots);
    }
}
