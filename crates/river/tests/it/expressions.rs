//! Every expression of `expressions.jsonl`: its type, and its value as a string or its error.

use std::collections::HashMap;
use std::path::PathBuf;

use river_core::options::Options;
use river_core::plan::Plan;
use river_core::{LogicalType, Value};
use river_expr::cast::to_string::render;
use river_expr::column::value_at;
use serde_json::Value as Json;

use crate::compare::same_text;
use crate::engine::{Engine, Failure};
use crate::gaps::{Outcome, settle};
use crate::{parallel, testdata};
use testdata::field;

#[test]
fn expressions() {
    let cases = testdata::json_lines("expressions.jsonl");
    let outcomes = parallel::map(&cases, Sessions::default, |sessions, case| Outcome {
        group: field(case, "group").unwrap_or("none").to_owned(),
        name: field(case, "id").unwrap_or("none").to_owned(),
        difference: check(sessions.of(case), case).err().map(|difference| {
            let setup = field(case, "setup").unwrap_or_default();
            format!("{} {setup}\n    {difference}", field(case, "sql").unwrap_or_default())
        }),
    });
    settle("expression", &outcomes);
}

/// One session for each time zone, with the table `src`.
#[derive(Default)]
struct Sessions(HashMap<String, Engine>);

impl Sessions {
    fn of(&mut self, case: &Json) -> &mut Engine {
        let zone = field(case, "tz").unwrap_or("UTC");
        self.0.entry(zone.to_owned()).or_insert_with(|| {
            let mut options = Options::new();
            options.set("table.local-time-zone", zone);
            let mut engine = Engine::new(options, PathBuf::new());
            let table = testdata::text("expressions.src.sql");
            let table = table.replace("${INPUT}", &testdata::inputs().to_string_lossy());
            engine.script(&table).expect("the table of the expressions");
            engine
        })
    }
}

fn check(engine: &mut Engine, case: &Json) -> Result<(), String> {
    let sql = field(case, "sql").unwrap_or_default();
    let setup = field(case, "setup").unwrap_or_default();
    let plain = engine.plan(&format!("SELECT ({sql}) AS c0 {setup}"));
    if let (Err(Failure::Plan(_)), Some("plan")) = (&plain, field(case, "stage")) {
        return Ok(());
    }
    if let Some(expected) = field(case, "type") {
        let (_, schema) = plain.as_ref().map_err(|error| format!("{error}, Flink {expected}"))?;
        let ours = schema.first().map_or(String::new(), |field| field.ty.to_string());
        if ours != expected {
            return Err(format!("type {ours}, Flink {expected}"));
        }
    }
    if case.get("type_only").is_some() {
        return plain.map(drop).map_err(|error| error.to_string());
    }
    let result = match (&plain, field(case, "render")) {
        (Err(error), _) => Err(error.clone()),
        (Ok((plan, schema)), Some(_)) => {
            let ty = schema.first().map_or(LogicalType::Null, |field| field.ty.logical.clone());
            rows(engine, plan, &ty)
        }
        (Ok(_), None) => {
            let inner = format!("(SELECT ({sql}) AS c0 {setup})");
            let query = format!("SELECT CAST(c0 AS STRING) FROM {inner}");
            let text = LogicalType::VarChar(river_core::types::MAX_LENGTH);
            engine.plan(&query).and_then(|(plan, _)| rows(engine, &plan, &text))
        }
    };
    if field(case, "error").is_some() { refused(case, result) } else { given(case, result) }
}

/// Values of the rows that a query of one column adds, in order, as text.
fn rows(engine: &Engine, plan: &Plan, ty: &LogicalType) -> Result<Vec<Option<String>>, Failure> {
    let mut values = Vec::new();
    for batch in engine.collect(plan)? {
        for row in 0..batch.rows {
            if batch.kind(row).is_accumulate() {
                values.push(match value_at(&batch.columns[0], ty, row) {
                    Value::Null => None,
                    value => Some(render(&value, ty, &river_expr::Session::default())),
                });
            }
        }
    }
    Ok(values)
}

/// Flink refuses or fails.
fn refused(case: &Json, result: Result<Vec<Option<String>>, Failure>) -> Result<(), String> {
    let expected = field(case, "error").unwrap_or_default();
    let stage = field(case, "stage").unwrap_or_default();
    // Of a constant, an error may come when it is folded or when it is run.
    let constant = !field(case, "setup").unwrap_or_default().starts_with("FROM src");
    match result {
        Err(Failure::Plan(_)) if constant || stage == "plan" => Ok(()),
        Err(Failure::Run(_)) if constant || stage == "run" => Ok(()),
        Err(error) => Err(format!("{error}, Flink at {stage} {expected}")),
        Ok(rows) => Err(format!("{rows:?}, Flink at {stage} {expected}")),
    }
}

/// Flink gives a value, the last one of an aggregate.
fn given(case: &Json, result: Result<Vec<Option<String>>, Failure>) -> Result<(), String> {
    let expected = field(case, "result");
    let direct = case.get("direct").is_some();
    let rows = match result {
        Ok(rows) => rows,
        Err(Failure::Run(_) | Failure::Plan(_)) if direct => return Ok(()),
        Err(error) => return Err(format!("{error}, Flink {expected:?}")),
    };
    if case.get("rows").and_then(Json::as_u64) == Some(0) {
        return if rows.is_empty() { Ok(()) } else { Err(format!("{rows:?}, Flink no row")) };
    }
    let Some(ours) = rows.last() else {
        return Err(format!("no row, Flink {expected:?}"));
    };
    let ty = field(case, "type").unwrap_or_default();
    let same = match (ours, expected) {
        (None, None) => true,
        (None, Some(_)) => direct,
        (Some(ours), Some(expected)) => same_text(ty, ours, expected),
        (Some(_), None) => false,
    };
    if same { Ok(()) } else { Err(format!("{ours:?}, Flink {expected:?}")) }
}
