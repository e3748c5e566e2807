use expect_test::expect;
use river_core::options::Options;
use river_core::plan::{NotNullEnforcer, SinkSpec};
use river_core::{Field, LogicalType};
use river_runtime::{Operator, Output};

use super::SinkConstraint;
use crate::testing::{at, batch, run};

fn spec(columns: Vec<Field>, not_null: NotNullEnforcer) -> SinkSpec {
    SinkSpec {
        name: "out".to_owned(),
        options: Options::default(),
        columns,
        partition_keys: Vec::new(),
        overwrite: false,
        primary_key: Vec::new(),
        upsert_materialize: None,
        not_null,
        trim_pad: true,
    }
}

fn columns() -> Vec<Field> {
    vec![
        Field::new("id", LogicalType::Int.not_null()),
        Field::new("code", LogicalType::Char(3).nullable()),
        Field::new("name", LogicalType::VarChar(2).nullable()),
        Field::new("raw", LogicalType::Binary(2).nullable()),
    ]
}

#[test]
fn cuts_pads_and_drops() {
    let columns = columns();
    let mut operator = SinkConstraint::of(&spec(columns.clone(), NotNullEnforcer::Drop)).unwrap();
    let text = "+I 1 abcd äöü abc\n+I NULL x y z\n@ 3\n-D 2 ab x ab\n+I 3 NULL NULL NULL";
    let shown = run(&mut operator, &columns, &columns, text);
    expect![[r#"
        +I 1 abc äö ab
        @ 3
        -D 2 ab  x ab
        +I 3 NULL NULL NULL
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_null_fails_with_the_option_to_set() {
    let columns = columns();
    let mut operator = SinkConstraint::of(&spec(columns.clone(), NotNullEnforcer::Error)).unwrap();
    let rows = batch(&columns, "+I NULL x y z");
    let error = operator.process(0, rows, &at(0), &mut Output::default()).unwrap_err();
    assert!(error.message.contains("table.exec.sink.not-null-enforcer"), "{error}");
}
