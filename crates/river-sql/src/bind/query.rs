//! Queries around their `SELECT`s: `WITH`, set operations, `VALUES`, `ORDER BY`, `LIMIT`.

use std::collections::HashMap;
use std::rc::Rc;

use river_core::plan::{JoinKind, SortKey};
use river_core::types::DataType;
use river_core::{Expr, Field, Value};
use river_expr::{bind, fold};

use super::expr::materialised;
use super::{Binder, ExprBinder, Scope};
use crate::error::{AtSpan, Result, SqlError};
use crate::parse::ast::{self, Limit, OrderItem, QueryBody, SetOp, Span};
use crate::rel::{Aggregate, JoinHints, Rel, RelKind, conjunction};

/// Descending, and NULLs first. Flink takes NULL as the smallest value.
pub fn direction(item: &OrderItem) -> (bool, bool) {
    let descending = item.asc == Some(false);
    (descending, item.nulls_first.unwrap_or(!descending))
}

impl Binder<'_> {
    /// A whole query.
    pub fn query(&mut self, query: &ast::Query) -> Result<Rel> {
        self.nested(query.span, |binder| binder.query_unchecked(query))
    }

    fn query_unchecked(&mut self, query: &ast::Query) -> Result<Rel> {
        let scopes = self.with.len();
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(SqlError::at(with.span, "recursive queries are not supported"));
            }
            for item in &with.items {
                let mut rel = self.query(&item.query)?;
                rename(&mut rel, &item.columns)?;
                let named = HashMap::from([(item.name.value.clone(), Rc::new(rel))]);
                self.with.push(named);
            }
        }
        let result = self.ordered(query);
        self.with.truncate(scopes);
        result
    }

    fn ordered(&mut self, query: &ast::Query) -> Result<Rel> {
        let offset = match &query.offset {
            Some(offset) => self.count(offset)?,
            None => 0,
        };
        let limit = match (&query.limit, &query.fetch) {
            (Some(Limit::Count(count)), _) | (None, Some(count)) => Some(self.count(count)?),
            _ => None,
        };
        let plain = query.order_by.is_empty() && limit.is_none() && offset == 0;
        let (rel, order, visible) = match &query.body {
            QueryBody::Select(select) => self.select(select, &query.order_by)?,
            body => {
                let rel = self.body(body, query.span)?;
                let order = self.order_by_output(&rel, &query.order_by)?;
                let visible = rel.schema.len();
                (rel, order, visible)
            }
        };
        if plain {
            return Ok(rel);
        }
        let schema = rel.schema.clone();
        let sorted = Rel::new(RelKind::Sort { input: Box::new(rel), order, offset, limit }, schema);
        if visible == sorted.schema.len() {
            return Ok(sorted);
        }
        let exprs = (0..visible).map(|i| sorted.column(i)).collect();
        let names = sorted.names()[..visible].to_vec();
        Ok(sorted.project(exprs, names))
    }

    /// The constant of `LIMIT`, `OFFSET`, `FETCH`.
    fn count(&mut self, expr: &ast::Expr) -> Result<u64> {
        let scope = Scope::default();
        let bound = ExprBinder::new(self, &scope, "LIMIT clause").bind(expr)?;
        let value = fold::evaluate_constant(&bound, &self.eval).ok();
        value
            .and_then(|v| v.as_i64())
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(|| SqlError::at(expr.span, "expected a number of rows"))
    }

    fn body(&mut self, body: &QueryBody, span: Span) -> Result<Rel> {
        match body {
            QueryBody::Select(select) => Ok(self.select(select, &[])?.0),
            QueryBody::Values(rows) => self.values(rows, span),
            QueryBody::Nested(query) => self.query(query),
            QueryBody::Table(name) => Ok(self.named_table(name, &[])?.0),
            QueryBody::SetOp { op, all, left, right, op_span } => {
                let left = self.query(left)?;
                let right = self.query(right)?;
                self.set_operation(*op, *all, left, right, *op_span)
            }
        }
    }

    /// `ORDER BY` over the columns of a set operation: names or positions.
    fn order_by_output(&mut self, rel: &Rel, items: &[OrderItem]) -> Result<Vec<SortKey>> {
        let scope = Scope::of(Vec::new(), rel.schema.clone());
        items
            .iter()
            .map(|item| {
                let bound = ExprBinder::new(self, &scope, "ORDER BY clause").bind(&item.expr)?;
                let column = match (bound.as_column(), bound.as_literal()) {
                    (Some(column), _) => column,
                    (_, Some(value)) => ordinal(value, rel.schema.len(), item.expr.span)?,
                    _ => {
                        return Err(SqlError::at(
                            item.expr.span,
                            "ORDER BY of a set operation takes its columns only",
                        ));
                    }
                };
                let (descending, nulls_first) = direction(item);
                Ok(SortKey { column, descending, nulls_first })
            })
            .collect()
    }

    fn set_operation(
        &mut self,
        op: SetOp,
        all: bool,
        left: Rel,
        right: Rel,
        span: Span,
    ) -> Result<Rel> {
        let (left_columns, right_columns) = (left.schema.len(), right.schema.len());
        if left_columns != right_columns {
            return Err(SqlError::at(span, "Column count mismatch in set operation").with_label(
                format!("{left_columns} columns on the left, {right_columns} on the right"),
            ));
        }
        let (left, right) = unify(left, right, span)?;
        match op {
            SetOp::Union => {
                let mut schema = left.schema.clone();
                for (field, other) in schema.iter_mut().zip(&right.schema) {
                    field.ty.nullable |= other.ty.nullable;
                }
                let mut inputs = Vec::new();
                for side in [left, right] {
                    match side.kind {
                        RelKind::Union(parts) if all => inputs.extend(parts),
                        kind => inputs.push(Rel { kind, schema: side.schema }),
                    }
                }
                let union = Rel::new(RelKind::Union(inputs), schema);
                Ok(if all { union } else { distinct(union) })
            }
            SetOp::Intersect | SetOp::Except if all => {
                Err(SqlError::at(span, "INTERSECT ALL and EXCEPT ALL are not supported yet")
                    .with_help("leave out ALL if duplicates do not matter"))
            }
            SetOp::Intersect | SetOp::Except => {
                let kind = if op == SetOp::Intersect { JoinKind::Semi } else { JoinKind::Anti };
                let left = distinct(left);
                let conditions = (0..left_columns)
                    .map(|i| {
                        let l = materialised(left.column(i));
                        let mut r = materialised(right.column(i));
                        r.kind = river_core::expr::ExprKind::Column(left_columns + i);
                        bind::call(&self.eval, "IS NOT DISTINCT FROM", vec![l, r]).at(span)
                    })
                    .collect::<Result<Vec<_>>>()?;
                let schema = left.schema.clone();
                let join = RelKind::Join {
                    left: Box::new(left),
                    right: Box::new(right),
                    kind,
                    condition: conjunction(conditions),
                    hints: JoinHints::default(),
                };
                Ok(Rel::new(join, schema))
            }
        }
    }

    /// `VALUES (..), (..)`
    pub(super) fn values(&mut self, rows: &[ast::Expr], span: Span) -> Result<Rel> {
        let scope = Scope::default();
        let mut bound: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut binder = ExprBinder::new(self, &scope, "VALUES clause");
            bound.push(match &row.kind {
                ast::ExprKind::Row { items, .. } => binder.bind_all(items)?,
                _ => vec![binder.bind(row)?],
            });
        }
        let width = bound.first().map_or(0, Vec::len);
        if let Some(at) = bound.iter().position(|row| row.len() != width) {
            return Err(SqlError::at(
                rows[at].span,
                "Values passed to VALUES operator must have the same number of columns",
            )
            .with_label(format!("{} values, {width} in the first row", bound[at].len())));
        }
        let mut types: Vec<DataType> = Vec::with_capacity(width);
        for column in 0..width {
            let all: Vec<&DataType> = bound.iter().map(|row| &row[column].ty).collect();
            types.push(bind::common_type(&all).ok_or_else(|| {
                SqlError::at(
                    span,
                    format!(
                        "Values passed to VALUES operator must have compatible types (column {})",
                        column + 1
                    ),
                )
            })?);
        }
        let schema: Vec<Field> = types
            .iter()
            .enumerate()
            .map(|(i, ty)| Field::new(format!("EXPR${i}"), ty.clone()))
            .collect();
        self.constant_rows(bound, &types, schema)
    }

    fn constant_rows(
        &mut self,
        rows: Vec<Vec<Expr>>,
        types: &[DataType],
        schema: Vec<Field>,
    ) -> Result<Rel> {
        let rows: Vec<Vec<Expr>> = rows
            .into_iter()
            .map(|row| {
                let cells = row.into_iter().zip(types);
                cells.map(|(e, ty)| fold::fold(retyped(e, ty), &self.eval)).collect()
            })
            .collect();
        let constants: Option<Vec<Vec<Value>>> =
            rows.iter().map(|row| row.iter().map(|e| e.as_literal().cloned()).collect()).collect();
        if let Some(constants) = constants {
            return Ok(Rel::new(RelKind::Values(constants), schema));
        }
        let parts: Vec<Rel> = rows
            .into_iter()
            .map(|row| {
                let names = schema.iter().map(|f| f.name.clone()).collect();
                let mut rel = one_row().project(row, names);
                rel.schema = schema.clone();
                rel
            })
            .collect();
        Ok(Rel::new(RelKind::Union(parts), schema))
    }
}

/// One row without columns: the input of a `SELECT` without `FROM`.
pub fn one_row() -> Rel {
    Rel::new(RelKind::Values(vec![Vec::new()]), Vec::new())
}

/// The expression as a value of exactly that type (nullability of the type kept).
pub fn retyped(expr: Expr, ty: &DataType) -> Expr {
    if expr.ty.logical == ty.logical {
        return Expr { ty: ty.with_nullable(expr.ty.nullable), ..expr };
    }
    if let Some(Value::Null) = expr.as_literal() {
        return Expr::literal(Value::Null, ty.with_nullable(true));
    }
    let target = ty.with_nullable(expr.ty.nullable);
    bind::cast(materialised(expr.clone()), &target, false).unwrap_or(expr)
}

/// Both sides with columns of the types that hold the values of both.
fn unify(left: Rel, right: Rel, span: Span) -> Result<(Rel, Rel)> {
    let mut types = Vec::with_capacity(left.schema.len());
    for (l, r) in left.schema.iter().zip(&right.schema) {
        let ty = bind::common_type(&[&l.ty, &r.ty]).ok_or_else(|| {
            SqlError::at(
                span,
                format!("Type mismatch in column {} of the set operation", types.len() + 1),
            )
            .with_label(format!("{} on the left, {} on the right", l.ty, r.ty))
        })?;
        types.push(ty);
    }
    let cast = |rel: Rel| {
        if rel.schema.iter().zip(&types).all(|(f, ty)| f.ty.logical == ty.logical) {
            return rel;
        }
        let exprs = rel.columns().into_iter().zip(&types).map(|(e, ty)| retyped(e, ty)).collect();
        let names = rel.names();
        rel.project(exprs, names)
    };
    let names = left.names();
    let (left, mut right) = (cast(left), cast(right));
    right.schema.iter_mut().zip(names).for_each(|(f, name)| f.name = name);
    Ok((left, right))
}

/// The rows without duplicates.
pub fn distinct(input: Rel) -> Rel {
    let schema: Vec<Field> =
        input.schema.iter().map(|f| Field::new(&f.name, f.ty.materialised())).collect();
    let keys = (0..schema.len()).collect();
    let aggregate = Aggregate {
        input: Box::new(input),
        keys,
        calls: Vec::new(),
        window: None,
        properties: Vec::new(),
        ttl_ms: None,
    };
    Rel::new(RelKind::Aggregate(aggregate), schema)
}

/// The column that a position in `ORDER BY` means.
pub fn ordinal(value: &Value, columns: usize, span: Span) -> Result<usize> {
    value
        .as_i64()
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| (1..=columns).contains(n))
        .map(|n| n - 1)
        .ok_or_else(|| SqlError::at(span, "Ordinal out of range"))
}

/// Gives the columns other names; none given: nothing changes.
pub fn rename(rel: &mut Rel, names: &[ast::Ident]) -> Result<()> {
    let Some(first) = names.first() else { return Ok(()) };
    if names.len() != rel.schema.len() {
        let span = names.iter().fold(first.span, |span, name| span.to(name.span));
        return Err(SqlError::at(
            span,
            format!(
                "List of column aliases must have same degree as table; table has {} columns, whereas alias list has {} columns",
                rel.schema.len(),
                names.len()
            ),
        ));
    }
    for (field, name) in rel.schema.iter_mut().zip(names) {
        field.name = name.value.clone();
    }
    Ok(())
}
