//! What can go wrong with storage. Kinds are chosen by what the caller does next: give up this
//! checkpoint, take another name, ask the user to correct something, or try an older checkpoint.

use std::fmt;
use std::io;

/// Result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No such object or bucket.
    NotFound,
    /// An object of that name is there already: another writer was first.
    AlreadyExists,
    /// Credentials or permissions do not allow it; trying again gives the same.
    PermissionDenied,
    /// No space, or a quota is used up.
    Full,
    /// The storage did not answer, or only with transient faults, until the time for retries was
    /// up.
    Unreachable,
    /// The object is shorter than it must be.
    Corrupt,
    /// The URI or an option is wrong.
    Invalid,
    /// Anything else.
    Other,
}

/// A failed storage operation: what was tried on what, why it failed, and what to do.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    action: &'static str,
    uri: String,
    cause: String,
    remedy: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `action` (a verb: "read", "list") on `uri`.
    pub fn new(
        kind: ErrorKind,
        action: &'static str,
        uri: impl Into<String>,
        cause: impl Into<String>,
    ) -> Error {
        let remedy = default_remedy(kind).map(str::to_owned);
        Error { kind, action, uri: uri.into(), cause: cause.into(), remedy, source: None }
    }

    /// The same error with another remedy.
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Error {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same error with the one it comes from.
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        self.source = Some(source.into());
        self
    }

    /// What an error of the operating system, or of an [`crate::ObjectWriter`], means here.
    pub fn from_io(error: io::Error, action: &'static str, uri: impl Into<String>) -> Error {
        let error = match error.downcast::<Error>() {
            Ok(own) => return own,
            Err(error) => error,
        };
        Error::new(kind_of_io(&error), action, uri, error.to_string()).with_source(error)
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Full URI of the object or folder.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Why it failed, without the URI and the remedy.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// What to do about it, where that is known.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.action, self.uri, self.cause)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error.kind {
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
            ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
            ErrorKind::Full => io::ErrorKind::StorageFull,
            ErrorKind::Unreachable => io::ErrorKind::TimedOut,
            ErrorKind::Corrupt => io::ErrorKind::UnexpectedEof,
            ErrorKind::Invalid => io::ErrorKind::InvalidInput,
            ErrorKind::Other => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

fn default_remedy(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::PermissionDenied => {
            Some("check the credentials and that this user may read, write and delete there")
        }
        ErrorKind::Full => Some("free space there, raise the quota, or configure another place"),
        ErrorKind::Unreachable => {
            Some("check that the address is right and that the storage is up and reachable")
        }
        ErrorKind::Corrupt => Some("use an older checkpoint or savepoint"),
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::Invalid | ErrorKind::Other => {
            None
        }
    }
}

fn kind_of_io(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => ErrorKind::NotFound,
        Io::AlreadyExists => ErrorKind::AlreadyExists,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => ErrorKind::Full,
        Io::TimedOut
        | Io::ConnectionRefused
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown
        | Io::NotConnected
        | Io::BrokenPipe
        | Io::StaleNetworkFileHandle => ErrorKind::Unreachable,
        Io::UnexpectedEof => ErrorKind::Corrupt,
        Io::InvalidInput | Io::InvalidFilename => ErrorKind::Invalid,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests;
