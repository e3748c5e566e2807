use expect_test::expect;
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::create;
use crate::testing::{fields, run, run_by_line};

fn columns() -> Vec<Field> {
    let time = LogicalType::timestamp(3);
    fields(&[("k", LogicalType::STRING), ("n", LogicalType::Int), ("t", time)])
}

fn shown(make: impl Fn() -> Box<dyn Operator>, text: &str) -> String {
    let columns = columns();
    let shown = run(make().as_mut(), &columns, &columns, text);
    assert_eq!(run_by_line(make().as_mut(), &columns, &columns, text), shown);
    shown
}

#[test]
fn first_in_processing_time() {
    let make = || create(&columns(), &[0], None, false, false, 0).unwrap();
    let text = "+I a 1 0\n+I NULL 2 0\n@ 1\n+I a 3 0\n@ 2\n+I NULL 4 0\n+I b 5 0";
    expect![[r#"
        +I a 1 0
        +I NULL 2 0
        @ 1
        @ 2
        +I b 5 0
    "#]]
    .assert_eq(&shown(make, text));
}

#[test]
fn last_in_processing_time_passes_over_equal_rows() {
    let make = || create(&columns(), &[0], None, true, true, 0).unwrap();
    let text = "+I a 1 0\n+I a 1 0\n@ 1\n+I a 2 0\n+I b 1 0\n+I a 2 0\n+I a 3 0";
    expect![[r#"
        +I a 1 0
        @ 1
        -U a 1 0
        +U a 2 0
        +I b 1 0
        -U a 2 0
        +U a 3 0
    "#]]
    .assert_eq(&shown(make, text));
}

#[test]
fn last_in_event_time() {
    let make = || create(&columns(), &[0], Some(2), true, true, 0).unwrap();
    let text = "+I a 1 5\n+I a 2 4\n@ 1\n+I a 3 5\n+I a 3 5\n+I a 4 9";
    expect![[r#"
        +I a 1 5
        @ 1
        -U a 1 5
        +U a 3 5
        -U a 3 5
        +U a 3 5
        -U a 3 5
        +U a 4 9
    "#]]
    .assert_eq(&shown(make, text));
}

#[test]
fn first_in_event_time_waits_for_the_watermark() {
    let make = || create(&columns(), &[0], Some(2), false, false, 0).unwrap();
    let text = "+I a 1 5\n+I b 2 4\n+I a 3 3\n+I a 4 3\n@ 4\n+I a 5 4\n+I c 6 3\n+I c 7 4\n@ 4\n+I d 8 9\n@ 100";
    expect![[r#"
        +I a 3 3
        +I b 2 4
        @ 4
        +I c 7 4
        @ 4
        +I d 8 9
        @ 100
    "#]]
    .assert_eq(&shown(make, text));
}
