use expect_test::expect;
use river_core::plan::WindowKind;
use river_core::{LogicalType, types::TimeKind};

use super::*;
use crate::testing::{fields, run};

fn check(kind: WindowKind, zone: Option<&str>, ltz: bool, text: &str) -> String {
    let time = if ltz {
        LogicalType::TimestampLtz(3, TimeKind::Rowtime)
    } else {
        LogicalType::Timestamp(3, TimeKind::Rowtime)
    };
    let input = fields(&[("id", LogicalType::Int), ("ct", time.clone())]);
    let mut output = input.clone();
    let local = LogicalType::timestamp(3);
    output.extend(fields(&[("s", local.clone()), ("e", local), ("t", time)]));
    let window = Window { kind, time: WindowTime::Rowtime(1), zone: zone.map(str::to_owned) };
    let mut operator = WindowTableFunction::new(&input, &output, &window).unwrap();
    run(&mut operator, &input, &output, text)
}

#[test]
fn hop_copies_rows_and_moves_marks() {
    let text = "+I 1 7\n @ 3\n +I 2 NULL\n +U 3 10\n @ 9";
    let shown = check(WindowKind::Hop { slide: 5, size: 10, offset: 0 }, None, false, text);
    expect![[r#"
        +I 1 7 5 15 14
        +I 1 7 0 10 9
        @ 3
        +U 3 10 10 20 19
        +U 3 10 5 15 14
        @ 9
    "#]]
    .assert_eq(&shown);
}

#[test]
fn window_times_are_local_and_the_attribute_is_an_instant() {
    let kind = WindowKind::Tumble { size: 86_400_000, offset: 0 };
    let shown = check(kind, Some("Asia/Shanghai"), true, "+I 1 57600000");
    assert_eq!(shown, "+I 1 57600000 86400000 172800000 143999999\n");
}

#[test]
fn late_rows_pass() {
    let kind = WindowKind::Tumble { size: 10, offset: 0 };
    let shown = check(kind, None, false, "@ 50\n +I 1 5");
    assert_eq!(shown, "@ 50\n+I 1 5 0 10 9\n");
}
