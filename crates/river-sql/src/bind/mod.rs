//! Names and types: from the syntax tree to the typed logical algebra ([`crate::rel`]).
//!
//! | file | what |
//! |---|---|
//! | `scope` | which column a name means |
//! | `literal` | constants |
//! | `expr` | scalar expressions; aggregates, `OVER` calls and subqueries become placeholders |
//! | `call` | function calls of every shape |
//! | `json` | SQL/JSON functions |
//! | `query` | `WITH`, set operations, `ORDER BY`, `VALUES` |
//! | `from` | tables, joins, table functions |
//! | `select` | `SELECT` with its grouping |
//! | `aggregate`, `over`, `subquery` | what the placeholders become |
//! | `insert` | `INSERT INTO`: the columns of query and table |
//! | `table` | `CREATE TABLE`: columns, watermark, keys |

use std::collections::HashMap;
use std::rc::Rc;

use river_core::options::Options;
use river_expr::Session as EvalSession;

use crate::catalog::{Catalogs, Connectors};
use crate::error::{Result, SqlError};
use crate::parse::ast;
use crate::rel::Rel;

mod aggregate;
mod call;
mod expr;
mod from;
mod insert;
mod json;
mod literal;
mod over;
mod query;
mod scope;
mod select;
mod subquery;
pub mod table;

pub use expr::ExprBinder;
pub use query::rename;
pub use scope::{Relation, Scope};

/// Views and subqueries may be nested this deep.
const MAX_DEPTH: usize = 64;

/// Relations and columns that one statement may come to: views and queries of `WITH` that name one
/// another twice double at each step.
const MAX_PARTS: usize = 50_000;

/// Binds queries against a session's catalogs.
pub struct Binder<'a> {
    /// Tables and views.
    pub catalogs: &'a Catalogs,
    /// Session options.
    pub options: &'a Options,
    /// Session settings of expressions.
    pub eval: EvalSession,
    /// What is known of connectors.
    pub connectors: &'a dyn Connectors,
    /// Text of the script, for names of computed columns.
    pub text: &'a str,
    /// Catalog and database in which names are resolved.
    home: (String, String),
    /// Queries of `WITH` in sight, innermost last.
    with: Vec<HashMap<String, Rc<Rel>>>,
    /// Scopes around the query being bound, innermost last, for correlated subqueries.
    outer: Vec<Scope>,
    depth: usize,
    /// Relations and columns so far.
    parts: usize,
}

impl<'a> Binder<'a> {
    /// A binder for one statement of `text`.
    pub fn new(
        catalogs: &'a Catalogs,
        options: &'a Options,
        connectors: &'a dyn Connectors,
        text: &'a str,
    ) -> Result<Binder<'a>> {
        let eval = EvalSession::from_options(options).map_err(SqlError::new)?;
        let home = (catalogs.catalog.clone(), catalogs.database.clone());
        Ok(Binder {
            catalogs,
            options,
            eval,
            connectors,
            text,
            home,
            with: Vec::new(),
            outer: Vec::new(),
            depth: 0,
            parts: 0,
        })
    }

    /// Runs `f` one level deeper; too many levels are an error, not a stack overflow.
    fn nested<T>(&mut self, span: ast::Span, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(SqlError::at(span, "the query is nested too deeply")
                .with_help(format!("at most {MAX_DEPTH} levels of views and subqueries")));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// Counts the parts of a named relation each time it is referred to.
    fn count_parts(&mut self, parts: usize, span: ast::Span) -> Result<()> {
        self.parts = self.parts.saturating_add(parts);
        if self.parts <= MAX_PARTS {
            return Ok(());
        }
        Err(SqlError::at(span, "the statement comes to too many relations and columns").with_help(
            format!("at most {MAX_PARTS}; a view or WITH query counts each time it is named"),
        ))
    }

    /// Runs `f` with another catalog and database as home and nothing of the query around in
    /// sight: the body of a view.
    fn in_home<T>(
        &mut self,
        home: (String, String),
        f: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let home = std::mem::replace(&mut self.home, home);
        let with = std::mem::take(&mut self.with);
        let outer = std::mem::take(&mut self.outer);
        let result = f(self);
        (self.home, self.with, self.outer) = (home, with, outer);
        result
    }
}
