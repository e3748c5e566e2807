use expect_test::expect;
use river_core::plan::UpsertMaterialize;
use river_core::{Field, LogicalType};
use river_runtime::{Operator, Output};

use super::create;
use crate::testing::{at, batch, fields, run, run_by_line};

fn columns() -> Vec<Field> {
    fields(&[("city", LogicalType::STRING), ("id", LogicalType::Int)])
}

fn make(resolution: UpsertMaterialize) -> Box<dyn Operator> {
    create(&columns(), &[0], resolution).unwrap()
}

fn shown(resolution: UpsertMaterialize, text: &str) -> String {
    let shown = run(make(resolution).as_mut(), &columns(), &columns(), text);
    assert_eq!(run_by_line(make(resolution).as_mut(), &columns(), &columns(), text), shown);
    shown
}

#[test]
fn the_last_row_wins() {
    let text = "+I P 1\n+I R 2\n+I P 3\n-U P 1\n+U R 1\n@ 5\n-U R 1\n-D P 3\n-D P 9\n+I P 4";
    expect![[r#"
        +I P 1
        +I R 2
        +U P 3
        +U R 1
        @ 5
        +U R 2
        -D P 3
        +I P 4
    "#]]
    .assert_eq(&shown(UpsertMaterialize::Deduplicate, text));
}

#[test]
fn the_first_row_wins_at_the_watermark() {
    let text = "+I P 1\n+I P 2\n@ 5\n+I P 3\n+I R 4\n@ 6\n-D P 1\n@ 7\n-U R 4\n+U R 5\n@ 8";
    expect![[r#"
        +I P 1
        @ 5
        +I R 4
        @ 6
        -D P 1
        @ 7
        +U R 5
        @ 8
    "#]]
    .assert_eq(&shown(UpsertMaterialize::Nothing, text));
}

#[test]
fn a_conflict_fails_with_its_key() {
    let rows = batch(&columns(), "+I P 1\n+I P 2\n@ 5");
    let mut operator = make(UpsertMaterialize::Error);
    let error = operator.process(0, rows, &at(0), &mut Output::default()).unwrap_err();
    assert!(error.message.contains("[city=P]"), "{error}");
}
