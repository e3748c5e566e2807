//! One side of a join as a state table: the rows of each key in their order, with what is counted
//! and remembered of each. Lists, identities and the order of expiry are made again on load.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, FieldRef};
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, Saved, StateTable};

use super::{Applied, NONE, Side};
use crate::saved::{column, numbers_or_null, read_numbers};
use crate::stored_rows::{key_hashes, save_rows, written_column};

impl StateTable for Side {
    fn name(&self) -> &'static str {
        self.name
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.columns.clone();
        columns.push(column("#matches", DataType::Int64));
        columns.push(written_column());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let (mut ids, mut of_row) = (Vec::new(), Vec::new());
        for slot in slots {
            let mut id = self.first(*slot);
            while id != NONE {
                ids.push(id);
                of_row.push(*slot);
                id = self.after(id);
            }
        }
        let mut columns = save_rows(&self.store, &ids)?;
        let matches = |id: &u32| self.matches.as_ref().map(|m| i64::from(m[*id as usize]));
        columns.push(numbers_or_null(ids.iter().map(matches)));
        columns.push(self.ttl.save(&ids));
        Ok(Saved { columns, hashes: key_hashes(&self.keys, &of_row) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (row, extra) = columns.split_at(self.columns.len());
        let (mut slots, mut ids) = (Vec::new(), Vec::new());
        let keys: Vec<ArrayRef> = self.key_columns.iter().map(|c| row[*c].clone()).collect();
        self.keys.lookup_or_insert(&keys, rows, &mut slots)?;
        self.grow_lists();
        let all: Vec<u32> = (0..rows as u32).collect();
        self.store.append(row, &all, &mut ids)?;
        self.grow();
        let identities = self.identities(row, rows)?;
        let matches = read_numbers(&extra[0])?;
        for (row, id) in ids.iter().enumerate() {
            self.link(*id, slots[row]);
            if let Some(counts) = &mut self.matches {
                counts[*id as usize] = i32::try_from(matches[row]).unwrap_or(i32::MAX);
            }
            if let Some(identity) = identities.get(row) {
                self.remember_identity(*id, *identity);
            }
        }
        self.ttl.load(&ids, &extra[1])
    }

    fn memory(&self) -> usize {
        let words = self.heads.capacity() + self.tails.capacity() + self.next.capacity();
        let matches = self.matches.as_ref().map_or(0, Vec::capacity);
        let identity = self.identity.as_ref().map_or(0, |identity| {
            let words = [&identity.newest, &identity.of_row, &identity.older];
            identity.index.memory() + words.iter().map(|w| w.capacity() * 4).sum::<usize>()
        });
        self.keys.memory()
            + self.store.memory()
            + (words + matches) * 4
            + self.links.capacity() * size_of::<super::Link>()
            + self.ttl.memory()
            + identity
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: self.key_columns.clone(),
            times: 0,
            carries_hash: false,
            lifetime: self.ttl.lifetime(self.columns.len() + 1),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        let mut rows = Vec::new();
        let mut applied = Applied::new(0);
        for slot in slots {
            let mut id = self.first(*slot);
            while id != NONE {
                rows.push(id);
                id = self.after(id);
            }
            self.heads[*slot as usize] = NONE;
            self.tails[*slot as usize] = NONE;
        }
        for id in rows {
            self.forget_identity(id, &mut applied);
            self.ttl.forget(id);
            applied.dead.push(id);
        }
        applied.touched_keys.extend_from_slice(slots);
        self.finish(applied);
    }
}
