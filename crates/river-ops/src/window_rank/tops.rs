//! The state of a window Top-N: the best rows of each window and partition.

use std::collections::BTreeMap;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use river_core::Field;
use river_runtime::state::{DiskLayout, KeyIndex, RowStore, Saved, StateTable, hash_columns};
use river_runtime::{OperatorContext, Result};

use super::{WindowRankSpec, window_zone};
use crate::one_row::{arrow_types, project};
use crate::order::{Order, StoredKey};
use crate::stored_rows::{row_columns, save_rows};
use crate::window::span::{Span, WINDOW_COLUMNS, spans};
use crate::window::zone::Zone;

/// The rows held of all windows that have not ended.
pub struct Tops<K> {
    input_columns: Vec<FieldRef>,
    /// Columns by which the rows are partitioned.
    pub partition: Vec<usize>,
    pub order: Order,
    /// `window_start`, `window_end`, then the partition.
    pub columns: Vec<usize>,
    pub zone: Zone,
    pub keys: KeyIndex,
    pub store: RowStore,
    /// The rows of each slot with their sort keys, the best first.
    pub tops: Vec<Vec<(K, u32)>>,
    /// Windows by the watermark that ends them.
    pub windows: BTreeMap<i64, Ending>,
}

/// Windows that end together.
#[derive(Default)]
pub struct Ending {
    /// Slots of those that are in memory, in order of their first row.
    pub slots: Vec<u32>,
    /// Start and end of all.
    pub spans: Vec<Span>,
}

impl<K: StoredKey> Tops<K> {
    /// No rows.
    pub fn new(
        input: &[Field],
        spec: &WindowRankSpec<'_>,
        context: &OperatorContext,
    ) -> Result<Tops<K>> {
        let types = arrow_types(input);
        let mut columns = vec![spec.window.0, spec.window.1];
        let further = spec.partition.iter().filter(|column| !columns.contains(column));
        let further: Vec<usize> = further.copied().collect();
        columns.extend(further);
        let key_types: Vec<_> = columns.iter().map(|c| types[*c].clone()).collect();
        Ok(Tops {
            input_columns: row_columns(input),
            partition: spec.partition.to_vec(),
            order: Order::new(input, spec.order)?,
            columns,
            zone: window_zone(input, context)?,
            keys: KeyIndex::new(&key_types)?,
            store: RowStore::new(&types)?,
            tops: Vec::new(),
            windows: BTreeMap::new(),
        })
    }

    /// Makes room for all slots.
    pub fn grow(&mut self) {
        self.tops.resize_with(self.keys.capacity().max(self.tops.len()), Vec::new);
    }

    /// Notes when the window of a slot ends, if it has no row yet.
    pub fn plan(&mut self, slot: u32, trigger: i64, span: Span) {
        if self.tops[slot as usize].is_empty() {
            let ending = self.windows.entry(trigger).or_default();
            ending.slots.push(slot);
            if !ending.spans.contains(&span) {
                ending.spans.push(span);
            }
        }
    }
}

impl<K: StoredKey> StateTable for Tops<K> {
    fn name(&self) -> &'static str {
        "tops"
    }

    fn columns(&self) -> Vec<FieldRef> {
        self.input_columns.clone()
    }

    fn index(&self) -> &KeyIndex {
        &self.keys
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let rows = slots.iter().flat_map(|slot| &self.tops[*slot as usize]);
        let ids: Vec<u32> = rows.map(|(_, row)| *row).collect();
        let columns = save_rows(&self.store, &ids)?;
        let mut hashes = Vec::new();
        hash_columns(&project(&columns, &self.partition), ids.len(), &mut hashes)?;
        Ok(Saved { columns, hashes })
    }

    /// The rows of a slot come in the order of their ranks.
    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let (mut slots, mut ids) = (Vec::new(), Vec::new());
        self.keys.lookup_or_insert(&project(columns, &self.columns), rows, &mut slots)?;
        self.grow();
        let all: Vec<u32> = (0..rows as u32).collect();
        self.store.append(columns, &all, &mut ids)?;
        let keys = self.order.keys(columns)?;
        let spans = spans(columns, &self.columns)?;
        for (row, (slot, id)) in slots.iter().zip(ids).enumerate() {
            self.plan(*slot, self.zone.trigger(spans.end(row)), spans.get(row));
            self.tops[*slot as usize].push((K::from_bytes(keys.get(row)), id));
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        let entry = size_of::<(K, u32)>();
        let tops: usize = self.tops.iter().map(|top| top.capacity() * entry + 24).sum();
        let windows: usize = self.windows.values().map(|ending| ending.slots.capacity() * 4).sum();
        self.keys.memory() + self.store.memory() + tops + windows
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        // A partition by columns of the window is hashed with them.
        let is_besides = self.columns[WINDOW_COLUMNS..] == self.partition;
        is_besides.then(|| DiskLayout {
            key_columns: self.columns.clone(),
            times: WINDOW_COLUMNS,
            carries_hash: false,
            lifetime: None,
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        let mut rows = Vec::new();
        for slot in slots {
            rows.extend(self.tops[*slot as usize].drain(..).map(|(_, row)| row));
            self.keys.remove(*slot);
        }
        self.store.remove(&rows);
        // Windows that are all on disk are still known.
        for ending in self.windows.values_mut() {
            ending.slots.retain(|slot| !self.tops[*slot as usize].is_empty());
        }
    }
}
