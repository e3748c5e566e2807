//! Binds and plans scripts in a session that has a few tables.

use std::sync::Arc;

use river_core::options::Options;
use river_core::{ChangelogMode, DataType};
use river_sql::SqlError;
use river_sql::catalog::Connectors;
use river_sql::parse::ast::{Spanned, Statement};
use river_sql::parse::{parse_script_here, split_statements};
use river_sql::session::{Outcome, Session};

/// Tables that scripts find. Nothing is read: no file need be there.
const TABLES: &str = "
CREATE TABLE src (
  id INT, b BOOLEAN, t TINYINT, s SMALLINT, i INT, j INT, l BIGINT, f FLOAT, d DOUBLE,
  m DECIMAL(10, 2), m2 DECIMAL(38, 18),
  str STRING, str2 STRING, vc VARCHAR(10), num STRING, dstr STRING, bin BYTES,
  dt DATE, tm TIME, ts TIMESTAMP(3), ts6 TIMESTAMP(6), ltz TIMESTAMP_LTZ(3),
  ai ARRAY<INT>, sa ARRAY<STRING>, mp MAP<STRING, INT>, rw ROW<f INT, g STRING>,
  js STRING, ep BIGINT
) WITH ('connector' = 'filesystem', 'path' = 'exprs.jsonl', 'format' = 'json');
CREATE TABLE orders (
  order_id INT, customer STRING, product STRING, amount DECIMAL(10, 2), currency STRING,
  order_time TIMESTAMP(3), proc AS PROCTIME(),
  WATERMARK FOR order_time AS order_time - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'orders.jsonl', 'format' = 'json');
CREATE TABLE rates (
  currency STRING, rate DECIMAL(10, 4), update_time TIMESTAMP(3),
  PRIMARY KEY (currency) NOT ENFORCED
) WITH ('connector' = 'filesystem', 'path' = 'rates.jsonl', 'format' = 'debezium-json');
CREATE TABLE nested (
  id INT, tags ARRAY<STRING>, attrs MAP<STRING, STRING>, items ARRAY<ROW<sku STRING, qty INT>>,
  pt ROW<lat DOUBLE, lon DOUBLE>
) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
CREATE TABLE o (a BIGINT, b STRING, c DOUBLE) WITH ('connector' = 'print');
CREATE VIEW v AS SELECT product, COUNT(*) AS n, MAX(amount) AS most FROM orders GROUP BY product;
";

/// Parses a script, then binds and plans its statements one after the other: all on the caller's
/// stack, since a thread costs more than all else under the sanitizer.
pub fn run(text: &str) {
    split_statements(text);
    let statements = match parse_script_here(text) {
        Ok(statements) => statements,
        Err(error) => return check_error(&error.into(), text),
    };
    let mut session = session();
    for statement in &statements {
        match session.execute(statement, text) {
            Ok(Outcome::Insert(plan)) => drop(plan.to_string()),
            Ok(Outcome::Query { plan, schema }) => {
                let last = plan.nodes.last().map_or(0, |node| node.schema.len());
                assert!(schema.len() <= last, "columns of the result and of the last node");
                drop(plan.to_string());
            }
            Ok(_) => {}
            Err(error) => check_error(&error, text),
        }
    }
}

/// Errors have words and a place in the script, and can be shown.
fn check_error(error: &SqlError, text: &str) {
    assert!(!error.message.is_empty());
    let Some(span) = error.span else { panic!("no place: {}", error.message) };
    assert!(
        text.get(span.start..span.end).is_some(),
        "{span:?} of {} bytes: {}",
        text.len(),
        error.message
    );
    assert!(error.render("fuzz.sql", text).contains("fuzz.sql:"));
}

fn session() -> Session {
    thread_local! {
        static SETUP: Vec<Spanned<Statement>> =
            parse_script_here(TABLES).unwrap_or_else(|error| panic!("{}", error.message));
    }
    let mut session = Session::new(Options::new(), Arc::new(BuiltIn));
    SETUP.with(|setup| {
        for statement in setup {
            if let Err(error) = session.execute(statement, TABLES) {
                panic!("{}", error.message);
            }
        }
    });
    session
}

/// The connectors that are built in.
struct BuiltIn;

impl Connectors for BuiltIn {
    fn check_source(&self, table: &str, options: &Options) -> Result<(), String> {
        river_connectors::validate_source(table, options).map_err(|error| error.message)
    }

    fn check_sink(&self, table: &str, options: &Options) -> Result<(), String> {
        river_connectors::validate_sink(table, options).map_err(|error| error.message)
    }

    fn source_changelog(&self, options: &Options) -> ChangelogMode {
        river_connectors::changelog_mode(options)
    }

    fn sink_changelog(&self, options: &Options) -> ChangelogMode {
        river_connectors::sink_changelog_mode(options)
    }

    fn metadata_columns(&self, options: &Options) -> Vec<(String, DataType)> {
        let columns = river_connectors::metadata_columns(options).into_iter();
        columns.map(|(key, ty)| (key.to_owned(), ty)).collect()
    }

    fn is_bounded(&self, options: &Options) -> bool {
        river_connectors::is_bounded(options)
    }

    fn supports_lookup(&self, options: &Options) -> bool {
        options.get("connector") == Some("filesystem")
    }
}
