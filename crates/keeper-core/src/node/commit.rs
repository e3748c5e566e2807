//! Applying what is durable, telling watches of it, and answering.
//!
//! Rules: `FinalRequestProcessor`, `ServerCnxn.process`.

use zk_wire::acl::perms;
use zk_wire::error_code::ErrorCode;
use zk_wire::header::ReplyHeader;
use zk_wire::multi::{MultiResponse, MultiResult};
use zk_wire::op_code::OpCode;
use zk_wire::reply::{Create2Response, ErrorResponse, PathResponse, Reply, StatResponse};
use zk_wire::txn::Txn;
use zk_wire::{Text, Zxid};

use super::{CloseReason, Node, Now, Output, Pending, Waiting, notification};
use crate::acl::AclOptions;
use crate::apply::{Applied, DigestCheck};
use crate::tree::{Change, Observer};
use crate::watch::{ConnectionId, Watches};

/// Turns changes into notifications.
struct Teller<'t> {
    watches: &'t mut Watches,
    connections:
        &'t hashbrown::HashMap<ConnectionId, super::Connection, foldhash::fast::FixedState>,
    acl: &'t AclOptions,
    zxid: Zxid,
    out: &'t mut Vec<Output>,
}

impl Observer for Teller<'_> {
    fn observe(&mut self, change: Change<'_>) {
        let Self { watches, connections, acl: options, zxid, out } = self;
        watches.fire(&change, |connection, kind, path, acl| {
            let Some(open) = connections.get(&connection) else { return };
            // Whoever may not read the node does not hear of it.
            if options.allows(acl, perms::READ, &open.ids) {
                out.push(notification(connection, *zxid, kind, Text::from(path)));
            }
        });
    }
}

impl Node {
    /// Everything up to `zxid` is durable.
    pub(super) fn commit(&mut self, now: Now, zxid: Zxid, out: &mut Vec<Output>) {
        while self.pending.front().is_some_and(|pending| pending.entry.header.zxid <= zxid) {
            let Some(pending) = self.pending.pop_front() else { return };
            let applied = self.apply(&pending, out);
            if self.options.audit {
                super::audit::tell(&pending, &applied, out);
            }
            self.prep.applied(pending.entry.header.zxid);
            self.note_session(now, &pending);
            if let Some(connection) = pending.connection {
                self.answer(now, connection, &pending, applied, out);
            }
            if !self.opening.is_empty()
                && let Some(connection) = self.opening.remove(&pending.entry.header.zxid)
            {
                self.open(now, connection, out);
            }
            if pending.op == OpCode::CloseSession && !matches!(pending.entry.txn, Txn::Error(_)) {
                let session = pending.entry.header.client_id;
                if let Some(connection) = self.by_session.get(&session.0).copied() {
                    let reason = match pending.connection {
                        Some(_) => CloseReason::SessionClosed,
                        None => CloseReason::SessionExpired,
                    };
                    self.close(connection, reason, out);
                }
            }
        }
    }

    fn apply(&mut self, pending: &Pending, out: &mut Vec<Output>) -> Applied {
        let zxid = pending.entry.header.zxid;
        let result = {
            let mut teller = Teller {
                watches: &mut self.watches,
                connections: &self.connections,
                acl: &self.options.prep.acl,
                zxid,
                out,
            };
            self.tree.apply_entry(&pending.entry, &mut teller)
        };
        match result {
            Ok((applied, check)) => {
                if matches!(check, DigestCheck::Differs { .. }) {
                    out.push(Output::DigestMismatch { zxid });
                }
                applied
            }
            // What was prepared here is possible; to go on with a wrong tree would lose data.
            Err(error) => panic!("prepared what cannot be applied: {error}"),
        }
    }

    fn note_session(&mut self, now: Now, pending: &Pending) {
        let session = pending.entry.header.client_id;
        match &pending.entry.txn {
            Txn::CreateSession(txn) => self.sessions.commit(session, txn.timeout_ms, now.elapsed),
            Txn::CloseSession(_) => self.sessions.remove(session),
            _ => {}
        }
    }

    /// Answers a write, and the requests that waited behind it.
    fn answer(
        &mut self,
        now: Now,
        connection: ConnectionId,
        pending: &Pending,
        applied: Applied,
        out: &mut Vec<Output>,
    ) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        open.waiting.pop_front();
        let header = &pending.entry.header;
        if is_moved(&applied) {
            return self.close(connection, CloseReason::SessionMoved, out);
        }
        if pending.op == OpCode::CreateSession {
            return match applied.err {
                0 => self.open(now, connection, out),
                _ => self.close(connection, CloseReason::SessionExpired, out),
            };
        }
        let err = if pending.op == OpCode::Multi && applied.op == OpCode::Multi {
            0
        } else {
            applied.err
        };
        let reply = if err == 0 { reply(pending.op, applied) } else { Reply::Empty };
        let header = ReplyHeader { xid: header.cxid, zxid: self.tree.last_zxid(), err };
        out.push(Output::Reply { connection, header, reply });
        while let Some(open) = self.connections.get_mut(&connection) {
            match open.waiting.pop_front() {
                None => break,
                Some(Waiting::Write) => {
                    open.waiting.push_front(Waiting::Write);
                    break;
                }
                Some(Waiting::Read(header, request)) => {
                    self.read(connection, &header, &request, out);
                }
            }
        }
    }
}

fn is_moved(applied: &Applied) -> bool {
    let moved = ErrorCode::SessionMoved.code();
    applied.err == moved || applied.parts.iter().any(|part| part.err == moved)
}

/// The body that answers a write.
fn reply(op: OpCode, applied: Applied) -> Reply {
    let Applied { path, stat, parts, .. } = applied;
    let stat = stat.unwrap_or_default();
    match op {
        OpCode::Create => Reply::Path(PathResponse { path }),
        OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => {
            Reply::Create2(Create2Response { path, stat })
        }
        OpCode::SetData | OpCode::SetAcl => Reply::Stat(StatResponse { stat }),
        OpCode::Multi => {
            Reply::Multi(MultiResponse { results: parts.into_iter().map(part).collect() })
        }
        _ => Reply::Empty,
    }
}

fn part(part: Applied) -> MultiResult {
    let Applied { op, err, path, stat, .. } = part;
    let stat = stat.unwrap_or_default();
    match op {
        OpCode::Create => MultiResult::Create(PathResponse { path }),
        OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => {
            MultiResult::Create2(Create2Response { path, stat })
        }
        OpCode::Delete | OpCode::DeleteContainer => MultiResult::Delete,
        OpCode::SetData => MultiResult::SetData(StatResponse { stat }),
        OpCode::Check => MultiResult::Check,
        _ => MultiResult::Error(ErrorResponse { err }),
    }
}
