//! The best rows of each partition: a state table.

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use river_core::Field;
use river_runtime::Result;
use river_runtime::state::{DiskLayout, KeyIndex, RowStore, Saved, StateTable};

use crate::one_row::{arrow_types, project};
use crate::order::{Order, StoredKey};
use crate::rank::RankSpec;
use crate::stored_rows::{key_hashes, row_columns, save_lists, written_column};
use crate::ttl::Ttl;

/// The best rows.
pub struct Tops<K> {
    row_columns: Vec<FieldRef>,
    pub partition: Vec<usize>,
    pub order: Order,
    keys: KeyIndex,
    pub store: RowStore,
    /// The best rows of each partition, best first, equal ones by arrival.
    pub tops: Vec<Vec<(K, u32)>>,
    pub ttl: Ttl,
}

impl<K: StoredKey> Tops<K> {
    pub fn new(input: &[Field], spec: &RankSpec<'_>) -> Result<Tops<K>> {
        let types = arrow_types(input);
        let key_types: Vec<_> = spec.partition.iter().map(|c| types[*c].clone()).collect();
        Ok(Tops {
            row_columns: row_columns(input),
            partition: spec.partition.to_vec(),
            order: Order::new(input, spec.order)?,
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            tops: Vec::new(),
            ttl: Ttl::new(spec.ttl_ms),
        })
    }

    /// The slot of each row's partition; new ones are added.
    pub fn slots(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<u32>> {
        let mut slots = Vec::new();
        self.keys.lookup_or_insert(&project(columns, &self.partition), rows, &mut slots)?;
        self.tops.resize_with(self.keys.capacity().max(self.tops.len()), Vec::new);
        Ok(slots)
    }

    /// Forgets partitions.
    pub fn forget(&mut self, slots: &[u32]) {
        for slot in slots {
            let gone: Vec<u32> = self.tops[*slot as usize].drain(..).map(|(_, row)| row).collect();
            self.store.remove(&gone);
            self.ttl.forget(*slot);
            self.keys.remove(*slot);
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
        &self.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let (mut columns, of_row) = save_lists(&self.store, slots, |slot, ids| {
            ids.extend(self.tops[slot as usize].iter().map(|(_, row)| *row));
        })?;
        columns.push(self.ttl.save(&of_row));
        Ok(Saved { columns, hashes: key_hashes(&self.keys, &of_row) })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (row, extra) = columns.split_at(self.row_columns.len());
        let slots = self.slots(row, rows)?;
        let all: Vec<u32> = (0..rows as u32).collect();
        let mut ids = Vec::new();
        self.store.append(row, &all, &mut ids)?;
        let keys = self.order.keys(row)?;
        for (row, (slot, id)) in slots.iter().zip(ids).enumerate() {
            let key = K::from_bytes(keys.get(row));
            let top = &mut self.tops[*slot as usize];
            let at = top.partition_point(|(k, _)| *k <= key);
            top.insert(at, (key, id));
        }
        self.ttl.load(&slots, &extra[0])
    }

    fn memory(&self) -> usize {
        self.keys.memory()
            + self.store.memory()
            + self.ttl.memory()
            + self.tops.capacity() * size_of::<Vec<(K, u32)>>()
            + self.store.len() * size_of::<(K, u32)>()
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
