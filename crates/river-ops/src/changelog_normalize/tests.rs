use expect_test::expect;
use river_core::LogicalType;

use super::ChangelogNormalize;
use crate::testing::{fields, run, run_at, run_by_line};

const INPUT: &str = "+I 1 a\n+U 1 b\n+I 1 b\n@ 3\n-D 2 x\n+U 2 y\n-D 1 NULL\n-D 1 NULL\n+I 1 c";

#[test]
fn full_changelog_of_upserts() {
    let columns = fields(&[("k", LogicalType::Int), ("v", LogicalType::STRING)]);
    let make = || ChangelogNormalize::new(&columns, &[0], true, 0).unwrap();
    let shown = run(&mut make(), &columns, &columns, INPUT);
    expect![[r#"
        +I 1 a
        -U 1 a
        +U 1 b
        @ 3
        +I 2 y
        -D 1 b
        +I 1 c
    "#]]
    .assert_eq(&shown);
    assert_eq!(run_by_line(&mut make(), &columns, &columns, INPUT), shown);
}

#[test]
fn expired_rows_are_new_again() {
    let columns = fields(&[("k", LogicalType::Int), ("v", LogicalType::STRING)]);
    let mut operator = ChangelogNormalize::new(&columns, &[0], false, 10).unwrap();
    assert_eq!(run_at(&mut operator, 0, &columns, &columns, "+I 1 a", 0), "+I 1 a\n");
    assert_eq!(run_at(&mut operator, 0, &columns, &columns, "+I 1 a", 9), "+U 1 a\n");
    assert_eq!(run_at(&mut operator, 0, &columns, &columns, "+I 1 a", 19), "+I 1 a\n");
}
