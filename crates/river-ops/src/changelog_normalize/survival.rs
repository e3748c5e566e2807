//! The last row of each key survives checkpoints.

use river_core::LogicalType;
use river_runtime::Operator;

use super::ChangelogNormalize;
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

fn check(keys: &[usize], ttl_ms: u64) {
    let text = LogicalType::STRING;
    let columns = fields(&[("k", text.clone()), ("n", LogicalType::Int), ("name", text)]);
    let make = || -> Box<dyn Operator> {
        Box::new(ChangelogNormalize::new(&columns, keys, true, ttl_ms).unwrap())
    };
    let partition = [keys];
    let case =
        Case { make: &make, partition: Some(&partition), output: &columns, order: Order::Exact };
    let row = |random: &mut Random, _: i64| {
        format!("{} {} {}", random.text(5), random.number(3), random.text(3))
    };
    let plan = Plan { batches: 10, rows: 12, marks: true, clock_ms: 300 };
    for seed in 1..4 {
        let rows = Rows { fields: &columns, changelog: Changelog::Upserts(keys), row: &row };
        survives_checkpoints(&case, &events(seed, plan, &[rows]));
    }
}

#[test]
fn rows_survive_checkpoints() {
    check(&[0], 0);
    check(&[1, 0], 0);
    check(&[1], 400);
}
