//! Which column a name means: the tables of a `FROM` clause, side by side.

use river_core::expr::ExprKind;
use river_core::options::nearest;
use river_core::{Expr, Field, LogicalType};

use crate::error::{Result, SqlError};
use crate::parse::ast::{Ident, ObjectName};

/// One entry of a `FROM` clause.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Alias, or the table's own name parts (catalog, database, name).
    pub name: Vec<String>,
    /// First of its columns in the scope.
    pub start: usize,
    /// Number of its columns.
    pub len: usize,
}

/// The columns in sight.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Entries in order.
    pub relations: Vec<Relation>,
    /// Columns of all entries.
    pub fields: Vec<Field>,
    /// Columns that `USING` and `NATURAL` merged into others: reached only through their table.
    pub hidden: Vec<usize>,
}

impl Scope {
    /// The scope of a single relation.
    pub fn of(name: Vec<String>, fields: Vec<Field>) -> Scope {
        let relation = Relation { name, start: 0, len: fields.len() };
        Scope { relations: vec![relation], fields, hidden: Vec::new() }
    }

    /// This scope, then that of the right side of a join.
    pub fn join(mut self, right: Scope) -> Scope {
        let shift = self.fields.len();
        self.relations
            .extend(right.relations.into_iter().map(|r| Relation { start: r.start + shift, ..r }));
        self.fields.extend(right.fields);
        self.hidden.extend(right.hidden.into_iter().map(|c| c + shift));
        self
    }

    /// Columns of `*`.
    pub fn star(&self) -> Vec<usize> {
        (0..self.fields.len()).filter(|c| !self.hidden.contains(c)).collect()
    }

    /// Columns of `name.*`, if a table of that name is here.
    pub fn table_star(&self, name: &ObjectName) -> Option<Vec<usize>> {
        let parts = name.parts();
        let relation = self.relations.iter().find(|r| ends_with(&r.name, &parts))?;
        Some((relation.start..relation.start + relation.len).collect())
    }

    /// A reference to a column.
    pub fn column(&self, index: usize) -> Expr {
        Expr::column(index, self.fields[index].ty.clone())
    }

    /// The column, or field of a row column, that `path` names; `None` if there is none.
    pub fn resolve(&self, path: &[Ident]) -> Result<Option<Expr>> {
        // `table.column[.field]*`, the longest table name first.
        for split in (1..path.len()).rev() {
            let parts: Vec<&str> = path[..split].iter().map(|i| i.value.as_str()).collect();
            let Some(relation) = self.relations.iter().find(|r| ends_with(&r.name, &parts)) else {
                continue;
            };
            let columns = relation.start..relation.start + relation.len;
            if let Some(column) = self.unique(columns, &path[split])? {
                return fields(self.column(column), &path[split + 1..]).map(Some);
            }
        }
        let visible = (0..self.fields.len()).filter(|c| !self.hidden.contains(c));
        match self.unique(visible, &path[0])? {
            Some(column) => fields(self.column(column), &path[1..]).map(Some),
            None => Ok(None),
        }
    }

    fn unique(&self, columns: impl Iterator<Item = usize>, name: &Ident) -> Result<Option<usize>> {
        let mut found = columns.filter(|c| self.fields[*c].name == name.value);
        let first = found.next();
        if first.is_some() && found.next().is_some() {
            return Err(SqlError::at(name.span, format!("Column '{}' is ambiguous", name.value))
                .with_help("put the table's name or alias in front of it"));
        }
        Ok(first)
    }

    /// The error for a name that nothing here has.
    pub fn unknown(&self, path: &[Ident]) -> SqlError {
        let Some(last) = path.last() else { return SqlError::new("empty name") };
        let span = path[0].span.to(last.span);
        let (message, candidates): (_, Vec<&str>) = match path {
            [name] => (
                format!("Column '{}' not found in any table", name.value),
                self.fields.iter().map(|f| f.name.as_str()).collect(),
            ),
            [table, column, ..] => {
                let relation = self.relations.iter().find(|r| ends_with(&r.name, &[&table.value]));
                match relation {
                    Some(r) => (
                        format!("Column '{}' not found in table '{}'", column.value, table.value),
                        self.fields[r.start..r.start + r.len]
                            .iter()
                            .map(|f| f.name.as_str())
                            .collect(),
                    ),
                    None => (
                        format!("Table '{}' not found", table.value),
                        self.relations
                            .iter()
                            .filter_map(|r| r.name.last())
                            .map(|s| s.as_str())
                            .collect(),
                    ),
                }
            }
            [] => return SqlError::new("empty name"),
        };
        let error = SqlError::at(span, message);
        match nearest(&last.value, candidates.iter().copied()) {
            Some(near) => error.with_help(format!("did you mean `{near}`?")),
            None if candidates.is_empty() => error,
            None => error.with_help(format!("there are: {}", candidates.join(", "))),
        }
    }
}

/// Whether the last parts of `name` are `parts`.
fn ends_with(name: &[String], parts: &[&str]) -> bool {
    name.len() >= parts.len() && name[name.len() - parts.len()..].iter().eq(parts.iter())
}

/// `expr.a.b` over row values.
pub fn fields(mut expr: Expr, path: &[Ident]) -> Result<Expr> {
    for name in path {
        let LogicalType::Row(fields) = &expr.ty.logical else {
            return Err(SqlError::at(
                name.span,
                format!("Column '{}' not found in any table", name.value),
            )
            .with_label(format!("this is a field of a {}, not of a ROW", expr.ty.logical)));
        };
        let Some(index) = fields.iter().position(|f| f.name == name.value) else {
            let names: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
            return Err(SqlError::at(
                name.span,
                format!("Column '{}' not found in any table", name.value),
            )
            .with_help(format!("the row has the fields: {}", names.join(", "))));
        };
        let ty = fields[index].ty.with_nullable(fields[index].ty.nullable || expr.ty.nullable);
        expr = Expr { kind: ExprKind::Field { input: Box::new(expr), index }, ty };
    }
    Ok(expr)
}
