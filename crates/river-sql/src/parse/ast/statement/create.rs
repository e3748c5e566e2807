//! `CREATE ..` and `DROP ..`.

use crate::parse::ast::{
    Duration, Expr, Ident, ObjectName, PropertyOption, Query, Span, Text, TypeName,
};

/// `CREATE [TEMPORARY] TABLE [IF NOT EXISTS] name (..) .. [LIKE .. | AS ..]`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTable {
    /// `TEMPORARY`.
    pub temporary: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// `CREATE TABLE`, `REPLACE TABLE` or `CREATE OR REPLACE TABLE`.
    pub mode: CreateMode,
    /// Name.
    pub name: ObjectName,
    /// What stands in parentheses.
    pub elements: TableElements,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// `DISTRIBUTED ..`
    pub distribution: Option<Distribution>,
    /// `PARTITIONED BY (..)`
    pub partitioned_by: Vec<Ident>,
    /// `USING CONNECTION name`
    pub connection: Option<ObjectName>,
    /// `WITH (..)`
    pub options: Vec<PropertyOption>,
    /// `LIKE ..`
    pub like: Option<TableLike>,
    /// `AS query`
    pub query: Option<Query>,
}

/// Whether an existing table is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CreateMode {
    /// `CREATE`
    Create,
    /// `CREATE OR REPLACE`
    CreateOrReplace,
    /// `REPLACE`
    Replace,
}

/// The parenthesised part of a table definition.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableElements {
    /// Columns in order.
    pub columns: Vec<ColumnDef>,
    /// Names only, as in `CREATE TABLE t (a, b) AS SELECT ..`; then `columns` is empty.
    pub names: Vec<Ident>,
    /// Watermark definitions; more than one is an error the binder reports.
    pub watermarks: Vec<WatermarkDef>,
    /// `PRIMARY KEY` and `UNIQUE`, also those written at a column.
    pub constraints: Vec<TableConstraint>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    /// Name.
    pub name: Ident,
    /// Kind.
    pub kind: ColumnKind,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// Where it was written.
    pub span: Span,
}

/// The kinds of columns.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnKind {
    /// `name TYPE`
    Physical(TypeName),
    /// `name AS expr`
    Computed(Expr),
    /// `name TYPE METADATA [FROM 'key'] [VIRTUAL]`
    Metadata {
        /// Type.
        ty: TypeName,
        /// Key, if other than the column's name.
        key: Option<Text>,
        /// `VIRTUAL`: read only.
        is_virtual: bool,
    },
}

/// `WATERMARK FOR column AS expr`
#[derive(Debug, Clone, PartialEq)]
pub struct WatermarkDef {
    /// Column, or path to a field of it.
    pub column: ObjectName,
    /// The watermark.
    pub expr: Expr,
    /// Where it was written.
    pub span: Span,
}

/// `[CONSTRAINT name] PRIMARY KEY (..) NOT ENFORCED`
#[derive(Debug, Clone, PartialEq)]
pub struct TableConstraint {
    /// Name.
    pub name: Option<Ident>,
    /// `PRIMARY KEY` or `UNIQUE`.
    pub kind: ConstraintKind,
    /// Columns.
    pub columns: Vec<Ident>,
    /// `ENFORCED` is `Some(true)`, `NOT ENFORCED` `Some(false)`, `None` if unsaid.
    pub enforced: Option<bool>,
    /// Where it was written.
    pub span: Span,
}

/// Kinds of constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConstraintKind {
    /// `PRIMARY KEY`
    PrimaryKey,
    /// `UNIQUE` (parsed, refused when bound)
    Unique,
}

/// `DISTRIBUTED [BY [HASH | RANGE] (..)] [INTO n BUCKETS]`
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// `HASH`, `RANGE`, or unsaid.
    pub kind: Option<DistributionKind>,
    /// Columns.
    pub columns: Vec<Ident>,
    /// Number of buckets, as written.
    pub buckets: Option<u64>,
    /// Where it was written.
    pub span: Span,
}

/// How rows are distributed over buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DistributionKind {
    /// `HASH`
    Hash,
    /// `RANGE`
    Range,
}

/// `LIKE table (INCLUDING ALL ..)`
#[derive(Debug, Clone, PartialEq)]
pub struct TableLike {
    /// The table that is copied.
    pub table: ObjectName,
    /// What is copied, in the order written.
    pub options: Vec<LikeOption>,
}

/// `INCLUDING OPTIONS` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LikeOption {
    /// How it is merged.
    pub strategy: MergingStrategy,
    /// What is merged.
    pub feature: LikeFeature,
    /// Where it was written.
    pub span: Span,
}

/// How parts of the copied table meet those of the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MergingStrategy {
    /// `INCLUDING`: keep; a clash is an error
    Including,
    /// `EXCLUDING`: leave out
    Excluding,
    /// `OVERWRITING`: the new one wins
    Overwriting,
}

/// Parts of a table that `LIKE` speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LikeFeature {
    /// `ALL`
    All,
    /// `CONSTRAINTS`
    Constraints,
    /// `DISTRIBUTION`
    Distribution,
    /// `GENERATED`
    Generated,
    /// `METADATA`
    Metadata,
    /// `OPTIONS`
    Options,
    /// `PARTITIONS`
    Partitions,
    /// `WATERMARKS`
    Watermarks,
}

/// `CREATE [TEMPORARY] VIEW [IF NOT EXISTS] name [(columns)] [COMMENT '..'] AS query`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateView {
    /// `TEMPORARY`.
    pub temporary: bool,
    /// `OR REPLACE` (parsed by Flink, refused later).
    pub or_replace: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// Column names.
    pub columns: Vec<Ident>,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// `WITH (..)` (legacy)
    pub options: Vec<PropertyOption>,
    /// The query.
    pub query: Query,
}

/// `CREATE [OR ALTER] MATERIALIZED TABLE ..`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateMaterializedTable {
    /// `OR ALTER`.
    pub or_alter: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// Columns and constraints.
    pub elements: TableElements,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// `DISTRIBUTED ..`
    pub distribution: Option<Distribution>,
    /// `PARTITIONED BY (..)`
    pub partitioned_by: Vec<Ident>,
    /// `WITH (..)`
    pub options: Vec<PropertyOption>,
    /// `FRESHNESS = INTERVAL '..' unit`
    pub freshness: Option<Duration>,
    /// `REFRESH_MODE = ..`
    pub refresh_mode: Option<RefreshMode>,
    /// `START_MODE = ..`
    pub start_mode: Option<StartMode>,
    /// The query.
    pub query: Query,
}

/// How a materialized table is kept fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefreshMode {
    /// `CONTINUOUS`
    Continuous,
    /// `FULL`
    Full,
}

/// Where a materialized table's job starts reading: a word and its argument, as written.
#[derive(Debug, Clone, PartialEq)]
pub struct StartMode {
    /// `FROM_BEGINNING`, `FROM_NOW`, `FROM_TIMESTAMP`, `RESUME_OR_..`.
    pub name: Ident,
    /// Its argument.
    pub arg: Option<Expr>,
}

/// `CREATE CATALOG [IF NOT EXISTS] name [COMMENT '..'] WITH (..)`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateCatalog {
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Name.
    pub name: Ident,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// `WITH (..)`
    pub options: Vec<PropertyOption>,
}

/// `CREATE DATABASE [IF NOT EXISTS] name [COMMENT '..'] [WITH (..)]`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateDatabase {
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// `WITH (..)`
    pub options: Vec<PropertyOption>,
}

/// Where a function or model lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// In the catalog.
    Permanent,
    /// `TEMPORARY`: in the session.
    Temporary,
    /// `TEMPORARY SYSTEM`: in the session, without catalog and database.
    TemporarySystem,
}

/// `CREATE | ALTER [TEMPORARY [SYSTEM]] FUNCTION .. AS 'class' ..`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateFunction {
    /// Where it lives.
    pub temporality: Temporality,
    /// `IF NOT EXISTS` (create) or `IF EXISTS` (alter).
    pub if_exists_clause: bool,
    /// Name.
    pub name: ObjectName,
    /// Class or module path.
    pub class: Text,
    /// `LANGUAGE ..`
    pub language: Option<FunctionLanguage>,
    /// `USING JAR '..', ..`
    pub resources: Vec<FunctionResource>,
    /// `WITH (..)`
    pub options: Vec<PropertyOption>,
}

/// Languages of user functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionLanguage {
    /// `JAVA`
    Java,
    /// `SCALA`
    Scala,
    /// `SQL`
    Sql,
    /// `PYTHON`
    Python,
}

/// `JAR '..'`, `ARTIFACT '..'`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionResource {
    /// `JAR`, `ARTIFACT`, `FILE`, `ARCHIVE`.
    pub kind: Ident,
    /// Where it is.
    pub path: Text,
}

/// `CREATE [TEMPORARY] MODEL [IF NOT EXISTS] name [INPUT (..)] [OUTPUT (..)] WITH (..) [AS query]`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateModel {
    /// `TEMPORARY`.
    pub temporary: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// `INPUT (..)`
    pub input: Vec<ColumnDef>,
    /// `OUTPUT (..)`
    pub output: Vec<ColumnDef>,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// `WITH (..)`
    pub options: Vec<PropertyOption>,
    /// `AS query`
    pub query: Option<Query>,
}

/// `CREATE [TEMPORARY] CONNECTION [IF NOT EXISTS] name [COMMENT '..'] WITH (..)`
#[derive(Debug, Clone, PartialEq)]
pub struct CreateConnection {
    /// Where it lives.
    pub temporality: Temporality,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// `COMMENT '..'`
    pub comment: Option<Text>,
    /// `WITH (..)`
    pub options: Vec<PropertyOption>,
}

/// `DROP kind [IF EXISTS] name [RESTRICT | CASCADE]`
#[derive(Debug, Clone, PartialEq)]
pub struct Drop {
    /// What is dropped.
    pub kind: ObjectKind,
    /// Where it lives.
    pub temporality: Temporality,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// `CASCADE` (databases).
    pub cascade: bool,
}

/// Kinds of things in a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// Catalog
    Catalog,
    /// Database
    Database,
    /// Table
    Table,
    /// View
    View,
    /// Materialized table
    MaterializedTable,
    /// Function
    Function,
    /// Model
    Model,
    /// Connection
    Connection,
}
