//! Top-N of every kind survives checkpoints.

use river_core::plan::{RankFunction, RankStrategy, SortKey};
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::{RankSpec, create};
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

const BY_NUMBER: [SortKey; 1] = [SortKey { column: 2, descending: true, nulls_first: false }];
const BY_NAME: [SortKey; 1] = [SortKey { column: 3, descending: false, nulls_first: true }];

fn columns() -> Vec<Field> {
    let (text, int) = (LogicalType::STRING, LogicalType::Int);
    fields(&[("p", text.clone()), ("id", int.clone()), ("n", int), ("name", text)])
}

fn row(random: &mut Random, _: i64) -> String {
    let (p, name) = (random.text(4), random.text(5));
    format!("{p} {} {} {name}", random.number(6), random.number(5))
}

/// Checks a Top-2 by number, changed by `change`.
fn check(
    seeds: std::ops::Range<u64>,
    strategy: &RankStrategy,
    changelog: Changelog,
    change: impl Fn(&mut RankSpec),
) {
    let columns = columns();
    let mut spec = RankSpec {
        function: RankFunction::RowNumber,
        partition: &[0],
        order: &BY_NUMBER,
        start: 1,
        end: 2,
        output_rank: false,
        strategy,
        emit_update_before: true,
        ttl_ms: 0,
    };
    change(&mut spec);
    let make = || -> Box<dyn Operator> { create(&columns, &spec).unwrap() };
    let mut output = columns.clone();
    if spec.output_rank {
        output.push(Field::new("rank", LogicalType::BigInt.not_null()));
    }
    let partition = [spec.partition];
    let case =
        Case { make: &make, partition: Some(&partition), output: &output, order: Order::Exact };
    let plan = Plan { batches: 9, rows: 12, marks: true, clock_ms: 300 };
    for seed in seeds {
        let rows = Rows { fields: &columns, changelog, row: &row };
        survives_checkpoints(&case, &events(seed, plan, &[rows]));
    }
}

#[test]
fn the_best_of_appended_rows() {
    let check = |change: &dyn Fn(&mut RankSpec)| {
        check(1..3, &RankStrategy::Append, Changelog::Inserts, change);
    };
    check(&|_| ());
    check(&|spec| spec.output_rank = true);
    check(&|spec| (spec.start, spec.end) = (2, 3));
    check(&|spec| spec.order = &BY_NAME);
    check(&|spec| spec.partition = &[]);
    check(&|spec| spec.ttl_ms = 500);
}

#[test]
fn the_best_row() {
    for strategy in [RankStrategy::Append, RankStrategy::UpdateFast(vec![0])] {
        let check = |change: &dyn Fn(&mut RankSpec)| {
            check(1..3, &strategy, Changelog::Upserts(&[0]), |spec| {
                spec.end = 1;
                change(spec);
            });
        };
        check(&|_| ());
        check(&|spec| spec.order = &BY_NAME);
        check(&|spec| spec.ttl_ms = 400);
    }
}

#[test]
fn the_first_rows() {
    let check = |change: &dyn Fn(&mut RankSpec)| {
        check(1..3, &RankStrategy::Append, Changelog::Inserts, |spec| {
            spec.order = &[];
            change(spec);
        });
    };
    check(&|spec| spec.output_rank = true);
    check(&|spec| (spec.partition, spec.start, spec.end) = (&[], 3, 20));
    check(&|spec| (spec.partition, spec.ttl_ms) = (&[0, 1], 400));
}

#[test]
fn all_rows_where_some_are_taken_back() {
    let check = |change: &dyn Fn(&mut RankSpec)| {
        check(1..3, &RankStrategy::Retract, Changelog::Retracts, change);
    };
    check(&|_| ());
    check(&|spec| spec.output_rank = true);
    check(&|spec| spec.order = &BY_NAME);
    check(&|spec| (spec.partition, spec.start, spec.end) = (&[], 2, u64::MAX));
    check(&|spec| spec.ttl_ms = 500);
}

#[test]
fn rows_updated_in_place() {
    let strategy = RankStrategy::UpdateFast(vec![1]);
    let check = |change: &dyn Fn(&mut RankSpec)| {
        check(1..3, &strategy, Changelog::Upserts(&[0, 1]), change);
    };
    check(&|_| ());
    check(&|spec| spec.output_rank = true);
    check(&|spec| (spec.order, spec.emit_update_before) = (&BY_NAME, false));
    check(&|spec| spec.partition = &[]);
    check(&|spec| spec.ttl_ms = 500);
}
