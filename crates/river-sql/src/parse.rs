//! Flink SQL text to syntax tree.
//!
//! Called by the binder, the script runner and the interactive client. It knows words and grammar
//! only: no catalog, no types of expressions, no I/O, and it never panics, whatever the text.
//! The grammar is that of Flink 2.3 (`flink-sql-parser`: Calcite's `Parser.jj` with Flink's
//! `Parser.tdd` and `parserImpls.ftl`). Trees are bounded in depth ([`MAX_DEPTH`],
//! [`MAX_CHAIN`]), so that later passes may recurse over them.

mod alter;
pub mod ast;
mod create;
pub mod diagnostic;
mod error;
mod expr;
mod function;
mod json;
pub mod keyword;
mod lexer;
mod literal;
mod match_recognize;
mod parser;
mod primary;
mod query;
mod show;
mod split;
mod statement;
mod table_elements;
mod table_ref;
#[cfg(test)]
mod tests;
mod token;
mod type_name;
mod types;
mod window;

pub use error::{ParseError, Result, nearest};
pub use parser::{MAX_CHAIN, MAX_DEPTH};
pub use split::{Split, split_statements};
pub use types::to_data_type;

use ast::{Expr, Query, Span, Spanned, Statement, TypeName};
use parser::Parser;

/// All statements of a script, in order. `BEGIN STATEMENT SET; ..; END;` comes as one
/// [`Statement::StatementSet`].
///
/// # Errors
/// The first place where the text leaves Flink's grammar.
pub fn parse_script(text: &str) -> Result<Vec<Spanned<Statement>>> {
    with_stack(|| parse_script_here(text))
}

/// As [`parse_script`], but on the caller's stack, of which [`STACK_BYTES`] must be left.
///
/// # Errors
/// As [`parse_script`].
pub fn parse_script_here(text: &str) -> Result<Vec<Spanned<Statement>>> {
    let mut parser = Parser::new(text)?;
    let mut statements = Vec::new();
    loop {
        while parser.eat_symbol(";") {}
        if parser.at_end() {
            return Ok(statements);
        }
        parser.forget_noted();
        let statement = parser.statement()?;
        if !parser.at_end() {
            parser.expect_symbol(";")?;
        }
        statements.push(match statement.value {
            Statement::BeginStatementSet => statement_set(&mut parser, statement.span)?,
            Statement::EndStatementSet => {
                let error = ParseError::new("`END` without `BEGIN STATEMENT SET`", statement.span);
                return Err(error);
            }
            _ => statement,
        });
    }
}

/// The inserts after `BEGIN STATEMENT SET;` up to `END`.
fn statement_set(parser: &mut Parser<'_>, begin: Span) -> Result<Spanned<Statement>> {
    let mut inserts = Vec::new();
    loop {
        if parser.at_end() {
            let mut error = ParseError::new("this statement set has no `END`", begin)
                .with_hint("close it with `END;`");
            error.incomplete = true;
            return Err(error);
        }
        let statement = parser.statement()?;
        let span = begin.to(statement.span);
        if !parser.at_end() {
            parser.expect_symbol(";")?;
        }
        match statement.value {
            Statement::Insert(insert) => inserts.push(Spanned::new(*insert, statement.span)),
            Statement::EndStatementSet if !inserts.is_empty() => {
                return Ok(Spanned::new(Statement::StatementSet(inserts), span));
            }
            Statement::EndStatementSet => {
                return Err(ParseError::new("this statement set is empty", span));
            }
            _ => {
                let message = "only INSERT can stand in a statement set";
                return Err(ParseError::new(message, statement.span));
            }
        }
    }
}

/// One statement, with or without a semicolon. `BEGIN STATEMENT SET` and `END` come as they are.
///
/// # Errors
/// The first place where the text leaves Flink's grammar.
pub fn parse_statement(text: &str) -> Result<Spanned<Statement>> {
    whole(text, |parser| {
        let statement = parser.statement()?;
        while parser.eat_symbol(";") {}
        Ok(statement)
    })
}

/// One query.
///
/// # Errors
/// The first place where the text leaves Flink's grammar.
pub fn parse_query(text: &str) -> Result<Query> {
    whole(text, |parser| parser.query())
}

/// One expression.
///
/// # Errors
/// The first place where the text leaves Flink's grammar.
pub fn parse_expression(text: &str) -> Result<Expr> {
    whole(text, |parser| parser.expr())
}

/// One type, as in `CAST(.. AS type)`.
///
/// # Errors
/// The first place where the text leaves Flink's grammar.
pub fn parse_type(text: &str) -> Result<TypeName> {
    whole(text, |parser| parser.type_name())
}

fn whole<T: Send>(text: &str, part: impl FnOnce(&mut Parser<'_>) -> Result<T> + Send) -> Result<T> {
    with_stack(|| {
        let mut parser = Parser::new(text)?;
        let value = part(&mut parser)?;
        if parser.at_end() { Ok(value) } else { Err(parser.unexpected()) }
    })
}

/// Stack for parsing: [`MAX_DEPTH`] levels need up to 8 MB in an unoptimised build, more than a
/// thread has by default.
pub const STACK_BYTES: usize = 32 << 20;

/// Runs on a stack that is large enough for the deepest tree, whatever thread the caller is.
fn with_stack<T: Send>(parse: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("sql-parser".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, parse)
            .map_err(|error| {
                let message = format!("no thread can be started for parsing: {error}");
                ParseError::new(message, Span::default())
            })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
