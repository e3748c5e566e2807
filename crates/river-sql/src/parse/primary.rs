//! Operands: constants, names, constructors and everything with a syntax of its own
//! (`Expression3`, `AtomicRowExpression`).

use super::ast::{
    BinaryOp, CaseBranch, Expr, ExprKind, Ident, Literal, Query, QueryBody, RoundDirection,
    TimeUnit, TrimSide,
};
use super::error::{ParseError, Result};
use super::expr::QueryOrList;
use super::parser::{EXPRESSION, Parser};
use super::token::TokenKind;

impl Parser<'_> {
    /// An operand with its `[..]` and `.field` suffixes.
    pub(super) fn primary(&mut self) -> Result<Expr> {
        let mut expr = self.atom()?;
        let mut chain = 0;
        loop {
            chain += 1;
            self.check_chain(chain)?;
            let start = expr.span;
            let kind = if self.peek_symbol("[") {
                self.bump();
                let index = Box::new(self.expr()?);
                self.expect_symbol("]")?;
                ExprKind::Item { collection: Box::new(expr), index }
            } else if self.peek_symbol(".") {
                self.bump();
                if self.eat_symbol("*") {
                    ExprKind::AllFields(Box::new(expr))
                } else {
                    let name = self.ident()?;
                    ExprKind::Field { expr: Box::new(expr), name }
                }
            } else {
                return Ok(expr);
            };
            expr = Expr::new(kind, self.span_from(start));
        }
    }

    fn atom(&mut self) -> Result<Expr> {
        if let Some(literal) = self.literal()? {
            return Ok(literal);
        }
        match self.kind() {
            TokenKind::Symbol("(") => self.parenthesised(),
            TokenKind::Symbol("?") => {
                let token = self.bump();
                Ok(Expr::new(ExprKind::Parameter, token.span))
            }
            TokenKind::Symbol("{") => self.braced(),
            TokenKind::QuotedIdent => self.name_or_call(),
            TokenKind::Word { reserved } => {
                if let Some(expr) = self.special_form()? {
                    return Ok(expr);
                }
                if reserved { self.reserved_call() } else { self.name_or_call() }
            }
            _ => self.expected(EXPRESSION),
        }
    }

    /// `(x)`, `(a, b)`, `(query)`
    fn parenthesised(&mut self) -> Result<Expr> {
        let start = self.expect_symbol("(")?;
        let kind = match self.query_or_list()? {
            QueryOrList::Query(query) => ExprKind::Subquery(query),
            QueryOrList::List(mut items) => match (items.len(), items.pop()) {
                (1, Some(only)) => {
                    self.expect_symbol(")")?;
                    let kind = self.difference_with_unit(only.kind)?;
                    return Ok(Expr::new(kind, self.span_from(start)));
                }
                (_, last) => {
                    items.extend(last);
                    ExprKind::Row { items, explicit: false }
                }
            },
        };
        self.expect_symbol(")")?;
        Ok(Expr::new(kind, self.span_from(start)))
    }

    /// The unit that may follow `(a - b)`.
    fn difference_with_unit(&mut self, kind: ExprKind) -> Result<ExprKind> {
        match kind {
            ExprKind::Binary { op: BinaryOp::Minus, left, right, .. }
                if self.peek_any(&["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"]) =>
            {
                let qualifier = self.interval_qualifier()?;
                Ok(ExprKind::DatetimeDifference { left, right, qualifier })
            }
            kind => Ok(kind),
        }
    }

    /// After `(query)` read as an operand: if a set operation or `ORDER BY` follows, it was the
    /// left side of a larger query.
    pub(super) fn query_after_subquery(
        &mut self,
        expr: Expr,
    ) -> Result<std::result::Result<Box<Query>, Expr>> {
        let Expr { kind: ExprKind::Subquery(query), span } = expr else { return Ok(Err(expr)) };
        if !self.peek_query_continues() {
            return Ok(Err(Expr::new(ExprKind::Subquery(query), span)));
        }
        let left = Query::of(QueryBody::Nested(query), span);
        self.query_rest(left).map(|query| Ok(Box::new(query)))
    }

    /// JDBC's `{fn f(x)}`, `{d '..'}`, `{t '..'}`, `{ts '..'}`.
    fn braced(&mut self) -> Result<Expr> {
        let start = self.expect_symbol("{")?;
        if self.peek_word("FN") {
            self.bump();
            let call = self.primary()?;
            self.expect_symbol("}")?;
            return Ok(Expr::new(call.kind, self.span_from(start)));
        }
        let make = match () {
            () if self.peek_word("D") => Literal::Date,
            () if self.peek_word("T") => Literal::Time,
            () if self.peek_word("TS") => Literal::Timestamp,
            () => return self.expected(EXPRESSION),
        };
        self.bump();
        let text = self.string()?;
        self.expect_symbol("}")?;
        Ok(Expr::new(ExprKind::Literal(make(text)), self.span_from(start)))
    }

    /// Operands that begin with a word and have a syntax of their own.
    fn special_form(&mut self) -> Result<Option<Expr>> {
        let start = self.span();
        let word = self.text_of(start);
        if word.len() > 16 {
            return Ok(None);
        }
        let word = word.to_ascii_uppercase();
        let called = self.peek_symbol_at(1, "(");
        let kind = match word.as_str() {
            "CASE" => self.case()?,
            "INTERVAL" => self.interval()?,
            "ARRAY" if self.peek_symbol_at(1, "[") => ExprKind::Array(self.bracketed()?),
            "MAP" if self.peek_symbol_at(1, "[") => ExprKind::Map(self.bracketed()?),
            "MULTISET" if self.peek_symbol_at(1, "[") => ExprKind::Multiset(self.bracketed()?),
            "RUNNING" | "FINAL" if self.is_match_scope() => {
                self.bump();
                let expr = Box::new(self.primary()?);
                ExprKind::MatchScope { is_final: word == "FINAL", expr }
            }
            _ if !called => return Ok(None),
            "ARRAY" => ExprKind::ArrayQuery(self.query_argument()?),
            "MAP" if self.peek_query_at(2) => ExprKind::MapQuery(self.query_argument()?),
            "MULTISET" => ExprKind::MultisetQuery(self.query_argument()?),
            "EXISTS" => ExprKind::Exists(self.query_argument()?),
            "UNIQUE" => ExprKind::Unique(self.query_argument()?),
            "ROW" => self.row()?,
            "PERIOD" => self.period()?,
            _ => match self.special_call(&word)? {
                Some(kind) => kind,
                None => return Ok(None),
            },
        };
        Ok(Some(Expr::new(kind, self.span_from(start))))
    }

    /// Whether `RUNNING` or `FINAL` stands before a navigation or aggregate function.
    fn is_match_scope(&self) -> bool {
        matches!(self.kind_at(1), TokenKind::Word { .. })
            && self.peek_symbol_at(2, "(")
            && !["AS", "FROM"].iter().any(|word| self.peek_word_at(1, word))
    }

    /// Functions whose arguments are no plain list.
    fn special_call(&mut self, word: &str) -> Result<Option<ExprKind>> {
        let parse: fn(&mut Self) -> Result<ExprKind> = match word {
            "CAST" | "TRY_CAST" => Self::cast,
            "EXTRACT" => Self::extract,
            "POSITION" => Self::position,
            "SUBSTRING" => Self::substring,
            "TRIM" => Self::trim,
            "OVERLAY" => Self::overlay,
            "CEIL" | "CEILING" | "FLOOR" => Self::round,
            "TIMESTAMPADD" => Self::timestamp_add,
            "TIMESTAMPDIFF" => Self::timestamp_diff,
            "JSON_EXISTS" | "JSON_VALUE" | "JSON_QUERY" | "JSON_OBJECT" | "JSON_ARRAY"
            | "JSON_OBJECTAGG" | "JSON_ARRAYAGG" => Self::json_call,
            _ => return Ok(None),
        };
        parse(self).map(Some)
    }

    fn case(&mut self) -> Result<ExprKind> {
        self.expect("CASE")?;
        let operand = match self.peek_word("WHEN") {
            true => None,
            false => Some(Box::new(self.expr()?)),
        };
        let mut branches = Vec::new();
        self.expect("WHEN")?;
        loop {
            let when = match operand {
                Some(_) => self.comma_list(Self::expr)?,
                None => vec![self.expr()?],
            };
            self.expect("THEN")?;
            branches.push(CaseBranch { when, then: self.expr()? });
            if !self.eat("WHEN") {
                break;
            }
        }
        let otherwise = if self.eat("ELSE") { Some(Box::new(self.expr()?)) } else { None };
        self.expect("END")?;
        Ok(ExprKind::Case { operand, branches, otherwise })
    }

    fn interval(&mut self) -> Result<ExprKind> {
        self.expect("INTERVAL")?;
        let mut negative = false;
        if self.peek_symbol("-") || self.peek_symbol("+") {
            negative = self.peek_symbol("-");
            self.bump();
        }
        if self.kind() == TokenKind::String {
            let value = self.string()?;
            let qualifier = self.interval_qualifier()?;
            return Ok(ExprKind::Literal(Literal::Interval { value, negative, qualifier }));
        }
        let start = self.span();
        let mut value = match self.kind() {
            TokenKind::Integer | TokenKind::Decimal | TokenKind::Symbol("(") => self.atom()?,
            _ if self.peek_ident() => {
                let name = self.object_name()?;
                Expr::new(ExprKind::Name(name.0), self.span_from(start))
            }
            _ => return self.expected("a text in single quotes"),
        };
        let qualifier = self.interval_qualifier()?;
        if negative {
            let span = value.span;
            let kind = ExprKind::Unary { op: super::ast::UnaryOp::Minus, expr: Box::new(value) };
            value = Expr::new(kind, span);
        }
        Ok(ExprKind::IntervalValue { value: Box::new(value), qualifier })
    }

    /// `WORD[a, b]`
    fn bracketed(&mut self) -> Result<Vec<Expr>> {
        self.bump();
        self.expect_symbol("[")?;
        if self.eat_symbol("]") {
            return Ok(Vec::new());
        }
        let items = self.comma_list(Self::expr)?;
        self.expect_symbol("]")?;
        Ok(items)
    }

    /// `WORD(query)`
    fn query_argument(&mut self) -> Result<Box<Query>> {
        self.bump();
        self.expect_symbol("(")?;
        let query = self.query()?;
        self.expect_symbol(")")?;
        Ok(Box::new(query))
    }

    fn row(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        if self.eat_symbol(")") {
            return Ok(ExprKind::Row { items: Vec::new(), explicit: true });
        }
        let items = self.comma_list(Self::expr)?;
        self.expect_symbol(")")?;
        Ok(ExprKind::Row { items, explicit: true })
    }

    fn period(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let start = Box::new(self.expr()?);
        self.expect_symbol(",")?;
        let end = Box::new(self.expr()?);
        self.expect_symbol(")")?;
        Ok(ExprKind::Period { start, end })
    }

    fn cast(&mut self) -> Result<ExprKind> {
        let try_cast = self.peek_word("TRY_CAST");
        self.bump();
        self.expect_symbol("(")?;
        let expr = Box::new(self.expr()?);
        self.expect("AS")?;
        let ty = self.plain_type_name()?;
        let format = match !try_cast && self.eat_quietly("FORMAT") {
            true => Some(self.string()?),
            false => None,
        };
        self.expect_symbol(")")?;
        Ok(ExprKind::Cast { expr, ty, try_cast, format })
    }

    fn extract(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let unit = self.time_unit()?;
        self.expect("FROM")?;
        let expr = Box::new(self.expr()?);
        self.expect_symbol(")")?;
        Ok(ExprKind::Extract { unit, expr })
    }

    fn position(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let needle = Box::new(self.primary()?);
        self.expect("IN")?;
        let haystack = Box::new(self.expr()?);
        let from = if self.eat("FROM") { Some(Box::new(self.expr()?)) } else { None };
        self.expect_symbol(")")?;
        Ok(ExprKind::Position { needle, haystack, from })
    }

    fn substring(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let expr = Box::new(self.expr()?);
        if !self.eat("FROM") {
            self.expect_symbol(",")?;
        }
        let from = Box::new(self.expr()?);
        let has_length = self.eat("FOR") || self.eat_symbol(",");
        let length = if has_length { Some(Box::new(self.expr()?)) } else { None };
        self.expect_symbol(")")?;
        Ok(ExprKind::Substring { expr, from, length })
    }

    fn trim(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let side = [
            ("BOTH", TrimSide::Both),
            ("LEADING", TrimSide::Leading),
            ("TRAILING", TrimSide::Trailing),
        ]
        .into_iter()
        .find(|(word, _)| self.peek_word(word))
        .map(|(_, side)| side);
        let mut chars = None;
        if side.is_some() {
            self.bump();
            if !self.peek_word("FROM") {
                chars = Some(Box::new(self.expr()?));
            }
            self.expect("FROM")?;
        }
        let mut expr = self.expr()?;
        if side.is_none() && self.eat("FROM") {
            chars = Some(Box::new(expr));
            expr = self.expr()?;
        }
        self.expect_symbol(")")?;
        let side = side.unwrap_or(TrimSide::Both);
        Ok(ExprKind::Trim { side, chars, expr: Box::new(expr) })
    }

    fn overlay(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let expr = Box::new(self.expr()?);
        self.expect("PLACING")?;
        let placing = Box::new(self.expr()?);
        self.expect("FROM")?;
        let from = Box::new(self.expr()?);
        let length = if self.eat("FOR") { Some(Box::new(self.expr()?)) } else { None };
        self.expect_symbol(")")?;
        Ok(ExprKind::Overlay { expr, placing, from, length })
    }

    fn round(&mut self) -> Result<ExprKind> {
        let direction = match self.peek_word("FLOOR") {
            true => RoundDirection::Floor,
            false => RoundDirection::Ceil,
        };
        self.bump();
        self.expect_symbol("(")?;
        let expr = Box::new(self.expr()?);
        let unit = if self.eat("TO") { Some(self.time_unit()?) } else { None };
        self.expect_symbol(")")?;
        Ok(ExprKind::Round { direction, expr, unit })
    }

    fn timestamp_add(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let unit = self.timestamp_unit()?;
        self.expect_symbol(",")?;
        let count = Box::new(self.expr()?);
        self.expect_symbol(",")?;
        let expr = Box::new(self.expr()?);
        self.expect_symbol(")")?;
        Ok(ExprKind::TimestampAdd { unit, count, expr })
    }

    fn timestamp_diff(&mut self) -> Result<ExprKind> {
        self.bump();
        self.expect_symbol("(")?;
        let unit = self.timestamp_unit()?;
        self.expect_symbol(",")?;
        let start = Box::new(self.expr()?);
        self.expect_symbol(",")?;
        let end = Box::new(self.expr()?);
        self.expect_symbol(")")?;
        Ok(ExprKind::TimestampDiff { unit, start, end })
    }

    /// The unit of `EXTRACT` and `FLOOR .. TO`.
    fn time_unit(&mut self) -> Result<TimeUnit> {
        let unit = match self.kind() {
            TokenKind::Word { .. } => time_unit(&self.text_of(self.span()).to_ascii_uppercase()),
            _ => None,
        };
        match unit {
            Some(unit) => {
                self.bump();
                Ok(unit)
            }
            None => self.expected("a unit such as YEAR or SECOND"),
        }
    }

    /// The unit of `TIMESTAMPADD`: also ODBC's `SQL_TSI_..` names, also plural.
    fn timestamp_unit(&mut self) -> Result<TimeUnit> {
        let text = self.text_of(self.span()).to_ascii_uppercase();
        let name = text.strip_prefix("SQL_TSI_").unwrap_or(&text);
        let unit = match name {
            "FRAC_SECOND" => Some(TimeUnit::Microsecond),
            name => time_unit(name),
        };
        match (self.kind(), unit) {
            (TokenKind::Word { .. }, Some(unit)) => {
                self.bump();
                Ok(unit)
            }
            _ => self.expected("a unit such as YEAR or SECOND"),
        }
    }

    /// A reserved word where an operand should be: some can be called, some are values.
    fn reserved_call(&mut self) -> Result<Expr> {
        let span = self.span();
        let word = self.text_of(span);
        let called = self.peek_symbol_at(1, "(");
        if called && self.is_callable(word) {
            return self.call();
        }
        if super::keyword::is_context_variable(word) {
            return Ok(self.niladic_call());
        }
        if word.eq_ignore_ascii_case("NEXT") && self.peek_word_at(1, "VALUE") {
            return Err(ParseError::new("sequences are not supported", span));
        }
        self.expected(EXPRESSION)
    }

    fn is_callable(&self, word: &str) -> bool {
        super::keyword::is_reserved_function(word)
            || EXTRA_CALLABLE.iter().any(|name| name.eq_ignore_ascii_case(word))
    }

    fn name_or_call(&mut self) -> Result<Expr> {
        let start = self.span();
        let mut ahead = 0;
        while self.is_ident_at(ahead) && self.peek_symbol_at(ahead + 1, ".") {
            ahead += 2;
        }
        if self.is_ident_at(ahead) && self.peek_symbol_at(ahead + 1, "(") {
            return self.call();
        }
        let mut parts: Vec<Ident> = vec![self.ident()?];
        while self.peek_symbol(".") && self.is_ident_at(1) {
            self.bump();
            parts.push(self.take_ident());
        }
        Ok(Expr::new(ExprKind::Name(parts), self.span_from(start)))
    }
}

/// Reserved words with a call syntax that Calcite spells out in `BuiltinFunctionCall` and whose
/// arguments are a plain list all the same.
const EXTRA_CALLABLE: &[&str] =
    &["CEIL", "CLASSIFIER", "CONVERT", "MATCH_NUMBER", "NEXT", "PREV", "TRANSLATE"];

/// Units in `EXTRACT`, `FLOOR`, `TIMESTAMPADD`.
fn time_unit(word: &str) -> Option<TimeUnit> {
    Some(match word {
        "NANOSECOND" => TimeUnit::Nanosecond,
        "MICROSECOND" => TimeUnit::Microsecond,
        "MILLISECOND" => TimeUnit::Millisecond,
        "SECOND" | "SECONDS" => TimeUnit::Second,
        "MINUTE" | "MINUTES" => TimeUnit::Minute,
        "HOUR" | "HOURS" => TimeUnit::Hour,
        "DAY" | "DAYS" => TimeUnit::Day,
        "DOW" | "DAYOFWEEK" => TimeUnit::DayOfWeek,
        "ISODOW" => TimeUnit::IsoDayOfWeek,
        "DOY" | "DAYOFYEAR" => TimeUnit::DayOfYear,
        "WEEK" | "WEEKS" => TimeUnit::Week,
        "MONTH" | "MONTHS" => TimeUnit::Month,
        "QUARTER" | "QUARTERS" => TimeUnit::Quarter,
        "YEAR" | "YEARS" => TimeUnit::Year,
        "ISOYEAR" => TimeUnit::IsoYear,
        "EPOCH" => TimeUnit::Epoch,
        "DECADE" => TimeUnit::Decade,
        "CENTURY" => TimeUnit::Century,
        "MILLENNIUM" => TimeUnit::Millennium,
        _ => return None,
    })
}
