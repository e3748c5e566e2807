//! What can go wrong with the files of a checkpoint, by what should be done about it.

use std::fmt;

/// What to do about a checkpoint that cannot be used; ends a message, for an example to follow.
const REMEDY: &str = "; use an older checkpoint or savepoint";

/// Result of work with checkpoint files.
pub type Result<T> = std::result::Result<T, Error>;

/// What whoever gets the error can do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A file is not what was written: use an older checkpoint.
    Damaged,
    /// A newer version of the program wrote it: use that one.
    Newer,
    /// The state does not fit the job: change the job, or allow state to be left out.
    Incompatible,
    /// The path names no checkpoint, or more than one.
    Path,
    /// The storage failed; it may work later.
    Storage(river_storage::ErrorKind),
    /// A rule of the engine was broken.
    Internal,
}

/// Why a checkpoint could not be written, read or used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }

    /// `file` (its full URI) is not what was written.
    pub fn damaged(file: &str, reason: impl fmt::Display) -> Error {
        let message = format!("{file} is damaged: {reason}{REMEDY}");
        Error { kind: ErrorKind::Damaged, message }
    }

    /// `file`, the full URI of metadata, is not there.
    pub fn no_metadata(file: &str) -> Error {
        let message = format!(
            "{file} is missing: the checkpoint was never completed, or the file was deleted{REMEDY}"
        );
        Error { kind: ErrorKind::Path, message }
    }

    /// The error with an older checkpoint that can be used, if that is what has to be done.
    pub(crate) fn with_older(mut self, older: Option<&str>) -> Error {
        if let Some(older) = older.filter(|_| self.message.ends_with(REMEDY)) {
            self.message += &format!(", such as {older}");
        }
        self
    }

    /// What is wrong with the damaged `file`, without its name and the remedy.
    pub(crate) fn reason(&self, file: &str) -> &str {
        let reason = self.message.strip_prefix(file).unwrap_or(&self.message);
        let reason = reason.strip_prefix(" is damaged: ").unwrap_or(reason);
        reason.strip_suffix(REMEDY).unwrap_or(reason)
    }

    /// The state does not fit.
    pub fn incompatible(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Incompatible, message)
    }

    /// A rule of the engine was broken.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }

    /// What can be done about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error with what was being done in front.
    pub fn context(self, doing: impl fmt::Display) -> Error {
        Error { kind: self.kind, message: format!("{doing}: {}", self.message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<river_storage::Error> for Error {
    fn from(error: river_storage::Error) -> Error {
        Error { kind: ErrorKind::Storage(error.kind()), message: error.to_string() }
    }
}

impl From<arrow_schema::ArrowError> for Error {
    fn from(error: arrow_schema::ArrowError) -> Error {
        Error::internal(error.to_string())
    }
}

impl From<Error> for river_runtime::Error {
    fn from(error: Error) -> river_runtime::Error {
        use river_storage::ErrorKind as Stored;
        match error.kind {
            // What is gone or cut off does not come back.
            ErrorKind::Storage(Stored::NotFound | Stored::Corrupt | Stored::Invalid) => {
                river_runtime::Error::input(error.message)
            }
            ErrorKind::Storage(_) => river_runtime::Error::environment(error.message),
            ErrorKind::Internal => river_runtime::Error::internal(error.message),
            ErrorKind::Damaged | ErrorKind::Newer | ErrorKind::Incompatible | ErrorKind::Path => {
                river_runtime::Error::input(error.message)
            }
        }
    }
}
