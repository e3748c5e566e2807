use expect_test::expect;
use river_core::LogicalType;
use river_runtime::{Operator, Output};

use super::SingleRow;
use crate::testing::{at, batch, fields, run};

#[test]
fn an_update_is_a_delete_and_an_insert() {
    let columns = fields(&[("v", LogicalType::Int)]);
    let mut operator = SingleRow::default();
    let shown = run(&mut operator, &columns, &columns, "+I 1\n-U 1\n@ 7\n+U 2");
    expect![[r#"
        +I 1
        -D 1
        @ 7
        +I 2
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_second_row_fails() {
    let columns = fields(&[("v", LogicalType::Int)]);
    let rows = batch(&columns, "+I 1\n+I 2");
    let error = SingleRow::default().process(0, rows, &at(0), &mut Output::default()).unwrap_err();
    assert!(error.message.contains("more than one row"), "{error}");
}
