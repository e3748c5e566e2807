//! A table of counts, cut while it changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array};
use arrow_schema::{DataType, Field};

use super::*;
use crate::state::memory::LEAST_BYTES;
use crate::state::{DiskLayout, KeyIndex, hash_columns};

mod changes;

/// A count that keeps its key in memory.
const PINNED: i64 = 3;

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

    fn index_mut(&mut self) -> &mut KeyIndex {
        &mut self.index
    }

    fn disk_layout(&self) -> Option<DiskLayout> {
        Some(DiskLayout { key_columns: vec![0], times: 0, carries_hash: false, lifetime: None })
    }

    fn may_leave(&self, slot: u32) -> bool {
        self.counts[slot as usize] != PINNED
    }

    fn evict(&mut self, slots: &[u32]) {
        for slot in slots {
            assert_ne!(self.counts[*slot as usize], PINNED);
        }
        self.discard(slots);
    }

    fn discard(&mut self, slots: &[u32]) {
        for slot in slots {
            self.counts[*slot as usize] = 0;
            self.index.remove(*slot);
        }
    }
}

fn counts() -> Keyed<Counts> {
    let index = KeyIndex::new(&[DataType::Int64]).unwrap();
    Keyed::new(Counts { index, counts: Vec::new() })
}

fn add(state: &mut Keyed<Counts>, keys: &[i64]) {
    let column: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    let mut slots = Vec::new();
    state.fetch(std::slice::from_ref(&column), keys.len()).unwrap();
    state.index.lookup_or_insert(&[column], keys.len(), &mut slots).unwrap();
    state.touch(&slots).unwrap();
    let capacity = state.index.capacity();
    state.counts.resize(capacity, 0);
    slots.iter().for_each(|slot| state.counts[*slot as usize] += 1);
}

fn remove(state: &mut Keyed<Counts>, key: i64) {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![key]));
    let mut slots = Vec::new();
    state.fetch(std::slice::from_ref(&column), 1).unwrap();
    state.index.lookup(&[column], 1, &mut slots).unwrap();
    state.touch(&slots).unwrap();
    state.counts[slots[0] as usize] = 0;
    state.index.remove(slots[0]);
}

fn content(saved: Vec<Saved>) -> BTreeMap<i64, i64> {
    let mut content = BTreeMap::new();
    for saved in saved.into_iter().filter(|saved| saved.rows() > 0) {
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
    state.cut().unwrap();
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
    state.cut().unwrap();
    let saved = state.next_saved().unwrap().unwrap();
    let mut restored = counts();
    restored.load(&saved.columns, saved.rows()).unwrap();
    restored.cut().unwrap();
    assert_eq!(content(vec![restored.next_saved().unwrap().unwrap()]), [(1, 1), (2, 2)].into());
    let error = restored.load(&saved.columns[..1], saved.rows()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "state 'counts' has columns [Int64], but the operator keeps [key Int64, count Int64]"
    );
}

/// A table whose keys leave and come back at random while it is changed and cut, beside a map that
/// does the same.
#[test]
fn keys_on_disk_are_as_good_as_in_memory() {
    let dir = std::env::temp_dir().join(format!("river-keyed-{}", std::process::id()));
    let memory = StateMemory::new(LEAST_BYTES, &dir, None).unwrap();
    for seed in 0..40 {
        random_run(seed, &memory);
    }
    drop(memory);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "the directory of the state is gone");
    std::fs::remove_dir(dir).unwrap();
}

fn random_run(seed: u64, memory: &Arc<StateMemory>) {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = move |limit: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) % limit
    };
    let mut state = counts();
    state.use_disk(memory);
    let mut model: BTreeMap<i64, i64> = BTreeMap::new();
    // What an open cut must give, and what it has given.
    let mut cut: Option<(BTreeMap<i64, i64>, Vec<Saved>)> = None;
    for _ in 0..300 {
        match below(12) {
            0..=3 => {
                let keys: Vec<i64> = (0..below(40) + 1).map(|_| below(200) as i64).collect();
                add(&mut state, &keys);
                keys.iter().for_each(|key| *model.entry(*key).or_default() += 1);
            }
            4 | 5 => {
                let key = below(200) as i64;
                if model.remove(&key).is_some() {
                    remove(&mut state, key);
                }
            }
            6 | 7 => state.shrink(below(60) as usize).unwrap(),
            8 if below(3) == 0 => state.shrink(0).unwrap(),
            9 if cut.is_none() => {
                state.cut().unwrap();
                cut = Some((model.clone(), Vec::new()));
            }
            10 if below(8) == 0 => {
                state.forget_cut();
                cut = None;
            }
            _ => {}
        }
        let Some((expected, mut given)) = cut.take() else { continue };
        if below(3) == 0 {
            match state.next_saved().unwrap() {
                Some(saved) => given.push(saved),
                None => {
                    assert_eq!(content(given), expected, "seed {seed}");
                    continue;
                }
            }
        }
        cut = Some((expected, given));
    }
    let keys: Vec<i64> = model.keys().copied().collect();
    add(&mut state, &keys);
    for (key, slot) in keys.iter().zip(slots_of(&mut state, &keys)) {
        assert_eq!(state.counts[slot as usize], model[key] + 1, "seed {seed}, key {key}");
    }
}

fn slots_of(state: &mut Keyed<Counts>, keys: &[i64]) -> Vec<u32> {
    let column: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    let mut slots = Vec::new();
    state.index.lookup(&[column], keys.len(), &mut slots).unwrap();
    slots
}
