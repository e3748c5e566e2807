//! Rows that wait for the end of their window survive checkpoints.

use river_core::plan::{JoinKeys, JoinKind};
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::{WindowJoin, WindowJoinSpec};
use crate::testing::checkpoint::{Case, Order, survives_checkpoints, survives_different_progress};
use crate::testing::random::{Changelog, Plan, Random, Rows, events};
use crate::testing::{context, fields};

fn columns() -> Vec<Field> {
    let time = LogicalType::timestamp(3);
    fields(&[
        ("s", time.clone()),
        ("e", time),
        ("k", LogicalType::STRING),
        ("v", LogicalType::Int),
        ("name", LogicalType::STRING),
    ])
}

/// A row with the window of three seconds that it is in.
fn row(random: &mut Random, time: i64) -> String {
    let start = time - time.rem_euclid(3000);
    let (k, v, name) = (random.text(4), random.number(5), random.text(9));
    format!("{start} {} {k} {v} {name}", start + 3000)
}

fn check(seed: u64, kind: JoinKind, keys: &[usize], null_safe: bool) {
    let join_keys = JoinKeys {
        left: keys.to_vec(),
        right: keys.to_vec(),
        null_safe: vec![null_safe; keys.len()],
    };
    let spec =
        WindowJoinSpec { kind, keys: &join_keys, windows: [(0, 1), (0, 1)], condition: None };
    let make = || -> Box<dyn Operator> {
        Box::new(WindowJoin::new(&columns(), &columns(), &spec, &context()).unwrap())
    };
    let one_sided = matches!(kind, JoinKind::Semi | JoinKind::Anti);
    let output = if one_sided { columns() } else { [columns(), columns()].concat() };
    let mut within = keys.to_vec();
    within.push(0);
    if !one_sided {
        within.extend(keys.iter().map(|key| key + columns().len()));
    }
    let case = Case {
        make: &make,
        partition: Some(&[keys, keys]),
        output: &output,
        order: Order::Within(&within),
    };
    let plan = Plan { batches: 9, rows: 10, marks: true, clock_ms: 0 };
    let fields = columns();
    let rows = || Rows { fields: &fields, changelog: Changelog::Inserts, row: &row };
    let events = events(seed, plan, &[rows(), rows()]);
    survives_checkpoints(&case, &events);
    survives_different_progress(&case, &events);
}

#[test]
fn rows_of_window_joins_survive_checkpoints() {
    use JoinKind::*;
    for (seed, kind) in (1..).zip([Inner, Left, Right, Full, Semi, Anti]) {
        check(seed, kind, &[2], false);
        check(seed, kind, &[2, 3], seed % 2 == 0);
    }
    check(7, Full, &[], false);
}
