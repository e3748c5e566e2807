//! Subqueries in expressions become joins: `IN` and `EXISTS` semi or anti joins, scalar subqueries
//! left joins. Correlated ones are flattened by pulling the conditions that name outer columns up
//! to the join (`SubQueryDecorrelator`).

use river_core::expr::ExprKind as BoundKind;
use river_core::plan::{JoinKind, SortKey};
use river_core::{Expr, Field, LogicalType, Value};
use river_expr::bind;

use super::expr::{OUTER, SUBQUERY, materialised, placeholder_index};
use super::from::join;
use super::{Binder, ExprBinder, Scope};
use crate::error::{AtSpan, Result, SqlError};
use crate::parse::ast::{self, ExprKind, Span, UnaryOp};
use crate::rel::{JoinHints, OverCall, OverWindow, Rel, RelKind, conjunction, conjuncts};

/// `[NOT] IN (query)` or `[NOT] EXISTS (query)` as a whole condition.
pub struct Test<'e> {
    /// Left side of `IN`; none for `EXISTS`.
    operand: Option<&'e ast::Expr>,
    query: &'e ast::Query,
    negated: bool,
}

/// The subquery test that an expression is, if it is one.
pub fn test(expr: &ast::Expr) -> Option<Test<'_>> {
    match &expr.kind {
        ExprKind::InSubquery { expr, query, negated } => {
            Some(Test { operand: Some(expr), query, negated: *negated })
        }
        ExprKind::Exists(query) => Some(Test { operand: None, query, negated: false }),
        ExprKind::Unary { op: UnaryOp::Not, expr } => {
            let inner = test(expr)?;
            Some(Test { negated: !inner.negated, ..inner })
        }
        _ => None,
    }
}

impl Binder<'_> {
    /// Binds a query that may name columns of `scope`.
    pub(super) fn subquery(&mut self, query: &ast::Query, scope: &Scope) -> Result<Rel> {
        self.outer.push(scope.clone());
        let result = self.query(query);
        self.outer.pop();
        result
    }

    /// Joins `input` with the subquery of an `IN` or `EXISTS`.
    pub(super) fn subquery_test(
        &mut self,
        input: Rel,
        scope: &Scope,
        test: &Test<'_>,
        span: Span,
    ) -> Result<Rel> {
        let mut right = self.subquery(test.query, scope)?;
        let width = input.schema.len();
        let mut conditions = Vec::new();
        if let Some(operand) = test.operand {
            let left = match &operand.kind {
                ExprKind::Row { items, .. } => {
                    ExprBinder::new(self, scope, "IN").bind_all(items)?
                }
                _ => vec![ExprBinder::new(self, scope, "IN").bind(operand)?],
            };
            if left.len() != right.schema.len() {
                return Err(SqlError::at(
                    span,
                    "Values passed to IN operator must have compatible types",
                )
                .with_label(format!(
                    "{} columns on the left, {} on the right",
                    left.len(),
                    right.schema.len()
                )));
            }
            for (i, value) in left.into_iter().enumerate() {
                let column = Expr::column(width + i, right.schema[i].ty.materialised());
                conditions.push(self.in_condition(value, column, test.negated, span)?);
            }
        }
        if contains_outer(&right) {
            let (flat, correlated) = decorrelate(right, width, span)?;
            right = flat;
            conditions.extend(correlated);
        }
        let kind = if test.negated { JoinKind::Anti } else { JoinKind::Semi };
        Ok(join(input, right, kind, conjunction(conditions), JoinHints::default()))
    }

    /// Equality; for `NOT IN` also true where either side is NULL, since the answer is unknown
    /// then.
    fn in_condition(&self, value: Expr, column: Expr, negated: bool, span: Span) -> Result<Expr> {
        let value = materialised(value);
        let call = |name: &str, args| bind::call(&self.eval, name, args).at(span);
        let equal = call("=", vec![value.clone(), column.clone()])?;
        if !negated || (!value.ty.nullable && !column.ty.nullable) {
            return Ok(equal);
        }
        let mut any = equal;
        for side in [value, column] {
            if side.ty.nullable {
                let null = call("IS NULL", vec![side])?;
                any = call("OR", vec![any, null])?;
            }
        }
        Ok(any)
    }
}

/// Left-joins `input` with scalar subqueries; returns the column that holds the value of each.
pub fn attach(mut input: Rel, subqueries: Vec<Rel>, span: Span) -> Result<(Rel, Vec<usize>)> {
    let mut columns = Vec::with_capacity(subqueries.len());
    for sub in subqueries {
        let at = input.schema.len();
        let (right, conditions) = if contains_outer(&sub) {
            decorrelate(sub, at, span)?
        } else if at_most_one_row(&sub) {
            (sub, Vec::new())
        } else {
            let schema = sub.schema.clone();
            (Rel::new(RelKind::SingleRow(Box::new(sub)), schema), Vec::new())
        };
        columns.push(at);
        input = join(input, right, JoinKind::Left, conjunction(conditions), JoinHints::default());
    }
    Ok((input, columns))
}

/// A global aggregate, through projections, gives one row at most.
fn at_most_one_row(rel: &Rel) -> bool {
    match &rel.kind {
        RelKind::Project { input, .. } | RelKind::Filter { input, .. } => at_most_one_row(input),
        RelKind::Aggregate(aggregate) => aggregate.keys.is_empty() && aggregate.window.is_none(),
        RelKind::Values(rows) => rows.len() <= 1,
        RelKind::SingleRow(_) => true,
        _ => false,
    }
}

/// Replaces placeholders of scalar subqueries by the columns that hold their values.
pub fn replace(expr: Expr, columns: &[usize]) -> Expr {
    match placeholder_index(&expr, SUBQUERY) {
        Some(i) => Expr::column(columns[i], expr.ty),
        None => expr.map_children(&mut |child| replace(child, columns)),
    }
}

fn has_outer(expr: &Expr) -> bool {
    matches!(&expr.kind, BoundKind::Call { function, .. } if function == OUTER)
        || expr.children().into_iter().any(has_outer)
}

/// Whether any expression of the relation names a column of a query around it.
pub fn contains_outer(rel: &Rel) -> bool {
    let own = match &rel.kind {
        RelKind::Project { exprs, .. } => exprs.iter().any(has_outer),
        RelKind::Filter { condition, .. } => has_outer(condition),
        RelKind::Join { condition, .. } | RelKind::TemporalJoin { condition, .. } => {
            has_outer(condition)
        }
        RelKind::Correlate { args, condition, .. } => {
            args.iter().any(has_outer) || has_outer(condition)
        }
        RelKind::Expand { projections, .. } => projections.iter().flatten().any(has_outer),
        _ => false,
    };
    own || rel.inputs().into_iter().any(contains_outer)
}

/// Frees a relation of outer columns. Returns it, its own columns first, and the conditions over
/// `outer_width` outer columns ++ its columns that the join with the outer query must test.
pub fn decorrelate(rel: Rel, outer_width: usize, span: Span) -> Result<(Rel, Vec<Expr>)> {
    let (rel, pulled) = pull(rel, span)?;
    let mut conditions = Vec::with_capacity(pulled.len());
    for condition in pulled {
        conditions.push(over_join(condition, outer_width, span)?);
    }
    Ok((rel, conditions))
}

/// The condition over outer ++ inner columns.
fn over_join(expr: Expr, outer_width: usize, span: Span) -> Result<Expr> {
    if let BoundKind::Column(index) = expr.kind {
        return Ok(Expr::column(outer_width + index, expr.ty));
    }
    if let Some(index) = placeholder_index(&expr, OUTER) {
        let level = match &expr.kind {
            BoundKind::Call { args, .. } => {
                args.get(1).and_then(Expr::as_literal).and_then(Value::as_i64)
            }
            _ => None,
        };
        if level != Some(0) {
            return Err(unsupported(span));
        }
        return Ok(Expr::column(index, expr.ty));
    }
    super::select::map_fallible(expr, &mut |child| over_join(child, outer_width, span))
}

fn unsupported(span: Span) -> SqlError {
    SqlError::at(span, "this correlated subquery cannot be turned into a join")
        .with_help("compare outer and inner columns in the subquery's WHERE, joined by AND")
}

/// Pulls conditions that name outer columns to the top; they are over the returned columns.
fn pull(rel: Rel, span: Span) -> Result<(Rel, Vec<Expr>)> {
    if !contains_outer(&rel) {
        return Ok((rel, Vec::new()));
    }
    match rel.kind {
        RelKind::Filter { input, condition } => {
            let (input, mut pulled) = pull(*input, span)?;
            let (correlated, plain): (Vec<_>, Vec<_>) =
                conjuncts(condition).into_iter().partition(has_outer);
            pulled.extend(correlated);
            Ok((input.filter(conjunction(plain)), pulled))
        }
        RelKind::Project { input, exprs } if !exprs.iter().any(has_outer) => {
            let (input, pulled) = pull(*input, span)?;
            let mut names: Vec<String> = rel.schema.iter().map(|f| f.name.clone()).collect();
            let mut exprs = exprs;
            let pulled = pulled
                .into_iter()
                .map(|condition| {
                    map_inner(condition, &mut |column| {
                        position(&mut exprs, &mut names, input.column(column))
                    })
                })
                .collect();
            Ok((input.project(exprs, names), pulled))
        }
        RelKind::Aggregate(aggregate) => pull_aggregate(aggregate, rel.schema, span),
        RelKind::Sort { input, order, offset, limit } => {
            pull_sort(*input, order, offset, limit, rel.schema.len(), span)
        }
        _ => Err(unsupported(span)),
    }
}

fn position(exprs: &mut Vec<Expr>, names: &mut Vec<String>, wanted: Expr) -> usize {
    exprs.iter().position(|e| *e == wanted).unwrap_or_else(|| {
        names.push(format!("$c{}", exprs.len()));
        exprs.push(wanted);
        exprs.len() - 1
    })
}

/// Renames the inner columns of a pulled condition.
fn map_inner(expr: Expr, f: &mut dyn FnMut(usize) -> usize) -> Expr {
    if let BoundKind::Column(index) = expr.kind {
        return Expr::column(f(index), expr.ty);
    }
    if placeholder_index(&expr, OUTER).is_some() {
        return expr;
    }
    expr.map_children(&mut |child| map_inner(child, f))
}

/// Columns compared with outer ones become grouping keys, behind the results.
fn pull_aggregate(
    mut aggregate: crate::rel::Aggregate,
    schema: Vec<Field>,
    span: Span,
) -> Result<(Rel, Vec<Expr>)> {
    if aggregate.window.is_some() {
        return Err(unsupported(span));
    }
    let (input, pulled) = pull(*aggregate.input, span)?;
    let old_keys = aggregate.keys.len();
    let mut used = Vec::new();
    for condition in &pulled {
        if !is_equality(condition) {
            return Err(unsupported(span));
        }
        used.extend(condition_columns(condition));
    }
    used.sort_unstable();
    used.dedup();
    let extra: Vec<usize> = used.into_iter().filter(|c| !aggregate.keys.contains(c)).collect();
    let mut keyed = aggregate.keys.clone();
    keyed.extend(&extra);
    let mut grouped: Vec<Field> = schema[..old_keys].to_vec();
    grouped.extend(extra.iter().map(|c| input.schema[*c].clone()));
    grouped.extend(schema[old_keys..].iter().cloned());
    let at = |column: usize| keyed.iter().position(|k| *k == column).unwrap_or(0);
    let pulled: Vec<Expr> =
        pulled.into_iter().map(|c| map_inner(c, &mut |column| at(column))).collect();
    aggregate.keys = keyed;
    aggregate.input = Box::new(input);
    let rel = Rel::new(RelKind::Aggregate(aggregate), grouped);
    // Own columns first again.
    let own = schema.len();
    let order: Vec<usize> = (0..old_keys)
        .chain(old_keys + extra.len()..own + extra.len())
        .chain(old_keys..old_keys + extra.len())
        .collect();
    let exprs = order.iter().map(|c| rel.column(*c)).collect();
    let names = order.iter().map(|c| rel.schema[*c].name.clone()).collect();
    let moved = |column: usize| order.iter().position(|c| *c == column).unwrap_or(0);
    let pulled = pulled.into_iter().map(|c| map_inner(c, &mut |column| moved(column))).collect();
    Ok((rel.project(exprs, names), pulled))
}

/// `ORDER BY .. LIMIT n` for each outer row is a Top-N partitioned by the columns compared.
fn pull_sort(
    input: Rel,
    order: Vec<SortKey>,
    offset: u64,
    limit: Option<u64>,
    width: usize,
    span: Span,
) -> Result<(Rel, Vec<Expr>)> {
    let (input, pulled) = pull(input, span)?;
    let Some(limit) = limit else { return Ok((input, pulled)) };
    if !pulled.iter().all(is_equality) || offset > 0 {
        return Err(unsupported(span));
    }
    let mut partition: Vec<usize> = pulled.iter().flat_map(condition_columns).collect();
    partition.sort_unstable();
    partition.dedup();
    let number = LogicalType::BigInt.not_null();
    let mut schema = input.schema.clone();
    let rank = schema.len();
    schema.push(Field::new("$rank", number.clone()));
    let window = OverWindow { partition, order, frame: None };
    let call = OverCall {
        function: "ROW_NUMBER".to_owned(),
        args: Vec::new(),
        distinct: false,
        ty: number.clone(),
    };
    let visible = input.schema.len();
    debug_assert!(width <= visible);
    let over =
        Rel::new(RelKind::Over { input: Box::new(input), window, calls: vec![call] }, schema);
    let bound = Expr::literal(Value::Int64(limit as i64), number.clone());
    let condition =
        Expr::call("<=", vec![Expr::column(rank, number), bound], LogicalType::Boolean.not_null());
    let kept = over.filter(condition);
    let exprs = (0..visible).map(|i| kept.column(i)).collect();
    let names = kept.names()[..visible].to_vec();
    Ok((kept.project(exprs, names), pulled))
}

/// `outer expression = inner expression`.
fn is_equality(condition: &Expr) -> bool {
    match &condition.kind {
        BoundKind::Call { function, args } if function == "=" => {
            let outer_only = |e: &Expr| has_outer(e) && condition_columns(e).is_empty();
            let inner_only = |e: &Expr| !has_outer(e);
            (outer_only(&args[0]) && inner_only(&args[1]))
                || (inner_only(&args[0]) && outer_only(&args[1]))
        }
        _ => false,
    }
}

fn condition_columns(expr: &Expr) -> Vec<usize> {
    if placeholder_index(expr, OUTER).is_some() {
        return Vec::new();
    }
    match expr.kind {
        BoundKind::Column(index) => vec![index],
        _ => expr.children().into_iter().flat_map(condition_columns).collect(),
    }
}
