//! First and last rows survive checkpoints.

use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::create;
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

const ROWTIME: usize = 2;

fn columns() -> Vec<Field> {
    let text = LogicalType::STRING;
    let time = LogicalType::timestamp(3);
    fields(&[("k", text.clone()), ("n", LogicalType::Int), ("t", time), ("name", text)])
}

fn row(random: &mut Random, time: i64) -> String {
    // Few times, so that some are equal.
    let time = time / 500 * 500;
    format!("{} {} {time} {}", random.text(6), random.number(3), random.text(3))
}

fn check(rowtime: Option<usize>, keep_last: bool, keys: &[usize], ttl_ms: u64) {
    let columns = columns();
    let make = || -> Box<dyn Operator> {
        create(&columns, keys, rowtime, keep_last, true, ttl_ms).unwrap()
    };
    let partition = [keys];
    let mut case =
        Case { make: &make, partition: Some(&partition), output: &columns, order: Order::Exact };
    let plan = Plan { batches: 10, rows: 12, marks: true, clock_ms: 300 };
    for seed in 1..4 {
        let rows = Rows { fields: &columns, changelog: Changelog::Inserts, row: &row };
        let events = events(seed, plan, &[rows]);
        if !keep_last && rowtime.is_some() {
            // Rows of the same time are sent in order of arrival in one subtask only.
            case.partition = None;
            case.order = Order::Exact;
            survives_checkpoints(&case, &events);
            case.partition = Some(&partition);
            case.order = Order::Within(keys);
        }
        survives_checkpoints(&case, &events);
    }
}

#[test]
fn first_rows() {
    check(None, false, &[0], 0);
    check(None, false, &[0, 1], 400);
}

#[test]
fn first_rows_by_event_time() {
    check(Some(ROWTIME), false, &[0], 0);
    check(Some(ROWTIME), false, &[0, 1], 0);
    check(Some(ROWTIME), false, &[1], 400);
}

#[test]
fn last_rows() {
    check(None, true, &[0], 0);
    check(None, true, &[1, 3], 400);
}

#[test]
fn last_rows_by_event_time() {
    check(Some(ROWTIME), true, &[0], 0);
    check(Some(ROWTIME), true, &[1], 400);
}
