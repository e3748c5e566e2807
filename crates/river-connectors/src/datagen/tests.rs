use river_core::types::{Field, LogicalType};

use super::*;
use crate::print::write_lines;
use crate::tests::{read, table};

#[test]
fn sequences_end_and_bounds_hold() {
    let columns = vec![
        Field::new("id", LogicalType::BigInt.nullable()),
        Field::new("n", LogicalType::Int.nullable()),
        Field::new("s", LogicalType::STRING.nullable()),
    ];
    let table = table(
        &[
            ("connector", "datagen"),
            ("rows-per-second", "1000000"),
            ("fields.id.kind", "sequence"),
            ("fields.id.start", "5"),
            ("fields.id.end", "7"),
            ("fields.n.min", "3"),
            ("fields.n.max", "3"),
            ("fields.s.length", "4"),
            ("fields.s.null-rate", "1"),
        ],
        columns,
    );
    let mut out = Vec::new();
    for batch in read(&table).unwrap() {
        write_lines(&table.physical, "p:1> ", &batch, &mut out);
    }
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "p:1> +I[5, 3, null]\np:1> +I[6, 3, null]\np:1> +I[7, 3, null]\n"
    );
}

#[test]
fn a_wrong_field_option_is_named() {
    let columns = vec![Field::new("n", LogicalType::TinyInt.nullable())];
    let table = table(&[("connector", "datagen"), ("fields.n.max", "300")], columns);
    let error = read(&table).unwrap_err();
    assert_eq!(
        error.message,
        "table t: option 'fields.n.max': '300' is not between -128 and 127, min below max"
    );
}

fn lines(table: &TableRef, reader: &mut dyn SourceReader, polls: usize, out: &mut Vec<String>) {
    let mut left = polls;
    while left > 0 {
        match reader.poll().unwrap() {
            Poll::Batch(batch) => {
                let mut text = Vec::new();
                write_lines(&table.physical, "", &batch, &mut text);
                out.extend(String::from_utf8(text).unwrap().lines().map(str::to_owned));
                left -= 1;
            }
            Poll::Wait(_) => {}
            Poll::End => return,
        }
    }
}

/// Sequences and random values are what they would have been, whoever makes them.
#[test]
fn rows_do_not_depend_on_restarts_and_subtasks() {
    let columns = vec![
        Field::new("id", LogicalType::BigInt.nullable()),
        Field::new("n", LogicalType::Int.nullable()),
        Field::new("s", LogicalType::STRING.nullable()),
    ];
    let pairs = [
        ("connector", "datagen"),
        ("rows-per-second", "1000000000"),
        ("fields.id.kind", "sequence"),
        ("fields.id.start", "0"),
        ("fields.id.end", "39999"),
        ("fields.s.length", "3"),
        ("fields.n.null-rate", "0.5"),
    ];
    let table = table(&pairs, columns);
    let source = DatagenSource::new(&table).unwrap();
    let mut whole = source.reader(0, 1).unwrap();
    let mut splits = Some(vec![whole.snapshot()]);
    let mut expected = Vec::new();
    lines(&table, whole.as_mut(), usize::MAX, &mut expected);
    assert_eq!(expected.len(), 40_000);
    let mut made = Vec::new();
    for (count, polls) in [(1, 1), (3, 1), (2, 1), (2, 0), (4, usize::MAX)] {
        // A restart has another seed, and must not use it.
        let source = DatagenSource::new(&table).unwrap();
        let shares = source.redistribute(splits.take().unwrap(), count).unwrap();
        let mut after = Vec::new();
        for (subtask, share) in shares.into_iter().enumerate() {
            let mut reader = source.reader(subtask as u32, count).unwrap();
            reader.restore(share).unwrap();
            lines(&table, reader.as_mut(), polls, &mut made);
            after.push(reader.snapshot());
        }
        splits = Some(after);
    }
    made.sort();
    expected.sort();
    assert!(made == expected, "{} rows", made.len());
    let damaged = SplitState { split: "0/1".to_owned(), position: vec![0; 24] };
    assert!(source.reader(0, 1).unwrap().restore(vec![damaged]).is_err());
}
