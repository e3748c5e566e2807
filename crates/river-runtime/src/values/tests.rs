use river_core::LogicalType;

use super::*;

fn reader() -> ValuesReader {
    let rows = (0..TARGET_ROWS as i64 + 1).map(|n| vec![Value::Int64(n)]).collect();
    ValuesReader::new(rows, vec![Field::new("n", LogicalType::BigInt.nullable())]).unwrap()
}

fn rows(reader: &mut ValuesReader) -> Vec<usize> {
    let poll = || match reader.poll().unwrap() {
        Poll::Batch(batch) => Some(batch.rows),
        _ => None,
    };
    std::iter::from_fn(poll).collect()
}

#[test]
fn rows_come_in_batches_and_go_on_from_a_snapshot() {
    let mut first = reader();
    let start = first.snapshot();
    assert_eq!(rows(&mut first), [TARGET_ROWS, 1]);
    let (mut again, mut rest, mut none) = (reader(), reader(), reader());
    again.restore(start).unwrap();
    assert_eq!(rows(&mut again), [TARGET_ROWS, 1]);
    rest.restore(first.snapshot()).unwrap();
    assert!(rows(&mut rest).is_empty());
    none.restore(Vec::new()).unwrap();
    assert!(rows(&mut none).is_empty());
}

#[test]
fn a_row_of_another_width_is_refused() {
    assert!(
        ValuesReader::new(vec![vec![]], vec![Field::new("n", LogicalType::Int.nullable())])
            .is_err()
    );
}
