use expect_test::expect;
use river_core::plan::SortKey;
use river_core::types::TimeKind;
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::{WindowRankSpec, create};
use crate::testing::{context, fields, run, run_by_line};

fn columns() -> Vec<Field> {
    let time = LogicalType::timestamp(3);
    fields(&[
        ("s", time.clone()),
        ("e", time),
        ("k", LogicalType::STRING),
        ("v", LogicalType::Int),
        ("t", LogicalType::Timestamp(3, TimeKind::Rowtime)),
    ])
}

fn make(column: usize, end: u64, output_rank: bool) -> Box<dyn Operator> {
    let order = [SortKey { column, descending: true, nulls_first: false }];
    let spec = WindowRankSpec {
        partition: &[2],
        window: (0, 1),
        order: &order,
        ranks: (1, end),
        output_rank,
    };
    create(&columns(), &spec, &context()).unwrap()
}

const INPUT: &str = "+I 0 10 a 1 1\n+I 0 10 b 2 2\n+I 10 20 a 5 11\n+I 0 10 a 3 3\n+I 0 10 a 2 3\n@ 8\n\
                     +I 0 10 a 9 4\n@ 9\n+I 0 10 a 10 5\n+I 10 20 a 6 11\n@ 100\n";

#[test]
fn top_two_at_the_end_of_the_window() {
    let mut output = columns();
    output.push(Field::new("rn", LogicalType::BigInt.not_null()));
    let shown = run(make(3, 2, true).as_mut(), &columns(), &output, INPUT);
    expect![[r#"
        @ 8
        +I 0 10 a 9 4 1
        +I 0 10 a 3 3 2
        +I 0 10 b 2 2 1
        @ 9
        +I 10 20 a 6 11 1
        +I 10 20 a 5 11 2
        @ 100
    "#]]
    .assert_eq(&shown);
    assert_eq!(run_by_line(make(3, 2, true).as_mut(), &columns(), &output, INPUT), shown);
}

#[test]
fn the_last_row_by_time_is_the_last_to_come() {
    let shown = run(make(4, 1, false).as_mut(), &columns(), &columns(), INPUT);
    expect![[r#"
        @ 8
        +I 0 10 a 9 4
        +I 0 10 b 2 2
        @ 9
        +I 10 20 a 6 11
        @ 100
    "#]]
    .assert_eq(&shown);
}
