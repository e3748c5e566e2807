//! One server alone: what happens comes in, what is to be done comes out.
//!
//! The server's core thread calls [`Node::step`] for everything that happens and does what it says,
//! in its order. A write goes the way *prepare, write down, wait until durable, apply, answer*;
//! many are on their way at once. A read is answered at once, unless its connection has writes on
//! their way: then it waits for them, and for nothing else.
//!
//! What holds:
//!
//! - No write is answered, or seen by anyone, before it is durable.
//! - A connection's answers come in the order of its requests, and show its own earlier writes,
//!   also those that its session has asked for in a connection before.
//! - A watch's event comes before any answer that shows the change.
//!
//! Rules: `ZooKeeperServer`, `PrepRequestProcessor`, `SyncRequestProcessor`,
//! `FinalRequestProcessor`, `ContainerManager`.

mod audit;
mod commit;
mod connect;
mod event;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use zk_wire::acl::Id;
use zk_wire::error_code::ErrorCode;
use zk_wire::event::{EventType, KeeperState, WatcherEvent};
use zk_wire::header::{ReplyHeader, RequestHeader};
use zk_wire::op_code::OpCode;
use zk_wire::reply::Reply;
use zk_wire::request::{AuthPacket, PathRequest, Request};
use zk_wire::txn::TxnEntry;
use zk_wire::{Jute, SessionId, Zxid};

use crate::prep::{Call, Prep, PrepOptions, Prepared};
use crate::read::Reader;
use crate::session::Sessions;
use crate::tree::Tree;
use crate::watch::{ConnectionId, Watches};

pub use audit::{AuditEvent, AuditOperation};
pub use event::{CloseReason, Event, Incoming, Now, Output};

/// Settings of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOptions {
    /// How writes are decided.
    pub prep: PrepOptions,
    /// `enforce.auth.schemes`, where `enforce.auth.enabled`: whoever has an identity of none of
    /// them may only authenticate.
    pub required_schemes: Vec<String>,
    /// Spreads names in memory; a number that clients do not know.
    pub hash_seed: u64,
    /// `znode.container.checkIntervalMs`
    pub container_check_ms: i64,
    /// `znode.container.maxPerMinute`
    pub containers_per_minute: i64,
    /// `znode.container.maxNeverUsedIntervalMs`; 0: containers without a first child stay.
    pub container_never_used_ms: i64,
    /// `audit.enable`: whether there is [`Output::Audit`].
    pub audit: bool,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            prep: PrepOptions::default(),
            required_schemes: Vec::new(),
            hash_seed: 0x6b65_6570_6572,
            container_check_ms: 60_000,
            containers_per_minute: 10_000,
            container_never_used_ms: 0,
            audit: false,
        }
    }
}

/// This server, as the owner of sessions.
const OWNER: u64 = 1;

/// A client's connection.
struct Connection {
    address: IpAddr,
    session: SessionId,
    timeout_ms: i32,
    /// Whether the session is there; until then requests are held.
    is_open: bool,
    /// Whether the client knows of read-only servers.
    read_only: Option<bool>,
    ids: Vec<Id>,
    /// Requests behind a write that is on its way, and those writes, in order.
    waiting: VecDeque<Waiting>,
    /// Requests that came before the session was there.
    held: Vec<(RequestHeader, Incoming)>,
}

enum Waiting {
    /// A write on its way.
    Write,
    /// A request that is answered without one.
    Read(RequestHeader, Incoming),
}

/// A write on its way.
struct Pending {
    entry: TxnEntry,
    /// What was asked for; the entry says `error` where it failed.
    op: OpCode,
    connection: Option<ConnectionId>,
    /// For the audit log.
    asked: Option<Box<audit::Asked>>,
}

/// A server alone.
pub struct Node {
    options: NodeOptions,
    tree: Tree,
    prep: Prep,
    sessions: Sessions,
    watches: Watches,
    connections: HashMap<ConnectionId, Connection, FixedState>,
    by_session: HashMap<i64, ConnectionId, FixedState>,
    /// Connections that wait for a write of their session's, which an earlier connection asked for.
    opening: BTreeMap<Zxid, ConnectionId>,
    pending: VecDeque<Pending>,
    last_assigned: Zxid,
    containers: VecDeque<String>,
    next_container_check: i64,
    last_tick: i64,
}

impl Node {
    /// Begins with the tree and the sessions that were on disk.
    pub fn new(options: NodeOptions, tree: Tree, sessions: Sessions, now: Now) -> Self {
        Self {
            prep: Prep::new(options.prep.clone(), options.hash_seed),
            sessions,
            watches: Watches::new(options.hash_seed),
            connections: HashMap::default(),
            by_session: HashMap::default(),
            opening: BTreeMap::new(),
            pending: VecDeque::new(),
            last_assigned: tree.last_zxid(),
            containers: VecDeque::new(),
            next_container_check: now.elapsed.saturating_add(options.container_check_ms),
            last_tick: now.elapsed,
            options,
            tree,
        }
    }

    /// The tree: what is durable and applied.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The watches.
    pub fn watches(&self) -> &Watches {
        &self.watches
    }

    /// Writes that are not durable yet.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Something happens.
    pub fn step(&mut self, now: Now, event: Event, out: &mut Vec<Output>) {
        match event {
            Event::Connect { connection, address, ids, request } => {
                self.connect(now, connection, address, ids, &request, out);
            }
            Event::Request { connection, header, request } => {
                self.request(now, connection, header, request, out);
            }
            Event::Authenticated { connection, id } => {
                for id in self.options.prep.acl.auth.proved(id) {
                    self.add_id(connection, id);
                }
            }
            Event::Disconnect { connection } => self.forget(connection),
            Event::Synced { zxid } => self.commit(now, zxid, out),
            Event::Tick => self.tick(now, out),
        }
    }

    fn add_id(&mut self, connection: ConnectionId, id: Id) {
        if let Some(open) = self.connections.get_mut(&connection)
            && !open.ids.contains(&id)
        {
            open.ids.push(id);
        }
    }

    /// A connection is gone, its session is not.
    fn forget(&mut self, connection: ConnectionId) {
        let Some(gone) = self.connections.remove(&connection) else { return };
        if self.by_session.get(&gone.session.0) == Some(&connection) {
            self.by_session.remove(&gone.session.0);
        }
        self.watches.remove_connection(connection);
    }

    fn close(&mut self, connection: ConnectionId, reason: CloseReason, out: &mut Vec<Output>) {
        self.forget(connection);
        out.push(Output::Close { connection, reason });
    }

    fn request(
        &mut self,
        now: Now,
        connection: ConnectionId,
        header: RequestHeader,
        request: Incoming,
        out: &mut Vec<Output>,
    ) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        if let Incoming::Known(Request::Auth(packet)) = &request {
            return self.authenticate(connection, &header, packet, out);
        }
        if !open.is_open {
            open.held.push((header, request));
            return;
        }
        let (session, timeout_ms) = (open.session, open.timeout_ms);
        if let Some((error, zxid, reason)) = refusal(&self.options.required_schemes, open, &request)
        {
            let header = ReplyHeader { xid: header.xid, zxid, err: error.code() };
            out.push(Output::Reply { connection, header, reply: Reply::Empty });
            return self.close(connection, reason, out);
        }
        // The session is over, and soon the connection is.
        if !self.sessions.touch(session, timeout_ms, now.elapsed) {
            return;
        }
        match request {
            Incoming::Known(request) if is_write(request.op()) => {
                self.write(now, Some(connection), session, header.xid, &request, out);
            }
            Incoming::Malformed(op) if is_write(op) => {
                let prepared = self.prepare(now, Some(connection), session, header.xid, None);
                self.append(prepared, op, Some(connection), out);
            }
            request if !open.waiting.is_empty() => {
                open.waiting.push_back(Waiting::Read(header, request));
            }
            request => self.read(connection, &header, &request, out),
        }
    }

    /// Decides a write and has it written down.
    fn write(
        &mut self,
        now: Now,
        connection: Option<ConnectionId>,
        session: SessionId,
        cxid: i32,
        request: &Request,
        out: &mut Vec<Output>,
    ) {
        let prepared = self.prepare(now, connection, session, cxid, Some(request));
        self.append(prepared, request.op(), connection, out);
        if self.options.audit
            && let Some(open) = connection.and_then(|id| self.connections.get(&id))
            && let Some(pending) = self.pending.back_mut()
        {
            pending.asked = Some(audit::Asked::of(open, request));
        }
    }

    fn prepare(
        &mut self,
        now: Now,
        connection: Option<ConnectionId>,
        session: SessionId,
        cxid: i32,
        request: Option<&Request>,
    ) -> Prepared {
        self.last_assigned = Zxid(self.last_assigned.0.max(self.tree.last_zxid().0) + 1);
        let open = connection.and_then(|connection| self.connections.get(&connection));
        let ids = open.map_or(&[][..], |open| &open.ids);
        let (zxid, time) = (self.last_assigned, now.wall);
        let call = Call { session, cxid, ids, owner: OWNER, zxid, time };
        match request {
            Some(request) => self.prep.prepare(&self.tree, &mut self.sessions, &call, request),
            None => self.prep.prepare_malformed(&call),
        }
    }

    fn append(
        &mut self,
        prepared: Prepared,
        op: OpCode,
        connection: Option<ConnectionId>,
        out: &mut Vec<Output>,
    ) {
        let Prepared { header, txn, digest, .. } = prepared;
        let entry = TxnEntry { header, txn, digest };
        out.push(Output::Append { zxid: header.zxid, entry: entry.to_bytes() });
        if let Some(open) = connection.and_then(|id| self.connections.get_mut(&id)) {
            open.waiting.push_back(Waiting::Write);
        }
        self.pending.push_back(Pending { entry, op, connection, asked: None });
    }

    /// Answers what needs no write.
    fn read(
        &mut self,
        connection: ConnectionId,
        header: &RequestHeader,
        request: &Incoming,
        out: &mut Vec<Output>,
    ) {
        let Some(open) = self.connections.get(&connection) else { return };
        let mut reader = Reader {
            tree: &self.tree,
            watches: &mut self.watches,
            acl: &self.options.prep.acl,
            connection,
            session: open.session,
            ids: &open.ids,
        };
        let mut tell = |kind: EventType, path: &zk_wire::Text| {
            out.push(notification(connection, Zxid(-1), kind, path.clone()));
        };
        let result = match request {
            Incoming::Known(request) => reader.answer(request, &mut tell),
            Incoming::Throttled(_) => Err(ErrorCode::ThrottledOp),
            Incoming::Malformed(_) | Incoming::Unknown => Err(ErrorCode::MarshallingError),
        };
        let (err, reply) = match result {
            Ok(reply) => (0, reply),
            Err(error) => (error.code(), Reply::Empty),
        };
        let header = ReplyHeader { xid: header.xid, zxid: self.tree.last_zxid(), err };
        out.push(Output::Reply { connection, header, reply });
    }

    /// An auth packet passes all requests by.
    fn authenticate(
        &mut self,
        connection: ConnectionId,
        header: &RequestHeader,
        packet: &AuthPacket,
        out: &mut Vec<Output>,
    ) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        let scheme = packet.scheme.as_deref().unwrap_or_default();
        let credentials = packet.auth.as_deref().unwrap_or_default();
        let auth = &self.options.prep.acl.auth;
        let ids = auth.authenticate(scheme, credentials, open.address);
        let err = ids.as_ref().map_or(ErrorCode::AuthFailed.code(), |_| 0);
        let header = ReplyHeader { xid: header.xid, zxid: Zxid(0), err };
        out.push(Output::Reply { connection, header, reply: Reply::Empty });
        match ids {
            Some(ids) => ids.into_iter().for_each(|id| self.add_id(connection, id)),
            None => self.close(connection, CloseReason::AuthFailed, out),
        }
    }

    /// Ends sessions whose time is over, and removes containers that are not used.
    fn tick(&mut self, now: Now, out: &mut Vec<Output>) {
        for session in self.sessions.expired(now.elapsed) {
            self.write(now, None, session, 0, &Request::CloseSession, out);
        }
        if now.elapsed >= self.next_container_check && self.containers.is_empty() {
            self.next_container_check = now.elapsed.saturating_add(self.options.container_check_ms);
            let never_used_ms = self.options.container_never_used_ms;
            self.containers = self.tree.expired_containers(now.wall, never_used_ms).into();
        }
        let elapsed = now.elapsed.saturating_sub(self.last_tick).max(0);
        let budget = elapsed.saturating_mul(self.options.containers_per_minute) / 60_000;
        self.last_tick = now.elapsed;
        for _ in 0..budget.max(1) {
            let Some(path) = self.containers.pop_front() else { break };
            let request = Request::DeleteContainer(PathRequest { path: Some(path.into()) });
            self.write(now, None, SessionId(0), 0, &request, out);
        }
    }
}

fn notification(
    connection: ConnectionId,
    zxid: Zxid,
    kind: EventType,
    path: zk_wire::Text,
) -> Output {
    let state = KeeperState::SyncConnected.code();
    let event = WatcherEvent { kind: kind.code(), state, path: Some(path) };
    Output::Notify { connection, zxid, event }
}

/// Whether an operation becomes a transaction.
fn is_write(op: OpCode) -> bool {
    matches!(
        op,
        OpCode::Create
            | OpCode::Create2
            | OpCode::CreateContainer
            | OpCode::CreateTtl
            | OpCode::Delete
            | OpCode::SetData
            | OpCode::SetAcl
            | OpCode::Multi
            | OpCode::Reconfig
            | OpCode::CloseSession
    )
}

/// Why a request ends its connection.
fn refusal(
    required: &[String],
    open: &Connection,
    request: &Incoming,
) -> Option<(ErrorCode, Zxid, CloseReason)> {
    let scheme = |id: &Id| id.scheme.as_ref().map(ToString::to_string).unwrap_or_default();
    if !required.is_empty() && !open.ids.iter().any(|id| required.contains(&scheme(id))) {
        let error = ErrorCode::SessionClosedRequireSaslAuth;
        return Some((error, Zxid(0), CloseReason::AuthRequired));
    }
    is_refused(request).then_some((
        ErrorCode::Unimplemented,
        Zxid(-1),
        CloseReason::UnknownOperation,
    ))
}

/// Operations without a meaning, and those that are not for clients.
fn is_refused(request: &Incoming) -> bool {
    let op = match request {
        Incoming::Known(request) => request.op(),
        Incoming::Malformed(op) | Incoming::Throttled(op) => *op,
        Incoming::Unknown => return true,
    };
    matches!(op, OpCode::Check | OpCode::CreateSession | OpCode::DeleteContainer | OpCode::Sasl)
}
