//! Rows that wait for the end of their session survive checkpoints.

use river_core::{LogicalType, types::TimeKind};

use super::*;
use crate::testing::checkpoint::{Case, Order, survives_checkpoints, survives_different_progress};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

fn row(random: &mut Random, time: i64) -> String {
    let time = if random.once_in(9) { "NULL".to_owned() } else { time.to_string() };
    format!("{} {} {time}", random.text(4), random.text(9))
}

fn check(seed: u64, time: WindowTime, keys: &[usize], changelog: Changelog) {
    let input = fields(&[
        ("user", LogicalType::STRING),
        ("name", LogicalType::STRING),
        ("ct", LogicalType::Timestamp(3, TimeKind::Rowtime)),
    ]);
    let end = LogicalType::timestamp(3);
    let mut output = input.clone();
    output.extend(fields(&[("s", end.clone()), ("e", end.clone()), ("t", end)]));
    let kind = WindowKind::Session { gap: 1500, partition: keys.to_vec() };
    let event_time = matches!(time, WindowTime::Rowtime(_));
    let window = Window { kind, time, zone: None };
    let make = || -> Box<dyn Operator> {
        Box::new(SessionTable::new(&input, &output, &window, 128).unwrap())
    };
    let mut order = keys.to_vec();
    order.push(3);
    let case = Case {
        make: &make,
        partition: Some(&[keys]),
        output: &output,
        order: Order::Within(&order),
    };
    let plan = Plan { batches: 10, rows: 10, marks: true, clock_ms: 2000 };
    let rows = Rows { fields: &input, changelog, row: &row };
    let events = events(seed, plan, &[rows]);
    survives_checkpoints(&case, &events);
    if event_time {
        survives_different_progress(&case, &events);
    }
}

#[test]
fn waiting_rows_survive_checkpoints() {
    for seed in 1..4 {
        check(seed, WindowTime::Rowtime(2), &[0], Changelog::Inserts);
        check(seed, WindowTime::Rowtime(2), &[0, 1], Changelog::Retracts);
        check(seed, WindowTime::Proctime, &[0], Changelog::Inserts);
    }
    check(4, WindowTime::Rowtime(2), &[], Changelog::Inserts);
}
