//! Scripts run to their end: front end, operators, connectors and runtime together.

use std::path::Path;
use std::sync::Arc;

use river_core::Field;
use river_core::options::Options;
use river_expr::column::value_at;
use river_job::Ended;
use river_runtime::Batch;
use river_sql::parse::parse_script;
use river_sql::session::{Outcome, Session};

use super::*;
use crate::BuiltInConnectors;

/// Runs the statements; the changes that queries give, one a line, sorted.
fn run(script: &str, parallelism: u32) -> String {
    let options = Options::from_iter([("parallelism.default", parallelism.to_string())]);
    let mut session = Session::new(options, Arc::new(BuiltInConnectors));
    let mut lines = Vec::new();
    for statement in parse_script(script).unwrap() {
        match session.execute(&statement, script).unwrap() {
            Outcome::Done => {}
            Outcome::Insert(plan) => {
                let job = river_job::run(&plan, Arc::new(BuiltIn::default()), None).unwrap();
                assert_eq!(job.wait(), Ok(Ended::Finished));
            }
            Outcome::Query { plan, schema } => {
                let (sender, receiver) = crossbeam_channel::bounded(4);
                let job =
                    river_job::run(&plan, Arc::new(BuiltIn::default()), Some(sender)).unwrap();
                receiver.iter().for_each(|batch| show(&batch, &schema, &mut lines));
                assert_eq!(job.wait(), Ok(Ended::Finished));
            }
            other => panic!("{other:?}"),
        }
    }
    lines.sort();
    lines.concat()
}

fn show(batch: &Batch, schema: &[Field], lines: &mut Vec<String>) {
    for row in 0..batch.rows {
        let values = batch.columns.iter().zip(schema).map(|(column, field)| {
            let value = value_at(column, &field.ty.logical, row);
            let text = value.as_str().map(str::to_owned);
            text.or(value.as_i64().map(|n| n.to_string())).unwrap_or(format!("{value:?}"))
        });
        let values: Vec<String> = values.collect();
        lines.push(format!("{} {}\n", batch.kind(row).short(), values.join(" ")));
    }
}

#[test]
fn constants_are_grouped() {
    let script = "SELECT k, SUM(v) AS s FROM \
                  (VALUES ('a', 1), ('b', 2), ('a', 3), ('c', 4)) AS t(k, v) GROUP BY k;";
    for parallelism in [1, 3] {
        expect_test::expect![[r#"
            +I a 1
            +I b 2
            +I c 4
            +U a 4
            -U a 1
        "#]]
        .assert_eq(&run(script, parallelism));
    }
}

/// Windows over generated events, written to files and read back, at any parallelism.
#[test]
fn windows_write_files_that_can_be_read() {
    for parallelism in [1, 2] {
        let directory = tempfile::tempdir().unwrap();
        let script = bids_in_windows(directory.path());
        expect_test::expect![[r#"
            +I 1 9200
            +U 2 18400
            -U 1 9200
        "#]]
        .assert_eq(&run(&script, parallelism));
    }
}

fn bids_in_windows(directory: &Path) -> String {
    format!(
        "CREATE TABLE nexmark (event_type INT,
           person ROW<id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR,
             city VARCHAR, state VARCHAR, `dateTime` TIMESTAMP(3), extra VARCHAR>,
           auction ROW<id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT,
             reserve BIGINT, `dateTime` TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT,
             category BIGINT, extra VARCHAR>,
           bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR,
             `dateTime` TIMESTAMP(3), extra VARCHAR>,
           `dateTime` AS CASE WHEN event_type = 0 THEN person.`dateTime`
             WHEN event_type = 1 THEN auction.`dateTime` ELSE bid.`dateTime` END,
           WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '4' SECOND
         ) WITH ('connector' = 'nexmark', 'events.num' = '20000',
                 'first-event.rate' = '1000', 'next-event.rate' = '1000');
         CREATE TABLE counts (w TIMESTAMP(3), n BIGINT) WITH ('connector' = 'filesystem',
           'path' = '{path}', 'format' = 'csv');
         INSERT INTO counts SELECT window_start, COUNT(*) FROM TABLE(
           TUMBLE(TABLE nexmark, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
           WHERE event_type = 2 GROUP BY window_start, window_end;
         SELECT COUNT(*) AS windows, SUM(n) AS bids FROM counts;",
        path = directory.display()
    )
}
