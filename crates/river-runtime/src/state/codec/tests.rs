use std::sync::Arc;

use arrow_array::{Int64Array, StringViewArray};
use arrow_schema::{DataType, Field};

use super::*;

fn columns() -> Vec<FieldRef> {
    let field = |name: &str, ty| Arc::new(Field::new(name, ty, true));
    vec![
        field("end", DataType::Int64),
        field("value", DataType::Int64),
        field("name", DataType::Utf8View),
    ]
}

fn rows(ends: &[i64], values: &[Option<i64>], names: &[&str]) -> Saved {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(ends.to_vec())),
        Arc::new(Int64Array::from(values.to_vec())),
        Arc::new(StringViewArray::from_iter_values(names)),
    ];
    let mut hashes = Vec::new();
    hash_columns(&columns[2..], ends.len(), &mut hashes).unwrap();
    Saved { columns, hashes }
}

fn codec() -> Codec {
    codec_with(None)
}

fn codec_with(lifetime: Option<Lifetime>) -> Codec {
    Codec::new(
        &columns(),
        &DiskLayout { key_columns: vec![0, 2], times: 1, carries_hash: false, lifetime },
    )
    .unwrap()
}

#[test]
fn rows_of_a_key_come_back_in_their_order() {
    let long = "x".repeat(70_000);
    let saved = rows(&[5, 5, -7, 5], &[Some(1), None, Some(3), Some(4)], &["a", "a", "a", &long]);
    let mut entries = Vec::new();
    let codec = codec();
    codec
        .values(&saved, |key, value| {
            entries.push((key.to_vec(), value.to_vec()));
            Ok(())
        })
        .unwrap();
    assert_eq!(entries.iter().map(|(_, value)| rows_in(value)).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(codec.hash(&entries[0].0), saved.hashes[0]);
    assert!(entries.iter().all(|(key, _)| key.len() < 2000), "keys have a limit");
    let keys = codec.keys(&codec.key_columns(&saved.columns), 4).unwrap();
    assert_eq!((keys.get(0), keys.get(3)), (&entries[0].0[..], &entries[2].0[..]));
    let (columns, rows) = codec.rows(entries.iter().map(|(_, value)| &value[..])).unwrap();
    assert_eq!((rows, &columns), (4, &saved.columns));
    // In order of time, and found by it.
    assert!(entries[1].0 < entries[0].0 && entries[0].0.starts_with(&Codec::prefix(&[5])));
}

#[test]
fn a_cut_value_is_an_error() {
    let mut value = Vec::new();
    let saved = rows(&[5], &[Some(1)], &["a"]);
    codec()
        .values(&saved, |_, bytes| {
            value = bytes.to_vec();
            Ok(())
        })
        .unwrap();
    value.pop();
    assert!(codec().rows(std::iter::once(&value[..])).is_err());
    assert_eq!(rows_in(&value), 0);
}

#[test]
fn a_value_lives_as_long_as_its_last_row() {
    let codec = codec_with(Some(Lifetime { written: 1, ms: 100 }));
    let rows = rows(&[5, 5, 6, 7], &[Some(30), Some(20), None, Some(9)], &["a"; 4]);
    let mut ends = Vec::new();
    codec
        .values(&rows, |_, value| {
            ends.push(end_of(value));
            Ok(())
        })
        .unwrap();
    assert_eq!(ends, [130, FOREVER, 109]);
}
