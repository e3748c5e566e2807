//! Watermarks go on after a checkpoint from where they were.

use river_core::LogicalType;
use river_core::expr::ExprKind;
use river_core::types::TimeKind;

use super::*;
use crate::testing::checkpoint::{Case, Order, survives_checkpoints};
use crate::testing::fields;
use crate::testing::random::{Changelog, Plan, Random, Rows, events};

fn row(random: &mut Random, time: i64) -> String {
    format!("{time} {}", random.number(9))
}

fn assigner(interval_ms: i64) -> WatermarkAssigner {
    let ty = LogicalType::timestamp(3).nullable();
    let column = Expr { kind: ExprKind::Column(0), ty };
    WatermarkAssigner::new(0, &column, interval_ms, 0).unwrap()
}

#[test]
fn watermarks_survive_checkpoints() {
    let input =
        fields(&[("t", LogicalType::Timestamp(3, TimeKind::Rowtime)), ("n", LogicalType::Int)]);
    for (seed, interval_ms) in [(1, 0), (2, 700), (3, 2000)] {
        let make = || -> Box<dyn Operator> { Box::new(assigner(interval_ms)) };
        let case = Case { make: &make, partition: None, output: &input, order: Order::Exact };
        let plan = Plan { batches: 12, rows: 6, marks: true, clock_ms: 0 };
        let rows = Rows { fields: &input, changelog: Changelog::Inserts, row: &row };
        survives_checkpoints(&case, &events(seed, plan, &[rows]));
    }
}

#[test]
fn the_slowest_of_the_old_subtasks_counts_unless_its_input_has_ended() {
    let mut operator = assigner(0);
    let saved = |current: i64, sent: i64| saved::encode_numbers(&[current, sent]);
    let ended = saved(MAX_WATERMARK, MAX_WATERMARK);
    operator.restore_local(&[saved(9, 7), ended.clone(), saved(5, 5)]).unwrap();
    assert_eq!((operator.current, operator.last_sent), (5, 5));
    let mut operator = assigner(0);
    operator.restore_local(&[ended]).unwrap();
    assert_eq!((operator.current, operator.last_sent), (0, 0));
    assert!(operator.restore_local(&[vec![1, 2, 3]]).is_err());
}
