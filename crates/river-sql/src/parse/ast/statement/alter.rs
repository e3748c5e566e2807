//! `ALTER ..`

use super::{
    ColumnDef, Distribution, ObjectKind, PartitionValue, RefreshMode, TableConstraint, WatermarkDef,
};
use crate::parse::ast::{Duration, Ident, ObjectName, PropertyOption, Query, Text};

/// `ALTER TABLE [IF EXISTS] name action`
#[derive(Debug, Clone, PartialEq)]
pub struct AlterTable {
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// What is changed.
    pub action: AlterTableAction,
}

/// Changes to a table.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterTableAction {
    /// `RENAME TO name`
    Rename(ObjectName),
    /// `RENAME a TO b`
    RenameColumn {
        /// Old name.
        from: ObjectName,
        /// New name.
        to: Ident,
    },
    /// `SET (..)`
    SetOptions(Vec<PropertyOption>),
    /// `RESET (..)`
    ResetOptions(Vec<Text>),
    /// `ADD ..`
    Add(SchemaChange),
    /// `MODIFY ..`
    Modify(SchemaChange),
    /// `DROP (a, b)`, `DROP a`
    DropColumns(Vec<ObjectName>),
    /// `DROP PRIMARY KEY`
    DropPrimaryKey,
    /// `DROP CONSTRAINT name`
    DropConstraint(Ident),
    /// `DROP WATERMARK`
    DropWatermark,
    /// `DROP DISTRIBUTION`
    DropDistribution,
    /// `ADD [IF NOT EXISTS] PARTITION (..) [WITH (..)] ..`
    AddPartitions {
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// Partitions and their options.
        partitions: Vec<(Vec<PartitionValue>, Vec<PropertyOption>)>,
    },
    /// `DROP [IF EXISTS] PARTITION (..), ..`
    DropPartitions {
        /// `IF EXISTS`.
        if_exists: bool,
        /// Partitions.
        partitions: Vec<Vec<PartitionValue>>,
    },
}

/// What `ADD` and `MODIFY` bring.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaChange {
    /// Columns.
    pub columns: Vec<(ColumnDef, Option<ColumnPosition>)>,
    /// Watermark.
    pub watermark: Option<WatermarkDef>,
    /// Constraints.
    pub constraints: Vec<TableConstraint>,
    /// Distribution.
    pub distribution: Option<Distribution>,
}

/// Where a column is put.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnPosition {
    /// `FIRST`
    First,
    /// `AFTER column`
    After(ObjectName),
}

/// `ALTER VIEW name ..`
#[derive(Debug, Clone, PartialEq)]
pub enum AlterView {
    /// `RENAME TO name`
    Rename {
        /// Old name.
        name: ObjectName,
        /// New name.
        to: ObjectName,
    },
    /// `AS query`
    As {
        /// View.
        name: ObjectName,
        /// New query.
        query: Box<Query>,
    },
    /// `SET (..)`
    SetOptions {
        /// View.
        name: ObjectName,
        /// Options.
        options: Vec<PropertyOption>,
    },
}

/// `ALTER MATERIALIZED TABLE name ..`
#[derive(Debug, Clone, PartialEq)]
pub struct AlterMaterializedTable {
    /// Name.
    pub name: ObjectName,
    /// What is changed.
    pub action: AlterMaterializedTableAction,
}

/// Changes to a materialized table.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterMaterializedTableAction {
    /// `SUSPEND`
    Suspend,
    /// `RESUME [WITH (..)]`
    Resume(Vec<PropertyOption>),
    /// `REFRESH [PARTITION (..)]`
    Refresh(Vec<PartitionValue>),
    /// `SET FRESHNESS = ..`
    Freshness(Duration),
    /// `SET REFRESH_MODE = ..`
    RefreshMode(RefreshMode),
    /// `AS query`
    As(Box<Query>),
    /// Anything that a table can do as well.
    Table(AlterTableAction),
}

/// `ALTER CATALOG name ..`
#[derive(Debug, Clone, PartialEq)]
pub struct AlterCatalog {
    /// Name.
    pub name: Ident,
    /// What is changed.
    pub action: AlterCatalogAction,
}

/// Changes to a catalog.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterCatalogAction {
    /// `SET (..)`
    SetOptions(Vec<PropertyOption>),
    /// `RESET (..)`
    ResetOptions(Vec<Text>),
    /// `COMMENT '..'`
    Comment(Text),
}

/// `ALTER MODEL ..`, `ALTER CONNECTION ..`
#[derive(Debug, Clone, PartialEq)]
pub struct AlterResource {
    /// Model or connection.
    pub kind: ObjectKind,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// Name.
    pub name: ObjectName,
    /// What is changed.
    pub action: AlterResourceAction,
}

/// Changes to a model or connection.
#[derive(Debug, Clone, PartialEq)]
pub enum AlterResourceAction {
    /// `RENAME TO name`
    Rename(ObjectName),
    /// `SET (..)`
    SetOptions(Vec<PropertyOption>),
    /// `RESET (..)`
    ResetOptions(Vec<Text>),
}
