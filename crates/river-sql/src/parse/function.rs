//! Calls of functions: arguments, `DISTINCT`, `ORDER BY`, `FILTER`, `OVER`, tables as arguments.

use super::ast::{
    ArgValue, Expr, ExprKind, FunctionArg, FunctionCall, NullTreatment, ObjectName, OrderItem,
    SetQuantifier, TableArg, TableArgSource,
};
use super::error::Result;
use super::parser::Parser;
use super::token::TokenKind;

impl Parser<'_> {
    /// `name(..) ..` as an expression.
    pub(super) fn call(&mut self) -> Result<Expr> {
        let start = self.span();
        let call = self.function_call()?;
        Ok(Expr::new(ExprKind::Function(Box::new(call)), self.span_from(start)))
    }

    /// `CURRENT_DATE` and its like, without parentheses.
    pub(super) fn niladic_call(&mut self) -> Expr {
        let name = ObjectName(vec![self.take_ident()]);
        let span = name.span();
        let call = FunctionCall {
            name,
            niladic: true,
            quantifier: None,
            args: Vec::new(),
            order_by: Vec::new(),
            nulls: None,
            within_group: Vec::new(),
            filter: None,
            over: None,
        };
        Expr::new(ExprKind::Function(Box::new(call)), span)
    }

    /// `name(..)` and what may follow. The name may be a reserved word; the caller has checked.
    pub(super) fn function_call(&mut self) -> Result<FunctionCall> {
        let name = match self.peek_ident() {
            true => self.object_name()?,
            false => ObjectName(vec![self.take_ident()]),
        };
        self.expect_symbol("(")?;
        let quantifier = self.set_quantifier();
        let mut args = Vec::new();
        if quantifier.is_none() && self.peek_symbol("*") && self.peek_symbol_at(1, ")") {
            let span = self.bump().span;
            args.push(FunctionArg { name: None, value: ArgValue::Star, span });
        } else if !self.peek_symbol(")") && !self.peek_word("ORDER") {
            args = self.comma_list(Self::function_arg)?;
        }
        let mut nulls = self.null_treatment();
        let order_by = self.order_by()?;
        nulls = nulls.or_else(|| self.null_treatment());
        self.expect_symbol(")")?;
        nulls = nulls.or_else(|| self.null_treatment());
        let within_group = self.within_group()?;
        let filter = self.filter_clause()?.map(Box::new);
        nulls = nulls.or_else(|| self.null_treatment());
        let over = self.over_clause()?;
        Ok(FunctionCall {
            name,
            niladic: false,
            quantifier,
            args,
            order_by,
            nulls,
            within_group,
            filter,
            over,
        })
    }

    /// `DISTINCT`, `ALL` or nothing.
    pub(super) fn set_quantifier(&mut self) -> Option<SetQuantifier> {
        if self.eat_quietly("DISTINCT") {
            return Some(SetQuantifier::Distinct);
        }
        self.eat_quietly("ALL").then_some(SetQuantifier::All)
    }

    fn null_treatment(&mut self) -> Option<NullTreatment> {
        let treatment = match () {
            () if self.peek_words(&["IGNORE", "NULLS"]) => NullTreatment::Ignore,
            () if self.peek_words(&["RESPECT", "NULLS"]) => NullTreatment::Respect,
            () => return None,
        };
        self.bump();
        self.bump();
        Some(treatment)
    }

    /// `WITHIN GROUP (ORDER BY ..)` or nothing.
    pub(super) fn within_group(&mut self) -> Result<Vec<OrderItem>> {
        if !self.peek_words(&["WITHIN", "GROUP"]) {
            return Ok(Vec::new());
        }
        self.bump();
        self.bump();
        self.expect_symbol("(")?;
        if !self.peek_word("ORDER") {
            self.expect("ORDER")?;
        }
        let order_by = self.order_by()?;
        self.expect_symbol(")")?;
        Ok(order_by)
    }

    /// `FILTER (WHERE ..)` or nothing.
    pub(super) fn filter_clause(&mut self) -> Result<Option<Expr>> {
        if !self.eat_quietly("FILTER") {
            return Ok(None);
        }
        self.expect_symbol("(")?;
        self.expect("WHERE")?;
        let filter = self.expr()?;
        self.expect_symbol(")")?;
        Ok(Some(filter))
    }

    /// One argument; also those of table functions and of `DESCRIPTOR` kind.
    fn function_arg(&mut self) -> Result<FunctionArg> {
        let start = self.span();
        let mut name = None;
        if matches!(self.kind(), TokenKind::Word { .. } | TokenKind::QuotedIdent)
            && self.peek_symbol_at(1, "=>")
        {
            name = Some(self.ident()?);
            self.bump();
        }
        let value = self.arg_value()?;
        Ok(FunctionArg { name, value, span: self.span_from(start) })
    }

    fn arg_value(&mut self) -> Result<ArgValue> {
        if self.peek_word("DEFAULT") {
            self.bump();
            return Ok(ArgValue::Default);
        }
        if self.peek_word("TABLE") {
            return self.table_arg().map(ArgValue::Table);
        }
        if self.peek_word("DESCRIPTOR") && self.peek_symbol_at(1, "(") {
            self.bump();
            return self.ident_list().map(ArgValue::Descriptor);
        }
        if self.peek_word("MODEL") && self.is_ident_at(1) {
            self.bump();
            return self.object_name().map(ArgValue::Model);
        }
        if self.peek_query_start() {
            let start = self.span();
            let source = TableArgSource::Query(Box::new(self.query()?));
            let span = self.span_from(start);
            let (partition_by, order_by) = (Vec::new(), Vec::new());
            return Ok(ArgValue::Table(TableArg { source, partition_by, order_by, span }));
        }
        let expr = self.expr()?;
        match expr.kind {
            ExprKind::Subquery(query) if self.peek_table_arg_clause() => {
                let source = TableArgSource::Query(query);
                self.table_arg_clauses(source, expr.span).map(ArgValue::Table)
            }
            ExprKind::AllFields(inner) => match inner.kind {
                ExprKind::Name(parts) => Ok(ArgValue::QualifiedStar(ObjectName(parts))),
                kind => {
                    let inner = Box::new(Expr::new(kind, inner.span));
                    Ok(ArgValue::Expr(Expr::new(ExprKind::AllFields(inner), expr.span)))
                }
            },
            kind => Ok(ArgValue::Expr(Expr::new(kind, expr.span))),
        }
    }

    fn table_arg(&mut self) -> Result<TableArg> {
        let start = self.expect("TABLE")?;
        let source = if self.peek_symbol("(") {
            self.bump();
            let query = self.query()?;
            self.expect_symbol(")")?;
            TableArgSource::Query(Box::new(query))
        } else {
            TableArgSource::Named(self.object_name()?)
        };
        self.table_arg_clauses(source, start)
    }

    fn peek_table_arg_clause(&self) -> bool {
        self.peek_words(&["PARTITION", "BY"]) || self.peek_words(&["ORDER", "BY"])
    }

    fn table_arg_clauses(
        &mut self,
        source: TableArgSource,
        start: super::ast::Span,
    ) -> Result<TableArg> {
        let mut partition_by = Vec::new();
        if self.eat_words(&["PARTITION", "BY"]) {
            partition_by = self.table_arg_keys(|p| p.primary())?;
        }
        let mut order_by = Vec::new();
        if self.eat_words(&["ORDER", "BY"]) {
            order_by = self.table_arg_keys(Self::order_item)?;
        }
        Ok(TableArg { source, partition_by, order_by, span: self.span_from(start) })
    }

    /// Keys of a table argument: one, or several in parentheses (a bare comma would begin the next
    /// argument).
    fn table_arg_keys<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        if self.peek_symbol("(") {
            return self.paren_list(item);
        }
        Ok(vec![item(self)?])
    }
}
