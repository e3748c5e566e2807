//! Errors: what the caller does next decides the variant.

use zk_wire::DecodeError;
use zk_wire::error_code::ErrorCode;
use zk_wire::path::PathError;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request was not done, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server refused; nothing was changed. The text is that of Apache's client.
    #[error("KeeperErrorCode = {}{}", name_of(*code), behind_for(path))]
    Refused {
        /// The server's code, see [`ErrorCode`].
        code: i32,
        /// The node, where the request was about one.
        path: Option<String>,
    },
    /// The connection broke, or none came about: what was sent may have been done or not.
    #[error("KeeperErrorCode = ConnectionLoss{}: {why}", behind_for(path))]
    ConnectionLoss {
        /// The node, where the request was about one.
        path: Option<String>,
        /// What happened to the connection.
        why: String,
    },
    /// The session has expired: its ephemeral nodes are gone, and a new client is needed.
    #[error("KeeperErrorCode = Session expired{}", behind_for(path))]
    SessionExpired {
        /// The node, where the request was about one.
        path: Option<String>,
    },
    /// The server refused credentials, and closed the connection.
    #[error("KeeperErrorCode = AuthFailed{}", behind_for(path))]
    AuthFailed {
        /// The node, where the request was about one.
        path: Option<String>,
    },
    /// The client was closed before.
    #[error("the client is closed")]
    Closed,
    /// A connect string that cannot be.
    #[error("'{text}' is no connect string: {why}")]
    ConnectString {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A path that no node can have.
    #[error("{}", of_path(path, *why))]
    InvalidPath {
        /// What was given.
        path: String,
        /// What is wrong with it.
        why: PathError,
    },
    /// A request larger than servers take.
    #[error("the request has {len} bytes, more than {limit} (jute.maxbuffer)")]
    TooLarge {
        /// Its bytes.
        len: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The server sent what is no reply; the connection was given up.
    #[error("the server's reply to {op} makes no sense: {why}")]
    BadReply {
        /// The operation that was asked for.
        op: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// The code that Apache's client would have, also for errors of the client itself.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Refused { code, .. } => ErrorCode::from_code(*code),
            Error::ConnectionLoss { .. } => Some(ErrorCode::ConnectionLoss),
            Error::SessionExpired { .. } => Some(ErrorCode::SessionExpired),
            Error::AuthFailed { .. } => Some(ErrorCode::AuthFailed),
            Error::InvalidPath { .. } => Some(ErrorCode::BadArguments),
            Error::BadReply { .. } => Some(ErrorCode::MarshallingError),
            Error::Closed | Error::ConnectString { .. } | Error::TooLarge { .. } => None,
        }
    }

    /// Whether the server refused with this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code() == Some(code)
    }

    /// The error of a reply header's code.
    pub(crate) fn of_code(code: i32, path: Option<String>) -> Error {
        match ErrorCode::from_code(code) {
            Some(ErrorCode::SessionExpired) => Error::SessionExpired { path },
            Some(ErrorCode::AuthFailed) => Error::AuthFailed { path },
            _ => Error::Refused { code, path },
        }
    }

    pub(crate) fn bad_reply(op: &'static str, why: &DecodeError) -> Error {
        Error::BadReply { op, why: why.to_string() }
    }
}

fn name_of(code: i32) -> String {
    ErrorCode::from_code(code).map_or(code.to_string(), |code| code.message().to_owned())
}

/// The words of `PathUtils.validatePath`.
fn of_path(path: &str, why: PathError) -> String {
    match why {
        PathError::Empty | PathError::NoLeadingSlash | PathError::TrailingSlash => why.to_string(),
        _ => format!("Invalid path string \"{path}\" caused by {why}"),
    }
}

fn behind_for(path: &Option<String>) -> String {
    path.as_ref().map(|path| format!(" for {path}")).unwrap_or_default()
}
