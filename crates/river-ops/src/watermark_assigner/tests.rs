use river_core::expr::ExprKind;
use river_core::types::TimeKind;
use river_core::{Field, LogicalType};

use super::*;
use crate::testing::{at, batch, end, fields, run, run_by_line, show};

fn columns() -> Vec<Field> {
    let time = LogicalType::Timestamp(3, TimeKind::Rowtime);
    fields(&[("ct", time), ("wm", LogicalType::timestamp(3))])
}

/// The watermark of a row is its second column.
fn operator(interval_ms: i64, idle_timeout_ms: i64) -> WatermarkAssigner {
    let watermark = Expr { kind: ExprKind::Column(1), ty: LogicalType::timestamp(3).nullable() };
    WatermarkAssigner::new(0, &watermark, interval_ms, idle_timeout_ms).unwrap()
}

#[test]
fn a_mark_follows_the_row_that_moves_time_on() {
    let text = "
        +I 1 -500
        +I 2 200
        +I 3 201
        +I 4 100
        +I 5 NULL
        +I 6 401
        +I 7 402
        @ 9000
        +I 8 900";
    let shown = run(&mut operator(200, 0), &columns(), &columns(), text);
    let expected = "+I 1 -500\n+I 2 200\n+I 3 201\n@ 201\n+I 4 100\n+I 5 NULL\n+I 6 401\n\
                    +I 7 402\n@ 402\n+I 8 900\n@ 900\n";
    assert_eq!(shown, expected);
    let by_line = run_by_line(&mut operator(200, 0), &columns(), &columns(), text.trim());
    assert_eq!(by_line, expected);
}

#[test]
fn the_timer_sends_what_has_gathered() {
    let mut operator = operator(200, 0);
    let columns = columns();
    assert_eq!(run(&mut operator, &columns, &columns, "+I 1 150"), "+I 1 150\n");
    assert_eq!(operator.next_timer_ms(), Some(200));
    let mut out = Output::default();
    assert_eq!(operator.on_timer(&at(200), &mut out).unwrap(), Status::Done);
    assert_eq!(show(&columns, &out.pop().unwrap()), "@ 150\n");
    assert_eq!(operator.on_timer(&at(400), &mut out).unwrap(), Status::Done);
    assert!(out.pop().is_none());
}

#[test]
fn silence_makes_it_idle_and_a_row_active() {
    let mut operator = operator(200, 1000);
    let columns = columns();
    let mut out = Output::default();
    assert_eq!(operator.on_timer(&at(0), &mut out).unwrap(), Status::Done);
    assert_eq!(out.take_idle(), None);
    assert_eq!(operator.on_timer(&at(1000), &mut out).unwrap(), Status::Done);
    assert_eq!(out.take_idle(), Some(true));
    let rows = batch(&columns, "+I 1 5");
    assert_eq!(operator.process(0, rows, &at(1100), &mut out).unwrap(), Status::Done);
    assert_eq!(out.take_idle(), Some(false));
}

#[test]
fn the_last_watermark_is_sent_once() {
    let columns = columns();
    let mut operator = operator(200, 0);
    let shown = run(&mut operator, &columns, &columns, "+I 1 5\n @ 9223372036854775807");
    assert_eq!(shown, "+I 1 5\n@ 9223372036854775807\n");
    assert!(end(&mut operator, 0, 0).is_empty());
    assert_eq!(end(&mut self::operator(200, 0), 0, 0).len(), 1);
}

#[test]
fn an_event_time_of_null_is_an_error() {
    let rows = batch(&columns(), "+I NULL 5");
    let mut out = Output::default();
    assert!(operator(200, 0).process(0, rows, &at(0), &mut out).is_err());
}
