//! Sinks: casts to the table's columns, and what the sink's primary key demands of the changelog.

use std::sync::Arc;

use river_core::plan::{Exchange, NotNullEnforcer, Operator, SinkSpec, UpsertMaterialize};
use river_core::{ChangelogMode, Field};

use super::changelog::settle;
use super::{Changes, Planner, Stream};
use crate::catalog::Table;
use crate::error::{Result, SqlError};
use crate::parse::ast::{OnConflict, Span};
use crate::rel::Rel;

/// The table an insert writes to.
pub struct SinkTarget {
    /// The table.
    pub table: Arc<Table>,
    /// Its options with hints applied.
    pub options: river_core::options::Options,
    /// Columns written, in order.
    pub columns: Vec<Field>,
    /// Primary key, positions into `columns`.
    pub primary_key: Vec<usize>,
    /// `INSERT OVERWRITE`
    pub overwrite: bool,
    /// `ON CONFLICT DO ..`
    pub on_conflict: Option<OnConflict>,
    /// Where the table is named.
    pub span: Span,
}

impl Planner<'_> {
    /// The stream that writes `rel`, whose columns are those of the target already.
    pub fn sink(&self, rel: &Rel, target: &SinkTarget) -> Result<Stream> {
        let name = target.table.path.to_string();
        let at = |message: String| SqlError::at(target.span, message);
        self.connectors.check_sink(&name, &target.options).map_err(at)?;
        let input = self.stream(rel)?;
        let accepted = self.connectors.sink_changelog(&target.options);
        self.check_changes(&input, accepted, target)?;
        let (update_before, materialize) = self.upsert_rules(&input, accepted, target)?;
        let input = settle(input, update_before);
        let parallelism = target.options.i64("sink.parallelism").map_err(|e| at(e.to_string()))?;
        let spec = SinkSpec {
            name,
            options: target.options.clone(),
            columns: target.columns.clone(),
            partition_keys: target.table.partition_keys.clone(),
            overwrite: target.overwrite,
            primary_key: target.primary_key.clone(),
            upsert_materialize: materialize,
            not_null: self.not_null()?,
            trim_pad: self.is("table.exec.sink.type-length-enforcer", "TRIM_PAD"),
        };
        let keyed = !target.primary_key.is_empty()
            && (materialize.is_some() || !input.changes.insert_only());
        let schema = input.schema.clone();
        let changes = input.changes;
        let mode = input.mode;
        let mut sink = Stream::above(input, Operator::Sink(spec), schema);
        if keyed && sink.parallelism != Some(1) {
            sink.inputs[0].1 = Exchange::Hash(target.primary_key.clone());
            sink.parallelism = None;
        }
        if let Some(parallelism) = parallelism {
            sink.parallelism = Some(parallelism.max(1) as u32);
        }
        Ok(Stream { changes, mode, ..sink })
    }

    /// The stream of a bare query, with all row kinds, for whoever collects it.
    pub fn collect(&self, rel: &Rel) -> Result<Stream> {
        Ok(settle(self.stream(rel)?, true))
    }

    fn check_changes(
        &self,
        input: &Stream,
        accepted: ChangelogMode,
        target: &SinkTarget,
    ) -> Result<()> {
        if !accepted.is_append() || input.changes.insert_only() {
            return Ok(());
        }
        let what = if input.changes.updates { "update" } else { "delete" };
        let culprit = first_updating(input);
        Err(SqlError::at(
            target.span,
            format!(
                "Table sink '{}' doesn't support consuming {what} changes which is produced by node {culprit}",
                target.table.path
            ),
        )
        .with_help("write to a sink that takes updates (a changelog format such as debezium-json, or a table with a key), or aggregate in windows"))
    }

    /// Whether `-U` rows are wanted, and how rows of one key are brought in order.
    fn upsert_rules(
        &self,
        input: &Stream,
        accepted: ChangelogMode,
        target: &SinkTarget,
    ) -> Result<(bool, Option<UpsertMaterialize>)> {
        let takes_before = accepted.contains(river_core::RowKind::UpdateBefore);
        let upsert = accepted.has_updates() && !takes_before;
        let key = &target.primary_key;
        if target.on_conflict.is_some() && (!upsert || key.is_empty()) {
            return Err(SqlError::at(
                target.span,
                format!(
                    "ON CONFLICT clause is only allowed for upsert sinks. The sink '{}' takes other changes than upserts by key.",
                    target.table.path
                ),
            ));
        }
        if key.is_empty() || accepted.is_append() {
            return Ok((true, None));
        }
        let same = |k: &Vec<usize>| k.len() == key.len() && k.iter().all(|c| key.contains(c));
        let contained = |k: &Vec<usize>| k.iter().all(|c| key.contains(c));
        let matches = input.keys.iter().any(|k| same(k) || contained(k));
        let setting = self.options.get("table.exec.sink.upsert-materialize").unwrap_or("AUTO");
        let forced = setting.eq_ignore_ascii_case("FORCE");
        if setting.eq_ignore_ascii_case("NONE") || (matches && !forced) {
            return Ok((!upsert || !matches, None));
        }
        if !upsert && !forced && target.on_conflict.is_none() {
            // A sink that takes every kind of change needs no order by key.
            return Ok((true, None));
        }
        let chosen = match target.on_conflict {
            Some(OnConflict::Deduplicate) => UpsertMaterialize::Deduplicate,
            Some(OnConflict::Nothing) => UpsertMaterialize::Nothing,
            Some(OnConflict::Error) => UpsertMaterialize::Error,
            None if !self.require_on_conflict()? => UpsertMaterialize::Deduplicate,
            None => return Err(key_differs(input, target)),
        };
        if chosen != UpsertMaterialize::Deduplicate {
            needs_watermarks(input, target)?;
        }
        if input.changes == Changes::NONE && chosen == UpsertMaterialize::Deduplicate && !forced {
            // Inserts alone: the last row of a key wins by itself.
            return Ok((true, None));
        }
        Ok((true, Some(chosen)))
    }

    fn require_on_conflict(&self) -> Result<bool> {
        let key = "table.exec.sink.require-on-conflict";
        Ok(self.options.bool(key).map_err(|e| SqlError::new(e.to_string()))?.unwrap_or(true))
    }

    fn not_null(&self) -> Result<NotNullEnforcer> {
        let key = "table.exec.sink.not-null-enforcer";
        match self.options.get(key).map(str::to_ascii_uppercase).as_deref() {
            None | Some("ERROR") => Ok(NotNullEnforcer::Error),
            Some("DROP") => Ok(NotNullEnforcer::Drop),
            Some(other) => {
                Err(SqlError::new(format!("option '{key}': '{other}' is not ERROR or DROP")))
            }
        }
    }

    fn is(&self, key: &str, value: &str) -> bool {
        self.options.get(key).is_some_and(|v| v.eq_ignore_ascii_case(value))
    }
}

/// Which row of a key came first is decided by watermarks, so every source must have one.
fn needs_watermarks(input: &Stream, target: &SinkTarget) -> Result<()> {
    let mut without = Vec::new();
    sources_without_watermark(input, &mut without);
    if without.is_empty() {
        return Ok(());
    }
    let action = match target.on_conflict {
        Some(OnConflict::Nothing) => "NOTHING",
        _ => "ERROR",
    };
    Err(SqlError::at(
        target.span,
        format!(
            "ON CONFLICT DO {action} requires all source tables to define watermarks, but the following source(s) do not: {}",
            without.join(", ")
        ),
    )
    .with_help("declare a WATERMARK in these tables, or use ON CONFLICT DO DEDUPLICATE"))
}

fn sources_without_watermark(stream: &Stream, into: &mut Vec<String>) {
    match &stream.operator {
        Operator::WatermarkAssigner { .. } => {}
        Operator::Source(table) => into.push(table.name.clone()),
        _ => stream.inputs.iter().for_each(|(input, _)| sources_without_watermark(input, into)),
    }
}

fn key_differs(input: &Stream, target: &SinkTarget) -> SqlError {
    let names = |columns: &[usize], fields: &[Field]| {
        let names: Vec<&str> = columns.iter().map(|c| fields[*c].name.as_str()).collect();
        format!("[{}]", names.join(", "))
    };
    let upsert: Vec<String> = input.keys.iter().map(|k| names(k, &input.schema)).collect();
    SqlError::at(
        target.span,
        format!(
            "The query has an upsert key that differs from the primary key of the sink table '{}'. Primary key: {}, upsert key: {}.",
            target.table.path,
            names(&target.primary_key, &target.columns),
            upsert.join(" or "),
        ),
    )
    .with_help("say how rows of one key are resolved: ON CONFLICT DO DEDUPLICATE (the latest wins), DO NOTHING (the first wins) or DO ERROR")
}

/// The name of the lowest operator that makes updates.
fn first_updating(stream: &Stream) -> String {
    for (input, _) in &stream.inputs {
        if !input.changes.insert_only() {
            return first_updating(input);
        }
    }
    let text = format!("{:?}", stream.operator);
    let end = text.find([' ', '{', '(']).unwrap_or(text.len());
    text[..end].to_owned()
}
