use expect_test::expect;
use proptest::prelude::*;
use river_core::plan::{RankFunction, RankStrategy, SortKey};
use river_core::{Field, LogicalType};
use river_runtime::Operator;

use super::{RankSpec, create};
use crate::testing::{fields, run, run_by_line};

fn columns() -> Vec<Field> {
    fields(&[("p", LogicalType::STRING), ("id", LogicalType::Int), ("v", LogicalType::Int)])
}

#[derive(Clone)]
struct Case {
    strategy: RankStrategy,
    start: u64,
    end: u64,
    output_rank: bool,
    emit_update_before: bool,
}

impl Case {
    fn of(strategy: RankStrategy, end: u64) -> Case {
        Case { strategy, start: 1, end, output_rank: false, emit_update_before: true }
    }

    fn ranked(mut self) -> Case {
        self.output_rank = true;
        self
    }

    fn make(&self) -> Box<dyn Operator> {
        let order = [SortKey { column: 2, descending: true, nulls_first: false }];
        let spec = RankSpec {
            function: RankFunction::RowNumber,
            partition: &[0],
            order: &order,
            start: self.start,
            end: self.end,
            output_rank: self.output_rank,
            strategy: &self.strategy,
            emit_update_before: self.emit_update_before,
            ttl_ms: 0,
        };
        create(&columns(), &spec).unwrap()
    }

    fn output(&self) -> Vec<Field> {
        let mut output = columns();
        if self.output_rank {
            output.push(Field::new("rn", LogicalType::BigInt.not_null()));
        }
        output
    }

    fn run(&self, text: &str) -> String {
        let shown = run(self.make().as_mut(), &columns(), &self.output(), text);
        let by_line = run_by_line(self.make().as_mut(), &columns(), &self.output(), text);
        assert_eq!(by_line, shown);
        shown
    }
}

const APPENDS: &str =
    "+I a 1 5\n+I a 2 7\n+I b 3 1\n+I a 4 5\n@ 1\n+I a 5 6\n+I a 6 NULL\n+I a 7 9";

#[test]
fn append_without_rank() {
    expect![[r#"
        +I a 1 5
        +I a 2 7
        +I b 3 1
        @ 1
        -D a 1 5
        +I a 5 6
        -D a 5 6
        +I a 7 9
    "#]]
    .assert_eq(&Case::of(RankStrategy::Append, 2).run(APPENDS));
}

#[test]
fn append_with_rank() {
    expect![[r#"
        +I a 1 5 1
        -U a 1 5 1
        +U a 2 7 1
        +I a 1 5 2
        +I b 3 1 1
        @ 1
        -U a 1 5 2
        +U a 5 6 2
        -U a 2 7 1
        +U a 7 9 1
        -U a 5 6 2
        +U a 2 7 2
    "#]]
    .assert_eq(&Case::of(RankStrategy::Append, 2).ranked().run(APPENDS));
}

#[test]
fn an_offset_tracks_ranks_without_showing_them() {
    let case = Case { start: 2, ..Case::of(RankStrategy::Append, 2) };
    expect![[r#"
        +I a 1 5
        @ 1
        -U a 1 5
        +U a 5 6
        -U a 5 6
        +U a 2 7
    "#]]
    .assert_eq(&case.run(APPENDS));
}

#[test]
fn top_one_updates() {
    expect![[r#"
        +I a 1 5
        -U a 1 5
        +U a 2 7
        +I b 3 1
        @ 1
        -U a 2 7
        +U a 7 9
    "#]]
    .assert_eq(&Case::of(RankStrategy::Append, 1).run(APPENDS));
}

const RETRACTS: &str =
    "+I a 1 5\n+I a 2 7\n+I a 3 6\n-D a 2 7\n@ 1\n-U a 1 5\n+U a 1 8\n-D a 9 9\n-D a 3 6\n-D a 1 8";

#[test]
fn retract_without_rank() {
    expect![[r#"
        +I a 1 5
        +I a 2 7
        -D a 1 5
        +I a 3 6
        -D a 2 7
        +I a 1 5
        @ 1
        -D a 1 5
        +I a 1 8
        -D a 3 6
        -D a 1 8
    "#]]
    .assert_eq(&Case::of(RankStrategy::Retract, 2).run(RETRACTS));
}

#[test]
fn retract_with_rank() {
    expect![[r#"
        +I a 1 5 1
        -U a 1 5 1
        +U a 2 7 1
        +I a 1 5 2
        -U a 1 5 2
        +U a 3 6 2
        -U a 2 7 1
        +U a 3 6 1
        -U a 3 6 2
        +U a 1 5 2
        @ 1
        -D a 1 5 2
        -U a 3 6 1
        +U a 1 8 1
        +I a 3 6 2
        -D a 3 6 2
        -D a 1 8 1
    "#]]
    .assert_eq(&Case::of(RankStrategy::Retract, 2).ranked().run(RETRACTS));
}

const UPDATES: &str = "+I a 1 5\n+I a 2 7\n+I a 3 6\n+U a 3 8\n@ 1\n+U a 3 8\n+U a 1 9\n+I a 4 1";

#[test]
fn update_with_and_without_rank() {
    let case = Case::of(RankStrategy::UpdateFast(vec![1]), 2);
    expect![[r#"
        +I a 1 5
        +I a 2 7
        -D a 1 5
        +I a 3 6
        -U a 3 6
        +U a 3 8
        @ 1
        -U a 3 8
        +U a 3 8
        -D a 2 7
        +I a 1 9
    "#]]
    .assert_eq(&case.run(UPDATES));
    expect![[r#"
        +I a 1 5 1
        -U a 1 5 1
        +U a 2 7 1
        +I a 1 5 2
        -U a 1 5 2
        +U a 3 6 2
        -U a 2 7 1
        -U a 3 6 2
        +U a 3 8 1
        +U a 2 7 2
        @ 1
        -U a 3 8 1
        +U a 3 8 1
        -U a 3 8 1
        +U a 1 9 1
        -U a 2 7 2
        +U a 3 8 2
    "#]]
    .assert_eq(&case.ranked().run(UPDATES));
}

proptest! {
    #[test]
    fn what_remains_is_the_top(
        steps in prop::collection::vec((0i32..6, any::<bool>(), 0usize..8), 0..50),
        ranked in any::<bool>(),
        end in 1u64..4,
        start in 1u64..3,
    ) {
        let case = Case {
            start, output_rank: ranked, ..Case::of(RankStrategy::Retract, end)
        };
        let mut rows: Vec<(i32, usize)> = Vec::new();
        let mut text = String::new();
        for (id, (value, retract, at)) in steps.into_iter().enumerate() {
            if retract && !rows.is_empty() {
                let (value, id) = rows.remove(at % rows.len());
                text.push_str(&format!("-D a {id} {value}\n"));
            } else {
                rows.push((value, id));
                text.push_str(&format!("+I a {id} {value}\n"));
            }
        }
        rows.sort_by_key(|(value, id)| (-value, *id));
        let mut expected: Vec<String> = rows.iter().enumerate()
            .map(|(i, row)| (i as u64 + 1, row))
            .filter(|(rank, _)| *rank >= start && *rank <= end)
            .map(|(rank, (value, id))| match ranked {
                true => format!("a {id} {value} {rank}"),
                false => format!("a {id} {value}"),
            })
            .collect();
        let mut left: Vec<String> = Vec::new();
        for line in case.run(&text).lines() {
            let (kind, row) = line.split_at(3);
            if kind.starts_with('+') {
                left.push(row.to_owned());
            } else {
                let at = left.iter().position(|r| r == row);
                prop_assert!(at.is_some(), "{} was never sent", row);
                left.remove(at.unwrap());
            }
        }
        left.sort();
        expected.sort();
        prop_assert_eq!(left, expected);
    }
}
