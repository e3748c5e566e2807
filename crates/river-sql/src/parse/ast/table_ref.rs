//! What stands in `FROM`: tables, subqueries, table functions, joins, pattern matching.

use super::PropertyOption;
use super::{Expr, FunctionCall, Ident, ObjectName, OrderItem, Query, Span, Text, TimeUnit};

/// An entry of `FROM`.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRef {
    /// What it is.
    pub kind: TableRefKind,
    /// `AS alias (columns)`.
    pub alias: Option<TableAlias>,
    /// Where it was written.
    pub span: Span,
}

/// `AS name (columns)`
#[derive(Debug, Clone, PartialEq)]
pub struct TableAlias {
    /// Name of the table.
    pub name: Ident,
    /// Names of its columns; empty if left out.
    pub columns: Vec<Ident>,
}

/// The kinds of entries of `FROM`.
#[derive(Debug, Clone, PartialEq)]
pub enum TableRefKind {
    /// A table or view by name.
    Named {
        /// Name.
        name: ObjectName,
        /// `/*+ OPTIONS(..) */` after it.
        hints: Vec<Hint>,
        /// `FOR SYSTEM_TIME AS OF x`.
        as_of: Option<Box<Expr>>,
    },
    /// `[LATERAL] (query)`, `VALUES` in parentheses included
    Derived {
        /// `LATERAL`: sees the entries before it.
        lateral: bool,
        /// The query.
        query: Box<Query>,
    },
    /// `[LATERAL] TABLE(f(..))`, or `f(..)` alone
    Function {
        /// `LATERAL`.
        lateral: bool,
        /// Written with the word `TABLE`.
        table_keyword: bool,
        /// The call.
        call: Box<FunctionCall>,
    },
    /// `UNNEST(x, ..) [WITH ORDINALITY]`
    Unnest {
        /// Collections.
        exprs: Vec<Expr>,
        /// `WITH ORDINALITY`.
        with_ordinality: bool,
        /// `LATERAL` stands before it (it means nothing more).
        lateral: bool,
    },
    /// `left JOIN right`; `alias` is never set
    Join(Box<Join>),
    /// `(a JOIN b ..)`
    Nested(Box<TableRef>),
    /// `t MATCH_RECOGNIZE (..)`
    MatchRecognize(Box<MatchRecognize>),
    /// `x FOR SYSTEM_TIME AS OF t` over something that is no plain name
    AsOf {
        /// Table.
        table: Box<TableRef>,
        /// Point in time.
        time: Box<Expr>,
    },
}

/// A join of two entries.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// Left side.
    pub left: TableRef,
    /// Right side.
    pub right: TableRef,
    /// Kind.
    pub kind: JoinKind,
    /// `NATURAL`.
    pub natural: bool,
    /// `ON` or `USING`.
    pub condition: JoinCondition,
    /// Where the words of the join were written.
    pub join_span: Span,
}

/// Kinds of joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// `[INNER] JOIN`
    Inner,
    /// `LEFT [OUTER] JOIN`
    Left,
    /// `RIGHT [OUTER] JOIN`
    Right,
    /// `FULL [OUTER] JOIN`
    Full,
    /// `CROSS JOIN`
    Cross,
}

/// The condition of a join.
#[derive(Debug, Clone, PartialEq)]
pub enum JoinCondition {
    /// `ON x`
    On(Expr),
    /// `USING (a, b)`
    Using(Vec<Ident>),
    /// None was written.
    None,
}

/// One hint of `/*+ A('k'='v'), B(t, 2) */`.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// Name.
    pub name: Ident,
    /// What stands in its parentheses.
    pub args: HintArgs,
    /// Where it was written.
    pub span: Span,
}

/// Arguments of a hint.
#[derive(Debug, Clone, PartialEq)]
pub enum HintArgs {
    /// No parentheses, or nothing in them.
    None,
    /// `('k'='v', ..)`
    Options(Vec<PropertyOption>),
    /// Names, numbers and strings, as text.
    Items(Vec<Text>),
}

/// `MATCH_RECOGNIZE (..)`
#[derive(Debug, Clone, PartialEq)]
pub struct MatchRecognize {
    /// The table it reads.
    pub table: TableRef,
    /// `PARTITION BY ..`
    pub partition_by: Vec<Expr>,
    /// `ORDER BY ..`
    pub order_by: Vec<OrderItem>,
    /// `MEASURES expr AS name, ..`
    pub measures: Vec<Measure>,
    /// `ALL ROWS PER MATCH` instead of `ONE ROW PER MATCH`; `None` if unsaid.
    pub all_rows_per_match: Option<bool>,
    /// `AFTER MATCH ..`
    pub after_match: Option<AfterMatch>,
    /// `PATTERN (..)`
    pub pattern: Pattern,
    /// `^` at the start of the pattern.
    pub anchored_start: bool,
    /// `$` at the end of the pattern.
    pub anchored_end: bool,
    /// `WITHIN interval`
    pub within: Option<Expr>,
    /// `SUBSET s = (a, b), ..`
    pub subsets: Vec<PatternSubset>,
    /// `DEFINE var AS condition, ..`
    pub defines: Vec<PatternDefine>,
    /// Where it was written.
    pub span: Span,
}

/// One measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Expression.
    pub expr: Expr,
    /// Name.
    pub name: Ident,
}

/// Where matching goes on after a match.
#[derive(Debug, Clone, PartialEq)]
pub enum AfterMatch {
    /// `SKIP TO NEXT ROW`
    NextRow,
    /// `SKIP PAST LAST ROW`
    PastLastRow,
    /// `SKIP TO FIRST var`
    ToFirst(Ident),
    /// `SKIP TO LAST var`, `SKIP TO var`
    ToLast(Ident),
}

/// A row pattern.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// A pattern variable.
    Variable(Ident),
    /// One after the other.
    Sequence(Vec<Pattern>),
    /// `a | b`
    Alternation(Vec<Pattern>),
    /// `PERMUTE(a, b)`
    Permute(Vec<Pattern>),
    /// `{- a -}`: matched, not shown
    Exclude(Box<Pattern>),
    /// `()`: matches no row
    Empty,
    /// `a{2,3}?` and the like
    Repeat {
        /// What is repeated.
        pattern: Box<Pattern>,
        /// Smallest number.
        min: u64,
        /// Largest number; `None` for no limit.
        max: Option<u64>,
        /// `?` after the quantifier: as few as possible.
        reluctant: bool,
        /// Where the quantifier was written.
        span: Span,
    },
}

/// `SUBSET name = (a, b)`
#[derive(Debug, Clone, PartialEq)]
pub struct PatternSubset {
    /// Name.
    pub name: Ident,
    /// Variables in it.
    pub variables: Vec<Ident>,
}

/// `name AS condition`
#[derive(Debug, Clone, PartialEq)]
pub struct PatternDefine {
    /// Variable.
    pub name: Ident,
    /// Condition.
    pub condition: Expr,
}

/// A duration written as a number and a unit, as `FRESHNESS = INTERVAL '1' HOUR`.
#[derive(Debug, Clone, PartialEq)]
pub struct Duration {
    /// The number's text.
    pub value: Text,
    /// Unit.
    pub unit: TimeUnit,
}
