use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, StringViewArray};

use super::*;

fn hashes(columns: &[ArrayRef]) -> Vec<u64> {
    let mut out = Vec::new();
    hash_columns(columns, columns[0].len(), &mut out).unwrap();
    out
}

#[test]
fn width_and_position_do_not_matter() {
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(-1)]));
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None, Some(-1)]));
    assert_eq!(hashes(std::slice::from_ref(&wide)), hashes(&[narrow]));
    assert_eq!(hashes(&[wide.slice(2, 1)])[0], hashes(&[wide])[2]);
}

#[test]
fn values_are_pinned() {
    // Stored jobs depend on these numbers.
    let text: ArrayRef = Arc::new(StringViewArray::from(vec![
        "",
        "a",
        "abcd",
        "123456789",
        "a text of 25 letters long",
    ]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, -1, i64::MAX, 42]));
    let shown: Vec<String> = hashes(std::slice::from_ref(&text))
        .into_iter()
        .chain(hashes(std::slice::from_ref(&numbers)))
        .chain(hashes(&[numbers, text]))
        .map(|h| format!("{h:016x}"))
        .collect();
    expect_test::expect![[r#"
        e1838add5d9bc7b1
        1e9f173b90209f54
        7b9b25ab110cae7c
        fa144450ad116e67
        b211c96f4a9eb8fc
        e1838add5d9bc7b1
        32818b5076f4736c
        f8cfe14e0f6fa011
        3fa18ddd76a56f99
        1fb1dcf5271f1536
        501faf72cf5b5fbd
        6f009c3d2fe38077
        c68d5892171dbfb8
        818f6a13e542f816
        cbe5174886670b0b"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn small_integers_spread_over_key_groups_and_buckets() {
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
    let mut groups = vec![0; 128];
    let mut buckets = vec![0; 256];
    for hash in hashes(&[numbers]) {
        groups[river_core::key_group::key_group(hash, 128) as usize] += 1;
        buckets[(hash & 255) as usize] += 1;
    }
    assert!(groups.iter().all(|n| (40..130).contains(n)), "{groups:?}");
    assert!(buckets.iter().all(|n| (12..80).contains(n)), "{buckets:?}");
}
