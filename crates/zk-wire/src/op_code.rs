//! Operations by number: in request headers, multis, transactions and forwarded requests.
//!
//! Rules: `ZooDefs.OpCode`, `Request.op2String`.

use std::fmt;

/// What a request asks for, or what a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum OpCode {
    /// Never asked for; the number a notification would have.
    Notification = 0,
    /// Makes a node and answers with its path.
    Create = 1,
    /// Removes a node without children.
    Delete = 2,
    /// Asks for a node's stat.
    Exists = 3,
    /// Asks for a node's data.
    GetData = 4,
    /// Replaces a node's data.
    SetData = 5,
    /// Asks for a node's ACL.
    GetAcl = 6,
    /// Replaces a node's ACL.
    SetAcl = 7,
    /// Asks for the names of a node's children.
    GetChildren = 8,
    /// Waits until the server has what the leader had.
    Sync = 9,
    /// Keeps the session alive.
    Ping = 11,
    /// Asks for the names of a node's children and for its stat.
    GetChildren2 = 12,
    /// Compares a node's version, within a multi.
    Check = 13,
    /// Several writes, all or none.
    Multi = 14,
    /// Makes a node and answers with its path and stat.
    Create2 = 15,
    /// Changes the ensemble's members.
    Reconfig = 16,
    /// Asks whether a watch is there.
    CheckWatches = 17,
    /// Removes watches.
    RemoveWatches = 18,
    /// Makes a node that goes when its last child goes.
    CreateContainer = 19,
    /// Removes an empty container; asked for by the leader itself.
    DeleteContainer = 20,
    /// Makes a node that goes when it was not used for a time.
    CreateTtl = 21,
    /// Several reads.
    MultiRead = 22,
    /// Adds an identity to the connection.
    Auth = 100,
    /// Registers watches again after a connection broke.
    SetWatches = 101,
    /// One step of a SASL exchange.
    Sasl = 102,
    /// Asks for the session's ephemeral nodes.
    GetEphemerals = 103,
    /// Asks how many nodes are below a node.
    GetAllChildrenNumber = 104,
    /// As `SetWatches`, with the persistent ones.
    SetWatches2 = 105,
    /// Registers a persistent watch.
    AddWatch = 106,
    /// Asks for the connection's identities.
    WhoAmI = 107,
    /// Opens a session; between servers and in transactions.
    CreateSession = -10,
    /// Ends the session.
    CloseSession = -11,
    /// A write that failed, in transactions and results of multis.
    Error = -1,
}

/// The number of [`OpCode::CloseSession`], below which there is none.
const LEAST: i32 = -11;

/// Operations by number, from the least on: every request is looked up.
const BY_CODE: [Option<OpCode>; 128] = {
    let mut table = [None; 128];
    let mut next = 0;
    while next < OpCode::ALL.len() {
        let op = OpCode::ALL[next];
        table[(op.code() - LEAST) as usize] = Some(op);
        next += 1;
    }
    table
};

impl OpCode {
    /// All of them, by number.
    pub const ALL: &[Self] = &[
        Self::CloseSession,
        Self::CreateSession,
        Self::Error,
        Self::Notification,
        Self::Create,
        Self::Delete,
        Self::Exists,
        Self::GetData,
        Self::SetData,
        Self::GetAcl,
        Self::SetAcl,
        Self::GetChildren,
        Self::Sync,
        Self::Ping,
        Self::GetChildren2,
        Self::Check,
        Self::Multi,
        Self::Create2,
        Self::Reconfig,
        Self::CheckWatches,
        Self::RemoveWatches,
        Self::CreateContainer,
        Self::DeleteContainer,
        Self::CreateTtl,
        Self::MultiRead,
        Self::Auth,
        Self::SetWatches,
        Self::Sasl,
        Self::GetEphemerals,
        Self::GetAllChildrenNumber,
        Self::SetWatches2,
        Self::AddWatch,
        Self::WhoAmI,
    ];

    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The operation of a number.
    pub fn from_code(code: i32) -> Option<Self> {
        let index = usize::try_from(code.checked_sub(LEAST)?).ok()?;
        BY_CODE.get(index).copied().flatten()
    }

    /// Apache's name, as in its logs, metrics and audit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Exists => "exists",
            Self::GetData => "getData",
            Self::SetData => "setData",
            Self::GetAcl => "getACL",
            Self::SetAcl => "setACL",
            Self::GetChildren => "getChildren",
            Self::Sync => "sync",
            Self::Ping => "ping",
            Self::GetChildren2 => "getChildren2",
            Self::Check => "check",
            Self::Multi => "multi",
            Self::Create2 => "create2",
            Self::Reconfig => "reconfig",
            Self::CheckWatches => "checkWatches",
            Self::RemoveWatches => "removeWatches",
            Self::CreateContainer => "createContainer",
            Self::DeleteContainer => "deleteContainer",
            Self::CreateTtl => "createTTL",
            Self::MultiRead => "multiRead",
            Self::Auth => "auth",
            Self::SetWatches => "setWatches",
            Self::Sasl => "sasl",
            Self::GetEphemerals => "getEphemerals",
            Self::GetAllChildrenNumber => "getAllChildrenNumber",
            Self::SetWatches2 => "setWatches2",
            Self::AddWatch => "addWatch",
            Self::WhoAmI => "whoAmI",
            Self::CreateSession => "createSession",
            Self::CloseSession => "closeSession",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for OpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
