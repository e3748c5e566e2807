//! Groups survive checkpoints.

use river_core::plan::AggregateCall;
use river_core::{DataType, Field, LogicalType};
use river_runtime::Operator;

use super::{GroupAggregate, Spec};
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

const STRING: LogicalType = LogicalType::STRING;

fn input() -> Vec<Field> {
    fields(&[("city", STRING), ("n", LogicalType::Int), ("name", STRING)])
}

fn row(random: &mut Random, _: i64) -> String {
    format!("{} {} {}", random.text(5), random.number(4), random.text(4))
}

fn call(function: &str, distinct: bool, args: &[usize], ty: DataType) -> AggregateCall {
    AggregateCall {
        function: function.to_owned(),
        args: args.to_vec(),
        distinct,
        filter: None,
        ty,
        name: function.to_owned(),
    }
}

fn calls() -> Vec<AggregateCall> {
    let int = || LogicalType::Int.nullable();
    vec![
        call("COUNT", false, &[], LogicalType::BigInt.not_null()),
        call("SUM", false, &[1], int()),
        call("MIN", false, &[1], int()),
        call("MAX", false, &[2], STRING.nullable()),
        call("COUNT", true, &[2], LogicalType::BigInt.not_null()),
        call("SUM", true, &[1], int()),
        call("LISTAGG", false, &[2], STRING.nullable()),
        call("LAST_VALUE", false, &[1], int()),
    ]
}

/// Checks an aggregate by these keys, changed by `change`.
fn check(seed: u64, keys: &[usize], changelog: Changelog, change: impl Fn(&mut Spec)) {
    let (input, calls) = (input(), calls());
    let retract = changelog != Changelog::Inserts;
    let make = || -> Box<dyn Operator> {
        let mut spec = Spec {
            input: &input,
            keys,
            calls: &calls,
            retract,
            emit_update_before: true,
            mini_batch: false,
            ttl_ms: 0,
        };
        change(&mut spec);
        Box::new(GroupAggregate::new(&spec).unwrap())
    };
    let mut output: Vec<Field> = keys.iter().map(|key| input[*key].clone()).collect();
    output.extend(calls.iter().map(|call| Field::new("result", call.ty.clone())));
    let case = Case { make: &make, partition: Some(&[keys]), output: &output, order: Order::Exact };
    let plan = Plan { batches: 9, rows: 12, marks: true, clock_ms: 400 };
    survives_checkpoints(
        &case,
        &events(seed, plan, &[Rows { fields: &input, changelog, row: &row }]),
    );
}

#[test]
fn groups_survive_checkpoints() {
    for seed in 1..4 {
        check(seed, &[0], Changelog::Inserts, |_| ());
        check(seed, &[0], Changelog::Retracts, |_| ());
        check(seed, &[0, 1], Changelog::Retracts, |spec| spec.emit_update_before = false);
        check(seed, &[1], Changelog::Updates(&[0]), |_| ());
    }
}

#[test]
fn the_only_group_survives_checkpoints() {
    for seed in 1..3 {
        check(seed, &[], Changelog::Retracts, |_| ());
    }
}

#[test]
fn bundles_survive_checkpoints() {
    for seed in 1..4 {
        check(seed, &[0], Changelog::Retracts, |spec| spec.mini_batch = true);
    }
}

#[test]
fn groups_that_expire_survive_checkpoints() {
    for seed in 1..4 {
        check(seed, &[0], Changelog::Inserts, |spec| spec.ttl_ms = 500);
        check(seed, &[2], Changelog::Retracts, |spec| spec.ttl_ms = 500);
    }
}
