use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use river_core::plan::WindowKind;
use river_core::{DataType, LogicalType, types::TimeKind};

use super::*;
use crate::testing::{at, batch, end, feed, fields, run, run_at, run_by_line, show};
use crate::window::clicks;

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
        ("cnt", LogicalType::BigInt),
        ("sn", LogicalType::Int),
        ("window_start", time.clone()),
        ("window_end", time),
    ])
}

fn operator_on(kind: WindowKind, time: WindowTime, zone: Option<&str>) -> SlicedAggregate {
    let calls = [
        call("COUNT", &[], LogicalType::BigInt.not_null()),
        call("SUM", &[1], LogicalType::Int.nullable()),
    ];
    SlicedAggregate::new(&Spec {
        input: &input(),
        output: &output(),
        window: &Window { kind, time, zone: zone.map(str::to_owned) },
        keys: &[0],
        calls: &calls,
        properties: &[WindowProperty::Start, WindowProperty::End],
        retract: true,
        max_parallelism: 128,
    })
    .unwrap()
}

fn operator(kind: WindowKind) -> SlicedAggregate {
    operator_on(kind, WindowTime::Rowtime(2), None)
}

fn hop() -> WindowKind {
    WindowKind::Hop { slide: 5, size: 10, offset: 0 }
}

const CLICKS: &str = "
    +I u1 1 0
    +I u2 2 2
    @ 3
    +I u1 3 7
    @ 9
    +I u3 4 8
    +I u3 5 4
    +I u2 6 12
    @ 15
    +I u1 9 3
    +I u1 7 31
    @ 9223372036854775807";

fn check(kind: WindowKind, text: &str, expected: Expect) {
    let whole = run(&mut operator(kind.clone()), &input(), &output(), text);
    expected.assert_eq(&whole);
    let by_line = run_by_line(&mut operator(kind), &input(), &output(), text.trim());
    assert_eq!(without_idle_marks(&by_line), without_idle_marks(&whole));
}

/// The lines without watermarks that another one follows: nothing is between the two.
fn without_idle_marks(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.starts_with('@') && lines.last().is_some_and(|last| last.starts_with('@')) {
            lines.pop();
        }
        lines.push(line);
    }
    lines
}

#[test]
fn late_clicks_as_in_flink() {
    let second = 1000;
    let kind = WindowKind::Hop { slide: 5 * second, size: 10 * second, offset: 0 };
    let shown = run(&mut operator(kind), &input(), &output(), clicks::CLICKS);
    assert_eq!(clicks::sorted_changes(&shown), clicks::sorted_changes(clicks::HOPS));

    let kind = WindowKind::Cumulate { step: 10 * second, size: 30 * second, offset: 7 * second };
    let shown = run(&mut operator(kind), &input(), &output(), clicks::CLICKS);
    // The sum is not in Flink's case.
    let shown: String = shown
        .lines()
        .map(|line| {
            let mut words: Vec<&str> = line.split(' ').collect();
            if words.len() > 3 {
                words.remove(3);
            }
            words.join(" ") + "\n"
        })
        .collect();
    assert_eq!(clicks::sorted_changes(&shown), clicks::sorted_changes(clicks::CUMULATED));
}

#[test]
fn tumbling_windows_drop_late_rows() {
    check(
        WindowKind::Tumble { size: 10, offset: 0 },
        CLICKS,
        expect![[r#"
            @ 3
            +I u1 2 4 0 10
            +I u2 1 2 0 10
            @ 15
            +I u2 1 6 10 20
            +I u1 1 7 30 40
            @ 9223372036854775807
        "#]],
    );
}

#[test]
fn hopping_windows_share_slices() {
    check(
        hop(),
        CLICKS,
        expect![[r#"
            @ 3
            +I u1 1 1 -5 5
            +I u2 1 2 -5 5
            +I u1 2 4 0 10
            +I u2 1 2 0 10
            @ 9
            +I u2 1 6 5 15
            +I u1 1 3 5 15
            +I u3 1 4 5 15
            @ 15
            +I u2 1 6 10 20
            +I u1 1 7 25 35
            +I u1 1 7 30 40
            @ 9223372036854775807
        "#]],
    );
}

#[test]
fn cumulating_windows_grow() {
    check(
        WindowKind::Cumulate { step: 5, size: 15, offset: 0 },
        "+I u1 1 0\n @ 4\n +I u2 2 6\n +I u1 3 1\n @ 9\n @ 14\n +I u1 5 2\n @ 20",
        expect![[r#"
            +I u1 1 1 0 5
            @ 4
            +I u1 2 4 0 10
            +I u2 1 2 0 10
            @ 9
            +I u1 2 4 0 15
            +I u2 1 2 0 15
            @ 20
        "#]],
    );
}

#[test]
fn a_window_whose_rows_were_taken_back_is_not_sent() {
    check(
        WindowKind::Tumble { size: 10, offset: 0 },
        "+I u1 1 0\n +I u2 2 2\n -D u1 1 0\n -U u3 4 5\n @ 9",
        expect![[r#"
            +I u2 1 2 0 10
            +I u3 -1 -4 0 10
            @ 9
        "#]],
    );
}

#[test]
fn windows_that_the_input_has() {
    let time = LogicalType::timestamp(3);
    let input = fields(&[
        ("user", LogicalType::STRING),
        ("n", LogicalType::Int),
        ("s", time.clone()),
        ("e", time),
    ]);
    let spec = Spec {
        input: &input,
        output: &output()[..],
        window: &Window {
            kind: hop(),
            time: WindowTime::Attached { start: 2, end: 3, event_time: true },
            zone: None,
        },
        keys: &[0],
        calls: &[
            call("COUNT", &[], LogicalType::BigInt.not_null()),
            call("SUM", &[1], LogicalType::Int.nullable()),
        ],
        properties: &[WindowProperty::Start, WindowProperty::End],
        retract: false,
        max_parallelism: 128,
    };
    let mut operator = SlicedAggregate::new(&spec).unwrap();
    let text = "+I a 1 0 10\n +I a 2 5 15\n +I b 3 0 10\n @ 9\n +I b 4 0 10\n +I a 5 5 15\n @ 14";
    let shown = run(&mut operator, &input, &output(), text);
    assert_eq!(shown, "+I a 1 1 0 10\n+I b 1 3 0 10\n@ 9\n+I a 2 7 5 15\n@ 14\n");
}

#[test]
fn processing_time_windows_end_by_the_clock() {
    let kind = WindowKind::Tumble { size: 10, offset: 0 };
    let mut operator = operator_on(kind, WindowTime::Proctime, None);
    let shown = run_at(&mut operator, 0, &input(), &output(), "+I a 1 0\n @ 99\n +I a 2 0", 13);
    assert_eq!(shown, "@ 99\n");
    assert_eq!(operator.next_timer_ms(), Some(19));
    let mut out = Output::default();
    assert_eq!(operator.on_timer(&at(19), &mut out).unwrap(), Status::Done);
    assert_eq!(show(&output(), &out.pop().unwrap()), "+I a 2 3 10 20\n");
    assert_eq!(operator.next_timer_ms(), None);
    assert_eq!(run_at(&mut operator, 0, &input(), &output(), "+I a 5 0", 25), "");
    let rest = end(&mut operator, 0, 26);
    assert_eq!(show(&output(), &rest[0]), "+I a 1 5 20 30\n");
}

#[test]
fn days_begin_at_midnight_of_the_zone() {
    let day = 86_400_000;
    let kind = WindowKind::Tumble { size: day, offset: 0 };
    let zone = Some("Asia/Shanghai");
    let mut operator = operator_on(kind, WindowTime::Rowtime(2), zone);
    // 15:59:59.999 and 16:00 UTC are the last and first moments of two days there.
    let text = "+I a 1 57599999\n +I a 2 57600000\n @ 57599998\n @ 57599999";
    let shown = run(&mut operator, &input(), &output(), text);
    assert_eq!(shown, "@ 57599998\n+I a 1 1 0 86400000\n@ 57599999\n");
}

#[test]
fn state_is_freed() {
    for kind in [
        hop(),
        WindowKind::Tumble { size: 10, offset: 0 },
        WindowKind::Cumulate { step: 5, size: 15, offset: 0 },
    ] {
        let mut operator = operator(kind);
        run(&mut operator, &input(), &output(), CLICKS);
        assert!(operator.state.index.is_empty());
        assert!(operator.state.slots.is_empty() && operator.windows.is_empty());
    }
}

/// Row at a time: every row into each of its windows that is not over.
fn model(aligned: &Aligned, changes: &[Change]) -> Vec<String> {
    let mut windows: BTreeMap<(i64, i64, u8), (i64, i64)> = BTreeMap::new();
    let (mut progress, mut sent, mut of_row) = (i64::MIN, Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Row(key, n, time) => {
                aligned.windows(*time, &mut of_row);
                for (start, end) in of_row.iter().filter(|(_, end)| end - 1 > progress) {
                    let group = windows.entry((*end, *start, *key)).or_default();
                    *group = (group.0 + 1, group.1 + i64::from(*n));
                }
            }
            Change::Mark(watermark) => {
                progress = progress.max(*watermark);
                let (over, open) =
                    windows.into_iter().partition(|((end, ..), _)| end - 1 <= progress);
                windows = open;
                let over: BTreeMap<(i64, i64, u8), (i64, i64)> = over;
                sent.extend(over.into_iter().map(|((end, start, key), (count, sum))| {
                    format!("+I k{key} {count} {sum} {start} {end}")
                }));
            }
        }
    }
    sent
}

#[derive(Debug, Clone)]
enum Change {
    Row(u8, i32, i64),
    Mark(i64),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let row = (0u8..3, 0i32..9, -5i64..30).prop_map(|(k, n, ahead)| Change::Row(k, n, ahead));
    let mark = (0i64..12).prop_map(Change::Mark);
    prop::collection::vec(prop_oneof![3 => row, 1 => mark], 1..60).prop_map(|mut changes| {
        // Times are relative to a watermark that only grows.
        let mut watermark = 0;
        for change in &mut changes {
            match change {
                Change::Row(_, _, time) => *time += watermark,
                Change::Mark(step) => {
                    watermark += *step;
                    *step = watermark;
                }
            }
        }
        changes.push(Change::Mark(i64::MAX));
        changes
    })
}

proptest! {
    #[test]
    fn agrees_with_the_model(
        changes in changes(),
        cut in 1usize..60,
        kind in prop_oneof![
            Just(hop()),
            Just(WindowKind::Tumble { size: 7, offset: 2 }),
            Just(WindowKind::Hop { slide: 4, size: 10, offset: 1 }),
            Just(WindowKind::Hop { slide: 9, size: 6, offset: 0 }),
        ],
    ) {
        let lines: Vec<String> = changes
            .iter()
            .map(|change| match change {
                Change::Row(key, n, time) => format!("+I k{key} {n} {time}"),
                Change::Mark(watermark) => format!("@ {watermark}"),
            })
            .collect();
        let mut operator = operator(kind.clone());
        let mut sent: Vec<String> = Vec::new();
        for part in lines.chunks(cut) {
            for out in feed(&mut operator, 0, batch(&input(), &part.join("\n")), 0) {
                let text = show(&output(), &out);
                sent.extend(text.lines().filter(|l| l.starts_with('+')).map(str::to_owned));
            }
        }
        let mut expected = model(&Aligned::new(&kind).unwrap(), &changes);
        sent.sort();
        expected.sort();
        prop_assert_eq!(sent, expected);
        prop_assert!(operator.state.index.is_empty());
    }
}
