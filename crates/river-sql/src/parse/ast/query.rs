//! Queries: `WITH`, `SELECT`, `VALUES`, set operations, windows.

use super::{Expr, Hint, Ident, ObjectName, SetQuantifier, Span, TableRef};

/// A query with what stands around its body.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `WITH name AS (..)`.
    pub with: Option<With>,
    /// `SELECT`, `VALUES`, set operation, ...
    pub body: QueryBody,
    /// `ORDER BY ..`
    pub order_by: Vec<OrderItem>,
    /// `LIMIT n`
    pub limit: Option<Limit>,
    /// `OFFSET n [ROWS]`, or the first number of `LIMIT m, n`
    pub offset: Option<Expr>,
    /// `FETCH FIRST n ROWS ONLY`
    pub fetch: Option<Expr>,
    /// Where it was written.
    pub span: Span,
}

/// What `LIMIT` allows.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// A number of rows.
    Count(Expr),
    /// `LIMIT ALL`
    All,
}

/// `WITH [RECURSIVE] ..`
#[derive(Debug, Clone, PartialEq)]
pub struct With {
    /// `RECURSIVE`.
    pub recursive: bool,
    /// Named queries, at least one.
    pub items: Vec<Cte>,
    /// Where it was written.
    pub span: Span,
}

/// One named query of `WITH`.
#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    /// Name.
    pub name: Ident,
    /// Column names.
    pub columns: Vec<Ident>,
    /// The query.
    pub query: Query,
}

/// The body of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryBody {
    /// `SELECT ..`
    Select(Box<Select>),
    /// `VALUES (..), (..)`; each row is an [`super::ExprKind::Row`]
    Values(Vec<Expr>),
    /// `left UNION ALL right` and the like
    SetOp {
        /// Operator.
        op: SetOp,
        /// `ALL`; duplicates are removed otherwise.
        all: bool,
        /// Left side.
        left: Box<Query>,
        /// Right side.
        right: Box<Query>,
        /// Where the operator was written.
        op_span: Span,
    },
    /// `TABLE t`
    Table(ObjectName),
    /// `(query)`
    Nested(Box<Query>),
}

/// Set operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// `UNION`
    Union,
    /// `INTERSECT`
    Intersect,
    /// `EXCEPT`, `MINUS`
    Except,
}

/// `SELECT ..` up to `QUALIFY`.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// `/*+ .. */` after `SELECT`.
    pub hints: Vec<Hint>,
    /// `DISTINCT` or `ALL`.
    pub quantifier: Option<SetQuantifier>,
    /// The select list, at least one.
    pub items: Vec<SelectItem>,
    /// `FROM ..`; several mean a cross join by comma.
    pub from: Vec<TableRef>,
    /// `WHERE ..`
    pub filter: Option<Expr>,
    /// `GROUP BY ..`
    pub group_by: Option<GroupBy>,
    /// `HAVING ..`
    pub having: Option<Expr>,
    /// `WINDOW w AS (..)`
    pub windows: Vec<NamedWindow>,
    /// `QUALIFY ..`
    pub qualify: Option<Expr>,
    /// Where it was written.
    pub span: Span,
}

/// One entry of the select list.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectItem {
    /// `expr [AS alias]`
    Expr {
        /// Expression.
        expr: Expr,
        /// Name given to it.
        alias: Option<Ident>,
    },
    /// `*`
    Star(Span),
    /// `t.*`
    QualifiedStar {
        /// Table or row column.
        name: ObjectName,
        /// Where it was written, star included.
        span: Span,
    },
}

/// `GROUP BY [DISTINCT | ALL] ..`
#[derive(Debug, Clone, PartialEq)]
pub struct GroupBy {
    /// `DISTINCT` or `ALL` before the items.
    pub quantifier: Option<SetQuantifier>,
    /// Items.
    pub items: Vec<GroupItem>,
    /// Where it was written.
    pub span: Span,
}

/// One item of `GROUP BY`.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupItem {
    /// One expression.
    Expr(Expr),
    /// `(a, b)`, and `()` as the empty list
    Tuple(Vec<Expr>, Span),
    /// `GROUPING SETS (..)`
    GroupingSets(Vec<GroupItem>, Span),
    /// `ROLLUP (..)`
    Rollup(Vec<GroupItem>, Span),
    /// `CUBE (..)`
    Cube(Vec<GroupItem>, Span),
}

/// One key of `ORDER BY`.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    /// Key.
    pub expr: Expr,
    /// `Some(true)` for `ASC`, `Some(false)` for `DESC`, `None` if unsaid.
    pub asc: Option<bool>,
    /// `NULLS FIRST` is `Some(true)`, `NULLS LAST` `Some(false)`.
    pub nulls_first: Option<bool>,
}

/// What stands after `OVER`.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowRef {
    /// `OVER w`
    Named(Ident),
    /// `OVER (..)`
    Spec(Box<WindowSpec>),
}

/// One window of the `WINDOW` clause.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedWindow {
    /// Name.
    pub name: Ident,
    /// Definition.
    pub spec: WindowSpec,
}

/// The definition of an `OVER` window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowSpec {
    /// Name of the window it builds on.
    pub base: Option<Ident>,
    /// `PARTITION BY ..`
    pub partition_by: Vec<Expr>,
    /// `ORDER BY ..`
    pub order_by: Vec<OrderItem>,
    /// `ROWS` or `RANGE`.
    pub frame: Option<WindowFrame>,
    /// `ALLOW PARTIAL` is `Some(true)`, `DISALLOW PARTIAL` `Some(false)`.
    pub allow_partial: Option<bool>,
    /// Where it was written.
    pub span: Span,
}

/// `ROWS | RANGE [BETWEEN] start [AND end]`
#[derive(Debug, Clone, PartialEq)]
pub struct WindowFrame {
    /// `ROWS`, else `RANGE`.
    pub rows: bool,
    /// First row.
    pub start: FrameBound,
    /// Last row; the current row if left out.
    pub end: Option<FrameBound>,
    /// `EXCLUDE ..`.
    pub exclude: Option<FrameExclude>,
    /// Where it was written.
    pub span: Span,
}

/// One end of a window frame.
#[derive(Debug, Clone, PartialEq)]
pub enum FrameBound {
    /// `UNBOUNDED PRECEDING`
    UnboundedPreceding,
    /// `x PRECEDING`
    Preceding(Box<Expr>),
    /// `CURRENT ROW`
    CurrentRow,
    /// `x FOLLOWING`
    Following(Box<Expr>),
    /// `UNBOUNDED FOLLOWING`
    UnboundedFollowing,
}

/// Rows left out of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameExclude {
    /// `EXCLUDE NO OTHERS`
    NoOthers,
    /// `EXCLUDE CURRENT ROW`
    CurrentRow,
    /// `EXCLUDE GROUP`
    Group,
    /// `EXCLUDE TIES`
    Ties,
}

impl Query {
    /// A query that is nothing but this body.
    pub fn of(body: QueryBody, span: Span) -> Self {
        let order_by = Vec::new();
        Query { with: None, body, order_by, limit: None, offset: None, fetch: None, span }
    }
}
