//! Statements that once made the binder or planner panic, take all memory or not end.

use std::sync::Arc;

use river_core::options::Options;
use river_core::{ChangelogMode, DataType};

use super::{Outcome, Session};
use crate::catalog::Connectors;
use crate::parse::parse_script;

/// Connectors that take everything.
struct Any;

impl Connectors for Any {
    fn check_source(&self, _: &str, _: &Options) -> Result<(), String> {
        Ok(())
    }

    fn check_sink(&self, _: &str, _: &Options) -> Result<(), String> {
        Ok(())
    }

    fn source_changelog(&self, _: &Options) -> ChangelogMode {
        ChangelogMode::APPEND
    }

    fn sink_changelog(&self, _: &Options) -> ChangelogMode {
        ChangelogMode::RETRACT
    }

    fn metadata_columns(&self, _: &Options) -> Vec<(String, DataType)> {
        Vec::new()
    }

    fn is_bounded(&self, _: &Options) -> bool {
        true
    }

    fn supports_lookup(&self, _: &Options) -> bool {
        false
    }
}

/// What the last statement gives: its error, the number of its rows, or the word `planned`.
fn last(text: &str) -> String {
    let mut session = Session::new(Options::new(), Arc::new(Any));
    let mut result = String::new();
    for statement in parse_script(text).unwrap() {
        result = match session.execute(&statement, text) {
            Ok(Outcome::Insert(plan)) | Ok(Outcome::Query { plan, .. }) => {
                drop(plan.to_string());
                "planned".to_owned()
            }
            Ok(Outcome::Table { rows, .. }) => format!("{} rows", rows.len()),
            Ok(_) => "done".to_owned(),
            Err(error) => {
                let span = error.span.unwrap();
                assert!(text.get(span.start..span.end).is_some(), "{span:?}: {error}");
                error.message
            }
        };
    }
    result
}

#[test]
fn grouping_sets_multiply() {
    let columns: Vec<String> = (0..12).map(|i| format!("c{i}")).collect();
    let table = format!("CREATE TABLE t ({} INT) WITH ('connector' = 'x')", columns.join(" INT, "));
    let cube = format!("CUBE ({})", columns.join(", "));
    let query = |sets: &str| last(&format!("{table}; SELECT COUNT(*) FROM t GROUP BY {sets};"));
    assert_eq!(query("ROLLUP (c0, c1), CUBE (c2, c3)"), "planned");
    assert_eq!(query(&format!("{cube}, {cube}")), "GROUP BY stands for more than 4096 sets");
}

#[test]
fn grouping_sets_of_many_keys() {
    let keys: Vec<String> = (0..70).map(|i| format!("c{i}")).collect();
    let all = keys.join(", ");
    let table = format!("CREATE TABLE t ({} INT) WITH ('connector' = 'x')", keys.join(" INT, "));
    let sql = format!("{table}; SELECT GROUPING(c0) FROM t GROUP BY GROUPING SETS (({all}), (c0))");
    assert_eq!(last(&sql), "more than 63 keys in grouping sets");
}

#[test]
fn folded_texts_are_bounded() {
    // A part that fails is left to fail when a row reaches it.
    assert_eq!(last("SELECT REPEAT('ab', 2147483647), LPAD('a', 2147483647, 'b')"), "planned");
    let multiplied = "SELECT REPLACE(REPEAT('a', 100000), 'a', REPEAT('b', 100000))";
    assert_eq!(last(multiplied), "planned");
    assert_eq!(last("SELECT REPEAT('', 2147483647)"), "planned");
}

#[test]
fn named_queries_double() {
    let mut with = String::from("WITH q0 AS (SELECT 1 AS a)");
    let mut views = String::from("CREATE VIEW v0 AS SELECT 1 AS a;");
    for i in 1..40 {
        let of = i - 1;
        with += &format!(", q{i} AS (SELECT x.a FROM q{of} x JOIN q{of} y ON x.a = y.a)");
        views += &format!("CREATE VIEW v{i} AS SELECT x.a FROM v{of} x JOIN v{of} y ON x.a = y.a;");
    }
    let message = "the statement comes to too many relations and columns";
    assert_eq!(last(&format!("{with} SELECT * FROM q39")), message);
    assert_eq!(last(&format!("{with} SELECT * FROM q3")), message);
    assert_eq!(last(&format!("{views} SELECT * FROM v3")), "planned");
    assert_eq!(last(&format!("{views} SELECT * FROM v39")), "Object 'v39' not found");
}

#[test]
fn constants_beyond_their_types() {
    let long = format!("SELECT 0.{}1", "0".repeat(259));
    assert!(last(&long).ends_with("out of range"));
    let zeros = format!("SELECT 0.{}", "0".repeat(255));
    assert!(last(&zeros).ends_with("out of range"));
    for interval in [
        "'9223372036854775807' YEAR(19)",
        "'9223372036854775807' WEEK(19)",
        "'9223372036854775807' DAY(19)",
        "'9223372036854775 23:59' HOUR(19) TO MINUTE",
        "'106751991167 23:59:59.999' DAY(12) TO SECOND",
    ] {
        let message = last(&format!("SELECT INTERVAL {interval}"));
        assert!(message.starts_with("Illegal interval literal"), "{interval}: {message}");
    }
}

#[test]
fn patterns_of_many_percent_signs() {
    let tables = "CREATE TABLE a_name_of_some_length (a INT) WITH ('connector' = 'x'); \
                  CREATE TABLE other (a INT) WITH ('connector' = 'x');";
    let show = |pattern: &str| last(&format!("{tables} SHOW TABLES LIKE '{pattern}'"));
    assert_eq!(show(&format!("{}x", "%".repeat(60))), "0 rows");
    assert_eq!(show(&"a%".repeat(40)), "0 rows");
    assert_eq!(show("%name%_length"), "1 rows");
    assert_eq!(show("o___r%"), "1 rows");
    assert_eq!(show("%%"), "2 rows");
    assert_eq!(show("_"), "0 rows");
}
