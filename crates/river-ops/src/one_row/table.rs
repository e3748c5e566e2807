//! The rows of keys as a state table.

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, Saved, StateTable};

use super::{Rows, project};
use crate::changes::NO_ROW;
use crate::stored_rows::{key_hashes, save_rows, written_column};

impl StateTable for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.columns.clone();
        columns.push(written_column());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut slots = slots.to_vec();
        slots.retain(|slot| self.get(*slot) != NO_ROW);
        let ids: Vec<u32> = slots.iter().map(|slot| self.get(*slot)).collect();
        let mut columns = save_rows(&self.store, &ids)?;
        columns.push(self.ttl.save(&slots));
        Ok(Saved { columns, hashes: key_hashes(&self.keys, &slots) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (row, extra) = columns.split_at(self.columns.len());
        let slots = self.load_rows(row, rows)?;
        self.ttl.load(&slots, &extra[0])
    }

    fn memory(&self) -> usize {
        self.keys.memory() + self.store.memory() + self.ttl.memory() + self.rows.capacity() * 4
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: self.key_columns.clone(),
            times: 0,
            carries_hash: false,
            lifetime: self.ttl.lifetime(self.columns.len()),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        let rows = slots.iter().map(|slot| {
            self.ttl.forget(*slot);
            self.keys.remove(*slot);
            std::mem::replace(&mut self.rows[*slot as usize], NO_ROW)
        });
        let rows: Vec<u32> = rows.filter(|row| *row != NO_ROW).collect();
        self.store.remove(&rows);
    }
}

impl Rows {
    /// Columns of the rows themselves.
    pub fn row_columns(&self) -> &[FieldRef] {
        &self.columns
    }

    /// Positions of the key columns.
    pub fn key_columns(&self) -> &[usize] {
        &self.key_columns
    }

    /// Loads rows, one a key; gives the slots of the keys.
    pub fn load_rows(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let slots = self.load_keys(&project(columns, &self.key_columns), rows)?;
        let all: Vec<u32> = (0..rows as u32).collect();
        let mut ids = Vec::new();
        self.store.append(columns, &all, &mut ids)?;
        for (slot, id) in slots.iter().zip(ids) {
            self.rows[*slot as usize] = id;
        }
        self.loaded.extend_from_slice(&slots);
        Ok(slots)
    }

    /// Loads keys, which have no row yet; gives their slots.
    pub fn load_keys(&mut self, keys: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.keys.lookup_or_insert(keys, rows, &mut slots)?;
        self.rows.resize(self.keys.capacity().max(self.rows.len()), NO_ROW);
        Ok(slots)
    }
}
