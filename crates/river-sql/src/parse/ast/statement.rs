//! Statements: session, definition, manipulation, plans.

mod alter;
mod create;
mod show;

pub use alter::*;
pub use create::*;
pub use show::*;

use super::{Expr, Ident, ObjectName, PropertyOption, Query, Span, Spanned, Text};

/// One statement of a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    // --- session -----------------------------------------------------------------------------
    /// `SET`, `SET 'key' = 'value'`
    Set(Option<PropertyOption>),
    /// `RESET`, `RESET 'key'`
    Reset(Option<Text>),
    /// `USE [catalog.]database`
    UseDatabase(ObjectName),
    /// `USE CATALOG name`
    UseCatalog(Ident),
    /// `USE MODULES a, b`
    UseModules(Vec<Ident>),
    /// `LOAD MODULE name [WITH (..)]`
    LoadModule {
        /// Name.
        name: Ident,
        /// Options.
        options: Vec<PropertyOption>,
    },
    /// `UNLOAD MODULE name`
    UnloadModule(Ident),
    /// `ADD JAR '..'`
    AddJar(Text),
    /// `REMOVE JAR '..'`
    RemoveJar(Text),
    /// `QUIT`, `EXIT` (client)
    Quit,
    /// `CLEAR` (client)
    Clear,
    /// `HELP` (client)
    Help,

    // --- definition --------------------------------------------------------------------------
    /// `CREATE TABLE ..`, `[CREATE OR] REPLACE TABLE .. AS`
    CreateTable(Box<CreateTable>),
    /// `CREATE VIEW ..`
    CreateView(Box<CreateView>),
    /// `CREATE [OR ALTER] MATERIALIZED TABLE ..`
    CreateMaterializedTable(Box<CreateMaterializedTable>),
    /// `CREATE CATALOG ..`
    CreateCatalog(CreateCatalog),
    /// `CREATE DATABASE ..`
    CreateDatabase(CreateDatabase),
    /// `CREATE FUNCTION ..`
    CreateFunction(CreateFunction),
    /// `CREATE MODEL ..`
    CreateModel(Box<CreateModel>),
    /// `CREATE CONNECTION ..`
    CreateConnection(CreateConnection),
    /// `DROP ..`
    Drop(Drop),
    /// `ALTER TABLE [IF EXISTS] ..`
    AlterTable(AlterTable),
    /// `ALTER VIEW ..`
    AlterView(AlterView),
    /// `ALTER MATERIALIZED TABLE ..`
    AlterMaterializedTable(AlterMaterializedTable),
    /// `ALTER CATALOG ..`
    AlterCatalog(AlterCatalog),
    /// `ALTER DATABASE name SET (..)`
    AlterDatabase {
        /// Name.
        name: ObjectName,
        /// New options.
        options: Vec<PropertyOption>,
    },
    /// `ALTER FUNCTION ..`
    AlterFunction(CreateFunction),
    /// `ALTER MODEL ..`, `ALTER CONNECTION ..`
    AlterResource(AlterResource),

    // --- queries and manipulation ------------------------------------------------------------
    /// A query to be shown.
    Query(Box<Query>),
    /// `INSERT ..`, `EXECUTE INSERT ..`
    Insert(Box<Insert>),
    /// `EXECUTE STATEMENT SET BEGIN .. END`, `STATEMENT SET BEGIN .. END`
    StatementSet(Vec<Spanned<Insert>>),
    /// `BEGIN STATEMENT SET`: the inserts follow as statements of their own, up to `END`.
    /// `parse_script` joins them into [`Statement::StatementSet`].
    BeginStatementSet,
    /// `END`
    EndStatementSet,
    /// `UPDATE ..`
    Update(Box<Update>),
    /// `DELETE FROM ..`
    Delete(Box<Delete>),
    /// `TRUNCATE TABLE name`
    TruncateTable(ObjectName),
    /// `CALL procedure(..)`
    Call(Box<Expr>),
    /// `ANALYZE TABLE ..`
    AnalyzeTable(AnalyzeTable),

    // --- plans and jobs ----------------------------------------------------------------------
    /// `EXPLAIN ..`
    Explain(Explain),
    /// `COMPILE PLAN '..' [IF NOT EXISTS] FOR ..`
    CompilePlan {
        /// File.
        path: Text,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// What is compiled: an insert or a statement set.
        statement: Box<Spanned<Statement>>,
    },
    /// `COMPILE AND EXECUTE PLAN '..' FOR ..`
    CompileAndExecutePlan {
        /// File.
        path: Text,
        /// What is compiled: an insert or a statement set.
        statement: Box<Spanned<Statement>>,
    },
    /// `EXECUTE PLAN '..'`
    ExecutePlan(Text),
    /// `STOP JOB 'id' [WITH SAVEPOINT] [WITH DRAIN]`
    StopJob {
        /// Job id.
        id: Text,
        /// `WITH SAVEPOINT`.
        with_savepoint: bool,
        /// `WITH DRAIN`.
        with_drain: bool,
    },
    /// `DESCRIBE ..`, `DESC ..`
    Describe(Describe),
    /// `SHOW ..`
    Show(Show),
}

/// `INSERT INTO | OVERWRITE target [PARTITION (..)] [(columns)] query [ON CONFLICT DO ..]`
#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    /// `OVERWRITE` instead of `INTO`.
    pub overwrite: bool,
    /// `UPSERT INTO` instead of `INSERT INTO`.
    pub upsert: bool,
    /// Sink and its `/*+ OPTIONS(..) */`.
    pub target: InsertTarget,
    /// `PARTITION (p = 1, ..)`.
    pub partition: Vec<PartitionValue>,
    /// Columns that are given; empty for all.
    pub columns: Vec<ObjectName>,
    /// What is written.
    pub source: Query,
    /// `ON CONFLICT DO ..`.
    pub on_conflict: Option<OnConflict>,
    /// Where it was written.
    pub span: Span,
}

/// The table an insert writes to.
#[derive(Debug, Clone, PartialEq)]
pub struct InsertTarget {
    /// Name.
    pub name: ObjectName,
    /// Hints after the name.
    pub hints: Vec<super::Hint>,
}

/// `p = 1` in `PARTITION (..)`, or `p` alone.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionValue {
    /// Column.
    pub column: Ident,
    /// Value, a literal.
    pub value: Option<Expr>,
}

/// What an insert does on a row whose key differs from the upsert key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnConflict {
    /// `DO NOTHING`
    Nothing,
    /// `DO ERROR`
    Error,
    /// `DO DEDUPLICATE`
    Deduplicate,
}

/// `UPDATE t SET a = x, .. [WHERE ..]`
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Table.
    pub table: ObjectName,
    /// Alias.
    pub alias: Option<Ident>,
    /// Assignments.
    pub assignments: Vec<(ObjectName, Expr)>,
    /// `WHERE`.
    pub filter: Option<Expr>,
}

/// `DELETE FROM t [WHERE ..]`
#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    /// Table.
    pub table: ObjectName,
    /// Alias.
    pub alias: Option<Ident>,
    /// `WHERE`.
    pub filter: Option<Expr>,
}

/// `ANALYZE TABLE t [PARTITION (..)] COMPUTE STATISTICS [FOR COLUMNS a, b | FOR ALL COLUMNS]`
#[derive(Debug, Clone, PartialEq)]
pub struct AnalyzeTable {
    /// Table.
    pub table: ObjectName,
    /// Partition.
    pub partition: Vec<PartitionValue>,
    /// Columns.
    pub columns: Vec<Ident>,
    /// `FOR ALL COLUMNS`.
    pub all_columns: bool,
}

/// `EXPLAIN [details | PLAN FOR] statement`
#[derive(Debug, Clone, PartialEq)]
pub struct Explain {
    /// What to show besides the plan.
    pub details: Vec<ExplainDetail>,
    /// A query, an insert, a statement set or any other statement.
    pub statement: Box<Spanned<Statement>>,
}

/// Extra parts of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExplainDetail {
    /// `ESTIMATED_COST`
    EstimatedCost,
    /// `CHANGELOG_MODE`
    ChangelogMode,
    /// `JSON_EXECUTION_PLAN`
    JsonExecutionPlan,
    /// `PLAN_ADVICE`
    PlanAdvice,
}
