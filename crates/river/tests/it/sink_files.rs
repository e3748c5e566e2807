//! What a sink's files say: the table that remains after all changes, or their lines.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::compare::canonical;
use crate::testdata::json;

/// A column of a sink, as the manifests describe it.
pub struct Column {
    pub name: String,
    /// Numbers in it are compared as DOUBLE.
    pub approximate: bool,
}

impl Column {
    /// Of `name TYPE`.
    pub fn parse(text: &str) -> Column {
        let (name, ty) = text.split_once(' ').unwrap_or((text, ""));
        let approximate = ty.contains("DOUBLE") || ty.contains("FLOAT");
        Column { name: name.trim_matches('`').to_owned(), approximate }
    }
}

/// How changes become a table.
pub enum Fold {
    /// An added row is one more, a removed one takes an equal one away.
    Multiset,
    /// The last row of each key, positions of the key's columns.
    Keyed(Vec<usize>),
}

/// A row in the form in which rows are compared.
pub fn row_text(values: &[Value], columns: &[Column]) -> String {
    let values = values.iter().zip(columns);
    let cells: Vec<String> =
        values.map(|(value, column)| canonical(value, column.approximate)).collect();
    format!("[{}]", cells.join(", "))
}

/// The table that debezium-json files below `folder` leave, sorted.
pub fn table(folder: &Path, columns: &[Column], fold: &Fold) -> Result<Vec<String>, String> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let mut by_key: BTreeMap<String, String> = BTreeMap::new();
    for file in files(folder) {
        let text = read(&file)?;
        for line in text.lines() {
            let change: Value = serde_json::from_str(line).map_err(|e| format!("{e}: {line}"))?;
            let added = change["op"] == "c";
            let image = if added { &change["after"] } else { &change["before"] };
            let value = |column: &Column| image.get(&column.name).cloned().unwrap_or(Value::Null);
            let values: Vec<Value> = columns.iter().map(value).collect();
            let row = row_text(&values, columns);
            match fold {
                Fold::Multiset => *counts.entry(row).or_default() += if added { 1 } else { -1 },
                Fold::Keyed(key) => {
                    let cell = |i: &usize| canonical(&values[*i], columns[*i].approximate);
                    let key = key.iter().map(cell).collect::<Vec<_>>().join(", ");
                    if added {
                        by_key.insert(key, row);
                    } else {
                        by_key.remove(&key);
                    }
                }
            }
        }
    }
    let mut rows: Vec<String> = by_key.into_values().collect();
    for (row, count) in counts {
        if count < 0 {
            return Err(format!("a row is taken away that was never there: {row}"));
        }
        rows.extend((0..count).map(|_| row.clone()));
    }
    rows.sort();
    Ok(rows)
}

/// The lines of all files below `folder`, sorted; in front of each the folder of its partition.
pub fn lines(folder: &Path) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for file in files(folder) {
        let partition = file.parent().and_then(|parent| parent.strip_prefix(folder).ok());
        let partition = partition.map(|p| p.to_string_lossy().into_owned()).unwrap_or_default();
        let front = if partition.is_empty() { partition } else { format!("{partition}/ ") };
        lines.extend(read(&file)?.lines().map(|line| format!("{front}{line}")));
    }
    lines.sort();
    Ok(lines)
}

/// A line that is a JSON document in one form for all texts of it.
pub fn canonical_line(line: &str) -> String {
    match serde_json::from_str::<Value>(line) {
        Ok(value @ Value::Object(_)) => canonical(&value, true),
        _ => line.to_owned(),
    }
}

/// The first rows in which two sorted tables differ, as text; `None` if they are equal.
pub fn difference(ours: &[String], expected: &[String]) -> Option<String> {
    if ours == expected {
        return None;
    }
    let missing: Vec<&String> = without(expected, ours);
    let extra: Vec<&String> = without(ours, expected);
    let shown = |rows: &[&String]| {
        let rows: Vec<String> =
            rows.iter().take(3).map(|r| r.chars().take(300).collect()).collect();
        rows.join("\n      ")
    };
    Some(format!(
        "{} rows, Flink {}; {} only ours:\n      {}\n    {} only Flink's:\n      {}",
        ours.len(),
        expected.len(),
        extra.len(),
        shown(&extra),
        missing.len(),
        shown(&missing)
    ))
}

/// Rows of one sorted list that another does not have, with their number.
fn without<'r>(rows: &'r [String], others: &[String]) -> Vec<&'r String> {
    let mut others = others.iter().peekable();
    let mut left = Vec::new();
    for row in rows {
        while others.peek().is_some_and(|other| *other < row) {
            others.next();
        }
        if others.peek() == Some(&row) {
            others.next();
        } else {
            left.push(row);
        }
    }
    left
}

/// Rows of a golden file, in the form in which rows are compared.
pub fn golden_rows(text: &str, columns: &[Column]) -> Vec<String> {
    let mut rows: Vec<String> = text
        .lines()
        .map(|line| match json(line, "golden row") {
            Value::Array(values) => row_text(&values, columns),
            other => other.to_string(),
        })
        .collect();
    rows.sort();
    rows
}

/// All files that readers would see, in order of their paths.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if name.starts_with('.') || name.starts_with('_') {
            continue;
        }
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
