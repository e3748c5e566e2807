//! The state of a window join: the rows of both inputs whose window has not ended.

use std::collections::BTreeMap;

use arrow_array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow_schema::{DataType as Arrow, FieldRef};
use river_core::Field;
use river_runtime::state::row_store::NULL_ROW;
use river_runtime::state::{DiskLayout, KeyIndex, RowStore, Saved, StateTable, hash_columns};
use river_runtime::{Error, Result};

use crate::one_row::{arrow_types, project};
use crate::pairs::take_all;
use crate::saved;
use crate::stored_rows::{row_columns, save_rows};
use crate::window::span::{Span, WINDOW_COLUMNS, spans};
use crate::window::zone::Zone;

/// One input.
pub struct Side {
    /// The columns as they are saved.
    saved_columns: Vec<FieldRef>,
    /// `window_start`, `window_end`, then the key.
    pub columns: Vec<usize>,
    pub zone: Zone,
    pub store: RowStore,
    /// Rows of each slot.
    pub rows: Vec<Vec<u32>>,
    /// Rows that met another one while their window is joined, by row.
    pub met: Vec<bool>,
    /// Rows that met none are sent, with NULLs for the other side.
    pub keeps_alone: bool,
}

impl Side {
    /// A side without rows, of an input with those columns; `name` is that of the side.
    pub fn new(
        name: &str,
        input: &[Field],
        keys: &[usize],
        window: (usize, usize),
        zone: Zone,
        keeps_alone: bool,
    ) -> Result<Side> {
        let mut columns = vec![window.0, window.1];
        columns.extend(keys);
        let types = arrow_types(input);
        let of_side = |column: FieldRef| {
            saved::column(format!("{name}.{}", column.name()), column.data_type().clone())
        };
        Ok(Side {
            saved_columns: row_columns(input).into_iter().map(of_side).collect(),
            columns,
            zone,
            store: RowStore::new(&types)?,
            rows: Vec::new(),
            met: Vec::new(),
            keeps_alone,
        })
    }

    /// The key columns.
    pub fn key(&self) -> &[usize] {
        &self.columns[WINDOW_COLUMNS..]
    }
}

/// Windows that end together.
#[derive(Default)]
pub struct Ending {
    /// Slots of their keys that are in memory.
    pub slots: Vec<u32>,
    /// Slots of keys that match nothing, as they are NULL.
    pub null_slots: Vec<u32>,
    /// Start and end of all.
    pub spans: Vec<Span>,
}

/// Where a row belongs.
#[derive(Clone, Copy)]
pub struct Place {
    /// The slot of its key.
    pub slot: u32,
    /// Whether its key matches nothing.
    pub null_key: bool,
    /// Its window.
    pub span: Span,
    /// The watermark that ends the window.
    pub trigger: i64,
}

/// The rows held.
pub struct Held {
    /// For each key column whether NULL equals NULL.
    null_safe: Vec<bool>,
    key_columns: Vec<FieldRef>,
    pub keys: KeyIndex,
    pub sides: [Side; 2],
    /// Windows by the watermark that ends them.
    pub windows: BTreeMap<i64, Ending>,
}

impl Held {
    /// No rows. `null_safe` is for the key columns without those of the window.
    pub fn new(sides: [Side; 2], null_safe: &[bool]) -> Result<Held> {
        let column = |at: &usize| sides[0].saved_columns[*at].data_type().clone();
        let types: Vec<Arrow> = sides[0].columns.iter().map(column).collect();
        let null_safe = [&[true; WINDOW_COLUMNS], null_safe].concat();
        let key_column =
            |(at, ty): (usize, &Arrow)| saved::column(format!("#key.{at}"), ty.clone());
        Ok(Held {
            null_safe,
            key_columns: types.iter().enumerate().map(key_column).collect(),
            keys: KeyIndex::new(&types)?,
            sides,
            windows: BTreeMap::new(),
        })
    }

    /// Makes room for all slots.
    pub fn grow(&mut self) {
        let capacity = self.keys.capacity();
        for side in &mut self.sides {
            side.rows.resize_with(capacity.max(side.rows.len()), Vec::new);
        }
    }

    /// Whether neither side has a row of a slot.
    pub fn is_without(&self, slot: u32) -> bool {
        self.sides.iter().all(|side| side.rows[slot as usize].is_empty())
    }

    /// For each row whether its key matches nothing.
    pub fn null_keys(&self, keys: &[ArrayRef], rows: usize) -> Vec<bool> {
        let mut null_keys = vec![false; rows];
        for (key, null_safe) in keys.iter().zip(&self.null_safe) {
            let Some(nulls) = key.logical_nulls().filter(|n| !null_safe && n.null_count() > 0)
            else {
                continue;
            };
            for (flag, valid) in null_keys.iter_mut().zip(nulls.iter()) {
                *flag |= !valid;
            }
        }
        null_keys
    }

    /// Adds a row to its slot; with the first one the slot is filed under its window.
    pub fn add(&mut self, input: usize, row: u32, place: Place) {
        let Place { slot, null_key, span, trigger } = place;
        if self.is_without(slot) {
            let ending = self.windows.entry(trigger).or_default();
            let slots = if null_key { &mut ending.null_slots } else { &mut ending.slots };
            slots.push(slot);
            if !ending.spans.contains(&span) {
                ending.spans.push(span);
            }
        }
        self.sides[input].rows[slot as usize].push(row);
    }

    /// Loads the saved rows of one side.
    fn load_side(&mut self, input: usize, columns: &[ArrayRef], there: &ArrayRef) -> Result<()> {
        let wrong = || Error::internal("a saved row does not say of which side it is");
        let there = there.as_any().downcast_ref::<BooleanArray>().ok_or_else(wrong)?;
        let there = (0..there.len() as u32).filter(|row| there.value(*row as usize));
        let there = UInt32Array::from_iter_values(there);
        let rows = there.len();
        if rows == 0 {
            return Ok(());
        }
        let columns = take_all(columns, &there)?;
        let keys = project(&columns, &self.sides[input].columns);
        let (mut slots, mut ids) = (Vec::new(), Vec::new());
        self.keys.lookup_or_insert(&keys, rows, &mut slots)?;
        self.grow();
        let null_keys = self.null_keys(&keys, rows);
        let side = &mut self.sides[input];
        let all: Vec<u32> = (0..rows as u32).collect();
        side.store.append(&columns, &all, &mut ids)?;
        let windows = spans(&columns, &side.columns)?;
        for row in 0..rows {
            let trigger = self.sides[input].zone.trigger(windows.end(row));
            let (slot, null_key) = (slots[row], null_keys[row]);
            self.add(input, ids[row], Place { slot, null_key, span: windows.get(row), trigger });
        }
        Ok(())
    }
}

impl StateTable for Held {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let [left, right] = &self.sides;
        let (left, right) = (&left.saved_columns[..], &right.saved_columns[..]);
        let mut columns = [&self.key_columns, left, right].concat();
        columns.extend(["#left", "#right"].map(|name| saved::column(name, Arrow::Boolean)));
        columns
    }

    fn index(&self) -> &KeyIndex {
        &self.keys
    }

    /// The key, and row after row of both sides of a slot beside each other, NULLs where one has
    /// fewer.
    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut ids = [Vec::new(), Vec::new()];
        let mut owners: Vec<u32> = Vec::new();
        for slot in slots {
            for (ids, side) in ids.iter_mut().zip(&self.sides) {
                ids.extend_from_slice(&side.rows[*slot as usize]);
            }
            let rows = ids[0].len().max(ids[1].len());
            ids.iter_mut().for_each(|ids| ids.resize(rows, NULL_ROW));
            owners.resize(rows, *slot);
        }
        let mut columns = self.keys.key_columns(&owners)?;
        let mut hashes = Vec::new();
        hash_columns(&columns[WINDOW_COLUMNS..], owners.len(), &mut hashes)?;
        columns.extend(save_rows(&self.sides[0].store, &ids[0])?);
        columns.extend(save_rows(&self.sides[1].store, &ids[1])?);
        for ids in &ids {
            let there: Vec<bool> = ids.iter().map(|id| *id != NULL_ROW).collect();
            columns.push(std::sync::Arc::new(BooleanArray::from(there)));
        }
        Ok(Saved { columns, hashes })
    }

    fn load(&mut self, columns: &[ArrayRef], _: usize) -> Result<()> {
        let (_, rest) = columns.split_at(self.key_columns.len());
        let (left, rest) = rest.split_at(self.sides[0].saved_columns.len());
        let (right, there) = rest.split_at(self.sides[1].saved_columns.len());
        self.load_side(0, left, &there[0])?;
        self.load_side(1, right, &there[1])
    }

    fn memory(&self) -> usize {
        let of_side = |side: &Side| {
            let rows: usize = side.rows.iter().map(|rows| rows.capacity() * 4 + 24).sum();
            side.store.memory() + rows + side.met.capacity()
        };
        self.keys.memory() + self.sides.iter().map(of_side).sum::<usize>()
    }

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.keys
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout {
            key_columns: (0..self.key_columns.len()).collect(),
            times: WINDOW_COLUMNS,
            carries_hash: false,
            lifetime: None,
        })
    }

    fn evict(&mut self, slots: &[u32]) {
        for side in &mut self.sides {
            for slot in slots {
                side.store.remove(&side.rows[*slot as usize]);
                side.rows[*slot as usize] = Vec::new();
            }
        }
        // Windows that are all on disk are still known.
        let mut windows = std::mem::take(&mut self.windows);
        for ending in windows.values_mut() {
            ending.slots.retain(|slot| !self.is_without(*slot));
            ending.null_slots.retain(|slot| !self.is_without(*slot));
        }
        self.windows = windows;
        slots.iter().for_each(|slot| self.keys.remove(*slot));
    }
}
