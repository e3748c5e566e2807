//! What comes into a node, and what goes out.

use std::net::IpAddr;

use bytes::Bytes;
use zk_wire::acl::Id;
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::event::WatcherEvent;
use zk_wire::header::{ReplyHeader, RequestHeader};
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::request::Request;
use zk_wire::{Reader, Zxid};

use super::audit::AuditEvent;
use crate::watch::ConnectionId;

/// Two clocks, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Since 1970: goes into transactions.
    pub wall: i64,
    /// Since some moment, and never back: for timeouts.
    pub elapsed: i64,
}

/// A request as its bytes were understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// All of them.
    Known(Request),
    /// The operation, but not the body.
    Malformed(OpCode),
    /// An operation that has waited too long to be worth doing: refused with THROTTLEDOP.
    Throttled(OpCode),
    /// Not even the operation.
    Unknown,
}

impl Incoming {
    /// The request as one that has waited too long; those that keep or end a session are left as
    /// they are (`RequestThrottler.shouldThrottleOp`).
    pub fn throttled(self) -> Self {
        let op = match &self {
            Self::Known(Request::Ping | Request::CloseSession | Request::Auth(_)) => return self,
            Self::Known(request) => request.op(),
            Self::Malformed(op) => *op,
            Self::Throttled(_) | Self::Unknown => return self,
        };
        Self::Throttled(op)
    }

    /// Reads the body behind a header.
    pub fn decode(header: &RequestHeader, input: &mut Reader<'_>) -> Self {
        match OpCode::from_code(header.op) {
            None | Some(OpCode::Notification | OpCode::Error) => Self::Unknown,
            Some(op) => Request::decode(op, input).map_or(Self::Malformed(op), Self::Known),
        }
    }
}

/// What happens.
#[derive(Debug)]
pub enum Event {
    /// A connection has sent its first frame.
    Connect {
        /// The connection, of a number not used before.
        connection: ConnectionId,
        /// Where it comes from.
        address: IpAddr,
        /// What the connection itself proves: a certificate's name.
        ids: Vec<Id>,
        /// The frame.
        request: ConnectRequest,
    },
    /// A connection has sent a further frame. Whoever reads from connections limits how many of a
    /// connection's requests are not answered yet, and reads nothing before [`Output::Connected`].
    Request {
        /// The connection.
        connection: ConnectionId,
        /// The frame's header.
        header: RequestHeader,
        /// What is behind it.
        request: Incoming,
    },
    /// An exchange of tokens has proved an identity.
    Authenticated {
        /// The connection.
        connection: ConnectionId,
        /// Who it is.
        id: Id,
    },
    /// A connection is gone.
    Disconnect {
        /// The connection.
        connection: ConnectionId,
    },
    /// Everything up to this transaction is durable.
    Synced {
        /// The transaction.
        zxid: Zxid,
    },
    /// Time has passed; sent several times within a tick.
    Tick,
}

/// Why the node wants a connection closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client has seen what this server has not; it must try another.
    ClientAhead,
    /// There is no such session, or the password is wrong.
    InvalidSession,
    /// The session goes on in another connection.
    Reconnected,
    /// The session was closed by its client.
    SessionClosed,
    /// The session has expired.
    SessionExpired,
    /// The session is on another server.
    SessionMoved,
    /// Credentials were refused.
    AuthFailed,
    /// Requests are only taken from those who have proved who they are.
    AuthRequired,
    /// An operation that does not exist, or is not for clients.
    UnknownOperation,
}

/// What is to be done. The order is the contract: an answer to a write comes out only after
/// [`Event::Synced`] said that it is durable, and what a connection is told of a change comes out
/// before any answer that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write down, behind all before; [`Event::Synced`] says when it is durable.
    Append {
        /// The transaction's number.
        zxid: Zxid,
        /// Header, transaction and digest.
        entry: Bytes,
    },
    /// Answer a first frame.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// The answer.
        response: ConnectResponse,
    },
    /// Answer a request.
    Reply {
        /// The connection.
        connection: ConnectionId,
        /// The frame's header.
        header: ReplyHeader,
        /// What is behind it; empty if the header says an error.
        reply: Reply,
    },
    /// Tell what a watch has seen.
    Notify {
        /// The connection.
        connection: ConnectionId,
        /// The change; -1 if it was before the watch was set again.
        zxid: Zxid,
        /// What happened.
        event: WatcherEvent,
    },
    /// Send what was put out for the connection, then close it. No [`Event::Disconnect`] is needed.
    Close {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
    /// Something for the audit log, where [`super::NodeOptions::audit`] wants one.
    Audit(Box<AuditEvent>),
    /// The digest after a transaction is not the one it was written down with: log it, count it.
    DigestMismatch {
        /// The transaction.
        zxid: Zxid,
    },
}
