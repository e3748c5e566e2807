//! What a sink's keys have survives checkpoints.

use river_core::LogicalType;
use river_core::plan::UpsertMaterialize;
use river_runtime::Operator;

use super::create;
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

fn check(resolution: UpsertMaterialize, key: &[usize], one_subtask: bool) {
    let text = LogicalType::STRING;
    let columns = fields(&[("city", text.clone()), ("n", LogicalType::Int), ("name", text)]);
    let make = || -> Box<dyn Operator> { create(&columns, key, resolution).unwrap() };
    let partition = [key];
    let case = Case {
        make: &make,
        partition: (!one_subtask).then_some(&partition),
        output: &columns,
        // Keys are settled in the order of their first change, which is known in one subtask.
        order: if one_subtask { Order::Exact } else { Order::Within(key) },
    };
    let row = |random: &mut Random, _: i64| {
        format!("{} {} {}", random.text(5), random.number(3), random.text(3))
    };
    let plan = Plan { batches: 10, rows: 12, marks: true, clock_ms: 300 };
    for seed in 1..4 {
        for changelog in [Changelog::Retracts, Changelog::Upserts(&[1])] {
            let rows = Rows { fields: &columns, changelog, row: &row };
            survives_checkpoints(&case, &events(seed, plan, &[rows]));
        }
    }
}

#[test]
fn the_rows_of_a_key() {
    check(UpsertMaterialize::Deduplicate, &[0], true);
    check(UpsertMaterialize::Deduplicate, &[0, 1], false);
}

#[test]
fn changes_that_wait_for_a_watermark() {
    check(UpsertMaterialize::Nothing, &[0], true);
    check(UpsertMaterialize::Nothing, &[0], false);
    check(UpsertMaterialize::Nothing, &[1, 0], false);
}
