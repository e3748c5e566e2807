use river_core::types::{Field, LogicalType};

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
