//! Every script of `queries/`: the rows that its sinks hold at the end, or that it is refused.

use river_core::options::Options;
use serde_json::Value as Json;

use crate::engine::{Engine, Failure};
use crate::gaps::{Outcome, compare, settle};
use crate::sink_files::{Column, Fold, canonical_line, difference, golden_rows, lines, table};
use crate::{parallel, testdata};
use testdata::field;

#[test]
fn queries() {
    settle("query", &outcomes(&[]));
}

/// Rows are the same if next to no state is in memory.
#[test]
fn queries_with_state_on_disk() {
    compare("query", &outcomes(&[("riverkeeper.testing.keys-in-memory", "1")]));
}

/// What becomes of every script, with further options.
fn outcomes(options: &[(&str, &str)]) -> Vec<Outcome> {
    let manifest = testdata::json(&testdata::text("queries/manifest.json"), "manifest.json");
    let cases = manifest["cases"].as_array().expect("cases").clone();
    parallel::map(
        &cases,
        || (),
        |(), case| Outcome {
            group: field(case, "feature").unwrap_or("none").to_owned(),
            name: field(case, "name").unwrap_or("none").to_owned(),
            difference: check(case, options).err(),
        },
    )
}

fn check(case: &Json, more: &[(&str, &str)]) -> Result<(), String> {
    let name = field(case, "name").unwrap_or_default();
    let output = tempfile::tempdir().map_err(|error| error.to_string())?;
    let script = testdata::text(&format!("queries/{name}.sql"))
        .replace("${INPUT}", &testdata::inputs().to_string_lossy())
        .replace("${OUTPUT}", &output.path().to_string_lossy())
        .replace("${BROKERS}", "localhost:9092");
    let mut options = Options::new();
    options.set("parallelism.default", "1");
    more.iter().for_each(|(key, value)| {
        options.set(*key, *value);
    });
    let result = Engine::new(options, output.path().to_owned()).script(&script);
    if field(case, "status") == Some("error") {
        let stage = field(case, "stage").unwrap_or_default();
        let expected = field(case, "error").unwrap_or_default();
        return match result {
            Err(Failure::Plan(_)) if stage == "plan" => Ok(()),
            Err(Failure::Run(_)) if stage == "run" => Ok(()),
            Err(error) => Err(format!("{error}\n    Flink at {stage}: {expected}")),
            Ok(()) => Err(format!("it runs, Flink at {stage}: {expected}")),
        };
    }
    result.map_err(|failure| failure.to_string())?;
    let sinks = case["sinks"].as_array().map(Vec::as_slice).unwrap_or_default();
    sinks.iter().try_for_each(|sink| check_sink(sink, output.path()))
}

fn check_sink(sink: &Json, output: &std::path::Path) -> Result<(), String> {
    let name = field(sink, "name").unwrap_or("out");
    let folder = output.join(name);
    let golden = field(sink, "rows_file").unwrap_or_default().trim_end_matches(".zst");
    let golden = testdata::text(&format!("queries/{golden}"));
    let texts = |value: &Json| -> Vec<String> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    if field(sink, "form") == Some("lines") {
        let expected = golden.lines().map(|line| testdata::json(line, name));
        let expected = expected.map(|line| canonical_line(line.as_str().unwrap_or_default()));
        let mut expected: Vec<String> = expected.collect();
        expected.sort();
        let mut ours: Vec<String> =
            lines(&folder)?.iter().map(|line| canonical_line(line)).collect();
        ours.sort();
        return difference(&ours, &expected).map_or(Ok(()), Err);
    }
    let columns: Vec<Column> =
        texts(&sink["columns"]).iter().map(|column| Column::parse(column)).collect();
    let fold = match field(sink, "fold") {
        Some("last row per key") => {
            let keys = texts(&sink["key"]);
            let position = |key: &String| columns.iter().position(|column| column.name == *key);
            Fold::Keyed(keys.iter().filter_map(position).collect())
        }
        _ => Fold::Multiset,
    };
    let ours = table(&folder, &columns, &fold)?;
    difference(&ours, &golden_rows(&golden, &columns)).map_or(Ok(()), Err)
}
