//! Scalar expressions.
//!
//! What is not scalar becomes a placeholder call that its clause replaces later: `$AGG(i)` an
//! aggregate, `$OVER(i)` a call with `OVER`, `$SUBQUERY(i)` a scalar subquery, `$WINDOW(i)` a
//! column of the group window, `$OUTER(level, i)` a column of a query around this one.

use river_core::expr::ExprKind as BoundKind;
use river_core::types::TimeKind;
use river_core::{DataType, Expr, LogicalType, Value};
use river_expr::bind;

use super::aggregate::{AggregateRequest, GroupWindow};
use super::over::OverRequest;
use super::{Binder, Scope, literal, scope};
use crate::error::{AtSpan, Result, SqlError};
use crate::parse::ast::{self, BinaryOp, ExprKind, IsTest, LikeKind, Span, UnaryOp};
use crate::parse::to_data_type;
use crate::rel::{GroupWindowProperty, Rel};

/// Name of the placeholder of an aggregate.
pub const AGGREGATE: &str = "$AGG";
/// Name of the placeholder of a call with `OVER`.
pub const OVER: &str = "$OVER";
/// Name of the placeholder of a scalar subquery.
pub const SUBQUERY: &str = "$SUBQUERY";
/// Name of the placeholder of a column of the group window.
pub const WINDOW: &str = "$WINDOW";
/// Name of the placeholder of a column of a query around this one.
pub const OUTER: &str = "$OUTER";

/// Binds expressions over one scope and collects what is not scalar.
pub struct ExprBinder<'b, 'a> {
    /// The binder of the query.
    pub binder: &'b mut Binder<'a>,
    /// Columns in sight.
    pub scope: &'b Scope,
    /// Where it stands, for messages: "WHERE clause".
    pub clause: &'static str,
    /// Aggregates found; `None` where they are not allowed.
    pub aggregates: Option<Vec<AggregateRequest>>,
    /// Whether there are grouping keys: without, aggregates are nullable.
    pub grouped: bool,
    /// The group window of `GROUP BY`, and the columns of it that were asked for.
    pub window: Option<(GroupWindow, Vec<GroupWindowProperty>)>,
    /// Calls with `OVER` found; `None` where they are not allowed.
    pub overs: Option<Vec<OverRequest>>,
    /// Windows of the `WINDOW` clause.
    pub named_windows: &'b [ast::NamedWindow],
    /// Scalar subqueries found; `None` where they are not allowed.
    pub subqueries: Option<Vec<Rel>>,
}

impl<'b, 'a> ExprBinder<'b, 'a> {
    /// A binder of plain scalar expressions.
    pub fn new(binder: &'b mut Binder<'a>, scope: &'b Scope, clause: &'static str) -> Self {
        ExprBinder {
            binder,
            scope,
            clause,
            aggregates: None,
            grouped: true,
            window: None,
            overs: None,
            named_windows: &[],
            subqueries: None,
        }
    }

    /// Binds one expression.
    pub fn bind(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Name(path) => self.name(path, span),
            ExprKind::Literal(value) => literal::bind_literal(&self.binder.eval, value, span),
            ExprKind::Unary { op, expr } => self.unary(*op, expr, span),
            ExprKind::Binary { op, left, right, .. } => self.binary(*op, left, right, span),
            ExprKind::Is { expr, test, negated } => self.is(expr, *test, *negated, span),
            ExprKind::Between { expr, low, high, symmetric, negated } => {
                self.between(expr, low, high, *symmetric, *negated, span)
            }
            ExprKind::InList { expr, list, negated } => self.in_list(expr, list, *negated, span),
            ExprKind::Like { expr, pattern, escape, kind, negated } => {
                self.like(expr, pattern, escape.as_deref(), *kind, *negated, span)
            }
            ExprKind::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), span)
            }
            ExprKind::Cast { expr, ty, try_cast, .. } => {
                let input = self.bind(expr)?;
                let ty = to_data_type(ty)?;
                self.cast(input, &ty, *try_cast, span)
            }
            ExprKind::Extract { unit, expr } => {
                let args = vec![unit_literal(*unit), self.bind(expr)?];
                self.call("EXTRACT", args, span)
            }
            ExprKind::Position { needle, haystack, from } => {
                let mut args = vec![self.bind(needle)?, self.bind(haystack)?];
                if let Some(from) = from {
                    args.push(self.bind(from)?);
                }
                self.call("POSITION", args, span)
            }
            ExprKind::Substring { expr, from, length } => {
                let mut args = vec![self.bind(expr)?, self.bind(from)?];
                if let Some(length) = length {
                    args.push(self.bind(length)?);
                }
                self.call("SUBSTRING", args, span)
            }
            ExprKind::Trim { side, chars, expr } => {
                let side = match side {
                    ast::TrimSide::Both => "BOTH",
                    ast::TrimSide::Leading => "LEADING",
                    ast::TrimSide::Trailing => "TRAILING",
                };
                let chars = match chars {
                    Some(chars) => self.bind(chars)?,
                    None => text_literal(" "),
                };
                let args = vec![self.bind(expr)?, text_literal(side), chars];
                self.call("TRIM", args, span)
            }
            ExprKind::Overlay { expr, placing, from, length } => {
                let mut args = vec![self.bind(expr)?, self.bind(placing)?, self.bind(from)?];
                if let Some(length) = length {
                    args.push(self.bind(length)?);
                }
                self.call("OVERLAY", args, span)
            }
            ExprKind::Round { direction, expr, unit } => {
                let value = self.bind(expr)?;
                let name = match direction {
                    ast::RoundDirection::Ceil => "CEIL",
                    ast::RoundDirection::Floor => "FLOOR",
                };
                match unit {
                    None => self.call(name, vec![value], span),
                    Some(unit) => {
                        self.call(&format!("{name}_TO"), vec![value, unit_literal(*unit)], span)
                    }
                }
            }
            ExprKind::TimestampAdd { unit, count, expr } => {
                let args = vec![unit_literal(*unit), self.bind(count)?, self.bind(expr)?];
                self.call("TIMESTAMPADD", args, span)
            }
            ExprKind::TimestampDiff { unit, start, end } => {
                let args = vec![unit_literal(*unit), self.bind(start)?, self.bind(end)?];
                self.call("TIMESTAMPDIFF", args, span)
            }
            ExprKind::Function(call) => self.function(call, span),
            ExprKind::Json(call) => self.json(call, span),
            ExprKind::Array(items) => self.call_with("ARRAY", items, span),
            ExprKind::Map(items) => self.call_with("MAP", items, span),
            ExprKind::Row { items, .. } => self.call_with("ROW", items, span),
            ExprKind::Item { collection, index } => {
                let args = vec![self.bind(collection)?, self.bind(index)?];
                self.call("ITEM", args, span)
            }
            ExprKind::Field { expr, name } => {
                let row = self.bind(expr)?;
                scope::fields(row, std::slice::from_ref(name))
            }
            ExprKind::Subquery(query) => self.scalar_subquery(query, span),
            ExprKind::InSubquery { .. } | ExprKind::Exists(_) => Err(SqlError::at(
                span,
                format!("IN and EXISTS with a query are not supported in the {}", self.clause),
            )
            .with_help("use them in WHERE or HAVING, joined to other conditions by AND")),
            ExprKind::IntervalValue { value, qualifier } => self.interval(value, qualifier, span),
            ExprKind::DatetimeDifference { left, right, qualifier } => {
                let unit = unit_of_difference(qualifier);
                let args = vec![self.bind(left)?, self.bind(right)?, unit];
                self.call("MINUS_DATE", args, span)
            }
            ExprKind::Multiset(_)
            | ExprKind::ArrayQuery(_)
            | ExprKind::MapQuery(_)
            | ExprKind::MultisetQuery(_)
            | ExprKind::Unique(_)
            | ExprKind::Quantified { .. }
            | ExprKind::AllFields(_)
            | ExprKind::Parameter
            | ExprKind::Period { .. }
            | ExprKind::MatchScope { .. } => {
                Err(SqlError::at(span, "this expression is not supported here"))
            }
        }
    }

    /// A condition: `BOOLEAN`, or an untyped NULL.
    pub fn condition(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let bound = self.bind(expr)?;
        match bound.ty.logical {
            LogicalType::Boolean => Ok(bound),
            LogicalType::Null => Ok(bound.cast_to(LogicalType::Boolean.nullable())),
            ref other => Err(SqlError::at(
                expr.span,
                format!("{} clause must be a condition", self.clause.trim_end_matches(" clause")),
            )
            .with_label(format!("this is {other}, not BOOLEAN"))),
        }
    }

    /// A call of a registered function, folded if it is constant.
    pub fn call(&mut self, name: &str, args: Vec<Expr>, span: Span) -> Result<Expr> {
        // Whatever reads a time attribute gets an ordinary timestamp; only moving it by an interval
        // gives a time attribute again (`SqlDatetimePlusOperator` keeps the type of its operand).
        let moved = match (name, args.as_slice()) {
            ("+" | "-", [time, by]) if by.ty.logical.is_interval() => time.ty.logical.time_kind(),
            _ => TimeKind::Regular,
        };
        let args = args.into_iter().map(materialised).collect();
        let bound = bind::call(&self.binder.eval, name, args).at(span)?;
        if moved == TimeKind::Rowtime {
            let ty = bound.ty.logical.with_time_kind(moved).with_nullable(bound.ty.nullable);
            return Ok(Expr { ty, ..bound });
        }
        Ok(bound)
    }

    fn call_with(&mut self, name: &str, args: &[ast::Expr], span: Span) -> Result<Expr> {
        let args = self.bind_all(args)?;
        self.call(name, args, span)
    }

    /// Binds a list of expressions.
    pub fn bind_all(&mut self, exprs: &[ast::Expr]) -> Result<Vec<Expr>> {
        exprs.iter().map(|e| self.bind(e)).collect()
    }

    fn cast(&mut self, input: Expr, ty: &DataType, lenient: bool, span: Span) -> Result<Expr> {
        let lenient = lenient || self.binder.eval.legacy_cast;
        bind::cast(materialised(input), ty, lenient).at(span)
    }

    fn name(&mut self, path: &[ast::Ident], span: Span) -> Result<Expr> {
        if let Some(found) = self.scope.resolve(path)? {
            return Ok(found);
        }
        for (level, outer) in self.binder.outer.iter().rev().enumerate() {
            if let Some(found) = outer.resolve(path)? {
                return Ok(outer_reference(found, level));
            }
        }
        // `CURRENT_DATE` and its like may reach us as plain names.
        if let [name] = path
            && !name.quoted
            && is_niladic(&name.value)
        {
            return self.call(&name.value.to_uppercase(), Vec::new(), span);
        }
        Err(self.scope.unknown(path))
    }

    fn unary(&mut self, op: UnaryOp, operand: &ast::Expr, span: Span) -> Result<Expr> {
        // The smallest integers have no positive counterpart: take sign and digits together.
        if let (UnaryOp::Minus, ExprKind::Literal(ast::Literal::Number(text))) = (op, &operand.kind)
            && let Some(value) = negative_integer(text)
        {
            return Ok(value);
        }
        let value = self.bind(operand)?;
        match op {
            UnaryOp::Plus if value.ty.logical.is_numeric() || value.ty.logical.is_interval() => {
                Ok(value)
            }
            UnaryOp::Plus => {
                Err(SqlError::at(span, format!("Cannot apply '+' to {}", value.ty.logical)))
            }
            UnaryOp::Minus => self.call("-", vec![value], span),
            UnaryOp::Not => self.call("NOT", vec![value], span),
        }
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Result<Expr> {
        if op == BinaryOp::Overlaps {
            return self.overlaps(left, right, span);
        }
        let name = operator_name(op).ok_or_else(|| {
            SqlError::at(span, "this operator on periods and multisets is not supported")
        })?;
        let args = vec![self.bind(left)?, self.bind(right)?];
        self.call(name, args, span)
    }

    fn overlaps(&mut self, left: &ast::Expr, right: &ast::Expr, span: Span) -> Result<Expr> {
        let mut args = Vec::new();
        for side in [left, right] {
            match &side.kind {
                ExprKind::Row { items, .. } if items.len() == 2 => {
                    args.extend(self.bind_all(items)?);
                }
                ExprKind::Period { start, end } => {
                    args.extend([self.bind(start)?, self.bind(end)?]);
                }
                _ => {
                    return Err(SqlError::at(side.span, "OVERLAPS takes two pairs of times")
                        .with_help("write (start, end) OVERLAPS (start, end)"));
                }
            }
        }
        self.call("OVERLAPS", args, span)
    }

    fn is(&mut self, expr: &ast::Expr, test: IsTest, negated: bool, span: Span) -> Result<Expr> {
        let value = self.bind(expr)?;
        let (positive, negative) = match test {
            IsTest::Null => ("IS NULL", Some("IS NOT NULL")),
            IsTest::True => ("IS TRUE", Some("IS NOT TRUE")),
            IsTest::False => ("IS FALSE", Some("IS NOT FALSE")),
            IsTest::Unknown => ("IS UNKNOWN", Some("IS NOT UNKNOWN")),
            IsTest::JsonValue => ("IS JSON", None),
            IsTest::JsonObject => ("IS JSON OBJECT", None),
            IsTest::JsonArray => ("IS JSON ARRAY", None),
            IsTest::JsonScalar => ("IS JSON SCALAR", None),
            IsTest::ASet | IsTest::Empty => {
                return Err(SqlError::at(span, "tests on multisets are not supported"));
            }
        };
        match (negated, negative) {
            (false, _) => self.call(positive, vec![value], span),
            (true, Some(negative)) => self.call(negative, vec![value], span),
            (true, None) => {
                let test = self.call(positive, vec![value], span)?;
                self.call("NOT", vec![test], span)
            }
        }
    }

    fn between(
        &mut self,
        expr: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        symmetric: bool,
        negated: bool,
        span: Span,
    ) -> Result<Expr> {
        let bounds = [expr, low, high].map(|e| self.bind(e).map(materialised));
        let [value, low, high] = bounds;
        let result = bind::between(&self.binder.eval, value?, low?, high?, symmetric).at(span)?;
        if negated { self.call("NOT", vec![result], span) } else { Ok(result) }
    }

    fn in_list(
        &mut self,
        expr: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
        span: Span,
    ) -> Result<Expr> {
        let value = materialised(self.bind(expr)?);
        let items = self.bind_all(list)?.into_iter().map(materialised).collect();
        let any = bind::in_list(&self.binder.eval, value, items).at(span)?;
        if negated { self.call("NOT", vec![any], span) } else { Ok(any) }
    }

    fn like(
        &mut self,
        expr: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::Expr>,
        kind: LikeKind,
        negated: bool,
        span: Span,
    ) -> Result<Expr> {
        let name = match kind {
            LikeKind::Like => "LIKE",
            LikeKind::SimilarTo => "SIMILAR TO",
            LikeKind::Rlike | LikeKind::Ilike => {
                return Err(SqlError::at(span, "this kind of pattern is not supported")
                    .with_help("use LIKE, SIMILAR TO or REGEXP(text, pattern)"));
            }
        };
        let mut args = vec![self.bind(expr)?, self.bind(pattern)?];
        if let Some(escape) = escape {
            args.push(self.bind(escape)?);
        }
        let result = self.call(name, args, span)?;
        if negated { self.call("NOT", vec![result], span) } else { Ok(result) }
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        branches: &[ast::CaseBranch],
        otherwise: Option<&ast::Expr>,
        span: Span,
    ) -> Result<Expr> {
        let operand = operand.map(|o| self.bind(o)).transpose()?;
        let mut bound = Vec::with_capacity(branches.len());
        for branch in branches {
            let mut condition: Option<Expr> = None;
            for when in &branch.when {
                let this = match &operand {
                    None => self.condition(when)?,
                    Some(operand) => {
                        let value = self.bind(when)?;
                        self.call("=", vec![operand.clone(), value], when.span)?
                    }
                };
                condition = Some(match condition {
                    None => this,
                    Some(so_far) => self.call("OR", vec![so_far, this], when.span)?,
                });
            }
            let condition =
                condition.ok_or_else(|| SqlError::at(span, "WHEN without a condition"))?;
            bound.push((condition, materialised(self.bind(&branch.then)?)));
        }
        let otherwise = match otherwise {
            Some(otherwise) => materialised(self.bind(otherwise)?),
            None => Expr::literal(Value::Null, LogicalType::Null.nullable()),
        };
        bind::case(bound, otherwise).at(span)
    }

    /// `INTERVAL x unit` of a computed number of units.
    fn interval(
        &mut self,
        value: &ast::Expr,
        qualifier: &ast::IntervalQualifier,
        span: Span,
    ) -> Result<Expr> {
        if let ExprKind::Literal(ast::Literal::Number(text)) = &value.kind {
            let literal = ast::Literal::Interval {
                value: ast::Spanned::new(text.clone(), value.span),
                negative: false,
                qualifier: *qualifier,
            };
            return literal::bind_literal(&self.binder.eval, &literal, span);
        }
        let one = ast::Literal::Interval {
            value: ast::Spanned::new("1".to_owned(), span),
            negative: false,
            qualifier: *qualifier,
        };
        let unit = literal::bind_literal(&self.binder.eval, &one, span)?;
        let count = self.bind(value)?;
        self.call("*", vec![count, unit], span)
    }

    fn scalar_subquery(&mut self, query: &ast::Query, span: Span) -> Result<Expr> {
        if self.subqueries.is_none() {
            return Err(SqlError::at(
                span,
                format!("a scalar subquery is not supported in the {}", self.clause),
            ));
        }
        let rel = self.binder.subquery(query, self.scope)?;
        let [field] = rel.schema.as_slice() else {
            return Err(SqlError::at(span, "a query used as a value must have one column")
                .with_label(format!("this has {}", rel.schema.len())));
        };
        let ty = field.ty.materialised().with_nullable(true);
        let subqueries = self.subqueries.get_or_insert_default();
        subqueries.push(rel);
        Ok(placeholder(SUBQUERY, subqueries.len() - 1, ty))
    }
}

/// A placeholder call that carries a number.
pub fn placeholder(name: &str, index: usize, ty: DataType) -> Expr {
    let number = Expr::literal(Value::Int64(index as i64), LogicalType::BigInt.not_null());
    Expr::call(name, vec![number], ty)
}

/// The number a placeholder of that name carries.
pub fn placeholder_index(expr: &Expr, name: &str) -> Option<usize> {
    match &expr.kind {
        BoundKind::Call { function, args } if function == name => {
            args.first()?.as_literal()?.as_i64().map(|i| i as usize)
        }
        _ => None,
    }
}

/// The column of a query `level` levels further out.
fn outer_reference(expr: Expr, level: usize) -> Expr {
    match expr.kind {
        BoundKind::Column(index) => {
            let number =
                |n: usize| Expr::literal(Value::Int64(n as i64), LogicalType::BigInt.not_null());
            Expr::call(OUTER, vec![number(index), number(level)], expr.ty)
        }
        _ => expr.map_children(&mut |child| outer_reference(child, level)),
    }
}

/// The expression with its time attribute read as an ordinary timestamp.
pub fn materialised(expr: Expr) -> Expr {
    let ty = expr.ty.materialised();
    Expr { ty, ..expr }
}

/// A text constant of type `CHAR(n)`.
pub fn text_literal(text: &str) -> Expr {
    let length = text.chars().count() as u32;
    Expr::literal(Value::string(text), LogicalType::Char(length).not_null())
}

/// A unit of time as the text constant that functions take.
fn unit_literal(unit: ast::TimeUnit) -> Expr {
    use ast::TimeUnit::*;
    text_literal(match unit {
        Nanosecond => "NANOSECOND",
        Microsecond => "MICROSECOND",
        Millisecond => "MILLISECOND",
        Second => "SECOND",
        Minute => "MINUTE",
        Hour => "HOUR",
        Day => "DAY",
        DayOfWeek => "DOW",
        IsoDayOfWeek => "ISODOW",
        DayOfYear => "DOY",
        Week => "WEEK",
        Month => "MONTH",
        Quarter => "QUARTER",
        Year => "YEAR",
        IsoYear => "ISOYEAR",
        Epoch => "EPOCH",
        Decade => "DECADE",
        Century => "CENTURY",
        Millennium => "MILLENNIUM",
    })
}

/// The registered name of a binary operator.
fn operator_name(op: BinaryOp) -> Option<&'static str> {
    Some(match op {
        BinaryOp::Or => "OR",
        BinaryOp::And => "AND",
        BinaryOp::Eq => "=",
        BinaryOp::NotEq => "<>",
        BinaryOp::Lt => "<",
        BinaryOp::LtEq => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::GtEq => ">=",
        BinaryOp::IsDistinctFrom => "IS DISTINCT FROM",
        BinaryOp::IsNotDistinctFrom => "IS NOT DISTINCT FROM",
        BinaryOp::Plus => "+",
        BinaryOp::Minus => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Modulo => "%",
        BinaryOp::Concat => "||",
        _ => return None,
    })
}

/// The third argument of `MINUS_DATE`: an interval of no length that carries the unit.
fn unit_of_difference(qualifier: &ast::IntervalQualifier) -> Expr {
    use ast::TimeUnit::{Month, Quarter, Year};
    match qualifier.from {
        Year | Quarter | Month => {
            Expr::literal(Value::Int32(0), LogicalType::IntervalYearMonth.not_null())
        }
        _ => Expr::literal(Value::Int64(0), LogicalType::IntervalDayTime.not_null()),
    }
}

/// Functions called without parentheses.
fn is_niladic(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "CURRENT_ROW_TIMESTAMP",
        "PI",
    ];
    NAMES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// `-2147483648` is INT and `-9223372036854775808` BIGINT, though their digits alone are too large.
fn negative_integer(digits: &str) -> Option<Expr> {
    let value: i64 = format!("-{digits}").parse().ok()?;
    Some(match i32::try_from(value) {
        Ok(small) => Expr::literal(Value::Int32(small), LogicalType::Int.not_null()),
        Err(_) => Expr::literal(Value::Int64(value), LogicalType::BigInt.not_null()),
    })
}
