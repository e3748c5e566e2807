//! What can go wrong in a task, by what should be done about it.

use std::any::Any;

use river_expr::EvalError;

/// What whoever runs the task should do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The script, its options or its data are wrong; running again gives the same error.
    Input,
    /// Something outside failed (disk, network); a restart may help.
    Environment,
    /// Whoever read standard output or error went away: their choice, and no fault.
    OutputClosed,
    /// A bug of ours: a rule of the engine was broken.
    Internal,
}

/// Why a task stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What should be done about it.
    pub kind: ErrorKind,
    /// Cause and, where it can be said, remedy; names file and line, option or column.
    pub message: String,
}

/// Result of work in a task.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The user's script, options or data are wrong.
    pub fn input(message: impl Into<String>) -> Error {
        Error { kind: ErrorKind::Input, message: message.into() }
    }

    /// Disk, network or another process failed.
    pub fn environment(message: impl Into<String>) -> Error {
        Error { kind: ErrorKind::Environment, message: message.into() }
    }

    /// A rule of the engine was broken.
    pub fn internal(message: impl Into<String>) -> Error {
        Error { kind: ErrorKind::Internal, message: message.into() }
    }

    /// `what` has panicked.
    pub fn broke_down(what: impl std::fmt::Display, panic: &(dyn Any + Send)) -> Error {
        let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => text,
            (_, Some(text)) => text.as_str(),
            _ => "no message",
        };
        Error::internal(format!("{what} broke down: {message}; this is a bug of river"))
    }

    /// The error with what was being done in front.
    pub fn context(self, doing: impl std::fmt::Display) -> Error {
        Error { kind: self.kind, message: format!("{doing}: {}", self.message) }
    }
}

impl From<EvalError> for Error {
    fn from(error: EvalError) -> Error {
        Error::input(error.0)
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Error {
        Error::internal(error.to_string())
    }
}
