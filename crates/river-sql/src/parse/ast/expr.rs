//! Expressions.

use super::{
    Ident, IntervalQualifier, ObjectName, OrderItem, Query, Span, Text, TimeUnit, TypeName,
    WindowRef,
};

/// An expression and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it was written (outer parentheses included).
    pub span: Span,
}

impl Expr {
    /// An expression written at that place.
    pub fn new(kind: ExprKind, span: Span) -> Self {
        Expr { kind, span }
    }
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `a`, `t.a`, `t.a.field`: which part is table, column or field is the binder's to say.
    Name(Vec<Ident>),
    /// A constant.
    Literal(Literal),
    /// `-x`, `+x`, `NOT x`
    Unary {
        /// Operator.
        op: UnaryOp,
        /// Operand.
        expr: Box<Expr>,
    },
    /// `left op right`
    Binary {
        /// Operator.
        op: BinaryOp,
        /// Where the operator was written.
        op_span: Span,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `x IS [NOT] NULL`, `IS TRUE`, `IS JSON ..`
    Is {
        /// Operand.
        expr: Box<Expr>,
        /// What is asked.
        test: IsTest,
        /// `IS NOT`.
        negated: bool,
    },
    /// `x [NOT] BETWEEN [SYMMETRIC] low AND high`
    Between {
        /// Operand.
        expr: Box<Expr>,
        /// Lower bound.
        low: Box<Expr>,
        /// Upper bound.
        high: Box<Expr>,
        /// `SYMMETRIC`: bounds in either order.
        symmetric: bool,
        /// `NOT BETWEEN`.
        negated: bool,
    },
    /// `x [NOT] IN (a, b, ...)`
    InList {
        /// Operand.
        expr: Box<Expr>,
        /// Candidates, at least one.
        list: Vec<Expr>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `x [NOT] IN (query)`
    InSubquery {
        /// Operand.
        expr: Box<Expr>,
        /// The query.
        query: Box<Query>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `x [NOT] LIKE pattern [ESCAPE e]`, also `SIMILAR TO` and `RLIKE`
    Like {
        /// Operand.
        expr: Box<Expr>,
        /// Pattern.
        pattern: Box<Expr>,
        /// Escape character.
        escape: Option<Box<Expr>>,
        /// Kind of pattern.
        kind: LikeKind,
        /// `NOT LIKE`.
        negated: bool,
    },
    /// `EXISTS (query)`
    Exists(Box<Query>),
    /// `UNIQUE (query)`
    Unique(Box<Query>),
    /// `(query)` used as a value
    Subquery(Box<Query>),
    /// `x op ANY (query)`, `x op ALL (a, b)`
    Quantified {
        /// Left operand.
        left: Box<Expr>,
        /// Comparison.
        op: BinaryOp,
        /// `ANY`, `SOME` or `ALL`.
        quantifier: Quantifier,
        /// What is compared with.
        right: QuantifiedRight,
    },
    /// `CASE [operand] WHEN .. THEN .. [ELSE ..] END`
    Case {
        /// Operand of the simple form.
        operand: Option<Box<Expr>>,
        /// `WHEN` (one or, in the simple form, more values) and `THEN`.
        branches: Vec<CaseBranch>,
        /// `ELSE`.
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST(x AS t)`, `TRY_CAST(x AS t)`
    Cast {
        /// Operand.
        expr: Box<Expr>,
        /// Target type.
        ty: TypeName,
        /// `TRY_CAST`: NULL instead of an error.
        try_cast: bool,
        /// `FORMAT '..'`.
        format: Option<Text>,
    },
    /// `EXTRACT(unit FROM x)`; also `YEAR(x)` and the like are plain functions, not this
    Extract {
        /// Unit.
        unit: TimeUnit,
        /// Operand.
        expr: Box<Expr>,
    },
    /// `POSITION(needle IN haystack [FROM start])`
    Position {
        /// What is looked for.
        needle: Box<Expr>,
        /// Where it is looked for.
        haystack: Box<Expr>,
        /// First position.
        from: Option<Box<Expr>>,
    },
    /// `SUBSTRING(x FROM a [FOR b])`, `SUBSTRING(x, a [, b])`
    Substring {
        /// Operand.
        expr: Box<Expr>,
        /// First position.
        from: Box<Expr>,
        /// Length.
        length: Option<Box<Expr>>,
    },
    /// `TRIM([BOTH | LEADING | TRAILING] [chars] FROM x)`, `TRIM(x)`
    Trim {
        /// Which end.
        side: TrimSide,
        /// What is cut off; blanks when left out.
        chars: Option<Box<Expr>>,
        /// Operand.
        expr: Box<Expr>,
    },
    /// `OVERLAY(x PLACING y FROM a [FOR b])`
    Overlay {
        /// Operand.
        expr: Box<Expr>,
        /// Replacement.
        placing: Box<Expr>,
        /// First position.
        from: Box<Expr>,
        /// Length replaced.
        length: Option<Box<Expr>>,
    },
    /// `CEIL(x [TO unit])`, `CEILING`, `FLOOR`
    Round {
        /// Up or down.
        direction: RoundDirection,
        /// Operand.
        expr: Box<Expr>,
        /// Unit of time.
        unit: Option<TimeUnit>,
    },
    /// `TIMESTAMPADD(unit, count, x)`
    TimestampAdd {
        /// Unit.
        unit: TimeUnit,
        /// Number of units.
        count: Box<Expr>,
        /// Operand.
        expr: Box<Expr>,
    },
    /// `TIMESTAMPDIFF(unit, start, end)`
    TimestampDiff {
        /// Unit.
        unit: TimeUnit,
        /// Start.
        start: Box<Expr>,
        /// End.
        end: Box<Expr>,
    },
    /// Any other function call, `CURRENT_DATE` and its like included.
    Function(Box<FunctionCall>),
    /// `JSON_VALUE(..)` and the others with clauses of their own.
    Json(Box<JsonCall>),
    /// `ARRAY[a, b]`
    Array(Vec<Expr>),
    /// `ARRAY(query)`
    ArrayQuery(Box<Query>),
    /// `MAP[k, v, k, v]`: keys and values in turn, as written
    Map(Vec<Expr>),
    /// `MAP(query)`
    MapQuery(Box<Query>),
    /// `MULTISET[a, b]`
    Multiset(Vec<Expr>),
    /// `MULTISET(query)`
    MultisetQuery(Box<Query>),
    /// `ROW(a, b)` or `(a, b)`
    Row {
        /// Fields.
        items: Vec<Expr>,
        /// Written with the word `ROW`.
        explicit: bool,
    },
    /// `e[index]`
    Item {
        /// Array, map or row.
        collection: Box<Expr>,
        /// Position or key.
        index: Box<Expr>,
    },
    /// `e.field` where `e` is no plain name
    Field {
        /// Row.
        expr: Box<Expr>,
        /// Field.
        name: Ident,
    },
    /// `e.*` where `e` is no plain name
    AllFields(Box<Expr>),
    /// `INTERVAL x unit`, where `x` is no quoted text
    IntervalValue {
        /// Number of units.
        value: Box<Expr>,
        /// What it counts.
        qualifier: IntervalQualifier,
    },
    /// `(left - right) unit`: a difference of points in time, as an interval
    DatetimeDifference {
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
        /// Unit of the result.
        qualifier: IntervalQualifier,
    },
    /// `?`
    Parameter,
    /// `PERIOD (start, end)`
    Period {
        /// Start.
        start: Box<Expr>,
        /// End or length.
        end: Box<Expr>,
    },
    /// `RUNNING x`, `FINAL x` inside `MATCH_RECOGNIZE`
    MatchScope {
        /// `FINAL`, else `RUNNING`.
        is_final: bool,
        /// Operand.
        expr: Box<Expr>,
    },
}

/// One `WHEN .. THEN ..`.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseBranch {
    /// Conditions; more than one only in the simple form (`WHEN 1, 2 THEN`).
    pub when: Vec<Expr>,
    /// Result.
    pub then: Expr,
}

/// A constant. Numbers, dates and times keep their text: the binder gives them type and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `1`, `1.5`, `1e3`, without sign
    Number(String),
    /// `'text'`, `U&'\0041'`, `_UTF16'text'`, adjacent pieces joined
    String(String),
    /// `X'0aff'`, decoded
    Binary(Vec<u8>),
    /// `TRUE`, `FALSE`
    Boolean(bool),
    /// `UNKNOWN`: a NULL of type BOOLEAN
    Unknown,
    /// `NULL`
    Null,
    /// `DATE '..'`
    Date(Text),
    /// `TIME '..'`
    Time(Text),
    /// `TIMESTAMP '..'`
    Timestamp(Text),
    /// `TIMESTAMP WITH LOCAL TIME ZONE '..'`
    TimestampLtz(Text),
    /// `TIMESTAMP WITH TIME ZONE '..'`
    TimestampTz(Text),
    /// `INTERVAL [-] '..' unit`
    Interval {
        /// The quoted text.
        value: Text,
        /// A minus stands before the text.
        negative: bool,
        /// What it counts.
        qualifier: IntervalQualifier,
    },
}

/// Operators before one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `NOT`
    Not,
}

/// Operators between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `OR`
    Or,
    /// `AND`
    And,
    /// `=`
    Eq,
    /// `<>`, `!=`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `IS DISTINCT FROM`
    IsDistinctFrom,
    /// `IS NOT DISTINCT FROM`
    IsNotDistinctFrom,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `||`
    Concat,
    /// `OVERLAPS`
    Overlaps,
    /// `CONTAINS`
    Contains,
    /// `PERIOD EQUALS`
    PeriodEquals,
    /// `PRECEDES`
    Precedes,
    /// `SUCCEEDS`
    Succeeds,
    /// `IMMEDIATELY PRECEDES`
    ImmediatelyPrecedes,
    /// `IMMEDIATELY SUCCEEDS`
    ImmediatelySucceeds,
    /// `MEMBER OF`
    MemberOf,
    /// `SUBMULTISET OF`
    SubmultisetOf,
    /// `MULTISET UNION [ALL]`
    MultisetUnionAll,
    /// `MULTISET UNION DISTINCT`
    MultisetUnionDistinct,
    /// `MULTISET INTERSECT [ALL]`
    MultisetIntersectAll,
    /// `MULTISET INTERSECT DISTINCT`
    MultisetIntersectDistinct,
    /// `MULTISET EXCEPT [ALL]`
    MultisetExceptAll,
    /// `MULTISET EXCEPT DISTINCT`
    MultisetExceptDistinct,
}

/// What `IS` asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IsTest {
    /// `NULL`
    Null,
    /// `TRUE`
    True,
    /// `FALSE`
    False,
    /// `UNKNOWN`
    Unknown,
    /// `A SET`: a multiset without duplicates
    ASet,
    /// `EMPTY`
    Empty,
    /// `JSON [VALUE]`
    JsonValue,
    /// `JSON OBJECT`
    JsonObject,
    /// `JSON ARRAY`
    JsonArray,
    /// `JSON SCALAR`
    JsonScalar,
}

/// Kinds of text patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LikeKind {
    /// `LIKE`
    Like,
    /// `ILIKE`
    Ilike,
    /// `SIMILAR TO`
    SimilarTo,
    /// `RLIKE` (parsed by Calcite, refused by Flink's validator)
    Rlike,
}

/// `ANY`, `SOME`, `ALL` after a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// `ANY` or `SOME`
    Any,
    /// `ALL`
    All,
}

/// What a quantified comparison compares with.
#[derive(Debug, Clone, PartialEq)]
pub enum QuantifiedRight {
    /// `(query)`
    Query(Box<Query>),
    /// `(a, b, ...)`
    List(Vec<Expr>),
}

/// Which end `TRIM` cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrimSide {
    /// Both ends.
    Both,
    /// The start.
    Leading,
    /// The end.
    Trailing,
}

/// `CEIL` or `FLOOR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoundDirection {
    /// `CEIL`, `CEILING`
    Ceil,
    /// `FLOOR`
    Floor,
}

/// A function call: scalar, aggregate, window or table function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionCall {
    /// Name as written.
    pub name: ObjectName,
    /// Called without parentheses, as `CURRENT_DATE`.
    pub niladic: bool,
    /// `DISTINCT` or `ALL` before the arguments.
    pub quantifier: Option<SetQuantifier>,
    /// Arguments.
    pub args: Vec<FunctionArg>,
    /// `ORDER BY` inside the parentheses.
    pub order_by: Vec<OrderItem>,
    /// `IGNORE NULLS`, `RESPECT NULLS`.
    pub nulls: Option<NullTreatment>,
    /// `WITHIN GROUP (ORDER BY ..)`.
    pub within_group: Vec<OrderItem>,
    /// `FILTER (WHERE ..)`.
    pub filter: Option<Box<Expr>>,
    /// `OVER ..`.
    pub over: Option<WindowRef>,
}

/// One argument of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionArg {
    /// Name before `=>`.
    pub name: Option<Ident>,
    /// Value.
    pub value: ArgValue,
    /// Where it was written.
    pub span: Span,
}

/// The value of an argument.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgValue {
    /// Any expression (a query in parentheses is [`ExprKind::Subquery`]).
    Expr(Expr),
    /// `*`
    Star,
    /// `t.*`
    QualifiedStar(ObjectName),
    /// `TABLE t`, `TABLE (query)`, `(query) PARTITION BY ..`
    Table(TableArg),
    /// `DESCRIPTOR(a, b)`
    Descriptor(Vec<Ident>),
    /// `MODEL m`
    Model(ObjectName),
    /// `DEFAULT`
    Default,
}

/// A table as an argument.
#[derive(Debug, Clone, PartialEq)]
pub struct TableArg {
    /// The table.
    pub source: TableArgSource,
    /// `PARTITION BY ..`
    pub partition_by: Vec<Expr>,
    /// `ORDER BY ..`
    pub order_by: Vec<OrderItem>,
    /// Where it was written.
    pub span: Span,
}

/// Which table an argument is.
#[derive(Debug, Clone, PartialEq)]
pub enum TableArgSource {
    /// `TABLE name`
    Named(ObjectName),
    /// `TABLE (query)` or `(query)`
    Query(Box<Query>),
}

/// `DISTINCT` or `ALL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetQuantifier {
    /// `DISTINCT`
    Distinct,
    /// `ALL`
    All,
}

/// What a window function does with NULLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NullTreatment {
    /// `IGNORE NULLS`
    Ignore,
    /// `RESPECT NULLS`
    Respect,
}

/// SQL/JSON functions with clauses of their own.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonCall {
    /// `JSON_EXISTS(input, path [.. ON ERROR])`
    Exists {
        /// JSON text.
        input: Expr,
        /// Path.
        path: Expr,
        /// `TRUE | FALSE | UNKNOWN | ERROR ON ERROR`.
        on_error: Option<JsonExistsOnError>,
    },
    /// `JSON_VALUE(input, path [RETURNING t] [.. ON EMPTY] [.. ON ERROR])`
    Value {
        /// JSON text.
        input: Expr,
        /// Path.
        path: Expr,
        /// Result type.
        returning: Option<TypeName>,
        /// Where nothing is found.
        on_empty: Option<JsonValueBehavior>,
        /// On errors.
        on_error: Option<JsonValueBehavior>,
    },
    /// `JSON_QUERY(input, path [RETURNING t] [wrapper] [.. ON EMPTY] [.. ON ERROR])`
    Query {
        /// JSON text.
        input: Expr,
        /// Path.
        path: Expr,
        /// Result type.
        returning: Option<TypeName>,
        /// `WITH[OUT] [CONDITIONAL] [ARRAY] WRAPPER`.
        wrapper: Option<JsonWrapper>,
        /// Where nothing is found.
        on_empty: Option<JsonQueryBehavior>,
        /// On errors.
        on_error: Option<JsonQueryBehavior>,
    },
    /// `JSON_OBJECT([KEY] k VALUE v, ... [NULL | ABSENT ON NULL])`
    Object {
        /// Keys and values.
        entries: Vec<JsonEntry>,
        /// What NULL values do.
        on_null: Option<JsonOnNull>,
    },
    /// `JSON_ARRAY(a, b, ... [NULL | ABSENT ON NULL])`
    Array {
        /// Elements.
        items: Vec<JsonItem>,
        /// What NULL elements do.
        on_null: Option<JsonOnNull>,
    },
    /// `JSON_OBJECTAGG([KEY] k VALUE v [NULL | ABSENT ON NULL])`
    ObjectAgg {
        /// Key and value.
        entry: JsonEntry,
        /// What NULL values do.
        on_null: Option<JsonOnNull>,
        /// `FILTER (WHERE ..)`.
        filter: Option<Expr>,
        /// `OVER ..`.
        over: Option<WindowRef>,
    },
    /// `JSON_ARRAYAGG(x [ORDER BY ..] [NULL | ABSENT ON NULL])`
    ArrayAgg {
        /// Element.
        item: JsonItem,
        /// `ORDER BY` or `WITHIN GROUP (ORDER BY ..)`.
        order_by: Vec<OrderItem>,
        /// What NULL elements do.
        on_null: Option<JsonOnNull>,
        /// `FILTER (WHERE ..)`.
        filter: Option<Expr>,
        /// `OVER ..`.
        over: Option<WindowRef>,
    },
}

/// One key and value of `JSON_OBJECT`.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonEntry {
    /// Key.
    pub key: Expr,
    /// Value.
    pub value: JsonItem,
}

/// A value inside JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonItem {
    /// Value.
    pub value: Expr,
    /// `FORMAT JSON`: the value is JSON text itself.
    pub format_json: bool,
}

/// What NULL does inside `JSON_OBJECT` and `JSON_ARRAY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonOnNull {
    /// `NULL ON NULL`
    Null,
    /// `ABSENT ON NULL`
    Absent,
}

/// What `JSON_EXISTS` gives on errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonExistsOnError {
    /// `TRUE`
    True,
    /// `FALSE`
    False,
    /// `UNKNOWN`
    Unknown,
    /// `ERROR`
    Error,
}

/// What `JSON_VALUE` gives when nothing is found or on errors.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonValueBehavior {
    /// `NULL`
    Null,
    /// `ERROR`
    Error,
    /// `DEFAULT x`
    Default(Box<Expr>),
}

/// What `JSON_QUERY` gives when nothing is found or on errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonQueryBehavior {
    /// `NULL`
    Null,
    /// `ERROR`
    Error,
    /// `EMPTY ARRAY`
    EmptyArray,
    /// `EMPTY OBJECT`
    EmptyObject,
}

/// Whether `JSON_QUERY` puts an array around its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonWrapper {
    /// `WITHOUT [ARRAY] WRAPPER`
    Without,
    /// `WITH CONDITIONAL [ARRAY] WRAPPER`
    Conditional,
    /// `WITH [UNCONDITIONAL] [ARRAY] WRAPPER`
    Unconditional,
}
