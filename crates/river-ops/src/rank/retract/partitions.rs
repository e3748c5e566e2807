//! All rows of each partition in order: a state table.

use std::collections::BTreeMap;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use river_core::Field;
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, RowStore, Saved, StateTable, hash_columns};

use crate::one_row::{arrow_types, project};
use crate::order::{Order, StoredKey};
use crate::rank::RankSpec;
use crate::stored_rows::{key_hashes, row_columns, save_lists, written_column};
use crate::ttl::Ttl;

/// All rows of a partition in order, equal ones by arrival.
pub type Rows<K> = BTreeMap<K, Vec<u32>>;

/// Bytes that a row costs in [`Rows`] beside its sort key, about.
const ROW_BYTES: usize = 40;

/// All rows.
pub struct Partitions<K> {
    row_columns: Vec<FieldRef>,
    pub partition: Vec<usize>,
    pub order: Order,
    keys: KeyIndex,
    pub store: RowStore,
    pub partitions: Vec<Rows<K>>,
    /// Hash of each stored row.
    pub hashes: Vec<u64>,
    pub ttl: Ttl,
}

impl<K: StoredKey> Partitions<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<Partitions<K>> {
        let types = arrow_types(input);
        let key_types: Vec<_> = spec.partition.iter().map(|c| types[*c].clone()).collect();
        Ok(Partitions {
            row_columns: row_columns(input),
            partition: spec.partition.to_vec(),
            order: Order::new(input, spec.order)?,
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            partitions: Vec::new(),
            hashes: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
        })
    }

    /// The slot of each row's partition; new ones are added.
    pub fn slots(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.keys.lookup_or_insert(&project(columns, &self.partition), rows, &mut slots)?;
        self.partitions.resize_with(self.keys.capacity().max(self.partitions.len()), Rows::new);
        Ok(slots)
    }

    /// Forgets partitions.
    pub fn forget(&mut self, slots: &[u32]) {
        for slot in slots {
            for (_, ids) in std::mem::take(&mut self.partitions[*slot as usize]) {
                self.store.remove(&ids);
            }
            self.ttl.forget(*slot);
            self.keys.remove(*slot);
        }
    }

    /// Forgets those of the partitions that have no rows.
    pub fn forget_empty(&mut self, mut slots: Vec<u32>) {
        slots.sort_unstable();
        slots.dedup();
        slots.retain(|slot| self.partitions[*slot as usize].is_empty());
        self.forget(&slots);
    }
}

impl<K: StoredKey> StateTable for Partitions<K> {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let mut columns = self.row_columns.clone();
        columns.push(written_column());
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let (mut columns, of_row) = save_lists(&self.store, slots, |slot, ids| {
            ids.extend(self.partitions[slot as usize].values().flatten());
        })?;
        columns.push(self.ttl.save(&of_row));
        Ok(Saved { columns, hashes: key_hashes(&self.keys, &of_row) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (row, extra) = columns.split_at(self.row_columns.len());
        let slots = self.slots(row, rows)?;
        let all: Vec<u32> = (0..rows as u32).collect();
        let (mut ids, mut hashes) = (Vec::new(), Vec::new());
        self.store.append(row, &all, &mut ids)?;
        self.hashes.resize(self.store.capacity(), 0);
        hash_columns(row, rows, &mut hashes)?;
        let keys = self.order.keys(row)?;
        for (row, (slot, id)) in slots.iter().zip(ids).enumerate() {
            let key = K::from_bytes(keys.get(row));
            self.partitions[*slot as usize].entry(key).or_default().push(id);
            self.hashes[id as usize] = hashes[row];
        }
        self.ttl.load(&slots, &extra[0])
    }

    fn memory(&self) -> usize {
        self.keys.memory()
            + self.store.memory()
            + self.ttl.memory()
            + self.hashes.capacity() * 8
            + self.partitions.capacity() * size_of::<Rows<K>>()
            + self.store.len() * (size_of::<K>() + ROW_BYTES)
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
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
