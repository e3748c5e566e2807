//! The best rows of each partition, findable by their own key: a state table.

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use river_core::Field;
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, RowStore, Saved, StateTable};

use crate::changes::NO_ROW;
use crate::one_row::{arrow_types, project};
use crate::order::{Order, StoredKey};
use crate::rank::RankSpec;
use crate::stored_rows::{key_hashes, row_columns, save_lists, written_column};
use crate::ttl::Ttl;

/// The best rows.
pub struct Tops<K> {
    row_columns: Vec<FieldRef>,
    pub partition: Vec<usize>,
    partitions: KeyIndex,
    row_key: Vec<usize>,
    row_keys: KeyIndex,
    pub order: Order,
    pub store: RowStore,
    /// Stored row of each row key slot, or [`NO_ROW`].
    pub rows: Vec<u32>,
    /// The best row keys of each partition, best first.
    pub tops: Vec<Vec<(K, u32)>>,
    pub ttl: Ttl,
}

impl<K: StoredKey> Tops<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>, keys: &[usize]) -> Result<Tops<K>> {
        let types = arrow_types(input);
        let of =
            |columns: &[usize]| -> Vec<_> { columns.iter().map(|c| types[*c].clone()).collect() };
        let mut row_key: Vec<usize> = spec.partition.iter().chain(keys).copied().collect();
        row_key.sort_unstable();
        row_key.dedup();
        Ok(Tops {
            row_columns: row_columns(input),
            partition: spec.partition.to_vec(),
            partitions: KeyIndex::new(&of(spec.partition))?,
            row_keys: KeyIndex::new(&of(&row_key))?,
            row_key,
            order: Order::new(input, spec.order)?,
            store: RowStore::new(&types)?,
            rows: Vec::new(),
            tops: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
        })
    }

    /// The slot of each row's partition; new ones are added.
    pub fn slots(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.partitions.lookup_or_insert(&project(columns, &self.partition), rows, &mut slots)?;
        self.tops.resize_with(self.partitions.capacity().max(self.tops.len()), Vec::new);
        Ok(slots)
    }

    /// The slot of each row's own key; new ones are added.
    pub fn row_keys(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.row_keys.lookup_or_insert(&project(columns, &self.row_key), rows, &mut slots)?;
        self.rows.resize(self.row_keys.capacity().max(self.rows.len()), NO_ROW);
        Ok(slots)
    }

    /// Forgets partitions.
    pub fn forget(&mut self, slots: &[u32]) {
        for slot in slots {
            for (_, row_key) in self.tops[*slot as usize].drain(..) {
                let row = std::mem::replace(&mut self.rows[row_key as usize], NO_ROW);
                self.store.remove(&[row]);
                self.row_keys.remove(row_key);
            }
            self.ttl.forget(*slot);
            self.partitions.remove(*slot);
        }
    }

    /// Forgets those of the row keys that have no row.
    pub fn forget_row_keys(&mut self, mut slots: Vec<u32>) {
        slots.sort_unstable();
        slots.dedup();
        for slot in slots {
            if self.rows[slot as usize] == NO_ROW {
                self.row_keys.remove(slot);
            }
        }
    }
}

impl<K: StoredKey> StateTable for Tops<K> {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.row_columns.clone();
        columns.push(written_column());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.partitions
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let (mut columns, of_row) = save_lists(&self.store, slots, |slot, ids| {
            let top = self.tops[slot as usize].iter();
            ids.extend(top.map(|(_, row_key)| self.rows[*row_key as usize]));
        })?;
        columns.push(self.ttl.save(&of_row));
        Ok(Saved { columns, hashes: key_hashes(&self.partitions, &of_row) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (row, extra) = columns.split_at(self.row_columns.len());
        let slots = self.slots(row, rows)?;
        let row_keys = self.row_keys(row, rows)?;
        let all: Vec<u32> = (0..rows as u32).collect();
        let mut ids = Vec::new();
        self.store.append(row, &all, &mut ids)?;
        let keys = self.order.keys(row)?;
        for (row, id) in ids.into_iter().enumerate() {
            let key = K::from_bytes(keys.get(row));
            let top = &mut self.tops[slots[row] as usize];
            let at = top.partition_point(|(k, _)| *k <= key);
            top.insert(at, (key, row_keys[row]));
            self.rows[row_keys[row] as usize] = id;
        }
        self.ttl.load(&slots, &extra[0])
    }

    fn memory(&self) -> usize {
        self.partitions.memory()
            + self.row_keys.memory()
            + self.store.memory()
            + self.ttl.memory()
            + self.rows.capacity() * 4
            + self.tops.capacity() * size_of::<Vec<(K, u32)>>()
            + self.store.len() * size_of::<(K, u32)>()
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.partitions
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: self.partition.clone(),
            times: 0,
            carries_hash: false,
            lifetime: self.ttl.lifetime(self.row_columns.len()),
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        self.forget(slots);
    }
}
