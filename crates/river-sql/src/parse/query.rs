//! Queries: `WITH`, set operations, `ORDER BY`, `LIMIT`, `SELECT`, `VALUES`.

use super::ast::ObjectName;
use super::ast::{
    Cte, Expr, ExprKind, GroupBy, GroupItem, Limit, NamedWindow, OrderItem, Query, QueryBody,
    Select, SelectItem, SetOp, SetQuantifier, Span, With,
};
use super::error::{ParseError, Result};
use super::expr::QueryOrList;
use super::parser::Parser;

impl Parser<'_> {
    /// Whether a query begins here (without parentheses).
    pub(super) fn peek_query_start(&self) -> bool {
        self.peek_query_at(0)
    }

    pub(super) fn peek_query_at(&self, ahead: usize) -> bool {
        ["SELECT", "WITH", "VALUES"].iter().any(|word| self.peek_word_at(ahead, word))
            || (self.peek_word_at(ahead, "TABLE") && self.is_ident_at(ahead + 1))
    }

    /// Whether, after `(query)`, a larger query goes on.
    pub(super) fn peek_query_continues(&self) -> bool {
        self.peek_any(&[
            "UNION",
            "INTERSECT",
            "EXCEPT",
            "MINUS",
            "ORDER",
            "LIMIT",
            "OFFSET",
            "FETCH",
        ])
    }

    /// `[WITH ..] body [ORDER BY ..] [LIMIT ..]`
    pub(super) fn query(&mut self) -> Result<Query> {
        self.nested(|p| {
            let start = p.span();
            let with = p.with_clause()?;
            let operand = p.query_operand()?;
            let mut query = p.query_rest(operand)?;
            query.with = with;
            query.span = p.span_from(start);
            Ok(query)
        })
    }

    /// What may follow the first operand of a query.
    pub(super) fn query_rest(&mut self, left: Query) -> Result<Query> {
        let start = left.span;
        let mut query = self.set_operations(left)?;
        query.order_by = self.order_by()?;
        self.limits(&mut query)?;
        query.span = self.span_from(start);
        Ok(query)
    }

    fn with_clause(&mut self) -> Result<Option<With>> {
        let start = self.span();
        if !self.eat("WITH") {
            return Ok(None);
        }
        let recursive = self.eat_quietly("RECURSIVE");
        let items = self.comma_list(|p| {
            let name = p.ident()?;
            let columns = if p.peek_symbol("(") { p.ident_list()? } else { Vec::new() };
            p.expect("AS")?;
            p.expect_symbol("(")?;
            let query = p.query()?;
            p.expect_symbol(")")?;
            Ok(Cte { name, columns, query })
        })?;
        Ok(Some(With { recursive, items, span: self.span_from(start) }))
    }

    /// `SELECT ..`, `VALUES ..`, `TABLE t`, `(query)`
    fn query_operand(&mut self) -> Result<Query> {
        let start = self.span();
        let body = if self.eat("SELECT") {
            QueryBody::Select(Box::new(self.select(start)?))
        } else if self.eat("VALUES") {
            QueryBody::Values(self.comma_list(Self::values_row)?)
        } else if self.eat("TABLE") {
            QueryBody::Table(self.object_name()?)
        } else if self.peek_symbol("(") {
            self.bump();
            let query = self.query()?;
            self.expect_symbol(")")?;
            QueryBody::Nested(Box::new(query))
        } else {
            return self.expected("(");
        };
        Ok(Query::of(body, self.span_from(start)))
    }

    fn set_operations(&mut self, left: Query) -> Result<Query> {
        let mut left = self.intersections(left)?;
        let mut chain = 0;
        loop {
            let start = self.span();
            let op = match () {
                () if self.eat("UNION") => SetOp::Union,
                () if self.eat("EXCEPT") => SetOp::Except,
                () if self.peek_word("MINUS") => {
                    return Err(ParseError::new("Flink SQL does not know MINUS", self.span())
                        .with_hint("write EXCEPT"));
                }
                () => return Ok(left),
            };
            chain += 1;
            self.check_chain(chain)?;
            let (all, op_span) = self.all_of_set_operation(start);
            let right = self.query_operand()?;
            let right = self.intersections(right)?;
            left = set_operation(op, all, left, right, op_span);
        }
    }

    fn intersections(&mut self, left: Query) -> Result<Query> {
        let mut left = left;
        let mut chain = 0;
        loop {
            let start = self.span();
            if !self.eat("INTERSECT") {
                return Ok(left);
            }
            chain += 1;
            self.check_chain(chain)?;
            let (all, op_span) = self.all_of_set_operation(start);
            let right = self.query_operand()?;
            left = set_operation(SetOp::Intersect, all, left, right, op_span);
        }
    }

    fn all_of_set_operation(&mut self, start: Span) -> (bool, Span) {
        let all = self.set_quantifier() == Some(SetQuantifier::All);
        (all, self.span_from(start))
    }

    /// `ORDER BY ..` or nothing.
    pub(super) fn order_by(&mut self) -> Result<Vec<OrderItem>> {
        if !self.eat("ORDER") {
            return Ok(Vec::new());
        }
        self.expect("BY")?;
        self.comma_list(Self::order_item)
    }

    pub(super) fn order_item(&mut self) -> Result<OrderItem> {
        let expr = self.expr()?;
        let asc = match () {
            () if self.eat("ASC") => Some(true),
            () if self.eat("DESC") => Some(false),
            () => None,
        };
        let nulls_first = if self.eat("NULLS") {
            if self.eat("FIRST") {
                Some(true)
            } else {
                self.expect("LAST")?;
                Some(false)
            }
        } else {
            None
        };
        Ok(OrderItem { expr, asc, nulls_first })
    }

    fn limits(&mut self, query: &mut Query) -> Result<()> {
        let mut has_limit = false;
        let mut has_offset = false;
        loop {
            if !has_limit && self.eat("LIMIT") {
                has_limit = true;
                query.limit = Some(match self.eat_quietly("ALL") {
                    true => Limit::All,
                    false => Limit::Count(self.limit_count()?),
                });
            } else if !has_offset && self.eat("OFFSET") {
                has_offset = true;
                query.offset = Some(self.limit_count()?);
                if !self.eat_quietly("ROWS") {
                    self.eat_quietly("ROW");
                }
            } else if !has_limit && self.eat("FETCH") {
                has_limit = true;
                if !self.eat("FIRST") {
                    self.expect("NEXT")?;
                }
                query.fetch = Some(self.limit_count()?);
                if !self.eat("ROW") {
                    self.expect("ROWS")?;
                }
                self.expect("ONLY")?;
            } else {
                return Ok(());
            }
        }
    }

    /// A number or a `?`.
    fn limit_count(&mut self) -> Result<Expr> {
        if self.peek_symbol("?") {
            let token = self.bump();
            return Ok(Expr::new(ExprKind::Parameter, token.span));
        }
        match self.kind() {
            super::token::TokenKind::Integer => match self.literal()? {
                Some(literal) => Ok(literal),
                None => self.expected("a whole number"),
            },
            _ => self.expected("a whole number"),
        }
    }

    fn values_row(&mut self) -> Result<Expr> {
        let start = self.span();
        let explicit = self.peek_word("ROW") && self.peek_symbol_at(1, "(");
        if explicit {
            self.bump();
        }
        let items = if self.peek_symbol("(") {
            self.bump();
            let items = match self.query_or_list()? {
                QueryOrList::List(items) => items,
                QueryOrList::Query(query) => {
                    let span = query.span;
                    vec![Expr::new(ExprKind::Subquery(query), span)]
                }
            };
            self.expect_symbol(")")?;
            items
        } else {
            vec![self.expr()?]
        };
        Ok(Expr::new(ExprKind::Row { items, explicit }, self.span_from(start)))
    }

    /// What follows the word `SELECT`.
    fn select(&mut self, start: Span) -> Result<Select> {
        let hints = self.hints()?;
        self.eat_quietly("STREAM");
        let quantifier = self.set_quantifier();
        let items = self.comma_list(Self::select_item)?;
        let from = if self.eat("FROM") { self.comma_list(Self::table_ref)? } else { Vec::new() };
        let filter = self.clause("WHERE")?;
        let group_by = self.group_by()?;
        let having = self.clause("HAVING")?;
        let windows = self.named_windows()?;
        let qualify = self.clause("QUALIFY")?;
        Ok(Select {
            hints,
            quantifier,
            items,
            from,
            filter,
            group_by,
            having,
            windows,
            qualify,
            span: self.span_from(start),
        })
    }

    fn clause(&mut self, word: &'static str) -> Result<Option<Expr>> {
        if self.eat(word) { self.expr().map(Some) } else { Ok(None) }
    }

    fn select_item(&mut self) -> Result<SelectItem> {
        if self.peek_symbol("*") {
            let token = self.bump();
            return Ok(SelectItem::Star(token.span));
        }
        let expr = self.expr()?;
        if let ExprKind::AllFields(inner) = &expr.kind
            && let ExprKind::Name(parts) = &inner.kind
        {
            return Ok(SelectItem::QualifiedStar {
                name: ObjectName(parts.clone()),
                span: expr.span,
            });
        }
        let alias = self.optional_alias()?;
        Ok(SelectItem::Expr { expr, alias })
    }

    fn group_by(&mut self) -> Result<Option<GroupBy>> {
        let start = self.span();
        if !self.eat("GROUP") {
            return Ok(None);
        }
        self.expect("BY")?;
        let quantifier = self.set_quantifier();
        let items = self.comma_list(Self::group_item)?;
        Ok(Some(GroupBy { quantifier, items, span: self.span_from(start) }))
    }

    fn group_item(&mut self) -> Result<GroupItem> {
        self.nested(|p| {
            let start = p.span();
            if p.peek_symbol("(") && p.peek_symbol_at(1, ")") {
                p.bump();
                p.bump();
                return Ok(GroupItem::Tuple(Vec::new(), p.span_from(start)));
            }
            let make: fn(Vec<GroupItem>, Span) -> GroupItem = match () {
                () if p.peek_words(&["GROUPING", "SETS"]) => GroupItem::GroupingSets,
                () if p.peek_word("ROLLUP") && p.peek_symbol_at(1, "(") => GroupItem::Rollup,
                () if p.peek_word("CUBE") && p.peek_symbol_at(1, "(") => GroupItem::Cube,
                () => return p.group_expr(),
            };
            // `GROUPING SETS` is two words, the others are one.
            p.eat_quietly("GROUPING");
            p.bump();
            let items = p.paren_list(Self::group_item)?;
            Ok(make(items, p.span_from(start)))
        })
    }

    fn group_expr(&mut self) -> Result<GroupItem> {
        let expr = self.expr()?;
        Ok(match expr.kind {
            ExprKind::Row { items, explicit: false } => GroupItem::Tuple(items, expr.span),
            kind => GroupItem::Expr(Expr::new(kind, expr.span)),
        })
    }

    fn named_windows(&mut self) -> Result<Vec<NamedWindow>> {
        if !self.eat("WINDOW") {
            return Ok(Vec::new());
        }
        self.comma_list(|p| {
            let name = p.ident()?;
            p.expect("AS")?;
            let spec = p.window_spec()?;
            Ok(NamedWindow { name, spec })
        })
    }
}

fn set_operation(op: SetOp, all: bool, left: Query, right: Query, op_span: Span) -> Query {
    let span = left.span.to(right.span);
    let (left, right) = (Box::new(left), Box::new(right));
    Query::of(QueryBody::SetOp { op, all, left, right, op_span }, span)
}
