use expect_test::expect;
use river_core::plan::{JoinKeys, JoinKind};
use river_core::{Field, LogicalType};

use super::{WindowJoin, WindowJoinSpec};
use crate::testing::{context, fields, run_at};

fn columns() -> Vec<Field> {
    let time = LogicalType::timestamp(3);
    fields(&[("s", time.clone()), ("e", time), ("k", LogicalType::STRING), ("v", LogicalType::Int)])
}

fn joined(kind: JoinKind) -> String {
    let keys = JoinKeys { left: vec![2], right: vec![2], null_safe: vec![false] };
    let spec = WindowJoinSpec { kind, keys: &keys, windows: [(0, 1), (0, 1)], condition: None };
    let mut join = WindowJoin::new(&columns(), &columns(), &spec, &context()).unwrap();
    let output = match kind {
        JoinKind::Semi | JoinKind::Anti => columns(),
        _ => [columns(), columns()].concat(),
    };
    let mut text = String::new();
    let left = "+I 0 10 a 1\n+I 0 10 b 2\n+I 0 10 NULL 3\n+I 10 20 a 4";
    text.push_str(&run_at(&mut join, 0, &columns(), &output, left, 0));
    let right = "+I 0 10 a 5\n+I 0 10 a 6\n+I 0 10 c 7\n+I 0 10 NULL 8\n@ 9\n+I 0 10 b 9\n@ 19";
    text.push_str(&run_at(&mut join, 1, &columns(), &output, right, 0));
    text
}

#[test]
fn full() {
    expect![[r#"
        +I 0 10 a 1 0 10 a 5
        +I 0 10 a 1 0 10 a 6
        +I 0 10 NULL 3 NULL NULL NULL NULL
        +I 0 10 b 2 NULL NULL NULL NULL
        +I NULL NULL NULL NULL 0 10 NULL 8
        +I NULL NULL NULL NULL 0 10 c 7
        @ 9
        +I 10 20 a 4 NULL NULL NULL NULL
        @ 19
    "#]]
    .assert_eq(&joined(JoinKind::Full));
}

#[test]
fn inner_semi_and_anti() {
    let inner = "+I 0 10 a 1 0 10 a 5\n+I 0 10 a 1 0 10 a 6\n@ 9\n@ 19\n";
    assert_eq!(joined(JoinKind::Inner), inner);
    assert_eq!(joined(JoinKind::Semi), "+I 0 10 a 1\n@ 9\n@ 19\n");
    let anti = "+I 0 10 NULL 3\n+I 0 10 b 2\n@ 9\n+I 10 20 a 4\n@ 19\n";
    assert_eq!(joined(JoinKind::Anti), anti);
}
