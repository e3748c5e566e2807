//! Opening sessions, and taking them over.
//!
//! Rules: `ZooKeeperServer.processConnectRequest`, `reopenSession`, `finishSessionInit`.

use std::collections::VecDeque;
use std::net::IpAddr;

use bytes::Bytes;
use zk_wire::SessionId;
use zk_wire::acl::Id;
use zk_wire::connect::{ConnectRequest, ConnectResponse};
use zk_wire::request::{CreateSessionRequest, Request};

use super::{CloseReason, Connection, Node, Now, OWNER, Output};
use crate::auth::address_id;
use crate::session::password;
use crate::watch::ConnectionId;

impl Node {
    pub(super) fn connect(
        &mut self,
        now: Now,
        connection: ConnectionId,
        address: IpAddr,
        further: Vec<Id>,
        request: &ConnectRequest,
        out: &mut Vec<Output>,
    ) {
        if request.last_zxid_seen > self.tree.last_zxid() {
            return self.close(connection, CloseReason::ClientAhead, out);
        }
        let timeout_ms = self.sessions.negotiated(request.timeout_ms);
        let is_new = request.session_id == SessionId(0);
        let session = match is_new {
            true => self.sessions.open(timeout_ms, now.elapsed),
            false => request.session_id,
        };
        if let Some(other) = self.by_session.get(&session.0).copied() {
            self.close(other, CloseReason::Reconnected, out);
        }
        let mut ids = vec![address_id(address)];
        let auth = &self.options.prep.acl.auth;
        ids.extend(further.into_iter().flat_map(|id| auth.proved(id)));
        let opened = Connection {
            address,
            session,
            timeout_ms,
            is_open: false,
            read_only: request.read_only,
            ids,
            waiting: VecDeque::new(),
            held: Vec::new(),
        };
        self.connections.insert(connection, opened);
        if is_new {
            self.by_session.insert(session.0, connection);
            let request = Request::CreateSession(CreateSessionRequest { timeout_ms });
            return self.write(now, Some(connection), session, 0, &request, out);
        }
        let is_valid = request.password.as_deref() == Some(&password(session)[..])
            && self.sessions.touch(session, timeout_ms, now.elapsed)
            && self.sessions.set_owner(session, OWNER).is_ok();
        if !is_valid {
            let read_only = request.read_only.map(|_| false);
            let response = ConnectResponse::invalid(read_only);
            out.push(Output::Connected { connection, response });
            return self.close(connection, CloseReason::InvalidSession, out);
        }
        self.by_session.insert(session.0, connection);
        // Whoever lost a connection looks whether its last writes were done: they are by then.
        let mut own = self.pending.iter().rev().map(|pending| &pending.entry.header);
        match own.find(|header| header.client_id == session) {
            Some(last) => drop(self.opening.insert(last.zxid, connection)),
            None => self.open(now, connection, out),
        }
    }

    /// The session is there: says so, and takes up what came meanwhile.
    pub(super) fn open(&mut self, now: Now, connection: ConnectionId, out: &mut Vec<Output>) {
        let Some(opened) = self.connections.get_mut(&connection) else { return };
        opened.is_open = true;
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms: opened.timeout_ms,
            session_id: opened.session,
            password: Some(Bytes::copy_from_slice(&password(opened.session))),
            read_only: opened.read_only.map(|_| false),
        };
        let held = std::mem::take(&mut opened.held);
        out.push(Output::Connected { connection, response });
        for (header, request) in held {
            self.request(now, connection, header, request, out);
        }
    }
}
