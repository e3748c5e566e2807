//! Errors: what the caller does next decides the variant.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::Zxid;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file could not be written, read or trusted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused. A writer that has returned this must not be used any more.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The verb: "read", "create" ..
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was written may be lost, and nobody can say how much: the server must stop and answer
    /// for nothing since the last success. Trying again would prove nothing.
    #[error(
        "cannot make {} durable: {source}; what was not yet acknowledged may be lost, so the \
         server must stop", path.display()
    )]
    NotDurable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds what no crash explains; nothing was changed.
    #[error("{0}")]
    Damaged(Box<Damage>),
    /// The log was asked to go back to a transaction it does not hold; nothing was changed.
    #[error("the log does not hold zxid {0}, so it cannot be cut there; a snapshot is needed")]
    NotInLog(Zxid),
    /// A transaction's number is not above the last one's: a fault of the caller.
    #[error("zxid {zxid} cannot follow {last} in the log")]
    OutOfOrder {
        /// The last in the log.
        last: Zxid,
        /// The one to be appended.
        zxid: Zxid,
    },
    /// An earlier error has stopped this writer.
    #[error("the log has stopped after an earlier error")]
    Stopped,
    /// Folders or settings do not fit each other; the text says what to change.
    #[error("{0}")]
    Refused(String),
}

/// Damage in one file, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Bytes from the start of the file (of the uncompressed snapshot).
    pub offset: u64,
    /// The last sound transaction before it.
    pub after: Option<Zxid>,
    /// What is wrong there.
    pub what: String,
    /// The command that helps.
    pub remedy: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged at offset {}", self.file.display(), self.offset)?;
        if let Some(zxid) = self.after {
            write!(f, ", after zxid {zxid}")?;
        }
        write!(f, ": {}; {}", self.what, self.remedy)
    }
}

impl Error {
    /// For `map_err`: names what was being done to which file.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// For `map_err` after `sync_data` and `sync_dir`.
    pub(crate) fn sync(path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::NotDurable { path, source }
    }

    /// The damage, where this is one.
    pub fn damage(&self) -> Option<&Damage> {
        match self {
            Error::Damaged(damage) => Some(damage),
            _ => None,
        }
    }
}
