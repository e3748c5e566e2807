//! Sessions survive checkpoints.

use river_core::plan::{AggregateCall, Window};
use river_core::{DataType, LogicalType, types::TimeKind};

use super::*;
use crate::testing::checkpoint::{Case, Order, survives_checkpoints, survives_different_progress};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

const STRING: LogicalType = LogicalType::STRING;

fn input() -> Vec<Field> {
    fields(&[
        ("user", STRING),
        ("n", LogicalType::Int),
        ("ct", LogicalType::Timestamp(3, TimeKind::Rowtime)),
    ])
}

fn row(random: &mut Random, time: i64) -> String {
    format!("{} {} {time}", random.text(4), random.number(2))
}

fn call(function: &str, args: &[usize], ty: DataType) -> AggregateCall {
    AggregateCall {
        function: function.to_owned(),
        args: args.to_vec(),
        distinct: false,
        filter: None,
        ty,
        name: function.to_owned(),
    }
}

fn check(seed: u64, time: WindowTime, keys: &[usize], changelog: Changelog) {
    let input = input();
    // The text tells in which order sessions were merged.
    let calls = [
        call("COUNT", &[], LogicalType::BigInt.not_null()),
        call("LISTAGG", &[0], STRING.nullable()),
        call(
            "ARRAY_AGG",
            &[1],
            LogicalType::Array(Box::new(LogicalType::Int.nullable())).nullable(),
        ),
    ];
    let mut output: Vec<Field> = keys.iter().map(|key| input[*key].clone()).collect();
    output.extend(calls.iter().map(|call| Field::new("result", call.ty.clone())));
    let window_columns = output.len();
    output.extend(fields(&[
        ("window_start", LogicalType::timestamp(3)),
        ("window_end", LogicalType::timestamp(3)),
    ]));
    let kind = WindowKind::Session { gap: 1500, partition: keys.to_vec() };
    let event_time = matches!(time, WindowTime::Rowtime(_));
    let window = Window { kind, time, zone: None };
    let make = || -> Box<dyn Operator> {
        let operator = SessionAggregate::new(&Spec {
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
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.push(window_columns);
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
fn sessions_of_event_time_survive_checkpoints() {
    for seed in 1..4 {
        check(seed, WindowTime::Rowtime(2), &[0], Changelog::Inserts);
        check(seed, WindowTime::Rowtime(2), &[0, 1], Changelog::Retracts);
    }
    check(4, WindowTime::Rowtime(2), &[], Changelog::Inserts);
}

#[test]
fn sessions_of_processing_time_survive_checkpoints() {
    for seed in 1..3 {
        check(seed, WindowTime::Proctime, &[0], Changelog::Inserts);
    }
}
