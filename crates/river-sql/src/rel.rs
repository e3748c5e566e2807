//! The logical algebra: what the binder makes of a query and the rewrite rules work on.
//!
//! Every node knows its output columns. It has no changelog modes, exchanges or state yet: those
//! are decided by [`crate::physical`], which turns it into a [`river_core::plan::Plan`].

use std::sync::Arc;

use river_core::plan::{AggregateCall, JoinKind, OverFrame, SortKey, WindowKind, WindowProperty};
use river_core::{DataType, Expr, Field, Value};

use crate::catalog::Table;
use crate::parse::ast::Span;

/// A relational expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Rel {
    /// What it does.
    pub kind: RelKind,
    /// Columns it gives.
    pub schema: Vec<Field>,
}

/// The kinds of relational expressions. Positions are columns of the input; see each variant.
#[allow(missing_docs)] // the variants say what their fields are
#[derive(Debug, Clone, PartialEq)]
pub enum RelKind {
    /// A table of a connector: physical columns, then the metadata columns declared.
    Scan(Scan),
    /// Constant rows.
    Values(Vec<Vec<Value>>),
    /// One expression an output column.
    Project { input: Box<Rel>, exprs: Vec<Expr> },
    /// Rows for which the condition is true.
    Filter { input: Box<Rel>, condition: Expr },
    /// Makes `rowtime` an event-time attribute.
    Watermark { input: Box<Rel>, rowtime: usize, watermark: Expr, idle_timeout_ms: Option<i64> },
    /// Join; the condition is over left ++ right columns. Semi and anti joins give left columns.
    Join { left: Box<Rel>, right: Box<Rel>, kind: JoinKind, condition: Expr, hints: JoinHints },
    /// `FOR SYSTEM_TIME AS OF`: the version of the right side at the left row's `time`.
    TemporalJoin { left: Box<Rel>, right: Box<Rel>, kind: JoinKind, time: usize, condition: Expr },
    /// A table function of each row: input columns, then the function's.
    Correlate { input: Box<Rel>, function: String, args: Vec<Expr>, left: bool, condition: Expr },
    /// Keys, then results, then window properties.
    Aggregate(Aggregate),
    /// One output row for each list of expressions.
    Expand { input: Box<Rel>, projections: Vec<Vec<Expr>> },
    /// Input columns, then `window_start`, `window_end`, `window_time`.
    WindowTvf { input: Box<Rel>, kind: WindowKind, time: usize },
    /// Input columns, then results, one group a window definition.
    Over { input: Box<Rel>, window: OverWindow, calls: Vec<OverCall> },
    /// `ORDER BY`, `LIMIT`.
    Sort { input: Box<Rel>, order: Vec<SortKey>, offset: u64, limit: Option<u64> },
    /// All rows of all inputs.
    Union(Vec<Rel>),
    /// At most one row, else the job fails; none gives a row of NULLs where it is joined.
    SingleRow(Box<Rel>),
}

/// A scan of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The table.
    pub table: Arc<Table>,
    /// Options given by a hint, over the table's.
    pub hints: Vec<(String, String)>,
    /// Columns given, positions into physical ++ metadata columns.
    pub projection: Vec<usize>,
    /// Fields used of each given column, if not all.
    pub used_fields: Vec<Option<Vec<usize>>>,
    /// Where the table was named.
    pub span: Span,
}

/// `STATE_TTL` of each side of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JoinHints {
    /// Left side, milliseconds.
    pub left_ttl_ms: Option<u64>,
    /// Right side, milliseconds.
    pub right_ttl_ms: Option<u64>,
}

/// A `GROUP BY`.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// Where its rows come from; keys and arguments are plain columns of it.
    pub input: Box<Rel>,
    /// Grouping columns.
    pub keys: Vec<usize>,
    /// Calls.
    pub calls: Vec<AggregateCall>,
    /// Legacy group window: shape and time column.
    pub window: Option<(WindowKind, usize)>,
    /// Columns of the legacy group window appended; `true` for its processing-time attribute.
    pub properties: Vec<GroupWindowProperty>,
    /// `STATE_TTL`, milliseconds.
    pub ttl_ms: Option<u64>,
}

/// What `TUMBLE_START` and its like ask of a legacy group window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupWindowProperty {
    /// `_START`, `_END`, `_ROWTIME`
    Window(WindowProperty),
    /// `_PROCTIME`
    Proctime,
}

/// Partition, order and frame of `OVER` calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverWindow {
    /// Partition columns.
    pub partition: Vec<usize>,
    /// Order.
    pub order: Vec<SortKey>,
    /// Frame; `None`: the default of the functions.
    pub frame: Option<OverFrame>,
}

/// A call over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct OverCall {
    /// Canonical name: an aggregate, or a ranking function.
    pub function: String,
    /// Argument columns.
    pub args: Vec<usize>,
    /// `DISTINCT`
    pub distinct: bool,
    /// Type of the result.
    pub ty: DataType,
}

impl Rel {
    /// A node with those columns.
    pub fn new(kind: RelKind, schema: Vec<Field>) -> Rel {
        Rel { kind, schema }
    }

    /// Projection to expressions with names.
    pub fn project(self, exprs: Vec<Expr>, names: Vec<String>) -> Rel {
        let schema =
            names.into_iter().zip(&exprs).map(|(n, e)| Field::new(n, e.ty.clone())).collect();
        Rel::new(RelKind::Project { input: Box::new(self), exprs }, schema)
    }

    /// Filter; the condition `TRUE` adds nothing.
    pub fn filter(self, condition: Expr) -> Rel {
        if condition.as_literal() == Some(&Value::Boolean(true)) {
            return self;
        }
        let schema = self.schema.clone();
        Rel::new(RelKind::Filter { input: Box::new(self), condition }, schema)
    }

    /// A reference to one of its columns.
    pub fn column(&self, index: usize) -> Expr {
        Expr::column(index, self.schema[index].ty.clone())
    }

    /// References to all of its columns.
    pub fn columns(&self) -> Vec<Expr> {
        (0..self.schema.len()).map(|i| self.column(i)).collect()
    }

    /// Names of its columns.
    pub fn names(&self) -> Vec<String> {
        self.schema.iter().map(|f| f.name.clone()).collect()
    }

    /// Number of relations and their columns, its own and those below.
    pub fn parts(&self) -> usize {
        let below = self.inputs().into_iter().map(Rel::parts);
        1 + self.schema.len() + below.sum::<usize>()
    }

    /// Direct inputs.
    pub fn inputs(&self) -> Vec<&Rel> {
        match &self.kind {
            RelKind::Scan(_) | RelKind::Values(_) => Vec::new(),
            RelKind::Project { input, .. }
            | RelKind::Filter { input, .. }
            | RelKind::Watermark { input, .. }
            | RelKind::Correlate { input, .. }
            | RelKind::Expand { input, .. }
            | RelKind::WindowTvf { input, .. }
            | RelKind::Over { input, .. }
            | RelKind::Sort { input, .. }
            | RelKind::SingleRow(input) => vec![input],
            RelKind::Aggregate(aggregate) => vec![&aggregate.input],
            RelKind::Join { left, right, .. } | RelKind::TemporalJoin { left, right, .. } => {
                vec![left, right]
            }
            RelKind::Union(inputs) => inputs.iter().collect(),
        }
    }
}

/// All conditions joined by `AND`.
pub fn conjunction(mut conditions: Vec<Expr>) -> Expr {
    match conditions.len() {
        0 => literal_true(),
        1 => conditions.remove(0),
        _ => {
            let nullable = conditions.iter().any(|c| c.ty.nullable);
            let ty = river_core::LogicalType::Boolean.with_nullable(nullable);
            Expr::call("AND", conditions, ty)
        }
    }
}

/// The parts of a condition that are joined by `AND`.
pub fn conjuncts(condition: Expr) -> Vec<Expr> {
    match condition.kind {
        river_core::expr::ExprKind::Call { function, args } if function == "AND" => {
            args.into_iter().flat_map(conjuncts).collect()
        }
        river_core::expr::ExprKind::Literal(Value::Boolean(true)) => Vec::new(),
        kind => vec![Expr { kind, ty: condition.ty }],
    }
}

/// The constant `TRUE`.
pub fn literal_true() -> Expr {
    Expr::literal(Value::Boolean(true), river_core::LogicalType::Boolean.not_null())
}
