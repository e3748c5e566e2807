//! Both sides of a join survive checkpoints.

use river_core::plan::{JoinKeys, JoinKind};
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::{Join, JoinSpec};
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::random::{Changelog, Plan, Random, Rows, events};
use crate::testing::{fields, run_at};

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
    Test { changes: retracts, ..appends() }.check_kinds(1);
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
    upserts.check_kinds(1);
}

#[test]
fn rows_that_expire_survive_checkpoints() {
    let expiring = Test {
        changes: [Changelog::Retracts, Changelog::Upserts(&[0, 1])],
        unique: [None, Some(&[1])],
        ttl_ms: [500, 800],
        ..appends()
    };
    expiring.check_kinds(1);
    Test { ttl_ms: [600, 0], ..appends() }.check_kinds(3);
}

#[test]
fn rows_saved_without_a_time_to_live_get_one() {
    let columns = columns();
    let keys = keys(&[0], false);
    let make = |ttl: u64| {
        let spec = JoinSpec {
            kind: JoinKind::Inner,
            keys: &keys,
            condition: None,
            unique: [None, None],
            ttl_ms: [ttl, ttl],
        };
        Join::new(&columns, &columns, spec).unwrap()
    };
    let output = [columns.clone(), columns.clone()].concat();
    let (mut old, mut new) = (make(0), make(100));
    run_at(&mut old, 0, &columns, &output, "+I t1 1 a\n+I t1 2 b", 0);
    for (from, to) in old.tables().into_iter().zip(new.tables()) {
        from.cut().unwrap();
        while let Some(saved) = from.next_saved().unwrap() {
            to.load(&saved.columns, saved.rows()).unwrap();
        }
    }
    let mut feed = |now: i64| run_at(&mut new, 1, &columns, &output, "+I t1 7 x", now);
    assert_eq!(feed(1000), "+I t1 1 a t1 7 x\n+I t1 2 b t1 7 x\n");
    assert_eq!(feed(1099), "+I t1 1 a t1 7 x\n+I t1 2 b t1 7 x\n");
    assert_eq!(feed(1100), "");
}

#[test]
fn rows_of_all_kinds_of_columns_survive_checkpoints() {
    let text = || LogicalType::STRING;
    let columns = fields(&[
        ("list", LogicalType::Array(Box::new(text().nullable()))),
        ("amount", LogicalType::Decimal(20, 2)),
        ("yes", LogicalType::Boolean),
        ("bytes", LogicalType::VarBinary(100)),
        ("x", LogicalType::Double),
    ]);
    let row = |random: &mut Random, _: i64| {
        let list = if random.once_in(3) { "NULL".to_owned() } else { random.text(5) };
        let yes = random.once_in(2);
        format!("{list} {} {yes} {} {}.5", random.below(2), random.text(4), random.below(2))
    };
    for keys in [keys(&[1], false), keys(&[3], true), keys(&[4, 2], true), keys(&[0], false)] {
        let make = || -> Box<dyn Operator> {
            let spec = JoinSpec {
                kind: JoinKind::Full,
                keys: &keys,
                condition: None,
                unique: [None, None],
                ttl_ms: [0, 0],
            };
            Box::new(Join::new(&columns, &columns, spec).unwrap())
        };
        let output = [columns.clone(), columns.clone()].concat();
        let partition: [&[usize]; 2] = [&keys.left, &keys.right];
        let case =
            Case { make: &make, partition: Some(&partition), output: &output, order: Order::Exact };
        let plan = Plan { batches: 6, rows: 8, marks: false, clock_ms: 0 };
        let changelog = Changelog::Retracts;
        let inputs = [0, 1].map(|_| Rows { fields: &columns, changelog, row: &row });
        survives_checkpoints(&case, &events(3, plan, &inputs));
    }
}
