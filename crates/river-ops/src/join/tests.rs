use std::collections::BTreeMap;

use proptest::prelude::*;
use river_core::plan::{JoinKeys, JoinKind};
use river_core::{Expr, Field, LogicalType, RowKind, Value};

use super::{Join, JoinSpec};
use crate::testing::{at, batch, feed, fields, run_at, show};

fn columns() -> Vec<Field> {
    fields(&[("k", LogicalType::Int), ("v", LogicalType::STRING)])
}

fn output(kind: JoinKind) -> Vec<Field> {
    match kind {
        JoinKind::Semi | JoinKind::Anti => columns(),
        _ => [columns(), columns()].concat(),
    }
}

fn keys() -> JoinKeys {
    JoinKeys { left: vec![0], right: vec![0], null_safe: vec![false] }
}

fn join(kind: JoinKind, unique: [Option<&[usize]>; 2], ttl: u64) -> Join {
    let keys = keys();
    let spec = JoinSpec { kind, keys: &keys, condition: None, unique, ttl_ms: [ttl, ttl] };
    Join::new(&columns(), &columns(), spec).unwrap()
}

struct Case {
    join: Join,
    kind: JoinKind,
}

impl Case {
    fn feed(&mut self, side: usize, text: &str, now: i64) -> String {
        run_at(&mut self.join, side, &columns(), &output(self.kind), text, now)
    }
}

fn case(kind: JoinKind) -> Case {
    Case { join: join(kind, [None, None], 0), kind }
}

#[test]
fn inner_keeps_kinds_and_places_marks() {
    let mut case = case(JoinKind::Inner);
    assert_eq!(case.feed(0, "+I 1 a\n+I 1 b\n+I NULL n\n@ 5", 0), "@ 5\n");
    let shown = case.feed(1, "+I 1 x\n@ 1\n+I NULL n\n@ 2\n-U 1 x\n+U 1 y\n@ 3", 0);
    expect_test::expect![[r#"
        +I 1 a 1 x
        +I 1 b 1 x
        @ 1
        @ 2
        -U 1 a 1 x
        -U 1 b 1 x
        +U 1 a 1 y
        +U 1 b 1 y
        @ 3
    "#]]
    .assert_eq(&shown);
    assert_eq!(case.feed(0, "-D 1 a\n-D 1 b\n+I 1 c", 0), "-D 1 a 1 y\n-D 1 b 1 y\n+I 1 c 1 y\n");
}

#[test]
fn left_join_counts_matches() {
    let mut case = case(JoinKind::Left);
    assert_eq!(case.feed(0, "+I 1 a\n+I NULL n", 0), "+I 1 a NULL NULL\n+I NULL n NULL NULL\n");
    assert_eq!(case.feed(1, "+I 1 x\n+I 1 y", 0), "-D 1 a NULL NULL\n+I 1 a 1 x\n+I 1 a 1 y\n");
    assert_eq!(case.feed(1, "-D 1 x\n-D 1 y", 0), "-D 1 a 1 x\n-D 1 a 1 y\n+I 1 a NULL NULL\n");
    assert_eq!(case.feed(0, "-D 1 a\n-D NULL n", 0), "-D 1 a NULL NULL\n-D NULL n NULL NULL\n");
}

#[test]
fn an_upserted_row_replaces_the_one_of_its_key() {
    let mut case = Case { join: join(JoinKind::Left, [None, Some(&[0])], 0), kind: JoinKind::Left };
    assert_eq!(case.feed(0, "+I 1 a", 0), "+I 1 a NULL NULL\n");
    let shown = case.feed(1, "+I 1 x\n+U 1 y\n-D 1 y", 0);
    expect_test::expect![[r#"
        -D 1 a NULL NULL
        +I 1 a 1 x
        +I 1 a 1 y
        -D 1 a 1 y
        +I 1 a NULL NULL
    "#]]
    .assert_eq(&shown);
}

#[test]
fn semi_and_anti() {
    let mut semi = case(JoinKind::Semi);
    assert_eq!(semi.feed(0, "+I 1 a\n+I NULL n", 0), "");
    assert_eq!(semi.feed(1, "+I 1 x\n+I 1 y\n-D 1 x\n-D 1 y", 0), "+I 1 a\n-D 1 a\n");
    let mut anti = case(JoinKind::Anti);
    assert_eq!(anti.feed(0, "+I 1 a\n+I NULL n", 0), "+I 1 a\n+I NULL n\n");
    assert_eq!(anti.feed(1, "+I 1 x\n+I 1 y\n-D 1 x\n-D 1 y", 0), "-D 1 a\n+I 1 a\n");
}

#[test]
fn rows_expire() {
    let mut case = Case { join: join(JoinKind::Inner, [None, None], 100), kind: JoinKind::Inner };
    case.feed(0, "+I 1 a", 0);
    case.feed(0, "+I 1 b", 50);
    assert_eq!(case.feed(1, "+I 1 x", 100), "+I 1 b 1 x\n");
    assert_eq!(case.feed(0, "+I 1 c", 199), "+I 1 c 1 x\n");
    assert_eq!(case.feed(0, "+I 1 d", 200), "");
}

#[test]
fn a_skewed_key_comes_in_bounded_batches() {
    let mut join = join(JoinKind::Inner, [None, None], 0);
    let rows: String = (0..300).map(|i| format!("+I 1 a{i}\n")).collect();
    feed(&mut join, 0, batch(&columns(), &rows), 0);
    let out = feed(&mut join, 1, batch(&columns(), &rows), 0);
    assert_eq!(out.iter().map(|b| b.rows).sum::<usize>(), 90_000);
    assert!(out.iter().all(|b| b.rows <= 2 * river_runtime::operator::TARGET_ROWS));
}

#[test]
fn null_safe_keys_and_conditions() {
    let keys = JoinKeys { null_safe: vec![true], ..keys() };
    let boolean = LogicalType::Boolean.nullable();
    let text = LogicalType::STRING.nullable();
    let arms = vec![Expr::column(1, text.clone()), Expr::column(3, text)];
    let _ = arms;
    let condition = Expr::literal(Value::Boolean(false), boolean);
    for (condition, expected) in [(None, "+I NULL a NULL x\n"), (Some(&condition), "")] {
        let spec = JoinSpec {
            kind: JoinKind::Inner,
            keys: &keys,
            condition,
            unique: [None, None],
            ttl_ms: [0, 0],
        };
        let mut join = Join::new(&columns(), &columns(), spec).unwrap();
        run_at(&mut join, 0, &columns(), &output(JoinKind::Inner), "+I NULL a", 0);
        let shown = run_at(&mut join, 1, &columns(), &output(JoinKind::Inner), "+I NULL x", 0);
        assert_eq!(shown, expected);
    }
    let _ = at(0);
}

type Row = (Option<i32>, u8);

/// The join of two tables, as a multiset of shown rows.
fn model(kind: JoinKind, left: &[Row], right: &[Row]) -> BTreeMap<String, i64> {
    let text = |row: &Row| match row.0 {
        Some(k) => format!("{k} v{}", row.1),
        None => format!("NULL v{}", row.1),
    };
    let equal = |l: &Row, r: &Row| l.0.is_some() && l.0 == r.0;
    let mut rows = Vec::new();
    for l in left {
        let found: Vec<&Row> = right.iter().filter(|r| equal(l, r)).collect();
        match kind {
            JoinKind::Semi | JoinKind::Anti => {
                if found.is_empty() == (kind == JoinKind::Anti) {
                    rows.push(text(l));
                }
            }
            _ => {
                rows.extend(found.iter().map(|r| format!("{} {}", text(l), text(r))));
                if found.is_empty() && matches!(kind, JoinKind::Left | JoinKind::Full) {
                    rows.push(format!("{} NULL NULL", text(l)));
                }
            }
        }
    }
    if matches!(kind, JoinKind::Right | JoinKind::Full) {
        for r in right.iter().filter(|r| !left.iter().any(|l| equal(l, r))) {
            rows.push(format!("NULL NULL {}", text(r)));
        }
    }
    let mut counts = BTreeMap::new();
    rows.into_iter().for_each(|row| *counts.entry(row).or_default() += 1);
    counts
}

/// Adds up the changes.
fn fold(text: &str, into: &mut BTreeMap<String, i64>) {
    for line in text.lines() {
        let (kind, row) = line.split_at(3);
        let count = into.entry(row.to_owned()).or_default();
        *count += if kind.starts_with('+') { 1 } else { -1 };
        assert!(*count >= 0, "{row} taken away before it was there");
    }
    into.retain(|_, count| *count != 0);
}

fn kinds() -> [JoinKind; 6] {
    use JoinKind::*;
    [Inner, Left, Right, Full, Semi, Anti]
}

proptest! {
    #[test]
    fn as_the_model_and_whatever_the_batches(
        steps in prop::collection::vec((0usize..2, 0i32..4, 0u8..3, any::<bool>(), 0usize..3), 0..60),
        kind in prop::sample::select(kinds().to_vec()),
    ) {
        let mut tables: [Vec<Row>; 2] = [Vec::new(), Vec::new()];
        let mut changes: Vec<(usize, String, bool)> = Vec::new();
        for (side, key, value, retract, flush) in steps {
            let row = ((key > 0).then_some(key), value);
            let found = tables[side].iter().position(|r| *r == row);
            let sign = match found.filter(|_| retract) {
                Some(at) => { tables[side].remove(at); RowKind::Delete }
                None => { tables[side].push(row); RowKind::Insert }
            };
            let key = row.0.map_or("NULL".to_owned(), |k| k.to_string());
            changes.push((side, format!("{} {key} v{value}\n", sign.short()), flush == 0));
        }
        let mut single = case(kind);
        let mut one_by_one = String::new();
        for (side, line, _) in &changes {
            one_by_one.push_str(&single.feed(*side, line, 0));
        }
        let mut folded = BTreeMap::new();
        fold(&one_by_one, &mut folded);
        prop_assert_eq!(&folded, &model(kind, &tables[0], &tables[1]));

        let mut batched = case(kind);
        let (mut text, mut of, mut together) = (String::new(), 0, String::new());
        for (side, line, flush) in &changes {
            if *side != of || *flush {
                together.push_str(&batched.feed(of, &text, 0));
                text.clear();
                of = *side;
            }
            text.push_str(line);
        }
        together.push_str(&batched.feed(of, &text, 0));
        prop_assert_eq!(together, one_by_one);
        let _ = show;
    }
}
