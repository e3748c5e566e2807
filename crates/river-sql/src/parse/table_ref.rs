//! `FROM`: tables, joins, table functions, hints.

use super::ast::{
    Hint, HintArgs, Join, JoinCondition, JoinKind, PropertyOption, Query, QueryBody, Spanned,
    TableAlias, TableRef, TableRefKind, Text,
};
use super::error::{ParseError, Result};
use super::parser::Parser;
use super::token::TokenKind;

impl Parser<'_> {
    /// An entry of `FROM` with the joins that follow it.
    pub(super) fn table_ref(&mut self) -> Result<TableRef> {
        self.nested(|p| {
            let mut left = p.table_factor()?;
            let mut chain = 0;
            loop {
                let start = p.span();
                let Some((kind, natural)) = p.join_words()? else { return Ok(left) };
                chain += 1;
                p.check_chain(chain)?;
                let join_span = p.span_from(start);
                let right = p.table_factor()?;
                let condition = p.join_condition()?;
                let span = p.span_from(left.span);
                let join = Join { left, right, kind, natural, condition, join_span };
                let kind = TableRefKind::Join(Box::new(join));
                left = TableRef { kind, alias: None, span };
            }
        })
    }

    fn join_words(&mut self) -> Result<Option<(JoinKind, bool)>> {
        let natural = self.eat_quietly("NATURAL");
        let kind = if self.eat("JOIN") {
            return Ok(Some((JoinKind::Inner, natural)));
        } else if self.eat("INNER") {
            JoinKind::Inner
        } else if self.eat("LEFT") {
            if self.peek_any(&["SEMI", "ANTI"]) && self.peek_word_at(1, "JOIN") {
                let message = "Flink SQL has no SEMI or ANTI JOIN";
                return Err(ParseError::new(message, self.span())
                    .with_hint("write WHERE [NOT] EXISTS (..) or [NOT] IN (..)"));
            }
            self.eat("OUTER");
            JoinKind::Left
        } else if self.eat("RIGHT") {
            self.eat("OUTER");
            JoinKind::Right
        } else if self.eat("FULL") {
            self.eat("OUTER");
            JoinKind::Full
        } else if self.eat("CROSS") {
            JoinKind::Cross
        } else if natural {
            return Err(self.unexpected());
        } else {
            return Ok(None);
        };
        self.expect("JOIN")?;
        Ok(Some((kind, natural)))
    }

    fn join_condition(&mut self) -> Result<JoinCondition> {
        if self.eat("ON") {
            return self.expr().map(JoinCondition::On);
        }
        if self.eat("USING") {
            return self.ident_list().map(JoinCondition::Using);
        }
        Ok(JoinCondition::None)
    }

    /// One entry with its snapshot, pattern and alias.
    fn table_factor(&mut self) -> Result<TableRef> {
        let start = self.span();
        let kind = self.table_primary()?;
        let mut table = TableRef { kind, alias: None, span: self.span_from(start) };
        if self.peek_words(&["FOR", "SYSTEM_TIME"]) {
            self.bump();
            self.bump();
            self.expect_words(&["AS", "OF"])?;
            let time = Box::new(self.expr()?);
            table.kind = match table.kind {
                TableRefKind::Named { name, hints, .. } => {
                    TableRefKind::Named { name, hints, as_of: Some(time) }
                }
                kind => {
                    let inner = TableRef { kind, alias: None, span: table.span };
                    TableRefKind::AsOf { table: Box::new(inner), time }
                }
            };
        }
        table.alias = self.table_alias()?;
        table.span = self.span_from(start);
        if self.eat("MATCH_RECOGNIZE") {
            let matched = self.match_recognize(table)?;
            let kind = TableRefKind::MatchRecognize(Box::new(matched));
            table = TableRef { kind, alias: None, span: self.span_from(start) };
            table.alias = self.table_alias()?;
            table.span = self.span_from(start);
        }
        if self.peek_word("TABLESAMPLE") {
            return Err(ParseError::new("TABLESAMPLE is not supported", self.span()));
        }
        Ok(table)
    }

    fn table_alias(&mut self) -> Result<Option<TableAlias>> {
        let Some(name) = self.optional_alias()? else { return Ok(None) };
        let columns = if self.peek_symbol("(") { self.ident_list()? } else { Vec::new() };
        Ok(Some(TableAlias { name, columns }))
    }

    fn table_primary(&mut self) -> Result<TableRefKind> {
        let lateral = self.eat("LATERAL");
        if self.peek_symbol("(") {
            return self.table_in_parens(lateral);
        }
        if self.eat("UNNEST") {
            let exprs = self.paren_list(Self::expr)?;
            let with_ordinality = self.eat_words(&["WITH", "ORDINALITY"]);
            return Ok(TableRefKind::Unnest { exprs, with_ordinality, lateral });
        }
        if self.eat("TABLE") {
            self.expect_symbol("(")?;
            self.eat_quietly("SPECIFIC");
            let call = Box::new(self.table_function()?);
            self.expect_symbol(")")?;
            return Ok(TableRefKind::Function { lateral, table_keyword: true, call });
        }
        if lateral {
            return self.expected("TABLE");
        }
        let mut ahead = 0;
        while self.is_ident_at(ahead) && self.peek_symbol_at(ahead + 1, ".") {
            ahead += 2;
        }
        if self.is_ident_at(ahead) && self.peek_symbol_at(ahead + 1, "(") {
            let call = Box::new(self.table_function()?);
            return Ok(TableRefKind::Function { lateral, table_keyword: false, call });
        }
        let name = match self.peek_ident() {
            true => self.object_name()?,
            false => return self.expected("a table name"),
        };
        let hints = self.hints()?;
        Ok(TableRefKind::Named { name, hints, as_of: None })
    }

    fn table_function(&mut self) -> Result<super::ast::FunctionCall> {
        if !self.peek_ident() {
            return self.expected("a function name");
        }
        self.function_call()
    }

    /// `(query)`, `(a JOIN b)`
    fn table_in_parens(&mut self, lateral: bool) -> Result<TableRefKind> {
        self.expect_symbol("(")?;
        if self.peek_query_start() {
            let query = Box::new(self.query()?);
            self.expect_symbol(")")?;
            return Ok(TableRefKind::Derived { lateral, query });
        }
        let inner = self.table_ref()?;
        let kind = match (inner.kind, inner.alias) {
            (TableRefKind::Derived { lateral: false, query }, None) => {
                // `((query) UNION ..)`: what was read is the left side of a larger query.
                let left = Query::of(QueryBody::Nested(query), inner.span);
                let query = Box::new(self.query_rest(left)?);
                TableRefKind::Derived { lateral, query }
            }
            (kind, alias) => {
                let inner = TableRef { kind, alias, span: inner.span };
                TableRefKind::Nested(Box::new(inner))
            }
        };
        self.expect_symbol(")")?;
        Ok(kind)
    }

    /// `/*+ .. */` or nothing.
    pub(super) fn hints(&mut self) -> Result<Vec<Hint>> {
        if !self.peek_symbol("/*+") {
            return Ok(Vec::new());
        }
        self.bump();
        let hints = self.comma_list(Self::hint)?;
        self.expect_symbol("*/")?;
        Ok(hints)
    }

    fn hint(&mut self) -> Result<Hint> {
        let start = self.span();
        let name = self.ident()?;
        let mut args = HintArgs::None;
        if self.eat_symbol("(") && !self.eat_symbol(")") {
            args = match self.peek_symbol_at(1, "=") {
                true => HintArgs::Options(self.comma_list(Self::hint_option)?),
                false => HintArgs::Items(self.comma_list(Self::hint_item)?),
            };
            self.expect_symbol(")")?;
        }
        Ok(Hint { name, args, span: self.span_from(start) })
    }

    fn hint_option(&mut self) -> Result<PropertyOption> {
        let key = match self.peek_ident() {
            true => {
                let ident = self.take_ident();
                Spanned::new(ident.value, ident.span)
            }
            false => self.string()?,
        };
        self.expect_symbol("=")?;
        let value = self.string()?;
        Ok(PropertyOption { key, value })
    }

    fn hint_item(&mut self) -> Result<Text> {
        let span = self.span();
        match self.kind() {
            TokenKind::String => self.string(),
            TokenKind::Integer | TokenKind::Decimal => {
                self.bump();
                Ok(Spanned::new(self.text_of(span).to_owned(), span))
            }
            _ => {
                let name = self.object_name()?;
                Ok(Spanned::new(name.parts().join("."), self.span_from(span)))
            }
        }
    }
}
