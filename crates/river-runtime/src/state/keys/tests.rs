use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{
    Array, BinaryViewArray, BooleanArray, Date32Array, Float64Array, Int16Array, Int64Array,
    StringViewArray, TimestampMillisecondArray, UInt32Array,
};
use proptest::prelude::*;

use super::*;

fn index_of(columns: &[ArrayRef]) -> KeyIndex {
    let types: Vec<DataType> = columns.iter().map(|c| c.data_type().clone()).collect();
    KeyIndex::new(&types).unwrap()
}

/// Equal keys get equal slots, others different ones, and the keys come back.
fn check(columns: &[ArrayRef], distinct: usize) {
    let rows = columns.first().map_or(3, |c| c.len());
    let mut index = index_of(columns);
    let mut slots = Vec::new();
    index.lookup(columns, rows, &mut slots).unwrap();
    assert!(slots.iter().all(|s| *s == MISSING));
    index.lookup_or_insert(columns, rows, &mut slots).unwrap();
    assert_eq!(index.len(), distinct);
    let mut again = Vec::new();
    index.lookup(columns, rows, &mut again).unwrap();
    assert_eq!(slots, again);
    assert_eq!(index.key_columns(&slots).unwrap(), columns);
    let mut hashes = Vec::new();
    hash::hash_columns(columns, rows, &mut hashes).unwrap();
    for (slot, hash) in slots.iter().zip(hashes) {
        assert_eq!(index.hash(*slot), hash);
    }
    for slot in index.slots() {
        index.remove(slot);
    }
    assert!(index.is_empty());
    index.lookup(columns, rows, &mut slots).unwrap();
    assert!(slots.iter().all(|s| *s == MISSING));
}

fn column(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

#[test]
fn every_layout_keeps_its_keys() {
    let int = column(Int64Array::from(vec![Some(1), None, Some(0), Some(1), None]));
    let small = column(Int16Array::from(vec![Some(-1), Some(2), Some(-1), Some(-1), Some(3)]));
    let flag = column(BooleanArray::from(vec![Some(true), None, Some(false), Some(true), None]));
    let date = column(Date32Array::from(vec![1, 1, 1, 1, 1]));
    let real = column(Float64Array::from(vec![0.0, 1.5, -0.0, 0.0, -2.0]));
    let time = column(TimestampMillisecondArray::from(vec![1, 2, 3, 1, 2]).with_timezone("UTC"));
    let text = column(StringViewArray::from(vec![
        Some(""),
        None,
        Some("a long text that is not inlined"),
        Some(""),
        None,
    ]));
    let bytes = column(BinaryViewArray::from(vec![
        Some(&b"\xff"[..]),
        Some(b""),
        None,
        Some(b"\xff"),
        None,
    ]));
    check(&[], 1);
    check(std::slice::from_ref(&int), 3);
    check(std::slice::from_ref(&flag), 3);
    check(std::slice::from_ref(&real), 4);
    check(&[time], 3);
    check(std::slice::from_ref(&text), 3);
    check(std::slice::from_ref(&bytes), 3);
    check(&[int.clone(), small.clone()], 4);
    check(&[int.clone(), small.clone(), flag.clone()], 4);
    check(&[int.clone(), small.clone(), flag.clone(), date.clone()], 4);
    check(&[int.clone(), small, flag, date, real], 4);
    check(&[int.clone(), text.clone()], 3);
    check(&[bytes, text, int], 4);
}

#[test]
fn slots_of_removed_keys_are_used_again() {
    let columns = [column(Int64Array::from(vec![1, 2, 3]))];
    let mut index = index_of(&columns);
    let mut slots = Vec::new();
    index.lookup_or_insert(&columns, 3, &mut slots).unwrap();
    index.remove(1);
    index.remove(1);
    index.lookup_or_insert(&[column(Int64Array::from(vec![9]))], 1, &mut slots).unwrap();
    assert_eq!(slots, [1]);
    assert_eq!(index.capacity(), 3);
}

#[test]
fn a_key_can_move_to_a_new_slot() {
    let numbers = [column(Int64Array::from(vec![Some(1), None]))];
    let text = [column(StringViewArray::from(vec![Some("some text"), None]))];
    for columns in [numbers, text] {
        let mut index = index_of(&columns);
        let mut slots = Vec::new();
        index.lookup_or_insert(&columns, 2, &mut slots).unwrap();
        let new = [index.renew(slots[0]).unwrap(), index.renew(slots[1]).unwrap()];
        let mut again = Vec::new();
        index.lookup(&columns, 2, &mut again).unwrap();
        assert_eq!(again, new);
        assert_eq!(index.key_columns(&new).unwrap(), columns);
        index.release(slots[0]);
        index.remove(new[1]);
        assert_eq!(index.len(), 1);
    }
}

proptest! {
    /// As a map from key to slot, under random insertions and removals.
    #[test]
    fn agrees_with_a_map(ops in prop::collection::vec((any::<bool>(), 0u32..40), 1..300)) {
        let mut index = KeyIndex::new(&[DataType::Utf8View]).unwrap();
        let mut model: HashMap<String, u32> = HashMap::new();
        let mut slots = Vec::new();
        for (insert, number) in ops {
            let key = format!("key {}", "x".repeat(number as usize));
            let columns = [column(StringViewArray::from(vec![key.as_str()]))];
            if insert {
                index.lookup_or_insert(&columns, 1, &mut slots).unwrap();
                let known = *model.entry(key).or_insert(slots[0]);
                prop_assert_eq!(known, slots[0]);
            } else if let Some(slot) = model.remove(&key) {
                index.remove(slot);
            }
            prop_assert_eq!(index.len(), model.len());
        }
        for (key, slot) in model {
            let columns = [column(StringViewArray::from(vec![key.as_str()]))];
            index.lookup(&columns, 1, &mut slots).unwrap();
            prop_assert_eq!(slots[0], slot);
            prop_assert_eq!(&index.key_columns(&slots).unwrap()[0], &columns[0]);
        }
    }
}

#[test]
fn garbage_of_text_keys_is_reclaimed() {
    let mut index = KeyIndex::new(&[DataType::Utf8View]).unwrap();
    let mut slots = Vec::new();
    for round in 0..200 {
        let keys: Vec<String> =
            (0..100).map(|i| format!("{round}-{i}-{}", "y".repeat(90))).collect();
        let columns = [column(StringViewArray::from_iter_values(&keys))];
        index.lookup_or_insert(&columns, keys.len(), &mut slots).unwrap();
        let picked = UInt32Array::from(vec![0, 99]);
        let some = arrow_select::take::take(&columns[0], &picked, None).unwrap();
        assert_eq!(&index.key_columns(&[slots[0], slots[99]]).unwrap()[0], &some);
        slots.iter().for_each(|slot| index.remove(*slot));
    }
    assert!(index.memory() < 400_000, "{}", index.memory());
}
