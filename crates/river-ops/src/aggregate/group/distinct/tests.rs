//! `DISTINCT` calls against a model: for each group and call, how often each value is there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use river_core::plan::AggregateCall;
use river_core::{DataType, Field, LogicalType};
use river_runtime::Operator;

use super::super::{GroupAggregate, Spec};
use crate::testing::{batch, feed, fields, run_at, show};

const STRING: LogicalType = LogicalType::STRING;

fn call(function: &str, arg: usize, filter: Option<usize>, ty: DataType) -> AggregateCall {
    let (function, name) = (function.to_owned(), function.to_owned());
    AggregateCall { function, args: vec![arg], distinct: true, filter, ty, name }
}

fn input() -> Vec<Field> {
    fields(&[
        ("k", STRING),
        ("low", LogicalType::Boolean),
        ("a", LogicalType::Int),
        ("b", STRING),
        ("d", LogicalType::Double),
    ])
}

/// `COUNT(DISTINCT a)`, the same `FILTER (WHERE low)`, `SUM(DISTINCT a)`, `COUNT(DISTINCT b) FILTER
/// (WHERE low)`
fn aggregate(change: impl FnOnce(&mut Spec)) -> GroupAggregate {
    let count = || LogicalType::BigInt.not_null();
    let calls = [
        call("COUNT", 2, None, count()),
        call("COUNT", 2, Some(1), count()),
        call("SUM", 2, None, LogicalType::Int.nullable()),
        call("COUNT", 3, Some(1), count()),
    ];
    let input = input();
    let mut spec = Spec {
        input: &input,
        keys: &[0],
        calls: &calls,
        retract: true,
        emit_update_before: false,
        mini_batch: false,
        ttl_ms: 0,
    };
    change(&mut spec);
    GroupAggregate::new(&spec).unwrap()
}

fn output() -> Vec<Field> {
    let count = || LogicalType::BigInt;
    fields(&[
        ("k", STRING),
        ("n", count()),
        ("low", count()),
        ("sum", LogicalType::Int),
        ("b", count()),
    ])
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    key: u8,
    low: Option<bool>,
    a: Option<i32>,
    b: u8,
}

impl Row {
    fn text(&self) -> String {
        let low = self.low.map_or("NULL".to_owned(), |low| low.to_string());
        let a = self.a.map_or("NULL".to_owned(), |a| a.to_string());
        format!("k{} {low} {a} t{} 0", self.key, self.b)
    }
}

/// The results of a group of these rows.
fn results(rows: &[Row]) -> String {
    let distinct = |of: &dyn Fn(&Row) -> Option<i32>| {
        let mut seen: BTreeMap<i32, ()> = BTreeMap::new();
        seen.extend(rows.iter().filter_map(|row| Some((of(row)?, ()))));
        seen.into_keys().collect::<Vec<i32>>()
    };
    let is_low = |row: &Row| row.low == Some(true);
    let all = distinct(&|row| row.a);
    let low = distinct(&|row| row.a.filter(|_| is_low(row)));
    let texts = distinct(&|row| is_low(row).then_some(row.b.into()));
    let sum = if all.is_empty() { "NULL".to_owned() } else { all.iter().sum::<i32>().to_string() };
    format!("{} {} {sum} {}", all.len(), low.len(), texts.len())
}

/// The changes of rows that come and go one by one.
fn model(changes: &[(bool, Row)]) -> String {
    let mut groups: BTreeMap<u8, Vec<Row>> = BTreeMap::new();
    let mut text = String::new();
    for (add, row) in changes {
        let group = groups.entry(row.key).or_default();
        let before = (!group.is_empty()).then(|| results(group));
        match group.iter().position(|other| other == row) {
            Some(at) if !add => drop(group.remove(at)),
            _ => group.push(row.clone()),
        }
        let after = (!group.is_empty()).then(|| results(group));
        match (before, after) {
            (None, Some(after)) => text += &format!("+I k{} {after}\n", row.key),
            (Some(before), None) => text += &format!("-D k{} {before}\n", row.key),
            (Some(before), Some(after)) if before != after => {
                text += &format!("+U k{} {after}\n", row.key);
            }
            _ => {}
        }
    }
    text
}

fn any_row() -> impl Strategy<Value = Row> {
    let low = prop_oneof![Just(None), any::<bool>().prop_map(Some)];
    let a = prop_oneof![1 => Just(None), 4 => (0i32..3).prop_map(Some)];
    (0u8..3, low, a, 0u8..3).prop_map(|(key, low, a, b)| Row { key, low, a, b })
}

proptest! {
    /// Whatever the cuts between batches, the changes are those of the model.
    #[test]
    fn agrees_with_the_model(
        changes in prop::collection::vec((prop::bool::weighted(0.6), any_row()), 1..60),
        only_inserts in any::<bool>(),
        cut in 1usize..60,
    ) {
        let mut there: Vec<Row> = Vec::new();
        let changes: Vec<(bool, Row)> = changes
            .into_iter()
            .filter_map(|(add, row)| {
                if add || only_inserts {
                    there.push(row.clone());
                    return Some((true, row));
                }
                // One of those that are there goes, if any.
                let at = usize::from(row.b) % there.len().max(1);
                (at < there.len()).then(|| (false, there.swap_remove(at)))
            })
            .collect();
        let line = |(add, row): &(bool, Row)| {
            format!("{} {}", if *add { "+I" } else { "-D" }, row.text())
        };
        let lines: Vec<String> = changes.iter().map(line).collect();
        let mut operator = aggregate(|spec| spec.retract = !only_inserts);
        let mut text = String::new();
        for part in lines.chunks(cut) {
            for out in feed(&mut operator, 0, batch(&input(), &part.join("\n")), 0) {
                text += &show(&output(), &out);
            }
        }
        prop_assert_eq!(text, model(&changes));
        if there.is_empty() {
            prop_assert!(operator.distinct.is_empty(), "values outlive their groups");
        }
    }
}

/// What is left over of a group by retractions of rows that it never had is not seen by the next.
#[test]
fn a_group_that_begins_anew_has_seen_nothing() {
    let mut operator = aggregate(|_| ());
    let mut at = |text| run_at(&mut operator, 0, &input(), &output(), text, 0);
    assert_eq!(at("+I k true 1 x 0\n -D k true 2 x 0"), "+I k 1 1 1 1\n-D k 1 1 1 1\n");
    assert_eq!(at("+I k true 1 x 0"), "+I k 1 1 1 1\n");
}

/// Each value has its own time to live, as the entries of Flink's map views.
#[test]
fn a_value_expires_though_its_group_lives() {
    let mut operator = aggregate(|spec| {
        spec.ttl_ms = 100;
        spec.retract = false;
    });
    let mut at = |now, text| run_at(&mut operator, 0, &input(), &output(), text, now);
    assert_eq!(at(0, "+I k true 1 x 0"), "+I k 1 1 1 1\n");
    assert_eq!(at(60, "+I k true 2 x 0"), "+U k 2 2 3 1\n");
    assert_eq!(at(90, "+I k true 1 x 0"), "+U k 2 2 3 1\n");
    assert_eq!(at(165, "+I k true 2 x 0"), "+U k 3 3 5 1\n");
}

/// All NaNs are one value, and `-0.0` is not `0.0`, as in Java's `Double.equals`.
#[test]
fn doubles_are_distinct_as_in_java() {
    let calls = [call("COUNT", 4, None, LogicalType::BigInt.not_null())];
    let input = input();
    let spec = Spec {
        input: &input,
        keys: &[],
        calls: &calls,
        retract: false,
        emit_update_before: false,
        mini_batch: true,
        ttl_ms: 0,
    };
    let mut operator = GroupAggregate::new(&spec).unwrap();
    let mut rows = batch(&input, &"+I k true 1 x 0\n".repeat(4));
    let doubles = vec![f64::NAN, -f64::NAN, 0.0, -0.0];
    rows.columns[4] = std::sync::Arc::new(arrow_array::Float64Array::from(doubles));
    let out = feed(&mut operator, 0, rows, 0);
    assert_eq!(show(&fields(&[("n", LogicalType::BigInt)]), &out[0]), "+I 3\n");
    assert_eq!(operator.tables().len(), 2);
}
