//! Flink SQL's values, casts, functions and aggregates, evaluated on Arrow columns.
//!
//! Two users. The binder of `river-sql` asks [`bind`] what an operator, function, `CASE` or cast
//! means for given argument types, and [`fold`] for the value of a constant. The operators of
//! `river-ops` turn a bound [`river_core::Expr`] into a [`program::Program`] and run it on batches.
//! Both sides use one table, [`function::registry`], so a function cannot be bound and not run.
//!
//! Flink's semantics win over those of SQL or Arrow wherever they differ.

pub mod aggregate;
pub mod bind;
pub mod calendar;
pub mod cast;
pub mod column;
pub mod context;
pub mod decimal;
pub mod fold;
pub mod function;
pub mod program;
#[cfg(test)]
pub mod testing;

pub use column::{Col, ColumnBuilder};
pub use context::{EvalContext, Session};

/// Why an expression could not be computed for some row; fails the job (Flink's runtime
/// exceptions), never the process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(pub String);

impl EvalError {
    /// An error with that message.
    pub fn new(message: impl Into<String>) -> EvalError {
        EvalError(message.into())
    }
}

impl From<arrow_schema::ArrowError> for EvalError {
    fn from(error: arrow_schema::ArrowError) -> EvalError {
        EvalError(error.to_string())
    }
}

/// Result of an evaluation.
pub type Result<T> = std::result::Result<T, EvalError>;

/// Why a call, cast or aggregate cannot be typed; the binder adds the place in the script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BindError {
    /// What is wrong, in Flink's terms.
    pub message: String,
    /// What would work, if that can be said.
    pub help: Option<String>,
}

impl BindError {
    /// An error without advice.
    pub fn new(message: impl Into<String>) -> BindError {
        BindError { message: message.into(), help: None }
    }

    /// The error with advice.
    pub fn with_help(mut self, help: impl Into<String>) -> BindError {
        self.help = Some(help.into());
        self
    }
}
