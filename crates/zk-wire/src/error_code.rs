//! How an operation ended: codes in reply headers, results of multis and failed transactions.
//!
//! Rules: `KeeperException.Code`. Records keep the plain number, since clients and logs may hold
//! codes that this table does not know.

use std::fmt;

/// Apache's codes. Those that only clients make are here too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum ErrorCode {
    /// The operation was done.
    Ok = 0,
    /// Begins the range of the server's own errors; never sent.
    SystemError = -1,
    /// In a failed multi: an operation behind the one that failed.
    RuntimeInconsistency = -2,
    /// The server's data contradict themselves.
    DataInconsistency = -3,
    /// Made by clients: the connection broke.
    ConnectionLoss = -4,
    /// The request could not be decoded.
    MarshallingError = -5,
    /// The server does not know the operation, or has it off.
    Unimplemented = -6,
    /// The operation took too long.
    OperationTimeout = -7,
    /// An argument that cannot be, such as a malformed path.
    BadArguments = -8,
    /// Within servers: no such session.
    UnknownSession = -12,
    /// Too few servers of the new configuration follow.
    NewConfigNoQuorum = -13,
    /// Another reconfiguration goes on.
    ReconfigInProgress = -14,
    /// Begins the range of errors of the request; never sent.
    ApiError = -100,
    /// No such node.
    NoNode = -101,
    /// The ACL does not allow it.
    NoAuth = -102,
    /// The node has another version.
    BadVersion = -103,
    /// Ephemeral nodes have no children.
    NoChildrenForEphemerals = -108,
    /// The node is there already.
    NodeExists = -110,
    /// The node has children.
    NotEmpty = -111,
    /// The session has expired.
    SessionExpired = -112,
    /// Made by clients.
    InvalidCallback = -113,
    /// The ACL is empty or malformed.
    InvalidAcl = -114,
    /// The credentials were refused.
    AuthFailed = -115,
    /// The session is on another server; within transactions and multis.
    SessionMoved = -118,
    /// A write to a server that is read-only.
    NotReadOnly = -119,
    /// Local sessions have no ephemeral nodes.
    EphemeralOnLocalSession = -120,
    /// No such watch.
    NoWatcher = -121,
    /// Made by clients: no answer in time.
    RequestTimeout = -122,
    /// Reconfiguration is off.
    ReconfigDisabled = -123,
    /// The server insists on authentication.
    SessionClosedRequireSaslAuth = -124,
    /// A quota would be exceeded.
    QuotaExceeded = -125,
    /// The request waited too long to be worth doing.
    ThrottledOp = -127,
}

/// Code, Java's name of the constant, and the words that `KeeperException` uses for it.
type Row = (ErrorCode, &'static str, &'static str);

const TABLE: &[Row] = &[
    (ErrorCode::Ok, "OK", "ok"),
    (ErrorCode::SystemError, "SYSTEMERROR", "SystemError"),
    (ErrorCode::RuntimeInconsistency, "RUNTIMEINCONSISTENCY", "RuntimeInconsistency"),
    (ErrorCode::DataInconsistency, "DATAINCONSISTENCY", "DataInconsistency"),
    (ErrorCode::ConnectionLoss, "CONNECTIONLOSS", "ConnectionLoss"),
    (ErrorCode::MarshallingError, "MARSHALLINGERROR", "MarshallingError"),
    (ErrorCode::Unimplemented, "UNIMPLEMENTED", "Unimplemented"),
    (ErrorCode::OperationTimeout, "OPERATIONTIMEOUT", "OperationTimeout"),
    (ErrorCode::BadArguments, "BADARGUMENTS", "BadArguments"),
    (ErrorCode::UnknownSession, "UNKNOWNSESSION", "Unknown error UNKNOWNSESSION"),
    (ErrorCode::NewConfigNoQuorum, "NEWCONFIGNOQUORUM", "NewConfigNoQuorum"),
    (ErrorCode::ReconfigInProgress, "RECONFIGINPROGRESS", "ReconfigInProgress"),
    (ErrorCode::ApiError, "APIERROR", "APIError"),
    (ErrorCode::NoNode, "NONODE", "NoNode"),
    (ErrorCode::NoAuth, "NOAUTH", "NoAuth"),
    (ErrorCode::BadVersion, "BADVERSION", "BadVersion"),
    (ErrorCode::NoChildrenForEphemerals, "NOCHILDRENFOREPHEMERALS", "NoChildrenForEphemerals"),
    (ErrorCode::NodeExists, "NODEEXISTS", "NodeExists"),
    (ErrorCode::NotEmpty, "NOTEMPTY", "Directory not empty"),
    (ErrorCode::SessionExpired, "SESSIONEXPIRED", "Session expired"),
    (ErrorCode::InvalidCallback, "INVALIDCALLBACK", "Invalid callback"),
    (ErrorCode::InvalidAcl, "INVALIDACL", "InvalidACL"),
    (ErrorCode::AuthFailed, "AUTHFAILED", "AuthFailed"),
    (ErrorCode::SessionMoved, "SESSIONMOVED", "Session moved"),
    (ErrorCode::NotReadOnly, "NOTREADONLY", "Not a read-only call"),
    (
        ErrorCode::EphemeralOnLocalSession,
        "EPHEMERALONLOCALSESSION",
        "Ephemeral node on local session",
    ),
    (ErrorCode::NoWatcher, "NOWATCHER", "No such watcher"),
    (ErrorCode::RequestTimeout, "REQUESTTIMEOUT", "Unknown error REQUESTTIMEOUT"),
    (ErrorCode::ReconfigDisabled, "RECONFIGDISABLED", "Reconfig is disabled"),
    (
        ErrorCode::SessionClosedRequireSaslAuth,
        "SESSIONCLOSEDREQUIRESASLAUTH",
        "Session closed because client failed to authenticate",
    ),
    (ErrorCode::QuotaExceeded, "QUOTAEXCEEDED", "Quota has exceeded"),
    (ErrorCode::ThrottledOp, "THROTTLEDOP", "Op throttled due to high load"),
];

impl ErrorCode {
    /// All of them, from 0 down.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(code, ..)| *code)
    }

    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The error of a number; `None` for a number that Apache does not know.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::all().find(|error| error.code() == code)
    }

    /// Java's name of the constant, such as `NONODE`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The words of `KeeperException.getMessage` behind `KeeperErrorCode = `, such as `NoNode`.
    pub fn message(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static Row {
        // The table has a row for each; the first one stands in for the compiler.
        TABLE.iter().find(|(code, ..)| *code == self).unwrap_or(&TABLE[0])
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
