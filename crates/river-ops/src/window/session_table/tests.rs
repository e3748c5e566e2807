use expect_test::expect;
use river_core::{LogicalType, types::TimeKind};

use super::*;
use crate::testing::{fields, run, run_by_line};

fn input() -> Vec<Field> {
    fields(&[("user", LogicalType::STRING), ("ct", LogicalType::Timestamp(3, TimeKind::Rowtime))])
}

fn output() -> Vec<Field> {
    let mut all = input();
    let time = LogicalType::timestamp(3);
    all.extend(fields(&[("s", time.clone()), ("e", time.clone()), ("t", time)]));
    all
}

fn operator() -> SessionTable {
    let window = Window {
        kind: WindowKind::Session { gap: 10, partition: vec![0] },
        time: WindowTime::Rowtime(1),
        zone: None,
    };
    SessionTable::new(&input(), &output(), &window, 128).unwrap()
}

#[test]
fn rows_wait_for_the_end_of_their_session() {
    let text = "
        +I a 0
        +I b 3
        +I a NULL
        +I a 20
        +I a 10
        @ 12
        +I b 1
        @ 29
        @ 50";
    let mut whole = operator();
    let shown = run(&mut whole, &input(), &output(), text);
    expect![[r#"
        +I b 3 3 13 12
        @ 12
        +I a 0 0 30 29
        +I a 20 0 30 29
        +I a 10 0 30 29
        @ 50
    "#]]
    .assert_eq(&shown);
    assert!(whole.waiting.rows.is_empty() && whole.waiting.index.is_empty());
    let by_line = run_by_line(&mut operator(), &input(), &output(), text.trim());
    let sorted = |text: &str| {
        let mut lines: Vec<String> =
            text.lines().filter(|l| l.starts_with('+')).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&by_line), sorted(&shown));
}
