//! Operators that keep no state of their own, and `ORDER BY`.

use river_core::plan::{Exchange, Operator, SortKey, TableRef, WindowKind, WindowTime};
use river_core::types::TimeKind;
use river_core::{ChangelogMode, Expr, Field, Value};

use super::{Changes, Planner, Stream, WindowColumns, with_real_time};
use crate::error::{Result, SqlError};
use crate::rel::{Rel, RelKind, Scan, conjunction, conjuncts};

impl Planner<'_> {
    pub(super) fn scan(&self, scan: &Scan, schema: &[Field]) -> Result<Stream> {
        let table = table_ref(scan);
        let name = table.name.clone();
        let at = |message: String| SqlError::at(scan.span, message);
        self.connectors.check_source(&name, &table.options).map_err(at)?;
        check_metadata(self, scan, &table)?;
        let mode = self.connectors.source_changelog(&table.options);
        let key: Option<Vec<usize>> = table
            .primary_key
            .iter()
            .map(|k| table.projection.iter().position(|p| p == k))
            .collect();
        let keys = key.filter(|k| !k.is_empty()).into_iter().collect();
        let parallelism = match table.options.i64("scan.parallelism") {
            Ok(parallelism) => parallelism.map(|p| p.max(1) as u32),
            Err(error) => return Err(at(error.to_string())),
        };
        Ok(Stream {
            operator: Operator::Source(table),
            inputs: Vec::new(),
            schema: schema.to_vec(),
            keys,
            changes: Changes::of(mode),
            mode,
            parallelism,
            window: None,
            ttl_ms: 0,
        })
    }

    pub(super) fn values(&self, rows: &[Vec<Value>], schema: &[Field]) -> Stream {
        Stream {
            operator: Operator::Values { rows: rows.to_vec() },
            inputs: Vec::new(),
            schema: schema.to_vec(),
            keys: if rows.len() <= 1 { vec![Vec::new()] } else { Vec::new() },
            changes: Changes::NONE,
            mode: ChangelogMode::APPEND,
            parallelism: Some(1),
            window: None,
            ttl_ms: 0,
        }
    }

    pub(super) fn project(&self, input: &Rel, exprs: &[Expr], schema: &[Field]) -> Result<Stream> {
        if let Some(ranked) = self.projected_rank(input, exprs)? {
            return Ok(calc(ranked.0, Vec::new(), ranked.1, schema));
        }
        let stream = self.stream(input)?;
        Ok(calc(stream, Vec::new(), exprs.to_vec(), schema))
    }

    pub(super) fn filter(&self, input: &Rel, condition: &Expr) -> Result<Stream> {
        if let RelKind::Over { .. } = &input.kind {
            return self.filtered_over(input, condition, true);
        }
        let stream = self.stream(input)?;
        let (exprs, schema) = identity(&stream);
        Ok(calc(stream, conjuncts(condition.clone()), exprs, &schema))
    }

    pub(super) fn watermark(
        &self,
        input: &Rel,
        rowtime: usize,
        watermark: &Expr,
        idle_timeout_ms: Option<i64>,
    ) -> Result<Stream> {
        let stream = self.stream(input)?;
        let mut schema = stream.schema.clone();
        let ty = &mut schema[rowtime].ty;
        *ty = ty.logical.with_time_kind(TimeKind::Rowtime).with_nullable(ty.nullable);
        let operator = Operator::WatermarkAssigner {
            rowtime,
            watermark: watermark.clone(),
            interval_ms: self.watermark_interval_ms,
            idle_timeout_ms: idle_timeout_ms.unwrap_or(self.idle_timeout_ms),
        };
        let keys = stream.keys.clone();
        Ok(Stream { keys, ..Stream::above(stream, operator, schema) })
    }

    pub(super) fn correlate(
        &self,
        input: &Rel,
        function: &str,
        args: &[Expr],
        left: bool,
        condition: &Expr,
        schema: &[Field],
    ) -> Result<Stream> {
        let stream = self.stream(input)?;
        let mut columns = stream.schema.clone();
        columns.extend(schema[stream.schema.len()..].iter().cloned());
        let trivial = conjuncts(condition.clone()).is_empty();
        let operator = Operator::Correlate {
            function: function.to_owned(),
            args: args.to_vec(),
            left,
            condition: (!trivial).then(|| condition.clone()),
        };
        Ok(Stream::above(stream, operator, columns))
    }

    pub(super) fn expand(
        &self,
        input: &Rel,
        projections: &[Vec<Expr>],
        schema: &[Field],
    ) -> Result<Stream> {
        let stream = self.stream(input)?;
        let rows: Vec<Vec<Expr>> = projections
            .iter()
            .map(|row| row.iter().map(|e| with_real_time(e.clone(), &stream.schema)).collect())
            .collect();
        // A column that every output row copies from the input is still what it was there.
        let copied = |column: usize| {
            let first = rows.first()?[column].as_column()?;
            rows.iter().all(|row| row[column].as_column() == Some(first)).then_some(first)
        };
        let columns: Vec<Field> = schema
            .iter()
            .enumerate()
            .map(|(i, f)| match copied(i) {
                Some(_) => Field::new(&f.name, rows[0][i].ty.clone()),
                None => Field::new(&f.name, f.ty.materialised()),
            })
            .collect();
        let find = |wanted: Option<usize>| {
            (0..schema.len()).rev().find(|i| wanted.is_some() && copied(*i) == wanted)
        };
        let window = stream.window.map(|w| WindowColumns {
            start: find(w.start),
            end: find(w.end),
            event_time: w.event_time,
        });
        let operator = Operator::Expand { projections: projections.to_vec() };
        Ok(Stream { window, ..Stream::above(stream, operator, columns) })
    }

    pub(super) fn union(&self, inputs: &[Rel], schema: &[Field]) -> Result<Stream> {
        let streams = inputs.iter().map(|i| self.stream(i)).collect::<Result<Vec<_>>>()?;
        let mut columns = schema.to_vec();
        for (i, column) in columns.iter_mut().enumerate() {
            let kind = column.ty.logical.time_kind();
            let all = streams.iter().all(|s| s.schema[i].ty.logical.time_kind() == kind);
            if !all {
                column.ty = column.ty.materialised();
            }
        }
        let changes = streams.iter().fold(Changes::NONE, |all, s| all.or(s.changes));
        let one = streams.iter().all(|s| s.parallelism == Some(1));
        let exchange = |s: &Stream| match (s.changes.insert_only(), s.parallelism) {
            // Changes of one row must stay in order, so only inserts may be spread anew.
            (true, _) => Exchange::Rebalance,
            (false, _) => Exchange::Forward,
        };
        let inputs = streams
            .into_iter()
            .map(|s| {
                let exchange = if one { Exchange::Forward } else { exchange(&s) };
                (s, exchange)
            })
            .collect();
        Ok(Stream {
            operator: Operator::Union,
            inputs,
            schema: columns,
            keys: Vec::new(),
            changes,
            mode: ChangelogMode::APPEND,
            parallelism: one.then_some(1),
            window: None,
            ttl_ms: 0,
        })
    }

    pub(super) fn single_row(&self, input: &Rel) -> Result<Stream> {
        let stream = self.stream(input)?;
        let schema = stream.schema.clone();
        let single = Stream::above(stream, Operator::SingleRow, schema).keyed_by(&[]);
        Ok(Stream { keys: vec![Vec::new()], changes: Changes::ALL, ..single })
    }

    pub(super) fn sort(
        &self,
        input: &Rel,
        order: &[SortKey],
        offset: u64,
        limit: Option<u64>,
    ) -> Result<Stream> {
        let stream = self.stream(input)?;
        let schema = stream.schema.clone();
        if limit.is_none() && offset == 0 {
            return self.sort_all(stream, order, schema);
        }
        let insert_only = stream.changes.insert_only();
        let changes = match (order.is_empty(), insert_only) {
            (true, true) => Changes::NONE,
            _ => Changes::ALL,
        };
        let operator = Operator::SortLimit {
            order: order.to_vec(),
            offset,
            limit,
            input_updates: !insert_only,
            emit_update_before: true,
        };
        let keys = stream.keys.clone();
        let sorted = Stream::above(stream, operator, schema).keyed_by(&[]);
        Ok(Stream { keys, changes, ttl_ms: self.ttl_ms, ..sorted })
    }

    /// Without `LIMIT` only time can be sorted by: anything else never ends.
    fn sort_all(&self, stream: Stream, order: &[SortKey], schema: Vec<Field>) -> Result<Stream> {
        let first = order.first().map(|k| (k, schema[k.column].ty.logical.time_kind()));
        let rowtime = match first {
            Some((key, TimeKind::Rowtime)) if !key.descending => Some(key.column),
            Some((key, TimeKind::Proctime)) if !key.descending => None,
            Some((_, TimeKind::Rowtime | TimeKind::Proctime)) => {
                return Err(SqlError::new(
                    "Sort: Primary sort order of a streaming table must be ascending on time.",
                ));
            }
            _ => {
                return Err(SqlError::new("Sort on a non-time-attribute field is not supported.")
                    .with_help("add a LIMIT, or sort where the result is read"));
            }
        };
        let keys = stream.keys.clone();
        let operator = Operator::Sort { order: order.to_vec(), rowtime };
        Ok(Stream { keys, ..Stream::above(stream, operator, schema).keyed_by(&[]) })
    }

    pub(super) fn window_function(
        &self,
        input: &Rel,
        kind: &WindowKind,
        time: usize,
        schema: &[Field],
    ) -> Result<Stream> {
        let stream = self.stream(input)?;
        let window = self.window(kind, time, &stream.schema)?;
        let start = stream.schema.len();
        let mut columns = stream.schema.clone();
        columns.extend(schema[start..].iter().cloned());
        let event_time = matches!(window.time, WindowTime::Rowtime(_));
        let partition = match kind {
            WindowKind::Session { partition, .. } => Some(partition.clone()),
            _ => None,
        };
        let operator = Operator::WindowTableFunction { window };
        let mut result = Stream::above(stream, operator, columns);
        if let Some(partition) = partition {
            result = result.keyed_by(&partition);
        }
        result.window =
            Some(WindowColumns { start: Some(start), end: Some(start + 1), event_time });
        Ok(result)
    }
}

/// A calculation above a stream, merged with one directly below.
pub fn calc(input: Stream, conditions: Vec<Expr>, exprs: Vec<Expr>, names: &[Field]) -> Stream {
    let exprs: Vec<Expr> = exprs.into_iter().map(|e| with_real_time(e, &input.schema)).collect();
    let schema: Vec<Field> =
        names.iter().zip(&exprs).map(|(f, e)| Field::new(&f.name, e.ty.clone())).collect();
    let same = |(i, e): (usize, &Expr)| e.as_column() == Some(i);
    if conditions.is_empty()
        && exprs.len() == input.schema.len()
        && exprs.iter().enumerate().all(same)
    {
        return Stream { schema, ..input };
    }
    let moved = |column: usize| exprs.iter().position(|e| e.as_column() == Some(column));
    let keys = input.keys.iter().filter_map(|k| k.iter().map(|c| moved(*c)).collect()).collect();
    let window = input.window.map(|w| WindowColumns {
        start: w.start.and_then(moved),
        end: w.end.and_then(moved),
        event_time: w.event_time,
    });
    match input.operator {
        Operator::Calc { condition: below, projection }
            if can_merge(&exprs, &conditions, &projection) =>
        {
            let mut all = below.map_or(Vec::new(), conjuncts);
            all.extend(conditions.into_iter().map(|c| c.substitute(&projection)));
            let operator = Operator::Calc {
                condition: (!all.is_empty()).then(|| conjunction(all)),
                projection: exprs.into_iter().map(|e| substituted(e, &projection)).collect(),
            };
            Stream { operator, schema, keys, window, ..input }
        }
        _ => {
            let operator = Operator::Calc {
                condition: (!conditions.is_empty()).then(|| conjunction(conditions)),
                projection: exprs,
            };
            Stream { keys, window, ..Stream::above(input, operator, schema) }
        }
    }
}

/// The lower expression under the type that the upper reader gave it.
fn substituted(expr: Expr, below: &[Expr]) -> Expr {
    let ty = expr.ty.clone();
    let lower = expr.substitute(below);
    Expr { ty, ..lower }
}

/// Merging repeats a lower expression at each use: only cheap ones may be repeated, and none that
/// gives another value each time.
fn can_merge(exprs: &[Expr], conditions: &[Expr], below: &[Expr]) -> bool {
    let mut uses = vec![0usize; below.len()];
    for expr in exprs.iter().chain(conditions) {
        count_uses(expr, &mut uses);
    }
    below.iter().zip(uses).all(|(e, uses)| uses <= 1 || is_cheap(e))
        && below.iter().all(is_deterministic)
}

fn count_uses(expr: &Expr, uses: &mut [usize]) {
    if let Some(column) = expr.as_column()
        && let Some(count) = uses.get_mut(column)
    {
        *count += 1;
    }
    expr.children().into_iter().for_each(|child| count_uses(child, uses));
}

fn is_cheap(expr: &Expr) -> bool {
    use river_core::expr::ExprKind;
    match &expr.kind {
        ExprKind::Column(_) | ExprKind::Literal(_) => true,
        ExprKind::Field { input, .. } => is_cheap(input),
        _ => false,
    }
}

fn is_deterministic(expr: &Expr) -> bool {
    use river_core::expr::ExprKind;
    let own = match &expr.kind {
        ExprKind::Call { function, .. } => {
            river_expr::function::lookup(function).is_none_or(|f| f.deterministic)
        }
        _ => true,
    };
    own && expr.children().into_iter().all(is_deterministic)
}

/// All columns as they are.
pub fn identity(stream: &Stream) -> (Vec<Expr>, Vec<Field>) {
    let columns = stream.schema.iter().enumerate();
    (columns.map(|(i, f)| Expr::column(i, f.ty.clone())).collect(), stream.schema.clone())
}

/// A scan as the runtime sees it.
pub fn table_ref(scan: &Scan) -> TableRef {
    let table = &scan.table;
    let physical: Vec<usize> = (0..table.columns.len())
        .filter(|c| table.columns[*c].kind == crate::catalog::ColumnKind::Physical)
        .collect();
    let primary_key =
        table.primary_key.iter().filter_map(|k| physical.iter().position(|p| p == k)).collect();
    TableRef {
        name: table.path.to_string(),
        options: table.options.overlaid(&scan.hints.iter().cloned().collect()),
        physical: table.physical(),
        metadata: table.metadata(),
        projection: scan.projection.clone(),
        used_fields: scan.used_fields.clone(),
        partition_keys: table.partition_keys.clone(),
        primary_key,
    }
}

fn check_metadata(planner: &Planner<'_>, scan: &Scan, table: &TableRef) -> Result<()> {
    let known = planner.connectors.metadata_columns(&table.options);
    for wanted in &table.metadata {
        if known.iter().any(|(key, _)| *key == wanted.name) {
            continue;
        }
        let keys: Vec<&str> = known.iter().map(|(key, _)| key.as_str()).collect();
        let error = SqlError::at(
            scan.span,
            format!("Invalid metadata key '{}' in column of table '{}'.", wanted.name, table.name),
        );
        return Err(if keys.is_empty() {
            error.with_help("its connector has no metadata")
        } else {
            error.with_help(format!("the connector has: {}", keys.join(", ")))
        });
    }
    Ok(())
}
