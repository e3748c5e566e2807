//! The best rows of windows survive checkpoints.

use river_core::plan::SortKey;
use river_core::types::TimeKind;
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::{WindowRankSpec, create};
use crate::testing::checkpoint::{Case, Order, survives_checkpoints, survives_different_progress};
use crate::testing::random::{Changelog, Plan, Random, Rows, events};
use crate::testing::{context, fields};

/// A row with the window of three seconds that it is in.
fn row(random: &mut Random, time: i64) -> String {
    let start = time - time.rem_euclid(3000);
    let (k, v, name) = (random.text(4), random.number(5), random.text(9));
    format!("{start} {} {k} {v} {name} {time}", start + 3000)
}

fn check(seed: u64, partition: &[usize], sorted_by: usize, ranks: (u64, u64)) {
    let time = LogicalType::timestamp(3);
    let input = fields(&[
        ("s", time.clone()),
        ("e", time),
        ("k", LogicalType::STRING),
        ("v", LogicalType::Int),
        ("name", LogicalType::STRING),
        ("t", LogicalType::Timestamp(3, TimeKind::Rowtime)),
    ]);
    let mut output = input.clone();
    output.push(Field::new("rank", LogicalType::BigInt.not_null()));
    let order = [SortKey { column: sorted_by, descending: true, nulls_first: false }];
    let spec =
        WindowRankSpec { partition, window: (0, 1), order: &order, ranks, output_rank: true };
    let make = || -> Box<dyn Operator> { create(&input, &spec, &context()).unwrap() };
    let mut within = vec![0];
    within.extend(partition);
    let case = Case {
        make: &make,
        partition: Some(&[partition]),
        output: &output,
        order: Order::Within(&within),
    };
    let plan = Plan { batches: 10, rows: 12, marks: true, clock_ms: 0 };
    let rows = Rows { fields: &input, changelog: Changelog::Inserts, row: &row };
    let events = events(seed, plan, &[rows]);
    survives_checkpoints(&case, &events);
    survives_different_progress(&case, &events);
}

#[test]
fn best_rows_survive_checkpoints() {
    for seed in 1..4 {
        check(seed, &[2], 3, (1, 2));
        check(seed, &[2], 4, (2, 3));
        check(seed, &[2], 5, (1, 1));
    }
    check(4, &[], 3, (1, 3));
    check(5, &[2, 0], 4, (1, 1));
}
