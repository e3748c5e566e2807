//! From the logical algebra to the plan that runs: operators, exchanges, keys, changelog modes.
//!
//! Two passes, as in Flink's `FlinkChangelogModeInferenceProgram`. Bottom up ([`Planner`]) every
//! relation becomes a [`Stream`]: an operator tree that knows its columns (with the time attributes
//! that really survive), its upsert keys and the row kinds it gives. Top down (`changelog`) every
//! node is told whether `-U` rows are wanted. Then equal subtrees are merged (`flatten`), so that a
//! table read twice is read once.
//!
//! | file | relations |
//! |---|---|
//! | `simple` | scans, values, projections, filters, unions, sorts, expand, correlate |
//! | `join` | regular, window, lookup, temporal joins |
//! | `aggregate` | grouping, windows |
//! | `rank` | Top-N, deduplication, `OVER` |
//! | `sink` | sinks and what they demand |

use river_core::options::Options;
use river_core::plan::{Exchange, Operator};
use river_core::{ChangelogMode, Expr, Field, RowKind};

use crate::catalog::Connectors;
use crate::error::{Result, SqlError};
use crate::rel::{Rel, RelKind};

mod aggregate;
mod changelog;
mod flatten;
mod join;
mod rank;
mod simple;
mod sink;

pub use flatten::plan;
pub use sink::SinkTarget;

/// Row kinds a stream gives, before it is known whether `-U` rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// Rows are updated.
    pub updates: bool,
    /// Rows are deleted.
    pub deletes: bool,
}

impl Changes {
    /// Only inserts.
    pub const NONE: Changes = Changes { updates: false, deletes: false };
    /// Inserts and updates.
    pub const UPDATES: Changes = Changes { updates: true, deletes: false };
    /// Every kind.
    pub const ALL: Changes = Changes { updates: true, deletes: true };

    /// The kinds of a changelog mode.
    pub fn of(mode: ChangelogMode) -> Changes {
        Changes { updates: mode.has_updates(), deletes: mode.contains(RowKind::Delete) }
    }

    /// Only inserts.
    pub fn insert_only(self) -> bool {
        self == Changes::NONE
    }

    /// The kinds of both.
    pub fn or(self, other: Changes) -> Changes {
        Changes { updates: self.updates || other.updates, deletes: self.deletes || other.deletes }
    }

    /// The mode with or without `-U`.
    pub fn mode(self, update_before: bool) -> ChangelogMode {
        let mut mode = ChangelogMode::APPEND;
        if self.updates {
            mode = mode.with(RowKind::UpdateAfter);
            if update_before {
                mode = mode.with(RowKind::UpdateBefore);
            }
        }
        if self.deletes { mode.with(RowKind::Delete) } else { mode }
    }
}

/// Window columns that a stream carries, each constant within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowColumns {
    /// `window_start`
    pub start: Option<usize>,
    /// `window_end`
    pub end: Option<usize>,
    /// Whether the windows are on event time.
    pub event_time: bool,
}

/// An operator tree.
#[derive(Debug, Clone)]
pub struct Stream {
    /// What the topmost operator does.
    pub operator: Operator,
    /// Its inputs and how rows come from them.
    pub inputs: Vec<(Stream, Exchange)>,
    /// Columns, with the time attributes that survive.
    pub schema: Vec<Field>,
    /// Column sets that each identify a row.
    pub keys: Vec<Vec<usize>>,
    /// Row kinds.
    pub changes: Changes,
    /// Final changelog mode, known after the second pass.
    pub mode: ChangelogMode,
    /// Fixed parallelism.
    pub parallelism: Option<u32>,
    /// Window columns.
    pub window: Option<WindowColumns>,
    /// State time to live, milliseconds.
    pub ttl_ms: u64,
}

impl Stream {
    /// A node above one input that runs where the input runs.
    fn above(input: Stream, operator: Operator, schema: Vec<Field>) -> Stream {
        Stream {
            operator,
            schema,
            keys: Vec::new(),
            changes: input.changes,
            mode: ChangelogMode::APPEND,
            parallelism: input.parallelism,
            window: None,
            ttl_ms: 0,
            inputs: vec![(input, Exchange::Forward)],
        }
    }

    /// The same with rows spread by `keys`; without keys all rows go to one subtask.
    fn keyed_by(mut self, keys: &[usize]) -> Stream {
        let exchange = spread(keys);
        self.parallelism = (exchange == Exchange::Single).then_some(1);
        if let Some(input) = self.inputs.first_mut() {
            input.1 = exchange;
        }
        self
    }
}

/// By the key columns, or all to one subtask.
fn spread(keys: &[usize]) -> Exchange {
    if keys.is_empty() { Exchange::Single } else { Exchange::Hash(keys.to_vec()) }
}

/// Makes streams of relations.
pub struct Planner<'a> {
    /// Session options.
    pub options: &'a Options,
    /// What is known of connectors.
    pub connectors: &'a dyn Connectors,
    /// `table.local-time-zone`
    pub zone: String,
    /// `table.exec.state.ttl`, milliseconds.
    pub ttl_ms: u64,
    /// `table.exec.source.idle-timeout`, milliseconds.
    pub idle_timeout_ms: i64,
    /// `pipeline.auto-watermark-interval`, milliseconds.
    pub watermark_interval_ms: i64,
    /// `table.exec.mini-batch.enabled`
    pub mini_batch: bool,
}

impl<'a> Planner<'a> {
    /// A planner under those options.
    pub fn new(options: &'a Options, connectors: &'a dyn Connectors) -> Result<Planner<'a>> {
        let invalid = |e: river_core::options::OptionError| SqlError::new(e.to_string());
        let ms = |key: &str, default: i64| -> Result<i64> {
            let value = options.duration(key).map_err(invalid)?;
            Ok(value.map_or(default, |d| d.as_millis() as i64))
        };
        let zone = match options.get("table.local-time-zone") {
            None | Some("default") => "UTC".to_owned(),
            Some(zone) => zone.to_owned(),
        };
        let mini_batch = options.bool("table.exec.mini-batch.enabled").map_err(invalid)?;
        Ok(Planner {
            zone,
            ttl_ms: ms("table.exec.state.ttl", 0)? as u64,
            idle_timeout_ms: ms("table.exec.source.idle-timeout", 0)?,
            watermark_interval_ms: ms("pipeline.auto-watermark-interval", 200)?,
            mini_batch: mini_batch.unwrap_or(false),
            options,
            connectors,
        })
    }

    /// The stream of a relation.
    pub fn stream(&self, rel: &Rel) -> Result<Stream> {
        match &rel.kind {
            RelKind::Scan(scan) => self.scan(scan, &rel.schema),
            RelKind::Values(rows) => Ok(self.values(rows, &rel.schema)),
            RelKind::Project { input, exprs } => self.project(input, exprs, &rel.schema),
            RelKind::Filter { input, condition } => self.filter(input, condition),
            RelKind::Watermark { input, rowtime, watermark, idle_timeout_ms } => {
                self.watermark(input, *rowtime, watermark, *idle_timeout_ms)
            }
            RelKind::Join { left, right, kind, condition, hints } => {
                self.join(left, right, *kind, condition, *hints)
            }
            RelKind::TemporalJoin { left, right, kind, time, condition } => {
                self.temporal_join(left, right, *kind, *time, condition)
            }
            RelKind::Correlate { input, function, args, left, condition } => {
                self.correlate(input, function, args, *left, condition, &rel.schema)
            }
            RelKind::Aggregate(aggregate) => self.aggregate(aggregate, &rel.schema),
            RelKind::Expand { input, projections } => self.expand(input, projections, &rel.schema),
            RelKind::WindowTvf { input, kind, time } => {
                self.window_function(input, kind, *time, &rel.schema)
            }
            RelKind::Over { input, window, calls } => self.over(input, window, calls, &rel.schema),
            RelKind::Sort { input, order, offset, limit } => {
                self.sort(input, order, *offset, *limit)
            }
            RelKind::Union(inputs) => self.union(inputs, &rel.schema),
            RelKind::SingleRow(input) => self.single_row(input),
        }
    }
}

/// A column read with the time attribute that the input really gives it. A reader that took it as
/// an ordinary timestamp goes on doing so.
fn with_real_time(expr: Expr, input: &[Field]) -> Expr {
    use river_core::types::TimeKind;
    let claimed = expr.ty.logical.time_kind();
    match expr.as_column().and_then(|column| input.get(column)) {
        Some(field) if claimed != TimeKind::Regular => {
            let kind = field.ty.logical.time_kind();
            let ty = expr.ty.logical.with_time_kind(kind).with_nullable(expr.ty.nullable);
            Expr { ty, ..expr }
        }
        _ => expr,
    }
}

/// Columns without time attributes.
fn materialised(schema: &[Field]) -> Vec<Field> {
    schema.iter().map(|f| Field::new(&f.name, f.ty.materialised())).collect()
}
