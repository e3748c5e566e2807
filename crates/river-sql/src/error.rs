//! What is wrong with a statement, and where.

use crate::parse::ast::Span;
use crate::parse::diagnostic::Diagnostic;

/// Why a statement cannot be parsed, bound, planned or run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// What is wrong.
    pub message: String,
    /// Which part of the script it is about.
    pub span: Option<Span>,
    /// What is said at that part, under the carets.
    pub label: Option<String>,
    /// What would work.
    pub help: Option<String>,
}

/// Result of work on a statement.
pub type Result<T> = std::result::Result<T, SqlError>;

impl SqlError {
    /// An error without a place.
    pub fn new(message: impl Into<String>) -> SqlError {
        SqlError { message: message.into(), span: None, label: None, help: None }
    }

    /// An error about a part of the script.
    pub fn at(span: Span, message: impl Into<String>) -> SqlError {
        SqlError { span: Some(span), ..SqlError::new(message) }
    }

    /// The error with what is said under the carets.
    pub fn with_label(mut self, label: impl Into<String>) -> SqlError {
        self.label = Some(label.into());
        self
    }

    /// The error with advice.
    pub fn with_help(mut self, help: impl Into<String>) -> SqlError {
        self.help = Some(help.into());
        self
    }

    /// The error as rustc shows errors: message, place, the line with carets, advice.
    pub fn render(&self, source_name: &str, text: &str) -> String {
        let span = self.span.unwrap_or_default();
        Diagnostic {
            message: self.message.clone(),
            span,
            label: self.label.clone(),
            help: self.help.clone(),
        }
        .render(source_name, text)
    }

    /// The error at that place, unless it has one already.
    pub fn or_at(mut self, span: Span) -> SqlError {
        self.span.get_or_insert(span);
        self
    }
}

impl From<crate::parse::ParseError> for SqlError {
    fn from(error: crate::parse::ParseError) -> SqlError {
        let diagnostic = error.diagnostic();
        SqlError {
            message: diagnostic.message,
            span: Some(diagnostic.span),
            label: diagnostic.label,
            help: diagnostic.help,
        }
    }
}

/// Gives a place to errors of the type rules.
pub trait AtSpan<T> {
    /// The result with the place added.
    fn at(self, span: Span) -> Result<T>;
}

impl<T> AtSpan<T> for std::result::Result<T, river_expr::BindError> {
    fn at(self, span: Span) -> Result<T> {
        self.map_err(|error| SqlError {
            message: error.message,
            span: Some(span),
            label: None,
            help: error.help,
        })
    }
}
