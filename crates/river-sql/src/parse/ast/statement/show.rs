//! `SHOW ..` and `DESCRIBE ..`.

use super::{ObjectKind, PartitionValue};
use crate::parse::ast::{Ident, ObjectName, Text};

/// `SHOW ..`
#[derive(Debug, Clone, PartialEq)]
pub enum Show {
    /// `SHOW CATALOGS [LIKE ..]`
    Catalogs(Option<ShowLike>),
    /// `SHOW CURRENT CATALOG`
    CurrentCatalog,
    /// `SHOW DATABASES [FROM catalog] [LIKE ..]`
    Databases(ShowList),
    /// `SHOW CURRENT DATABASE`
    CurrentDatabase,
    /// `SHOW TABLES [FROM database] [LIKE ..]`
    Tables(ShowList),
    /// `SHOW VIEWS [FROM database] [LIKE ..]`
    Views(ShowList),
    /// `SHOW MATERIALIZED TABLES [FROM database] [LIKE ..]`
    MaterializedTables(ShowList),
    /// `SHOW [USER] FUNCTIONS [FROM database] [LIKE ..]`
    Functions {
        /// `USER`: without the built-in ones.
        user: bool,
        /// Which.
        list: ShowList,
    },
    /// `SHOW PROCEDURES [FROM database] [LIKE ..]`
    Procedures(ShowList),
    /// `SHOW MODELS [FROM database] [LIKE ..]`
    Models(ShowList),
    /// `SHOW CONNECTIONS [FROM database] [LIKE ..]`
    Connections(ShowList),
    /// `SHOW [FULL] MODULES`
    Modules {
        /// `FULL`: those not in use as well.
        full: bool,
    },
    /// `SHOW COLUMNS FROM table [LIKE ..]`
    Columns {
        /// Table.
        table: ObjectName,
        /// Filter.
        like: Option<ShowLike>,
    },
    /// `SHOW PARTITIONS table [PARTITION (..)]`
    Partitions {
        /// Table.
        table: ObjectName,
        /// Partition.
        partition: Vec<PartitionValue>,
    },
    /// `SHOW CREATE TABLE name` and the like
    Create {
        /// Kind of thing.
        kind: ObjectKind,
        /// Name.
        name: ObjectName,
    },
    /// `SHOW JARS`
    Jars,
    /// `SHOW JOBS`
    Jobs,
}

/// What a list is narrowed to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShowList {
    /// `FROM name`, `IN name`.
    pub from: Option<ObjectName>,
    /// `[NOT] LIKE '..'`.
    pub like: Option<ShowLike>,
}

/// `[NOT] LIKE | ILIKE '..'`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShowLike {
    /// `NOT`.
    pub negated: bool,
    /// `ILIKE`: case does not matter.
    pub ignore_case: bool,
    /// Pattern.
    pub pattern: Text,
}

/// `DESCRIBE ..`, `DESC ..`
#[derive(Debug, Clone, PartialEq)]
pub enum Describe {
    /// `DESCRIBE [TABLE] [EXTENDED] name`
    Table {
        /// Table or view.
        name: ObjectName,
        /// `EXTENDED`.
        extended: bool,
    },
    /// `DESCRIBE CATALOG [EXTENDED] name`
    Catalog {
        /// Catalog.
        name: Ident,
        /// `EXTENDED`.
        extended: bool,
    },
    /// `DESCRIBE DATABASE [EXTENDED] name`
    Database {
        /// Database.
        name: ObjectName,
        /// `EXTENDED`.
        extended: bool,
    },
    /// `DESCRIBE FUNCTION [EXTENDED] name`
    Function {
        /// Function.
        name: ObjectName,
        /// `EXTENDED`.
        extended: bool,
    },
    /// `DESCRIBE MODEL [EXTENDED] name`
    Model {
        /// Model.
        name: ObjectName,
        /// `EXTENDED`.
        extended: bool,
    },
    /// `DESCRIBE CONNECTION [EXTENDED] name`
    Connection {
        /// Connection.
        name: ObjectName,
        /// `EXTENDED`.
        extended: bool,
    },
    /// `DESCRIBE JOB 'id'`
    Job(Text),
}
