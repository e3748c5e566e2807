//! The rows of each key in order of arrival: a state table.

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, Saved, StateTable};

use super::Kept;
use crate::stored_rows::{key_hashes, save_lists};

/// Rows by key.
pub struct Lists {
    pub(super) kept: Kept,
    /// Rows of each key, in order of arrival.
    pub rows: Vec<Vec<u32>>,
}

impl Lists {
    pub(super) fn new(kept: Kept) -> Lists {
        Lists { kept, rows: Vec::new() }
    }
}

impl StateTable for Lists {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn columns(&self) -> Vec<FieldRef> {
        self.kept.row_columns.clone()
    }

    fn index(&self) -> &KeyIndex {
        &self.kept.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let (columns, of_row) = save_lists(&self.kept.store, slots, |slot, ids| {
            ids.extend_from_slice(&self.rows[slot as usize]);
        })?;
        Ok(Saved { columns, hashes: key_hashes(&self.kept.keys, &of_row) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (slots, ids) = self.kept.load(columns, rows)?;
        self.rows.resize_with(self.kept.keys.capacity().max(self.rows.len()), Vec::new);
        for (slot, id) in slots.iter().zip(ids) {
            self.rows[*slot as usize].push(id);
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.kept.memory()
            + self.rows.capacity() * size_of::<Vec<u32>>()
            + self.kept.store.len() * 4
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
            let rows = std::mem::take(&mut self.rows[*slot as usize]);
            self.kept.forget(&rows, vec![*slot], |_| true);
        }
    }
}
