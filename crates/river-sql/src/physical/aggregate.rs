//! Grouping: updating aggregates, window aggregates over window functions, attached windows and
//! legacy group windows.

use river_core::expr::ExprKind;
use river_core::plan::{AggregateCall, Operator, Window, WindowKind, WindowProperty, WindowTime};
use river_core::types::TimeKind;
use river_core::{Expr, Field, LogicalType};

use super::simple::calc;
use super::{Changes, Planner, Stream, WindowColumns, materialised};
use crate::error::{Result, SqlError};
use crate::rel::{Aggregate, GroupWindowProperty, Rel, RelKind, conjuncts};

impl Planner<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate, schema: &[Field]) -> Result<Stream> {
        if let Some((kind, time)) = &aggregate.window {
            return self.group_window(aggregate, kind, *time, schema);
        }
        if let Some(pulled) = pull_window_function(aggregate) {
            return self.window_aggregate(pulled, schema);
        }
        let input = self.stream(&aggregate.input)?;
        if let Some((start, end, event_time)) = attached(&input, &aggregate.keys) {
            let time = WindowTime::Attached { start, end, event_time };
            return Ok(self.attached_aggregate(input, aggregate, time, (start, end), schema));
        }
        Ok(self.group_aggregate(input, aggregate, schema))
    }

    fn group_aggregate(&self, input: Stream, aggregate: &Aggregate, schema: &[Field]) -> Stream {
        let changes = Changes { updates: true, deletes: !input.changes.insert_only() };
        let operator = Operator::GroupAggregate {
            keys: aggregate.keys.clone(),
            calls: aggregate.calls.clone(),
            emit_update_before: true,
            mini_batch: self.mini_batch,
        };
        let grouped =
            Stream::above(input, operator, materialised(schema)).keyed_by(&aggregate.keys);
        Stream {
            changes,
            keys: vec![(0..aggregate.keys.len()).collect()],
            ttl_ms: aggregate.ttl_ms.unwrap_or(self.ttl_ms),
            ..grouped
        }
    }

    /// The windows of a window function or group window over `input`.
    pub(super) fn window(&self, kind: &WindowKind, time: usize, input: &[Field]) -> Result<Window> {
        let ty = &input[time].ty.logical;
        let window_time = match ty.time_kind() {
            TimeKind::Rowtime => WindowTime::Rowtime(time),
            TimeKind::Proctime => WindowTime::Proctime,
            TimeKind::Regular => {
                return Err(SqlError::new(format!(
                    "the window's time column '{}' is no longer a time attribute",
                    input[time].name
                ))
                .with_help("a regular join or an updating aggregate below the window has no watermarks for it: put the window below"));
            }
        };
        let zone = matches!(ty, LogicalType::TimestampLtz(..)).then(|| self.zone.clone());
        Ok(Window { kind: kind.clone(), time: window_time, zone })
    }

    /// `GROUP BY TUMBLE(..)`: the legacy form.
    fn group_window(
        &self,
        aggregate: &Aggregate,
        kind: &WindowKind,
        time: usize,
        schema: &[Field],
    ) -> Result<Stream> {
        let input = self.stream(&aggregate.input)?;
        let kind = with_partition(kind, &aggregate.keys);
        let window = self.window(&kind, time, &input.schema)?;
        let properties: Vec<WindowProperty> = aggregate
            .properties
            .iter()
            .map(|p| match p {
                GroupWindowProperty::Window(property) => *property,
                // Its value is the wall clock, which whoever reads it sees anyway.
                GroupWindowProperty::Proctime => WindowProperty::Time,
            })
            .collect();
        let columns = window_schema(schema, &aggregate.properties);
        let result = window_operator(
            input,
            window,
            aggregate.keys.clone(),
            aggregate.calls.clone(),
            properties,
            columns,
        );
        Ok(result)
    }

    /// Window functions directly below the grouping run inside it.
    fn window_aggregate(&self, pulled: Pulled<'_>, schema: &[Field]) -> Result<Stream> {
        let Pulled { input, kind, conditions, exprs, time, keys, window_keys, calls } = pulled;
        let stream = self.stream(input)?;
        let names: Vec<Field> = exprs
            .iter()
            .enumerate()
            .map(|(i, e)| match e.as_column() {
                Some(column) => stream.schema[column].clone(),
                None => Field::new(format!("$f{i}"), e.ty.clone()),
            })
            .collect();
        let stream = calc(stream, conditions, exprs, &names);
        let kind = with_partition(&kind, &keys);
        if let WindowKind::Hop { slide, size, .. } = kind
            && size % slide != 0
        {
            return Err(SqlError::new(format!(
                "HOP table function based aggregate requires size must be an integral multiple of slide, but got size {size} ms and slide {slide} ms"
            )));
        }
        let window = self.window(&kind, time, &stream.schema)?;
        let event_time = matches!(window.time, WindowTime::Rowtime(_));
        let properties = vec![WindowProperty::Start, WindowProperty::End, WindowProperty::Time];
        let time_type = stream.schema[time].ty.clone();
        let (key_count, call_count) = (keys.len(), calls.len());
        let mut columns: Vec<Field> = keys
            .iter()
            .map(|k| Field::new(&stream.schema[*k].name, stream.schema[*k].ty.materialised()))
            .collect();
        columns.extend(calls.iter().map(|c| Field::new(&c.name, c.ty.clone())));
        let bound = LogicalType::timestamp(3).not_null();
        columns.push(Field::new("window_start", bound.clone()));
        columns.push(Field::new("window_end", bound));
        columns.push(Field::new("window_time", time_type.with_nullable(false)));
        let result = window_operator(stream, window, keys, calls, properties, columns);
        // Back to the order of the grouping: its keys, then its results.
        let first_window = key_count + call_count;
        let mut next_key = 0;
        let mut order: Vec<usize> = window_keys
            .iter()
            .map(|key| match key {
                Some(property) => first_window + property,
                None => {
                    next_key += 1;
                    next_key - 1
                }
            })
            .collect();
        order.extend(key_count..first_window);
        let exprs = order.iter().map(|c| Expr::column(*c, result.schema[*c].ty.clone())).collect();
        let mut result = calc(result, Vec::new(), exprs, schema);
        if let Some(window) = &mut result.window {
            window.event_time = event_time;
        }
        Ok(result)
    }

    /// Grouping by window columns that rows carry already.
    fn attached_aggregate(
        &self,
        input: Stream,
        aggregate: &Aggregate,
        time: WindowTime,
        (start, end): (usize, usize),
        schema: &[Field],
    ) -> Stream {
        let keys: Vec<usize> =
            aggregate.keys.iter().copied().filter(|k| *k != start && *k != end).collect();
        let event_time = matches!(time, WindowTime::Attached { event_time: true, .. });
        let mut columns: Vec<Field> = keys
            .iter()
            .map(|k| Field::new(&input.schema[*k].name, input.schema[*k].ty.materialised()))
            .collect();
        columns.extend(aggregate.calls.iter().map(|c| Field::new(&c.name, c.ty.clone())));
        columns.push(input.schema[start].clone());
        columns.push(input.schema[end].clone());
        // A window_time column among the keys stays an event-time attribute.
        let rowtimes: Vec<usize> = keys
            .iter()
            .enumerate()
            .filter(|(_, k)| input.schema[**k].ty.logical.time_kind() == TimeKind::Rowtime)
            .map(|(i, _)| i)
            .collect();
        for i in rowtimes {
            columns[i].ty = input.schema[keys[i]].ty.clone();
        }
        let window = Window {
            kind: WindowKind::Tumble { size: 1, offset: 0 },
            time,
            zone: self.attached_zone(&input),
        };
        let first_window = keys.len() + aggregate.calls.len();
        let properties = vec![WindowProperty::Start, WindowProperty::End];
        let mut plain = 0;
        let mut order: Vec<usize> = aggregate
            .keys
            .iter()
            .map(|k| {
                if *k == start {
                    first_window
                } else if *k == end {
                    first_window + 1
                } else {
                    plain += 1;
                    plain - 1
                }
            })
            .collect();
        order.extend(keys.len()..first_window);
        let result =
            window_operator(input, window, keys, aggregate.calls.clone(), properties, columns);
        let exprs = order.iter().map(|c| Expr::column(*c, result.schema[*c].ty.clone())).collect();
        let mut result = calc(result, Vec::new(), exprs, schema);
        if let Some(window) = &mut result.window {
            window.event_time = event_time;
        }
        result
    }

    /// Window columns of `TIMESTAMP_LTZ` windows are local: comparing them with watermarks needs
    /// the zone.
    fn attached_zone(&self, input: &Stream) -> Option<String> {
        let ltz = input
            .schema
            .iter()
            .any(|f| matches!(f.ty.logical, LogicalType::TimestampLtz(_, TimeKind::Rowtime)));
        ltz.then(|| self.zone.clone())
    }
}

/// Sessions of a grouping are those of its keys unless the window function says otherwise.
fn with_partition(kind: &WindowKind, keys: &[usize]) -> WindowKind {
    match kind {
        WindowKind::Session { gap, partition } if partition.is_empty() => {
            WindowKind::Session { gap: *gap, partition: keys.to_vec() }
        }
        other => other.clone(),
    }
}

fn window_operator(
    input: Stream,
    window: Window,
    keys: Vec<usize>,
    calls: Vec<AggregateCall>,
    properties: Vec<WindowProperty>,
    schema: Vec<Field>,
) -> Stream {
    let event_time = match &window.time {
        WindowTime::Rowtime(_) => true,
        WindowTime::Proctime => false,
        WindowTime::Attached { event_time, .. } => *event_time,
    };
    let first = keys.len() + calls.len();
    let find =
        |wanted: WindowProperty| properties.iter().position(|p| *p == wanted).map(|p| first + p);
    let columns = WindowColumns {
        start: find(WindowProperty::Start),
        end: find(WindowProperty::End),
        event_time,
    };
    let unique: Option<Vec<usize>> =
        columns.end.or(columns.start).map(|w| (0..keys.len()).chain([w]).collect());
    let operator = Operator::WindowAggregate { window, keys: keys.clone(), calls, properties };
    let result = Stream::above(input, operator, schema).keyed_by(&keys);
    Stream {
        changes: Changes::NONE,
        window: Some(columns),
        keys: unique.into_iter().collect(),
        ..result
    }
}

/// The schema of a legacy group window, whose rowtime column stays a time attribute.
fn window_schema(schema: &[Field], properties: &[GroupWindowProperty]) -> Vec<Field> {
    let first = schema.len() - properties.len();
    let mut columns = materialised(&schema[..first]);
    columns.extend_from_slice(&schema[first..]);
    columns
}

/// Both window columns of the input are grouping keys.
fn attached(input: &Stream, keys: &[usize]) -> Option<(usize, usize, bool)> {
    let window = input.window?;
    let (start, end) = (window.start?, window.end?);
    let both = keys.contains(&start) && keys.contains(&end);
    (both && input.changes.insert_only()).then_some((start, end, window.event_time))
}

/// A grouping by the window columns of a window function below it, with projections and filters
/// between them moved below the window function.
struct Pulled<'a> {
    input: &'a Rel,
    kind: WindowKind,
    conditions: Vec<Expr>,
    /// What the grouping reads, over `input`.
    exprs: Vec<Expr>,
    /// Positions in `exprs`.
    time: usize,
    keys: Vec<usize>,
    /// For each key of the grouping: which window column it is (0 start, 1 end, 2 time).
    window_keys: Vec<Option<usize>>,
    calls: Vec<AggregateCall>,
}

fn pull_window_function(aggregate: &Aggregate) -> Option<Pulled<'_>> {
    let (function, exprs, conditions) = function_below(&aggregate.input)?;
    let RelKind::WindowTvf { input, kind, time } = &function.kind else { return None };
    let width = input.schema.len();
    let window_column = |e: &Expr| e.as_column().filter(|c| *c >= width).map(|c| c - width);
    let uses_window = |e: &Expr| e.columns().iter().any(|c| *c >= width);
    let window_keys: Vec<Option<usize>> =
        aggregate.keys.iter().map(|k| window_column(&exprs[*k])).collect();
    if !window_keys.contains(&Some(0)) || !window_keys.contains(&Some(1)) {
        return None;
    }
    if conditions.iter().any(uses_window) {
        return None;
    }
    let mut columns: Vec<Expr> = vec![input.column(*time)];
    let mut position = |e: &Expr| -> Option<usize> {
        if uses_window(e) {
            return None;
        }
        Some(columns.iter().position(|c| c == e).unwrap_or_else(|| {
            columns.push(e.clone());
            columns.len() - 1
        }))
    };
    let plain_keys = aggregate.keys.iter().zip(&window_keys).filter(|(_, w)| w.is_none());
    let keys = plain_keys.map(|(k, _)| position(&exprs[*k])).collect::<Option<Vec<_>>>()?;
    let mut calls = aggregate.calls.clone();
    for call in &mut calls {
        for arg in &mut call.args {
            *arg = position(&exprs[*arg])?;
        }
        if let Some(filter) = call.filter {
            call.filter = Some(position(&exprs[filter])?);
        }
    }
    let kind = match kind {
        WindowKind::Session { gap, partition } => {
            let partition = partition
                .iter()
                .map(|c| position(&input.column(*c)))
                .collect::<Option<Vec<_>>>()?;
            // Sessions of other columns than the grouping's: the window function runs on its own.
            let same = partition.iter().all(|column| keys.contains(column))
                && keys.iter().all(|key| partition.contains(key));
            if !same {
                return None;
            }
            WindowKind::Session { gap: *gap, partition }
        }
        other => other.clone(),
    };
    Some(Pulled { input, kind, conditions, exprs: columns, time: 0, keys, window_keys, calls })
}

/// The window function below projections and filters; its rows as expressions over its output.
fn function_below(rel: &Rel) -> Option<(&Rel, Vec<Expr>, Vec<Expr>)> {
    match &rel.kind {
        RelKind::WindowTvf { .. } => Some((rel, rel.columns(), Vec::new())),
        RelKind::Project { input, exprs } => {
            let (function, below, conditions) = function_below(input)?;
            let exprs = exprs.iter().map(|e| read_through(e.clone(), &below)).collect();
            Some((function, exprs, conditions))
        }
        RelKind::Filter { input, condition } => {
            let (function, below, mut conditions) = function_below(input)?;
            conditions.extend(conjuncts(condition.clone().substitute(&below)));
            Some((function, below, conditions))
        }
        _ => None,
    }
}

/// The expression over the lower columns, with the type its reader gave it.
fn read_through(expr: Expr, below: &[Expr]) -> Expr {
    let ty = expr.ty.clone();
    match expr.kind {
        ExprKind::Column(index) => Expr { ty, ..below[index].clone() },
        _ => expr.substitute(below),
    }
}
