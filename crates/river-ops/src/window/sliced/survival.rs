//! Windows of fixed boundaries survive checkpoints.

use river_core::plan::WindowKind;
use river_core::{DataType, LogicalType, types::TimeKind};

use super::*;
use crate::testing::checkpoint::{Case, Order, survives_checkpoints, survives_different_progress};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

const STRING: LogicalType = LogicalType::STRING;

fn input() -> Vec<Field> {
    let time = LogicalType::timestamp(3);
    fields(&[
        ("user", STRING),
        ("n", LogicalType::Int),
        ("ct", LogicalType::Timestamp(3, TimeKind::Rowtime)),
        ("s", time.clone()),
        ("e", time),
    ])
}

/// A row with the tumbling window of four seconds that it is in.
fn row(random: &mut Random, time: i64) -> String {
    let start = time - time.rem_euclid(4000);
    let (user, n) = (random.text(4), random.number(4));
    format!("{user} {n} {time} {start} {}", start + 4000)
}

fn call(function: &str, args: &[usize], ty: DataType) -> AggregateCall {
    AggregateCall {
        function: function.to_owned(),
        args: args.to_vec(),
        distinct: function == "COUNT" && !args.is_empty(),
        filter: None,
        ty,
        name: function.to_owned(),
    }
}

fn check(seed: u64, kind: WindowKind, time: WindowTime, keys: &[usize], changelog: Changelog) {
    let input = input();
    let calls = [
        call("COUNT", &[], LogicalType::BigInt.not_null()),
        call("SUM", &[1], LogicalType::Int.nullable()),
        call("COUNT", &[1], LogicalType::BigInt.not_null()),
    ];
    let mut output: Vec<Field> = keys.iter().map(|key| input[*key].clone()).collect();
    output.extend(calls.iter().map(|call| Field::new("result", call.ty.clone())));
    let window_columns = output.len();
    output.extend(fields(&[
        ("window_start", LogicalType::timestamp(3)),
        ("window_end", LogicalType::timestamp(3)),
    ]));
    let event_time = match time {
        WindowTime::Attached { event_time, .. } => event_time,
        _ => matches!(time, WindowTime::Rowtime(_)),
    };
    let window = Window { kind, time, zone: None };
    let make = || -> Box<dyn Operator> {
        let operator = SlicedAggregate::new(&Spec {
            input: &input,
            output: &output,
            window: &window,
            keys,
            calls: &calls,
            properties: &[WindowProperty::Start, WindowProperty::End],
            retract: changelog != Changelog::Inserts,
            max_parallelism: 128,
        });
        Box::new(operator.unwrap())
    };
    // The windows of a key come in order of their ends; other keys come in any order.
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.extend([window_columns + 1, window_columns]);
    let case = Case {
        make: &make,
        partition: Some(&[keys]),
        output: &output,
        order: Order::Within(&order),
    };
    let plan = Plan { batches: 9, rows: 10, marks: true, clock_ms: 5000 };
    let rows = Rows { fields: &input, changelog, row: &row };
    let events = events(seed, plan, &[rows]);
    survives_checkpoints(&case, &events);
    if event_time {
        survives_different_progress(&case, &events);
    }
}

fn kinds() -> [WindowKind; 4] {
    [
        WindowKind::Tumble { size: 3000, offset: 0 },
        WindowKind::Hop { slide: 2000, size: 6000, offset: 500 },
        WindowKind::Hop { slide: 4000, size: 3000, offset: 0 },
        WindowKind::Cumulate { step: 2000, size: 6000, offset: 0 },
    ]
}

#[test]
fn windows_of_event_time_survive_checkpoints() {
    for (seed, kind) in (1..).zip(kinds()) {
        check(seed, kind.clone(), WindowTime::Rowtime(2), &[0], Changelog::Inserts);
        check(seed, kind.clone(), WindowTime::Rowtime(2), &[0, 1], Changelog::Retracts);
        check(seed, kind, WindowTime::Rowtime(2), &[], Changelog::Inserts);
    }
}

#[test]
fn windows_of_processing_time_survive_checkpoints() {
    for (seed, kind) in (1..).zip(kinds()) {
        check(seed, kind, WindowTime::Proctime, &[0], Changelog::Inserts);
    }
}

#[test]
fn windows_that_the_input_has_survive_checkpoints() {
    for (seed, event_time) in [(1, true), (2, false), (3, true)] {
        let time = WindowTime::Attached { start: 3, end: 4, event_time };
        let kind = WindowKind::Tumble { size: 4000, offset: 0 };
        check(seed, kind, time, &[0], Changelog::Retracts);
    }
}
