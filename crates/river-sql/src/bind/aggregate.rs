//! Aggregates and group windows of a `SELECT`: what the expression binder collected becomes an
//! [`Aggregate`] node, and expressions are rewritten to read its output.

use river_core::plan::{AggregateCall, WindowKind, WindowProperty};
use river_core::{DataType, Expr, Field, LogicalType};

use super::expr::{AGGREGATE, WINDOW, placeholder_index};
use crate::rel::{Aggregate, GroupWindowProperty, Rel, RelKind};

/// One aggregate call, its arguments over the input of the grouping.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateRequest {
    /// Canonical name.
    pub function: &'static str,
    /// `DISTINCT`
    pub distinct: bool,
    /// Arguments, cast to what the function takes.
    pub args: Vec<Expr>,
    /// `FILTER (WHERE ..)`
    pub filter: Option<Expr>,
    /// Type of the result.
    pub ty: DataType,
}

/// `TUMBLE(time, size)` and its like in `GROUP BY`.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupWindow {
    /// Shape; sessions get their partition from the grouping keys.
    pub kind: WindowKind,
    /// Time attribute, over the input of the grouping.
    pub time: Expr,
}

/// Groups `input` by `keys`. The output has the keys, the results, then the window columns.
pub fn aggregate(
    input: Rel,
    keys: &[Expr],
    requests: &[AggregateRequest],
    window: Option<(GroupWindow, Vec<GroupWindowProperty>)>,
    ttl_ms: Option<u64>,
) -> Rel {
    // A projection below gives every key and argument as a plain column.
    let mut columns: Vec<Expr> = Vec::new();
    let position =
        |expr: &Expr, columns: &mut Vec<Expr>| match columns.iter().position(|c| c == expr) {
            Some(at) => at,
            None => {
                columns.push(expr.clone());
                columns.len() - 1
            }
        };
    let key_columns: Vec<usize> = keys.iter().map(|k| position(k, &mut columns)).collect();
    let calls: Vec<AggregateCall> = requests
        .iter()
        .enumerate()
        .map(|(i, request)| AggregateCall {
            function: request.function.to_owned(),
            args: request.args.iter().map(|a| position(a, &mut columns)).collect(),
            distinct: request.distinct,
            filter: request.filter.as_ref().map(|f| position(f, &mut columns)),
            ty: request.ty.clone(),
            name: format!("EXPR${i}"),
        })
        .collect();
    let (window, properties) = match window {
        None => (None, Vec::new()),
        Some((window, properties)) => {
            (Some((window.kind, position(&window.time, &mut columns))), properties)
        }
    };
    let names: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| match c.as_column() {
            Some(column) => input.schema[column].name.clone(),
            None => format!("$f{i}"),
        })
        .collect();
    let input = input.project(columns, names);
    let time_type = window.as_ref().map(|(_, time)| input.schema[*time].ty.clone());
    let mut schema: Vec<Field> = key_columns
        .iter()
        // `window_time` stays a time attribute if this becomes a window aggregate: the planner
        // knows.
        .map(|k| input.schema[*k].clone())
        .collect();
    schema.extend(calls.iter().map(|c| Field::new(&c.name, c.ty.clone())));
    if let Some(time) = &time_type {
        schema.extend(
            properties.iter().map(|p| Field::new(property_name(*p), property_type(*p, time))),
        );
    }
    let kind = RelKind::Aggregate(Aggregate {
        input: Box::new(input),
        keys: key_columns,
        calls,
        window,
        properties,
        ttl_ms,
    });
    Rel::new(kind, schema)
}

fn property_name(property: GroupWindowProperty) -> &'static str {
    match property {
        GroupWindowProperty::Window(WindowProperty::Start) => "w$start",
        GroupWindowProperty::Window(WindowProperty::End) => "w$end",
        GroupWindowProperty::Window(WindowProperty::Time) => "w$rowtime",
        GroupWindowProperty::Proctime => "w$proctime",
    }
}

/// Window bounds are local timestamps; the rowtime has the type of the time attribute.
pub fn property_type(property: GroupWindowProperty, time: &DataType) -> DataType {
    match property {
        GroupWindowProperty::Window(WindowProperty::Time) => time.logical.clone().not_null(),
        GroupWindowProperty::Window(_) => LogicalType::timestamp(3).not_null(),
        GroupWindowProperty::Proctime => {
            LogicalType::TimestampLtz(3, river_core::types::TimeKind::Proctime).not_null()
        }
    }
}

/// Rewrites an expression over the grouping's input to read its output: keys, results, window
/// columns. `Err` holds a column that is neither.
pub fn over_output(
    expr: Expr,
    keys: &[Expr],
    aggregates: usize,
    output: &[Field],
) -> Result<Expr, usize> {
    if let Some(at) = keys.iter().position(|k| same(k, &expr)) {
        return Ok(Expr::column(at, output[at].ty.clone()));
    }
    if let Some(i) = placeholder_index(&expr, AGGREGATE) {
        return Ok(Expr::column(keys.len() + i, expr.ty));
    }
    if let Some(i) = placeholder_index(&expr, WINDOW) {
        let at = keys.len() + aggregates + i;
        return Ok(Expr::column(at, output[at].ty.clone()));
    }
    if let Some(column) = expr.as_column() {
        return Err(column);
    }
    let mut failed = None;
    let rewritten = expr.map_children(&mut |child| {
        let ty = child.ty.clone();
        match over_output(child, keys, aggregates, output) {
            Ok(child) => child,
            Err(column) => {
                failed.get_or_insert(column);
                Expr::column(0, ty)
            }
        }
    });
    failed.map_or(Ok(rewritten), Err)
}

/// Equal but for a time attribute read as an ordinary timestamp.
fn same(a: &Expr, b: &Expr) -> bool {
    a.kind == b.kind && a.ty.materialised() == b.ty.materialised()
}
