//! `INSERT INTO`: the query's columns meet the table's.

use std::sync::Arc;

use river_core::types::DataType;
use river_core::{Expr, Field, Value};
use river_expr::{bind, cast, fold};

use super::expr::materialised;
use super::query::retyped;
use super::{Binder, ExprBinder, Scope};
use crate::catalog::{Column, Object, Table};
use crate::error::{AtSpan, Result, SqlError};
use crate::parse::ast::{self, HintArgs};
use crate::physical::SinkTarget;
use crate::rel::Rel;

impl Binder<'_> {
    /// The relation that is written and the table it is written to.
    pub fn insert(&mut self, insert: &ast::Insert) -> Result<(Rel, SinkTarget)> {
        let span = insert.target.name.span();
        let table = self.sink_table(&insert.target.name)?;
        let mut options = table.options.clone();
        for hint in &insert.target.hints {
            match &hint.args {
                HintArgs::Options(pairs) if hint.name.value.eq_ignore_ascii_case("OPTIONS") => {
                    pairs.iter().for_each(|p| drop(options.set(&p.key.value, &p.value.value)));
                }
                _ => return Err(SqlError::at(hint.span, "only OPTIONS(..) may follow a table")),
            }
        }
        let writable: Vec<(usize, Column)> =
            table.writable().map(|(at, c)| (at, c.clone())).collect();
        let fixed = self.static_partition(insert, &writable)?;
        let given = given_columns(insert, &writable, &fixed)?;
        let source = self.query(&insert.source)?;
        if source.schema.len() != given.len() {
            return Err(different_number(&table, &source, &writable, &given, span));
        }
        let mut exprs = Vec::with_capacity(writable.len());
        for (position, (_, column)) in writable.iter().enumerate() {
            let value = if let Some(at) = given.iter().position(|g| *g == position) {
                let value = materialised(source.column(at));
                assign(value, column, at, &table, span)?
            } else if let Some((_, value)) = fixed.iter().find(|(c, _)| *c == position) {
                value.clone()
            } else if column.ty.nullable {
                Expr::literal(Value::Null, column.ty.materialised())
            } else {
                return Err(SqlError::at(
                    span,
                    format!(
                        "Column '{}' has no default value and does not allow NULLs",
                        column.name
                    ),
                ));
            };
            exprs.push(value);
        }
        let names = writable.iter().map(|(_, c)| c.name.clone()).collect();
        let columns: Vec<Field> =
            writable.iter().map(|(_, c)| Field::new(&c.name, c.ty.materialised())).collect();
        let primary_key = table
            .primary_key
            .iter()
            .filter_map(|k| writable.iter().position(|(at, _)| at == k))
            .collect();
        let target = SinkTarget {
            options,
            columns,
            primary_key,
            overwrite: insert.overwrite,
            on_conflict: insert.on_conflict,
            span,
            table,
        };
        Ok((source.project(exprs, names), target))
    }

    fn sink_table(&mut self, name: &ast::ObjectName) -> Result<Arc<Table>> {
        let home = (self.home.0.as_str(), self.home.1.as_str());
        let path = self.catalogs.resolve_in(name, home)?;
        match self.catalogs.get(&path) {
            Some(Object::Table(table)) => Ok(table.clone()),
            Some(Object::View(_)) => Err(SqlError::at(
                name.span(),
                format!("'{path}' is a view: only tables can be written"),
            )),
            None => Err(self.unknown_table(name)),
        }
    }

    /// `PARTITION (p = 'x')`: columns with one value for all rows.
    fn static_partition(
        &mut self,
        insert: &ast::Insert,
        writable: &[(usize, Column)],
    ) -> Result<Vec<(usize, Expr)>> {
        let mut fixed = Vec::new();
        for part in &insert.partition {
            let Some(value) = &part.value else { continue };
            let at = find(writable, &part.column)?;
            let scope = Scope::default();
            let bound = ExprBinder::new(self, &scope, "PARTITION clause").bind(value)?;
            let ty = writable[at].1.ty.materialised();
            let cast = bind::cast(bound, &ty, false).at(value.span)?;
            fixed.push((at, fold::fold(cast, &self.eval)));
        }
        Ok(fixed)
    }
}

fn find(writable: &[(usize, Column)], name: &ast::Ident) -> Result<usize> {
    writable
        .iter()
        .position(|(_, c)| c.name == name.value)
        .ok_or_else(|| SqlError::at(name.span, format!("Unknown target column '{}'", name.value)))
}

/// For each column of the query the column it is written to.
fn given_columns(
    insert: &ast::Insert,
    writable: &[(usize, Column)],
    fixed: &[(usize, Expr)],
) -> Result<Vec<usize>> {
    if insert.columns.is_empty() {
        let free = |c: &usize| !fixed.iter().any(|(f, _)| f == c);
        return Ok((0..writable.len()).filter(free).collect());
    }
    let mut given = Vec::with_capacity(insert.columns.len());
    for name in &insert.columns {
        let [ident] = name.0.as_slice() else {
            return Err(SqlError::at(
                name.span(),
                "inserting into a field of a ROW is not supported",
            ));
        };
        let at = find(writable, ident)?;
        if given.contains(&at) {
            return Err(SqlError::at(
                ident.span,
                format!("Target column '{}' is assigned more than once", ident.value),
            ));
        }
        given.push(at);
    }
    Ok(given)
}

fn different_number(
    table: &Table,
    source: &Rel,
    writable: &[(usize, Column)],
    given: &[usize],
    span: ast::Span,
) -> SqlError {
    let query: Vec<String> =
        source.schema.iter().map(|f| format!("{}: {}", f.name, f.ty)).collect();
    let sink: Vec<String> = given
        .iter()
        .map(|g| format!("{}: {}", writable[*g].1.name, writable[*g].1.ty.materialised()))
        .collect();
    SqlError::at(
        span,
        format!(
            "Column types of query result and sink for '{}' do not match.\nCause: Different number of columns.\n\nQuery schema: [{}]\nSink schema:  [{}]",
            table.path,
            query.join(", "),
            sink.join(", ")
        ),
    )
}

/// The value as the column takes it; what would need an explicit cast is refused.
fn assign(
    value: Expr,
    column: &Column,
    position: usize,
    table: &Table,
    span: ast::Span,
) -> Result<Expr> {
    let target: DataType = column.ty.materialised();
    if value.ty.logical == target.logical {
        // NOT NULL is enforced where rows are written.
        return Ok(value);
    }
    let from = value.ty.with_nullable(true);
    if !cast::supports_implicit(&from, &target.with_nullable(true)) {
        return Err(SqlError::at(
            span,
            format!(
                "Column types of query result and sink for '{}' do not match.\nCause: Incompatible types for sink column '{}' at position {position}.",
                table.path, column.name
            ),
        )
        .with_label(format!("the query gives {}, the column is {}", value.ty, column.ty))
        .with_help(format!("add CAST(.. AS {}) if the conversion is meant", target.logical)));
    }
    Ok(retyped(value, &target))
}
