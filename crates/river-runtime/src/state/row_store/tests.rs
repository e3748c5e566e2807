use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    Array, BooleanArray, Decimal128Array, Int16Array, Int64Array, ListArray, StringViewArray,
    StructArray, TimestampMillisecondArray, UInt32Array,
};
use arrow_schema::Field;
use proptest::prelude::*;

use super::*;

/// Columns of every form, some values NULL.
fn columns(rows: usize, seed: usize) -> Vec<ArrayRef> {
    let n = |row: usize| (row * 7 + seed) as i64;
    let nullable = |row: usize| !(row + seed).is_multiple_of(3);
    let text = |row: usize| {
        nullable(row).then(|| format!("{}{}", "t".repeat((n(row) % 40) as usize), n(row)))
    };
    let numbers: ArrayRef =
        Arc::new(Int64Array::from_iter((0..rows).map(|r| nullable(r).then(|| n(r)))));
    let lists = ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>(
        (0..rows).map(|r| nullable(r).then(|| vec![Some(n(r) as i32), None])),
    );
    let field = Arc::new(Field::new("a", DataType::Int64, true));
    vec![
        numbers.clone(),
        Arc::new(Int16Array::from_iter_values((0..rows).map(|r| n(r) as i16))),
        Arc::new(BooleanArray::from_iter((0..rows).map(|r| nullable(r).then_some(r % 2 == 0)))),
        Arc::new(TimestampMillisecondArray::from_iter_values((0..rows).map(n))),
        Arc::new(
            Decimal128Array::from_iter_values((0..rows).map(|r| i128::from(n(r)) << 70))
                .with_data_type(DataType::Decimal128(38, 2)),
        ),
        Arc::new(StringViewArray::from_iter((0..rows).map(text))),
        Arc::new(lists),
        Arc::new(StructArray::from(vec![(field, numbers)])),
    ]
}

fn store_of(columns: &[ArrayRef]) -> RowStore {
    let types: Vec<DataType> = columns.iter().map(|c| c.data_type().clone()).collect();
    RowStore::new(&types).unwrap()
}

fn take(columns: &[ArrayRef], rows: &[Option<u32>]) -> Vec<ArrayRef> {
    let rows = UInt32Array::from(rows.to_vec());
    columns.iter().map(|c| arrow_select::take::take(c, &rows, None).unwrap()).collect()
}

#[test]
fn rows_come_back_in_any_order() {
    let columns = columns(10_000, 0);
    let mut store = store_of(&columns);
    let all: Vec<u32> = (0..10_000).collect();
    let mut ids = Vec::new();
    store.append(&columns, &all, &mut ids).unwrap();
    let wanted = [9_999, 0, 4_095, 4_096, 4_096, 17];
    let ids: Vec<u32> = wanted.iter().map(|row| ids[*row as usize]).chain([NULL_ROW]).collect();
    let rows: Vec<Option<u32>> = wanted.iter().map(|row| Some(*row)).chain([None]).collect();
    assert_eq!(store.gather(&ids).unwrap(), take(&columns, &rows));
    assert_eq!(store.gather(&[]).unwrap().len(), columns.len());
}

#[test]
fn a_store_without_columns_counts_rows() {
    let mut store = RowStore::new(&[]).unwrap();
    let mut ids = Vec::new();
    store.append(&[], &[0, 1, 2], &mut ids).unwrap();
    assert_eq!((store.len(), ids.len()), (3, 3));
    store.remove(&ids[..1]);
    assert_eq!(store.len(), 2);
}

#[test]
fn garbage_of_long_text_is_reclaimed() {
    let mut store = RowStore::new(&[DataType::Utf8View]).unwrap();
    let mut ids = Vec::new();
    let rows: Vec<u32> = (0..1000).collect();
    let mut kept = Vec::new();
    for round in 0..100 {
        let texts = (0..1000).map(|i| format!("{round} {i} {}", "z".repeat(200)));
        let column: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
        store.append(&[column], &rows, &mut ids).unwrap();
        kept.push((ids[500], round));
        ids.remove(500);
        store.remove(&ids);
    }
    assert!(store.memory() < 4_000_000, "{}", store.memory());
    for (id, round) in kept {
        let column = store.gather_column(0, &[id]).unwrap();
        let text: &StringViewArray = column.as_any().downcast_ref().unwrap();
        assert_eq!(text.value(0), format!("{round} 500 {}", "z".repeat(200)));
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map(ops in prop::collection::vec((any::<bool>(), 0usize..50), 1..60)) {
        let mut store = store_of(&columns(1, 0));
        let mut model: BTreeMap<u32, (usize, u32)> = BTreeMap::new();
        let mut ids = Vec::new();
        for (step, (append, count)) in ops.into_iter().enumerate() {
            if append {
                let rows: Vec<u32> = (0..count as u32).rev().collect();
                store.append(&columns(count, step), &rows, &mut ids).unwrap();
                for (row, id) in rows.iter().zip(&ids) {
                    prop_assert!(model.insert(*id, (step, *row)).is_none());
                }
            } else {
                let gone: Vec<u32> = model.keys().copied().step_by(2).take(count).collect();
                store.remove(&gone);
                gone.iter().for_each(|id| { model.remove(id); });
            }
            prop_assert_eq!(store.len(), model.len());
        }
        for (id, (step, row)) in model {
            let expected = take(&columns(50, step), &[Some(row)]);
            prop_assert_eq!(store.gather(&[id]).unwrap(), expected);
        }
    }
}
