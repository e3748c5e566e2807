//! Why a server ended.

use std::fmt;

/// Why a server ended, and with which exit code.
#[derive(Debug)]
pub struct Failure {
    /// Apache's (`ExitCode`).
    pub code: u8,
    /// What is wrong, and what helps.
    pub message: String,
}

impl Failure {
    /// Anything that has no code of its own.
    pub const UNEXPECTED: u8 = 1;
    /// Arguments or configuration.
    pub const INVALID: u8 = 2;
    /// The folders of data cannot be used.
    pub const DATA_DIR: u8 = 3;
    /// The AdminServer could not start.
    pub const ADMIN_SERVER: u8 = 4;
    /// A snapshot without which nothing may go on could not be written.
    pub const SNAPSHOT: u8 = 10;

    /// With a code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
