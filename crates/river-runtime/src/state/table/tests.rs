//! A table of counts, cut while it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, Field};

use super::*;
use crate::state::hash_columns;

struct Counts {
    index: KeyIndex,
    counts: Vec<i64>,
}

impl StateTable for Counts {
    fn name(&self) -> &'static str {
        "counts"
    }

    fn columns(&self) -> Vec<FieldRef> {
        let field = |name: &str| Arc::new(Field::new(name, DataType::Int64, true));
        vec![field("key"), field("count")]
    }

    fn index(&self) -> &KeyIndex {
        &self.index
    }

    fn save(&self, slots: &[u32]) -> Result<Saved> {
        let mut columns = self.index.key_columns(slots)?;
        let mut hashes = Vec::new();
        hash_columns(&columns, slots.len(), &mut hashes)?;
        let counts = slots.iter().map(|slot| self.counts[*slot as usize]);
        columns.push(Arc::new(Int64Array::from_iter_values(counts)));
        Ok(Saved { columns, hashes })
    }

    fn load(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let mut slots = Vec::new();
        self.index.lookup_or_insert(&columns[..1], rows, &mut slots)?;
        self.counts.resize(self.index.capacity(), 0);
        for (slot, count) in slots.iter().zip(columns[1].as_primitive::<Int64Type>().values()) {
            self.counts[*slot as usize] = *count;
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.index.memory()
    }
}

fn counts() -> Keyed<Counts> {
    let index = KeyIndex::new(&[DataType::Int64]).unwrap();
    Keyed::new(Counts { index, counts: Vec::new() })
}

fn add(state: &mut Keyed<Counts>, keys: &[i64]) {
    let column: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    let mut slots = Vec::new();
    state.index.lookup_or_insert(&[column], keys.len(), &mut slots).unwrap();
    state.touch(&slots).unwrap();
    let capacity = state.index.capacity();
    state.counts.resize(capacity, 0);
    slots.iter().for_each(|slot| state.counts[*slot as usize] += 1);
}

fn remove(state: &mut Keyed<Counts>, key: i64) {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![key]));
    let mut slots = Vec::new();
    state.index.lookup(&[column], 1, &mut slots).unwrap();
    state.touch(&slots).unwrap();
    state.counts[slots[0] as usize] = 0;
    state.index.remove(slots[0]);
}

fn content(saved: Vec<Saved>) -> BTreeMap<i64, i64> {
    let mut content = BTreeMap::new();
    for saved in saved {
        let keys = saved.columns[0].as_primitive::<Int64Type>().values();
        let counts = saved.columns[1].as_primitive::<Int64Type>().values();
        for (key, count) in keys.iter().zip(counts) {
            assert!(content.insert(*key, *count).is_none(), "key {key} was saved twice");
        }
    }
    content
}

#[test]
fn a_cut_is_of_one_instant() {
    let mut state = counts();
    let keys: Vec<i64> = (0..5000).collect();
    add(&mut state, &keys);
    add(&mut state, &[7, 8]);
    state.cut();
    let mut saved = vec![state.next_saved().unwrap().unwrap()];
    add(&mut state, &[7, 4000, 9999]);
    remove(&mut state, 4500);
    add(&mut state, &[20_000, 4500]);
    while let Some(more) = state.next_saved().unwrap() {
        saved.push(more);
        add(&mut state, &[4999]);
    }
    let content = content(saved);
    let expected: BTreeMap<i64, i64> =
        (0..5000).map(|key| (key, if key == 7 || key == 8 { 2 } else { 1 })).collect();
    assert_eq!(content, expected);
}

#[test]
fn what_was_saved_can_be_loaded_and_only_that() {
    let mut state = counts();
    add(&mut state, &[1, 2, 2]);
    state.cut();
    let saved = state.next_saved().unwrap().unwrap();
    let mut restored = counts();
    restored.load(&saved.columns, saved.rows()).unwrap();
    restored.cut();
    assert_eq!(content(vec![restored.next_saved().unwrap().unwrap()]), [(1, 1), (2, 2)].into());
    let error = restored.load(&saved.columns[..1], saved.rows()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "state 'counts' has columns [Int64], but the operator keeps [key Int64, count Int64]"
    );
}
