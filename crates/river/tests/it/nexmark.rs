//! The standard Nexmark queries for Flink SQL over 100,000 events, against Flink's rows.
//!
//! The queries are those of `bench/nexmark/queries`, with files in place of the generator and of
//! the blackhole sinks. q10, q12 and q13 have no golden rows (they write partitioned files, or
//! depend on the wall clock, or on a side input of ours); their row counts are checked.

use std::fs;
use std::path::Path;

use river_core::options::Options;

use crate::engine::Engine;
use crate::gaps::{Outcome, settle};
use crate::sink_files::{Column, Fold, difference, golden_rows, lines, table};
use crate::{parallel, testdata};

const QUERIES: [&str; 22] = [
    "q0", "q1", "q2", "q3", "q4", "q5", "q7", "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15",
    "q16", "q17", "q18", "q19", "q20", "q21", "q22",
];

const BIDS: usize = 92_000;

#[test]
fn nexmark() {
    let outcomes = parallel::map(
        &QUERIES,
        || (),
        |(), query| Outcome {
            group: if golden(query).is_some() { "rows" } else { "runs" }.to_owned(),
            name: (*query).to_owned(),
            difference: check(query).err(),
        },
    );
    settle("nexmark", &outcomes);
}

fn golden(query: &str) -> Option<String> {
    let path = format!("nexmark/{query}.jsonl");
    let stored = testdata::root().join(format!("{path}.zst"));
    stored.exists().then(|| testdata::text(&path))
}

fn check(query: &str) -> Result<(), String> {
    let output = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = output.path().join("out");
    let script = script(query, output.path(), &folder)?;
    let mut options = Options::new();
    options.set("parallelism.default", "1");
    let mut engine = Engine::new(options, output.path().to_owned());
    engine.script(&script).map_err(|failure| failure.to_string())?;
    let Some(golden) = golden(query) else { return runs(query, output.path(), &folder) };
    let columns = columns(&script, query);
    let fold = if query == "q9" { Fold::Keyed(vec![0]) } else { Fold::Multiset };
    let ours = table(&folder, &columns, &fold)?;
    let golden = unquoted_decimals(&golden, &columns_of_type(&script, query, "DECIMAL"));
    difference(&ours, &golden_rows(&golden, &columns)).map_or(Ok(()), Err)
}

/// What can be said of the queries without golden rows.
fn runs(query: &str, output: &Path, folder: &Path) -> Result<(), String> {
    let rows = match query {
        "q10" => lines(&output.join("bid"))?.len(),
        "q12" => {
            let counts = lines(folder)?;
            let count = |line: &String| -> usize {
                let change = testdata::json(line, query);
                change["after"]["bid_count"].as_u64().unwrap_or(0) as usize
            };
            counts.iter().map(count).sum()
        }
        _ => lines(folder)?.len(),
    };
    let expected = match query {
        "q10" | "q12" | "q13" | "q18" => Some(BIDS),
        _ => None,
    };
    match expected {
        Some(expected) if query != "q18" && rows != expected => {
            Err(format!("{rows} bids written, not {expected}"))
        }
        _ if rows == 0 => Err("no row written".to_owned()),
        _ => Ok(()),
    }
}

/// The query's script over files.
fn script(query: &str, output: &Path, folder: &Path) -> Result<String, String> {
    let queries = testdata::root().join("../../bench/nexmark/queries");
    let read = |name: &str| {
        let path = queries.join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let events = testdata::inputs().join("nexmark-100k.jsonl");
    let source = format!(
        "'connector' = 'filesystem', 'path' = '{}', 'format' = 'json', \
         'json.timestamp-format.standard' = 'SQL'",
        events.display()
    );
    let sink = format!(
        "'connector' = 'filesystem', 'path' = '{}', 'format' = 'debezium-json', \
         'debezium-json.timestamp-format.standard' = 'SQL'",
        folder.display()
    );
    let side_input = output.join("side_input.txt");
    let rows: String = (0..10_000).map(|key| format!("{key},{key}\n")).collect();
    fs::write(&side_input, rows).map_err(|error| error.to_string())?;
    let side = format!(
        "'connector' = 'filesystem', 'path' = '{}', 'format' = 'csv'",
        side_input.display()
    );
    let ddl = with_options(&read("ddl.sql")?, "'connector' = 'nexmark'", &source);
    let text = read(&format!("{query}.sql"))?;
    let text = with_options(&text, "'connector' = 'blackhole'", &sink);
    let text = with_options(&text, "'connector.type' = 'filesystem'", &side);
    Ok(format!("{ddl}\n{}", text.replace("${OUTPUT}", &output.to_string_lossy())))
}

/// The script with other options wherever a table's options begin with `first`.
fn with_options(script: &str, first: &str, options: &str) -> String {
    let mut text = script.to_owned();
    while let Some(start) = text.find(first) {
        let end = text[start..].find(')').map_or(text.len(), |end| start + end);
        text.replace_range(start..end, options);
    }
    text
}

/// Names and types of the sink's columns, read from its declaration.
fn declared(script: &str, query: &str) -> Vec<(String, String)> {
    let start = script.find(&format!("CREATE TABLE nexmark_{query} (")).unwrap_or(0);
    let body = &script[start..];
    let body = &body[body.find('(').map_or(0, |open| open + 1)..];
    let body = &body[..body.find("\n)").unwrap_or(body.len())];
    let lines = body.lines().filter_map(|line| line.trim().split_once(' '));
    lines
        .filter(|(name, _)| !name.starts_with("--"))
        .map(|(name, ty)| (name.trim_matches('`').to_owned(), ty.trim().to_owned()))
        .collect()
}

fn columns(script: &str, query: &str) -> Vec<Column> {
    let declared = declared(script, query).into_iter();
    declared.map(|(name, _)| Column { name, approximate: false }).collect()
}

fn columns_of_type(script: &str, query: &str, ty: &str) -> Vec<usize> {
    let declared = declared(script, query).into_iter().enumerate();
    declared.filter(|(_, (_, of))| of.starts_with(ty)).map(|(index, _)| index).collect()
}

/// The golden rows hold decimals as texts.
fn unquoted_decimals(golden: &str, decimals: &[usize]) -> String {
    if decimals.is_empty() {
        return golden.to_owned();
    }
    let lines = golden.lines().map(|line| {
        let mut row = testdata::json(line, "golden row");
        for index in decimals {
            if let Some(text) = row[*index].as_str() {
                row[*index] = testdata::json(text, "decimal");
            }
        }
        row.to_string() + "\n"
    });
    lines.collect()
}
