//! One user's session: catalogs, options, and what each statement does to them.
//!
//! Driven by the command line and, later, the SQL gateway. A statement that starts a job comes back
//! as a [`Plan`]; running it is the caller's part.

use std::sync::Arc;

use river_core::Field;
use river_core::options::Options;
use river_core::plan::{Operator, Plan};

use crate::bind::Binder;
use crate::catalog::{Catalogs, Connectors, Object, ObjectPath, View};
use crate::error::{Result, SqlError};
use crate::parse::ast::{self, ObjectKind, Span, Spanned, Statement, Temporality};
use crate::physical::{self, Planner};
use crate::rewrite::rewrite;

mod show;
#[cfg(test)]
mod tests;

/// What a statement gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Done; nothing to show.
    Done,
    /// A small table to show.
    Table {
        /// Column names.
        columns: Vec<String>,
        /// Rows of text.
        rows: Vec<Vec<String>>,
    },
    /// Text to show.
    Text(String),
    /// A job that writes tables.
    Insert(Plan),
    /// A job whose last node gives the rows of a query.
    Query {
        /// The job.
        plan: Plan,
        /// Columns of the result.
        schema: Vec<Field>,
    },
    /// The client should end.
    Quit,
    /// The client should clear its screen.
    Clear,
    /// The client should show its help.
    Help,
}

/// A session.
pub struct Session {
    catalogs: Catalogs,
    options: Options,
    defaults: Options,
    connectors: Arc<dyn Connectors>,
}

impl Session {
    /// A session with options from configuration and command line.
    pub fn new(options: Options, connectors: Arc<dyn Connectors>) -> Session {
        Session { catalogs: Catalogs::default(), defaults: options.clone(), options, connectors }
    }

    /// Current options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Catalogs and their tables.
    pub fn catalogs(&self) -> &Catalogs {
        &self.catalogs
    }

    /// Executes one statement of `text`.
    pub fn execute(&mut self, statement: &Spanned<Statement>, text: &str) -> Result<Outcome> {
        let span = statement.span;
        self.run(&statement.value, span, text).map_err(|error| error.or_at(span))
    }

    fn run(&mut self, statement: &Statement, span: Span, text: &str) -> Result<Outcome> {
        match statement {
            Statement::Set(None) => Ok(show::options(&self.options)),
            Statement::Set(Some(option)) => self.set(option),
            Statement::Reset(None) => {
                self.options = self.defaults.clone();
                Ok(Outcome::Done)
            }
            Statement::Reset(Some(key)) => {
                match self.defaults.get(&key.value) {
                    Some(value) => drop(self.options.set(&key.value, value)),
                    None => drop(self.options.remove(&key.value)),
                }
                Ok(Outcome::Done)
            }
            Statement::UseCatalog(name) => {
                let database = match self.catalogs.database_names(&name.value) {
                    Some(names) => names.first().cloned().unwrap_or_default(),
                    None => String::new(),
                };
                self.catalogs.use_database(&name.value, &database)?;
                Ok(Outcome::Done)
            }
            Statement::UseDatabase(name) => self.use_database(name),
            Statement::CreateTable(table) => self.create_table(table, text),
            Statement::CreateView(view) => self.create_view(view, text),
            Statement::CreateDatabase(database) => {
                let (catalog, name) = self.database_path(&database.name)?;
                self.catalogs.create_database(&catalog, &name, database.if_not_exists)?;
                Ok(Outcome::Done)
            }
            Statement::CreateFunction(function) => self.create_function(function),
            Statement::Drop(drop) => self.drop(drop),
            Statement::Insert(insert) => self.inserts(&[insert], text).map(Outcome::Insert),
            Statement::StatementSet(inserts) => {
                let inserts: Vec<&ast::Insert> = inserts.iter().map(|i| &i.value).collect();
                self.inserts(&inserts, text).map(Outcome::Insert)
            }
            Statement::Query(query) => self.query(query, text),
            Statement::Explain(explain) => {
                let inner = &explain.statement;
                match self.run(&inner.value, inner.span, text)? {
                    Outcome::Insert(plan) | Outcome::Query { plan, .. } => {
                        Ok(Outcome::Text(plan.to_string()))
                    }
                    _ => Err(SqlError::at(
                        inner.span,
                        "EXPLAIN takes a query, an INSERT or a statement set",
                    )),
                }
            }
            Statement::Describe(describe) => show::describe(self, describe),
            Statement::Show(show) => show::show(self, show),
            Statement::Quit => Ok(Outcome::Quit),
            Statement::Clear => Ok(Outcome::Clear),
            Statement::Help => Ok(Outcome::Help),
            Statement::AddJar(path) | Statement::RemoveJar(path) => {
                Err(SqlError::at(path.span, "JAR files cannot be used: there is no JVM here")
                    .with_help(
                        "built-in connectors and functions need none; leave the statement out",
                    ))
            }
            _ => Err(SqlError::at(span, "this statement is not supported yet")),
        }
    }

    fn set(&mut self, option: &ast::PropertyOption) -> Result<Outcome> {
        let key = &option.key.value;
        let previous = self.options.set(key, &option.value.value);
        // Settings that are read at every statement are checked when they are made.
        let checked = river_expr::Session::from_options(&self.options)
            .map_err(SqlError::new)
            .and_then(|_| Planner::new(&self.options, self.connectors.as_ref()).map(drop));
        if let Err(error) = checked {
            match previous {
                Some(value) => drop(self.options.set(key, value)),
                None => drop(self.options.remove(key)),
            }
            return Err(error.or_at(option.value.span));
        }
        Ok(Outcome::Done)
    }

    fn use_database(&mut self, name: &ast::ObjectName) -> Result<Outcome> {
        let (catalog, database) = self.database_path(name)?;
        self.catalogs.use_database(&catalog, &database).map_err(|e| e.or_at(name.span()))?;
        Ok(Outcome::Done)
    }

    fn database_path(&self, name: &ast::ObjectName) -> Result<(String, String)> {
        match name.parts().as_slice() {
            [database] => Ok((self.catalogs.catalog.clone(), (*database).to_owned())),
            [catalog, database] => Ok(((*catalog).to_owned(), (*database).to_owned())),
            _ => Err(SqlError::at(name.span(), "a database's name is [catalog.]database")),
        }
    }

    fn binder<'s>(&'s self, text: &'s str) -> Result<Binder<'s>> {
        Binder::new(&self.catalogs, &self.options, self.connectors.as_ref(), text)
    }

    fn create_table(&mut self, definition: &ast::CreateTable, text: &str) -> Result<Outcome> {
        let span = definition.name.span();
        if definition.query.is_some() {
            return Err(SqlError::at(span, "CREATE TABLE .. AS is not supported yet")
                .with_help("create the table, then INSERT INTO it"));
        }
        let path = self.catalogs.resolve(&definition.name)?;
        let table = self.binder(text)?.table(definition, path.clone())?;
        let replace = definition.mode != ast::CreateMode::Create;
        let temporary = definition.temporary;
        let object = Object::Table(Arc::new(table));
        self.catalogs
            .create(path, object, temporary, definition.if_not_exists, replace)
            .map_err(|e| e.or_at(span))?;
        Ok(Outcome::Done)
    }

    fn create_view(&mut self, definition: &ast::CreateView, text: &str) -> Result<Outcome> {
        let span = definition.name.span();
        let path = self.catalogs.resolve(&definition.name)?;
        let mut rel = self.binder(text)?.query(&definition.query)?;
        crate::bind::rename(&mut rel, &definition.columns)?;
        unique_names(&rel.schema, span)?;
        let query_span = definition.query.span;
        let view = View {
            path: path.clone(),
            columns: rel.names(),
            schema: rel.schema,
            query: Arc::new(definition.query.clone()),
            text: text.get(query_span.start..query_span.end).unwrap_or_default().to_owned(),
            home: (self.catalogs.catalog.clone(), self.catalogs.database.clone()),
            comment: definition.comment.as_ref().map(|c| c.value.clone()),
            temporary: definition.temporary,
        };
        let object = Object::View(Arc::new(view));
        self.catalogs
            .create(path, object, definition.temporary, definition.if_not_exists, false)
            .map_err(|e| e.or_at(span))?;
        Ok(Outcome::Done)
    }

    /// Classes of well-known functions have counterparts here; others cannot run without a JVM.
    fn create_function(&mut self, function: &ast::CreateFunction) -> Result<Outcome> {
        let class = &function.class;
        let Some(native) = river_expr::function::native_of(&class.value) else {
            return Err(SqlError::at(
                class.span,
                format!(
                    "the function class '{}' cannot be loaded: there is no JVM here",
                    class.value
                ),
            )
            .with_help("built-in functions cover most needs: see SHOW FUNCTIONS"));
        };
        if let Some(name) = function.name.last() {
            self.catalogs.functions.insert(name.value.to_ascii_uppercase(), native.to_owned());
        }
        Ok(Outcome::Done)
    }

    fn drop(&mut self, drop: &ast::Drop) -> Result<Outcome> {
        let span = drop.name.span();
        let temporary = drop.temporality != Temporality::Permanent;
        match drop.kind {
            ObjectKind::Table | ObjectKind::View => {
                let path: ObjectPath = self.catalogs.resolve(&drop.name)?;
                let view = drop.kind == ObjectKind::View;
                self.catalogs
                    .drop(&path, view, temporary, drop.if_exists)
                    .map_err(|e| e.or_at(span))?;
                Ok(Outcome::Done)
            }
            ObjectKind::Function => {
                let name = drop.name.last().map_or(String::new(), |n| n.value.to_ascii_uppercase());
                if self.catalogs.functions.remove(&name).is_none() && !drop.if_exists {
                    return Err(SqlError::at(
                        span,
                        format!("Function {} does not exist.", drop.name),
                    ));
                }
                Ok(Outcome::Done)
            }
            _ => Err(SqlError::at(span, "this DROP is not supported yet")),
        }
    }

    fn inserts(&self, inserts: &[&ast::Insert], text: &str) -> Result<Plan> {
        let planner = Planner::new(&self.options, self.connectors.as_ref())?;
        let mut sinks = Vec::with_capacity(inserts.len());
        let mut names = Vec::with_capacity(inserts.len());
        for insert in inserts {
            let (rel, target) = self.binder(text)?.insert(insert)?;
            names.push(target.table.path.to_string());
            let sink = planner.sink(&rewrite(rel), &target).map_err(|e| e.or_at(insert.span))?;
            sinks.push(sink);
        }
        let name = match self.options.get("pipeline.name") {
            Some(name) => name.to_owned(),
            None => format!("insert-into_{}", names.join(",")),
        };
        Ok(physical::plan(name, sinks, self.options.clone()))
    }

    fn query(&self, query: &ast::Query, text: &str) -> Result<Outcome> {
        let planner = Planner::new(&self.options, self.connectors.as_ref())?;
        let rel = rewrite(self.binder(text)?.query(query)?);
        let schema = rel.schema.iter().map(|f| Field::new(&f.name, f.ty.materialised())).collect();
        let stream = planner.collect(&rel)?;
        let name = self.options.get("pipeline.name").unwrap_or("collect").to_owned();
        let plan = physical::plan(name, vec![stream], self.options.clone());
        debug_assert!(plan.nodes.iter().all(|n| !matches!(n.operator, Operator::Sink(_))));
        Ok(Outcome::Query { plan, schema })
    }
}

/// A view's columns must have names of their own.
fn unique_names(schema: &[Field], span: Span) -> Result<()> {
    for (i, field) in schema.iter().enumerate() {
        if schema[..i].iter().any(|f| f.name == field.name) {
            return Err(SqlError::at(
                span,
                format!("the view has two columns named '{}'", field.name),
            )
            .with_help("give one of them another name with AS"));
        }
    }
    Ok(())
}
