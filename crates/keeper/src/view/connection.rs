//! A client's connection. Rules: `ServerCnxn.dumpConnectionInfo`, `ServerCnxn.getConnectionInfo`.

use std::net::{IpAddr, SocketAddr};

use keeper_core::watch::ConnectionId;
use zk_wire::SessionId;
use zk_wire::op_code::OpCode;

use crate::client_port::ConnectionInfo;
use crate::server::Handle;

/// A client's connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Its number.
    pub id: ConnectionId,
    /// Where it comes from.
    pub address: SocketAddr,
    /// Whether it is encrypted.
    pub secure: bool,
    /// 1: it is read from; what Java's selector calls `OP_READ`.
    pub interest_ops: u32,
    /// Requests without an answer.
    pub outstanding: i64,
    /// Requests received.
    pub received: i64,
    /// Answers and events sent.
    pub sent: i64,
    /// When it began, in milliseconds since 1970.
    pub established_ms: i64,
    /// Its session and the times of its requests, once it has one.
    pub statistics: Option<Statistics>,
}

/// What is known of a connection with a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// The session.
    pub session: SessionId,
    /// The last operation, in four letters.
    pub last_operation: &'static str,
    /// The session's timeout in milliseconds.
    pub timeout_ms: i32,
    /// The client's number of the last request; -1: none.
    pub last_cxid: i64,
    /// The zxid of the last answer; -1: none.
    pub last_zxid: i64,
    /// When the last answer was given, in milliseconds.
    pub last_response_ms: i64,
    /// How long the last answer took, in milliseconds.
    pub last_latency_ms: i64,
    /// The shortest.
    pub min_latency_ms: i64,
    /// The mean.
    pub avg_latency_ms: i64,
    /// The longest.
    pub max_latency_ms: i64,
}

/// All connections, oldest first.
pub fn connections(handle: &Handle) -> Vec<Connection> {
    handle.connections().iter().map(|info| connection(info)).collect()
}

fn connection(info: &ConnectionInfo) -> Connection {
    let statistics = info.session().map(|session| Statistics {
        session,
        last_operation: info.last_op().map_or("NA", letters),
        timeout_ms: info.timeout_ms(),
        last_cxid: i64::from(info.last_cxid()),
        last_zxid: info.last_zxid(),
        last_response_ms: info.last_response_ms(),
        last_latency_ms: info.last_latency_ms() as i64,
        min_latency_ms: info.latency().min_ms() as i64,
        avg_latency_ms: info.latency().avg_ms() as i64,
        max_latency_ms: info.latency().max_ms() as i64,
    });
    Connection {
        id: info.id,
        address: info.address,
        secure: info.secure,
        interest_ops: 1,
        outstanding: i64::from(info.queued()),
        received: info.received() as i64,
        sent: info.sent() as i64,
        established_ms: info.established_ms,
        statistics,
    }
}

/// An operation in four letters, as `FinalRequestProcessor` names it.
fn letters(op: OpCode) -> &'static str {
    match op {
        OpCode::Ping => "PING",
        OpCode::CreateSession => "SESS",
        OpCode::Multi => "MULT",
        OpCode::MultiRead => "MLTR",
        OpCode::Create | OpCode::Create2 | OpCode::CreateTtl | OpCode::CreateContainer => "CREA",
        OpCode::Delete | OpCode::DeleteContainer => "DELE",
        OpCode::SetData => "SETD",
        OpCode::Reconfig => "RECO",
        OpCode::SetAcl => "SETA",
        OpCode::CloseSession => "CLOS",
        OpCode::Sync => "SYNC",
        OpCode::Check => "CHEC",
        OpCode::Exists => "EXIS",
        OpCode::GetData => "GETD",
        OpCode::SetWatches => "SETW",
        OpCode::SetWatches2 => "STW2",
        OpCode::AddWatch => "ADDW",
        OpCode::GetAcl => "GETA",
        OpCode::GetChildren | OpCode::GetChildren2 => "GETC",
        OpCode::GetAllChildrenNumber => "GETACN",
        OpCode::CheckWatches => "CHKW",
        OpCode::RemoveWatches => "REMW",
        OpCode::WhoAmI => "HOMI",
        OpCode::GetEphemerals => "GETE",
        _ => "NA",
    }
}

/// An address and port as Java prints them: all of an IPv6 address, in brackets.
pub fn java_address(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => format!("{ip}:{}", address.port()),
        IpAddr::V6(ip) => {
            let parts: Vec<String> = ip.segments().iter().map(|part| format!("{part:x}")).collect();
            format!("[{}]:{}", parts.join(":"), address.port())
        }
    }
}
