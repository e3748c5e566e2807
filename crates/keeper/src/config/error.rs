//! What is wrong with a configuration, and what helps.

use std::fmt;
use std::path::PathBuf;

/// Result of reading a configuration.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1; 0: the whole file.
    pub line: usize,
    /// What is wrong, and what helps.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for Error {}
