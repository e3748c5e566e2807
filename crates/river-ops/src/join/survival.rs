//! Both sides of a join survive checkpoints.

use river_core::plan::{JoinKeys, JoinKind};
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::{Join, JoinSpec};
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

fn columns() -> Vec<Field> {
    fields(&[("city", LogicalType::STRING), ("n", LogicalType::Int), ("name", LogicalType::STRING)])
}

fn row(random: &mut Random, _: i64) -> String {
    format!("{} {} {}", random.text(4), random.number(4), random.text(4))
}

fn keys(columns: &[usize], null_safe: bool) -> JoinKeys {
    JoinKeys {
        left: columns.to_vec(),
        right: columns.to_vec(),
        null_safe: vec![null_safe; columns.len()],
    }
}

/// A join by keys, and what comes into it.
struct Test<'a> {
    keys: JoinKeys,
    changes: [Changelog<'a>; 2],
    unique: [Option<&'a [usize]>; 2],
    ttl_ms: [u64; 2],
}

impl Test<'_> {
    fn check(&self, seed: u64, kind: JoinKind) {
        let columns = columns();
        let make = || -> Box<dyn Operator> {
            let spec = JoinSpec {
                kind,
                keys: &self.keys,
                condition: None,
                unique: self.unique,
                ttl_ms: self.ttl_ms,
            };
            Box::new(Join::new(&columns, &columns, spec).unwrap())
        };
        let output = match kind {
            JoinKind::Semi | JoinKind::Anti => columns.clone(),
            _ => [columns.clone(), columns.clone()].concat(),
        };
        let partition: [&[usize]; 2] = [&self.keys.left, &self.keys.right];
        let case =
            Case { make: &make, partition: Some(&partition), output: &output, order: Order::Exact };
        let plan = Plan { batches: 9, rows: 9, marks: true, clock_ms: 300 };
        let inputs = self.changes.map(|changelog| Rows { fields: &columns, changelog, row: &row });
        survives_checkpoints(&case, &events(seed, plan, &inputs));
    }

    fn check_kinds(&self, seed: u64) {
        use JoinKind::*;
        for (number, kind) in [Inner, Left, Right, Full, Semi, Anti].into_iter().enumerate() {
            self.check(seed * 10 + number as u64, kind);
        }
    }
}

fn appends() -> Test<'static> {
    Test {
        keys: keys(&[0], false),
        changes: [Changelog::Inserts, Changelog::Inserts],
        unique: [None, None],
        ttl_ms: [0, 0],
    }
}

#[test]
fn appended_rows_survive_checkpoints() {
    appends().check_kinds(1);
    Test { keys: keys(&[], false), ..appends() }.check(7, JoinKind::Left);
}

#[test]
fn rows_that_are_taken_back_survive_checkpoints() {
    let retracts = [Changelog::Retracts, Changelog::Retracts];
    for seed in 1..2 {
        Test { changes: retracts, ..appends() }.check_kinds(seed);
    }
    let by_two = Test { keys: keys(&[1, 2], true), changes: retracts, ..appends() };
    by_two.check_kinds(3);
    let one_side = [Changelog::Retracts, Changelog::Inserts];
    Test { keys: keys(&[1], false), changes: one_side, ..appends() }.check_kinds(4);
}

#[test]
fn rows_with_a_key_of_their_own_survive_checkpoints() {
    let upserts = Test {
        changes: [Changelog::Upserts(&[0, 1]), Changelog::Updates(&[0])],
        unique: [Some(&[1]), Some(&[0])],
        ..appends()
    };
    for seed in 1..2 {
        upserts.check_kinds(seed);
    }
}

#[test]
fn rows_that_expire_survive_checkpoints() {
    let expiring = Test {
        changes: [Changelog::Retracts, Changelog::Upserts(&[0, 1])],
        unique: [None, Some(&[1])],
        ttl_ms: [500, 800],
        ..appends()
    };
    for seed in 1..2 {
        expiring.check_kinds(seed);
    }
    Test { ttl_ms: [600, 0], ..appends() }.check_kinds(3);
}
