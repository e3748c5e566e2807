use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use river_core::plan::AggregateCall;
use river_core::{DataType, Field, LogicalType};

use super::*;
use crate::testing::{batch, feed, fields, run, run_at, run_by_line, show};

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

fn input() -> Vec<Field> {
    fields(&[("city", LogicalType::STRING), ("credit", LogicalType::Int)])
}

fn output() -> Vec<Field> {
    let mut all = fields(&[("city", LogicalType::STRING)]);
    all.push(Field::new("cnt", LogicalType::BigInt.not_null()));
    all.extend(fields(&[("credit", LogicalType::Int), ("mn", LogicalType::Int)]));
    all
}

/// `SELECT city, COUNT(*), SUM(credit), MIN(credit) .. GROUP BY city`
fn aggregate(change: impl FnOnce(&mut Spec)) -> GroupAggregate {
    let calls = [
        call("COUNT", &[], LogicalType::BigInt.not_null()),
        call("SUM", &[1], LogicalType::Int.nullable()),
        call("MIN", &[1], LogicalType::Int.nullable()),
    ];
    let input = input();
    let mut spec = Spec {
        input: &input,
        keys: &[0],
        calls: &calls,
        retract: true,
        emit_update_before: true,
        mini_batch: false,
        ttl_ms: 0,
    };
    change(&mut spec);
    GroupAggregate::new(&spec).unwrap()
}

/// Changes of Flink's golden case `agg-changelog-input`.
const CUSTOMERS: &str = "
    +I Paris 100
    +I Rome 50
    +I Paris 70
    +I NULL NULL
    -U Paris 100
    +U Rome 100
    -D Paris 70
    -U NULL NULL
    +U Paris 5";

fn check(mut operator: GroupAggregate, text: &str, expected: Expect) {
    expected.assert_eq(&run(&mut operator, &input(), &output(), text));
}

#[test]
fn each_row_sends_its_change() {
    check(
        aggregate(|_| ()),
        CUSTOMERS,
        expect![[r#"
            +I Paris 1 100 100
            +I Rome 1 50 50
            -U Paris 1 100 100
            +U Paris 2 170 70
            +I NULL 1 NULL NULL
            -U Paris 2 170 70
            +U Paris 1 70 70
            -U Rome 1 50 50
            +U Rome 2 150 50
            -D Paris 1 70 70
            -D NULL 1 NULL NULL
            +I Paris 1 5 5
        "#]],
    );
}

#[test]
fn without_update_before() {
    check(
        aggregate(|spec| spec.emit_update_before = false),
        CUSTOMERS,
        expect![[r#"
            +I Paris 1 100 100
            +I Rome 1 50 50
            +U Paris 2 170 70
            +I NULL 1 NULL NULL
            +U Paris 1 70 70
            +U Rome 2 150 50
            -D Paris 1 70 70
            -D NULL 1 NULL NULL
            +I Paris 1 5 5
        "#]],
    );
}

#[test]
fn a_mini_batch_sends_one_change_a_group() {
    let mut operator = aggregate(|spec| spec.mini_batch = true);
    let first = run(&mut operator, &input(), &output(), "+I a 1\n @ 5\n +I b 2\n +I a 3\n -D x 1");
    expect![[r#"
        +I a 2 4 1
        +I b 1 2 2
        @ 5
    "#]]
    .assert_eq(&first);
    let second = run(&mut operator, &input(), &output(), "-D b 2\n +I a 9\n +I c 1\n -D c 1");
    expect![[r#"
        -D b 1 2 2
        -U a 2 4 1
        +U a 3 13 1
    "#]]
    .assert_eq(&second);
}

#[test]
fn marks_keep_their_place_between_changes() {
    check(
        aggregate(|spec| spec.retract = false),
        "@ 1\n +I a 1\n @ 2\n @ 3\n +I a 2\n @ 4",
        expect![[r#"
            @ 1
            +I a 1 1 1
            @ 3
            -U a 1 1 1
            +U a 2 3 1
            @ 4
        "#]],
    );
}

#[test]
fn unchanged_results_are_not_sent() {
    let input = fields(&[("a", LogicalType::Int)]);
    let spec = Spec {
        input: &input,
        keys: &[0],
        calls: &[],
        retract: false,
        emit_update_before: true,
        mini_batch: false,
        ttl_ms: 0,
    };
    let mut distinct = GroupAggregate::new(&spec).unwrap();
    let text = run(&mut distinct, &input, &input, "+I 1\n +I 2\n +I 1\n @ 9\n +I NULL\n +I NULL");
    assert_eq!(text, "+I 1\n+I 2\n@ 9\n+I NULL\n");
}

#[test]
fn a_group_expires_after_its_time_to_live() {
    let mut operator = aggregate(|spec| spec.ttl_ms = 100);
    let mut at = |now, text| run_at(&mut operator, 0, &input(), &output(), text, now);
    assert_eq!(at(0, "+I a 1"), "+I a 1 1 1\n");
    // Without a change, but the group is alive: sent for those below.
    assert_eq!(at(90, "+I a NULL"), "-U a 1 1 1\n+U a 2 1 1\n");
    assert_eq!(at(189, "+I a 2"), "-U a 2 1 1\n+U a 3 3 1\n");
    assert_eq!(at(289, "-D a 2"), "");
    assert_eq!(at(289, "+I a 7"), "+I a 1 7 7\n");
    assert!(operator.next_timer_ms().is_some());
    let mut out = Output::default();
    let status = operator.on_timer(&crate::testing::at(10_000), &mut out).unwrap();
    assert_eq!(status, Status::Done);
    assert!(operator.groups.index.is_empty());
}

#[test]
fn a_group_that_begins_anew_lives_as_long() {
    let mut operator = aggregate(|spec| spec.ttl_ms = 100);
    let mut at = |now, text| run_at(&mut operator, 0, &input(), &output(), text, now);
    assert_eq!(at(500, "+I a 1\n -D a 1\n +I a 2"), "+I a 1 1 1\n-D a 1 1 1\n+I a 1 2 2\n");
    assert_eq!(at(599, "+I a 3"), "-U a 1 2 2\n+U a 2 5 2\n");
}

#[test]
fn one_global_group_may_end_and_begin_anew() {
    let operator = aggregate(|spec| spec.keys = &[]);
    let mut operator = operator;
    let text = "+I a 1\n -D a 1\n +I b 2\n -D b 2\n -D b 2\n +I c 3";
    let shown = run(&mut operator, &input(), &output()[1..], text);
    assert_eq!(shown, "+I 1 1 1\n-D 1 1 1\n+I 1 2 2\n-D 1 2 2\n+I 1 3 3\n");
    assert_eq!(operator.groups.index.len(), 1);
}

/// Row at a time, after `GroupAggFunction`.
fn model(changes: &[(bool, u8, i32)]) -> String {
    let mut groups: BTreeMap<u8, Vec<i32>> = BTreeMap::new();
    let show = |kind: &str, key: u8, values: &[i32]| {
        let (sum, min) = (values.iter().sum::<i32>(), values.iter().min().unwrap());
        format!("{kind} k{key} {} {sum} {min}\n", values.len())
    };
    let mut text = String::new();
    for (add, key, value) in changes {
        let group = groups.entry(*key).or_default();
        let before = group.clone();
        if *add {
            group.push(*value);
        } else {
            let Some(at) = group.iter().position(|v| v == value) else { continue };
            group.remove(at);
        }
        match (before.is_empty(), group.is_empty()) {
            (true, _) => text += &show("+I", *key, group),
            (false, true) => text += &show("-D", *key, &before),
            (false, false) => {
                text += &show("-U", *key, &before);
                text += &show("+U", *key, group);
            }
        }
    }
    text
}

proptest! {
    /// Whatever the cuts between batches, the changes are those of the model.
    #[test]
    fn agrees_with_the_model(
        changes in prop::collection::vec((any::<bool>(), 0u8..4, 0i32..4), 1..80),
        cut in 1usize..80,
    ) {
        // Only rows that are there are taken away.
        let mut there: Vec<(u8, i32)> = Vec::new();
        let changes: Vec<(bool, u8, i32)> = changes
            .into_iter()
            .filter(|(add, key, value)| {
                let known = there.iter().position(|row| row == &(*key, *value));
                match (add, known) {
                    (true, _) => there.push((*key, *value)),
                    (false, Some(at)) => { there.remove(at); }
                    (false, None) => return false,
                }
                true
            })
            .collect();
        let lines: Vec<String> = changes
            .iter()
            .map(|(add, key, value)| format!("{} k{key} {value}", if *add { "+I" } else { "-D" }))
            .collect();
        let mut operator = aggregate(|_| ());
        let mut text = String::new();
        for part in lines.chunks(cut) {
            for out in feed(&mut operator, 0, batch(&input(), &part.join("\n")), 0) {
                text += &show(&output(), &out);
            }
        }
        prop_assert_eq!(text, model(&changes));
    }
}

#[test]
fn batches_of_one_row_give_the_same() {
    let lines = CUSTOMERS.trim();
    let whole = run(&mut aggregate(|_| ()), &input(), &output(), lines);
    assert_eq!(run_by_line(&mut aggregate(|_| ()), &input(), &output(), lines), whole);
}
