use expect_test::expect;
use river_core::plan::{AggregateCall, Window};
use river_core::{LogicalType, types::TimeKind};

use super::*;
use crate::testing::{at, end, fields, run, run_at, run_by_line, show};
use crate::window::clicks;

fn input() -> Vec<Field> {
    fields(&[
        ("user", LogicalType::STRING),
        ("n", LogicalType::Int),
        ("ct", LogicalType::Timestamp(3, TimeKind::Rowtime)),
    ])
}

fn output() -> Vec<Field> {
    let time = LogicalType::timestamp(3);
    fields(&[
        ("user", LogicalType::STRING),
        ("sn", LogicalType::Int),
        ("window_start", time.clone()),
        ("window_end", time),
    ])
}

fn operator(time: WindowTime) -> SessionAggregate {
    SessionAggregate::new(&Spec {
        input: &input(),
        output: &output(),
        window: &Window {
            kind: WindowKind::Session { gap: 10, partition: vec![0] },
            time,
            zone: None,
        },
        keys: &[0],
        calls: &[AggregateCall {
            function: "SUM".to_owned(),
            args: vec![1],
            distinct: false,
            filter: None,
            ty: LogicalType::Int.nullable(),
            name: "sn".to_owned(),
        }],
        properties: &[WindowProperty::Start, WindowProperty::End],
        retract: true,
        max_parallelism: 128,
    })
    .unwrap()
}

#[test]
fn sessions_merge_and_late_rows_are_dropped() {
    let text = "
        +I a 1 0
        +I a 2 25
        +I b 4 3
        @ 5
        +I a 8 12
        +I a 16 22
        +I c 64 1
        -D c 64 5
        @ 34
        +I a 32 20
        +I b 1 5
        +I b 2 33
        +I b 4 24
        @ 99";
    let mut whole = operator(WindowTime::Rowtime(2));
    let shown = run(&mut whole, &input(), &output(), text);
    expect![[r#"
        @ 5
        +I a 1 0 10
        +I b 4 3 13
        +I a 26 12 35
        @ 34
        +I b 6 24 43
        @ 99
    "#]]
    .assert_eq(&shown);
    assert!(whole.open.index.is_empty());
    let mut by_line = operator(WindowTime::Rowtime(2));
    assert_eq!(run_by_line(&mut by_line, &input(), &output(), text.trim()), shown);
}

#[test]
fn a_row_can_join_two_sessions() {
    let text = "+I a 1 0\n +I a 2 20\n +I a 4 10\n @ 29\n +I a 1 5\n @ 40";
    let shown = run(&mut operator(WindowTime::Rowtime(2)), &input(), &output(), text);
    assert_eq!(shown, "+I a 7 0 30\n@ 40\n");
}

#[test]
fn late_clicks_as_in_flink() {
    let call = |function: &str, args: &[usize], ty| AggregateCall {
        function: function.to_owned(),
        args: args.to_vec(),
        distinct: false,
        filter: None,
        ty,
        name: function.to_owned(),
    };
    let time = LogicalType::timestamp(3);
    let output = fields(&[
        ("user", LogicalType::STRING),
        ("cnt", LogicalType::BigInt),
        ("mn", LogicalType::Int),
        ("mx", LogicalType::Int),
        ("ws", time.clone()),
        ("we", time.clone()),
        ("rt", time),
    ]);
    let mut operator = SessionAggregate::new(&Spec {
        input: &input(),
        output: &output,
        window: &Window {
            kind: WindowKind::Session { gap: 10_000, partition: vec![0] },
            time: WindowTime::Rowtime(2),
            zone: None,
        },
        keys: &[0],
        calls: &[
            call("COUNT", &[], LogicalType::BigInt.not_null()),
            call("MIN", &[1], LogicalType::Int.nullable()),
            call("MAX", &[1], LogicalType::Int.nullable()),
        ],
        properties: &[WindowProperty::Start, WindowProperty::End, WindowProperty::Time],
        retract: false,
        max_parallelism: 128,
    })
    .unwrap();
    let shown = run(&mut operator, &input(), &output, clicks::CLICKS);
    assert_eq!(clicks::sorted_changes(&shown), clicks::sorted_changes(clicks::SESSIONS));
}

#[test]
fn processing_time_sessions_end_by_the_clock() {
    let mut operator = operator(WindowTime::Proctime);
    assert_eq!(run_at(&mut operator, 0, &input(), &output(), "+I a 1 0", 100), "");
    assert_eq!(run_at(&mut operator, 0, &input(), &output(), "+I a 2 0", 105), "");
    assert_eq!(operator.next_timer_ms(), Some(109));
    let mut out = Output::default();
    assert_eq!(operator.on_timer(&at(109), &mut out).unwrap(), Status::Done);
    assert!(out.pop().is_none());
    assert_eq!(operator.next_timer_ms(), Some(114));
    assert_eq!(operator.on_timer(&at(114), &mut out).unwrap(), Status::Done);
    assert_eq!(show(&output(), &out.pop().unwrap()), "+I a 3 100 115\n");
    run_at(&mut operator, 0, &input(), &output(), "+I b 9 0", 200);
    assert_eq!(show(&output(), &end(&mut operator, 0, 201)[0]), "+I b 9 200 210\n");
}
