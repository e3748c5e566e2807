use expect_test::expect;
use river_core::{Expr, Field, LogicalType, Value};
use river_expr::column::column_of;
use river_runtime::Batch;

use super::Correlate;
use crate::testing::{feed, fields, run, run_by_line, show};

const INPUT: &str = "+I 1 7,8\n@ 4\n-U 2 ,\n+U 3 NULL\n@ 5\n-D 4 9";

fn input() -> Vec<Field> {
    let array = LogicalType::Array(Box::new(LogicalType::Int.nullable()));
    fields(&[("id", LogicalType::Int), ("tags", array)])
}

fn unnest(left: bool, ordinality: bool) -> (Correlate, Vec<Field>) {
    let input = input();
    let mut output = input.clone();
    output.push(Field::new("tag", LogicalType::Int.nullable()));
    if ordinality {
        output.push(Field::new("position", LogicalType::Int.not_null()));
    }
    let args = [Expr::column(1, input[1].ty.clone())];
    (Correlate::new(&input, &output, "UNNEST", &args, left, None).unwrap(), output)
}

#[test]
fn inner_with_ordinality() {
    let (mut operator, output) = unnest(false, true);
    let shown = run(&mut operator, &input(), &output, INPUT);
    expect![[r#"
        +I 1 [7,8] 7 1
        +I 1 [7,8] 8 2
        @ 4
        @ 5
        -D 4 [9] 9 1
    "#]]
    .assert_eq(&shown);
    let (mut operator, output) = unnest(false, true);
    assert_eq!(run_by_line(&mut operator, &input(), &output, INPUT), shown);
}

#[test]
fn left_keeps_rows_without_elements() {
    let (mut operator, output) = unnest(true, false);
    let shown = run(&mut operator, &input(), &output, INPUT);
    expect![[r#"
        +I 1 [7,8] 7
        +I 1 [7,8] 8
        @ 4
        -U 2 [] NULL
        +U 3 NULL NULL
        @ 5
        -D 4 [9] 9
    "#]]
    .assert_eq(&shown);
}

#[test]
fn an_element_of_a_multiset_comes_as_often_as_it_is_in_it() {
    let ty = LogicalType::Multiset(Box::new(LogicalType::Int.nullable()));
    let input = vec![Field::new("m", ty.nullable())];
    let mut output = input.clone();
    output.push(Field::new("e", LogicalType::Int.nullable()));
    let args = [Expr::column(0, input[0].ty.clone())];
    let mut operator = Correlate::new(&input, &output, "UNNEST", &args, false, None).unwrap();
    let pairs = vec![(Value::Int32(7), Value::Int32(2)), (Value::Null, Value::Int32(1))];
    let column = column_of(&[Value::Map(pairs), Value::Null], &input[0].ty);
    let batches = feed(&mut operator, 0, Batch::new(vec![column], 2), 0);
    let shown: String = batches.iter().map(|b| show(&output, b)).collect();
    expect![[r#"
        +I {7=2,NULL=1} 7
        +I {7=2,NULL=1} 7
        +I {7=2,NULL=1} NULL
    "#]]
    .assert_eq(&shown);
}
