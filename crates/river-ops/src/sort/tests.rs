use expect_test::expect;
use river_core::LogicalType;
use river_core::plan::SortKey;

use super::Sort;
use crate::testing::{end, fields, run, run_by_line, show};

fn columns() -> Vec<river_core::Field> {
    fields(&[("t", LogicalType::timestamp(3)), ("k", LogicalType::STRING)])
}

fn ascending(column: usize) -> SortKey {
    SortKey { column, descending: false, nulls_first: true }
}

const TIMED: &str =
    "+I 5 b\n+I 3 x\n+I 5 a\n@ 3\n+I 3 late\n+I 4 y\n+I 5 a2\n@ 6\n+I 6 z\n@ 6\n+I 9 q\n@ 100";

#[test]
fn event_time_order_then_keys_then_arrival_and_late_rows_dropped() {
    let columns = columns();
    let order = [ascending(0), ascending(1)];
    let mut operator = Sort::new(&columns, &order, Some(0)).unwrap();
    let shown = run(&mut operator, &columns, &columns, TIMED);
    expect![[r#"
        +I 3 x
        @ 3
        +I 4 y
        +I 5 a
        +I 5 a2
        +I 5 b
        @ 6
        +I 6 z
        @ 6
        +I 9 q
        @ 100
    "#]]
    .assert_eq(&shown);
    let mut operator = Sort::new(&columns, &order, Some(0)).unwrap();
    assert_eq!(run_by_line(&mut operator, &columns, &columns, TIMED), shown);
}

#[test]
fn at_the_end_without_the_rows_taken_back() {
    let columns = columns();
    let order = [SortKey { column: 1, descending: true, nulls_first: false }];
    let mut operator = Sort::new(&columns, &order, None).unwrap();
    let text = "+I 1 a\n+I 2 c\n@ 5\n+I 3 NULL\n-U 2 c\n+U 2 b\n@ 9223372036854775807";
    let during = run(&mut operator, &columns, &columns, text);
    assert_eq!(during, "@ 5\n");
    let after: String = end(&mut operator, 0, 0).iter().map(|b| show(&columns, b)).collect();
    expect![[r#"
        +I 2 b
        +I 1 a
        +I 3 NULL
        @ 9223372036854775807
    "#]]
    .assert_eq(&after);
}

#[test]
fn nothing_is_sorted_too() {
    let columns = columns();
    let order = [SortKey { column: 1, descending: true, nulls_first: false }];
    let mut operator = Sort::new(&columns, &order, None).unwrap();
    run(&mut operator, &columns, &columns, "@ 9223372036854775807");
    let after: String = end(&mut operator, 0, 0).iter().map(|b| show(&columns, b)).collect();
    assert_eq!(after, "@ 9223372036854775807\n");
}
