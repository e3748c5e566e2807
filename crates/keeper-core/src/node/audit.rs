//! What the audit log hears of: who did what to which node, and whether it was done.
//!
//! Made only where [`super::NodeOptions::audit`] says so: what was asked for is kept beside a write
//! that is on its way, and becomes [`AuditEvent`]s when it is applied.
//!
//! Rules: `AuditHelper`, `DataTree.killSession`, `Request.getUsersForAudit`.

use std::net::IpAddr;

use zk_wire::acl::{Acl, Id};
use zk_wire::multi::MultiOp;
use zk_wire::op_code::OpCode;
use zk_wire::request::Request;
use zk_wire::txn::Txn;
use zk_wire::{SessionId, Text};

use super::{Connection, Output, Pending};
use crate::apply::Applied;

/// What was done, as the audit log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOperation {
    /// `create`
    Create,
    /// `delete`
    Delete,
    /// `setData`
    SetData,
    /// `setAcl`
    SetAcl,
    /// `multiOperation`: a whole multi that failed.
    Multi,
    /// `reconfig`
    Reconfig,
    /// `ephemeralZNodeDeletionOnSessionCloseOrExpire`, by the server itself.
    EphemeralDeletion,
}

/// Something was done, or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// What.
    pub operation: AuditOperation,
    /// Whether it was done.
    pub success: bool,
    /// In which session.
    pub session: SessionId,
    /// By whom: names of the connection's identities; empty: by the server.
    pub users: Vec<String>,
    /// From where; `None`: by the server.
    pub address: Option<IpAddr>,
    /// To which node.
    pub path: Option<Text>,
    /// `flags` of a creation.
    pub flags: Option<i32>,
    /// The new ACL.
    pub acl: Option<Vec<Acl>>,
}

/// What was asked for.
pub(super) struct Asked {
    users: Vec<String>,
    address: IpAddr,
    path: Option<Text>,
    flags: Option<i32>,
    acl: Option<Vec<Acl>>,
    /// Of a multi: paths and flags of its parts.
    parts: Vec<(Option<Text>, Option<i32>)>,
}

impl Asked {
    /// Notes what a request says, as far as it is needed.
    pub(super) fn of(open: &Connection, request: &Request) -> Box<Self> {
        let (path, flags, acl) = match request {
            Request::Create(of) | Request::Create2(of) | Request::CreateContainer(of) => {
                (of.path.clone(), Some(of.flags), None)
            }
            Request::CreateTtl(of) => (of.path.clone(), Some(of.flags), None),
            Request::Delete(of) => (of.path.clone(), None, None),
            Request::DeleteContainer(of) => (of.path.clone(), None, None),
            Request::SetData(of) => (of.path.clone(), None, None),
            Request::SetAcl(of) => (of.path.clone(), None, of.acl.clone()),
            _ => (None, None, None),
        };
        let parts = match request {
            Request::Multi(multi) => multi.ops.iter().map(part).collect(),
            _ => Vec::new(),
        };
        let users = open.ids.iter().filter_map(user).collect();
        Box::new(Self { users, address: open.address, path, flags, acl, parts })
    }
}

fn part(op: &MultiOp) -> (Option<Text>, Option<i32>) {
    match op {
        MultiOp::Create(of) | MultiOp::Create2(of) | MultiOp::CreateContainer(of) => {
            (of.path.clone(), Some(of.flags))
        }
        MultiOp::CreateTtl(of) => (of.path.clone(), Some(of.flags)),
        MultiOp::Delete(of) => (of.path.clone(), None),
        MultiOp::SetData(of) => (of.path.clone(), None),
        MultiOp::Check(_) | MultiOp::GetChildren(_) | MultiOp::GetData(_) => (None, None),
    }
}

/// The name that an identity has in the log; of those of `super` there is none.
fn user(id: &Id) -> Option<String> {
    let name = id.id.as_deref()?;
    match id.scheme.as_deref()? {
        "digest" => Some(name.split(':').next().unwrap_or_default().to_owned()),
        "ip" | "x509" | "sasl" => Some(name.to_owned()),
        _ => None,
    }
}

fn operation(op: OpCode) -> Option<AuditOperation> {
    Some(match op {
        OpCode::Create | OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => {
            AuditOperation::Create
        }
        OpCode::Delete | OpCode::DeleteContainer => AuditOperation::Delete,
        OpCode::SetData => AuditOperation::SetData,
        OpCode::SetAcl => AuditOperation::SetAcl,
        OpCode::Multi => AuditOperation::Multi,
        OpCode::Reconfig => AuditOperation::Reconfig,
        _ => return None,
    })
}

/// Tells of a write that was applied, or of its refusal.
pub(super) fn tell(pending: &Pending, applied: &Applied, out: &mut Vec<Output>) {
    let session = pending.entry.header.client_id;
    if let Txn::CloseSession(Some(txn)) = &pending.entry.txn {
        for path in txn.paths_to_delete.iter().flatten() {
            out.push(Output::Audit(Box::new(AuditEvent {
                operation: AuditOperation::EphemeralDeletion,
                success: true,
                session,
                users: Vec::new(),
                address: None,
                path: Some(path.clone()),
                flags: None,
                acl: None,
            })));
        }
    }
    let (Some(asked), Some(operation)) = (&pending.asked, operation(pending.op)) else { return };
    let event = |operation, success, path, flags| {
        Output::Audit(Box::new(AuditEvent {
            operation,
            success,
            session,
            users: asked.users.clone(),
            address: Some(asked.address),
            path,
            flags,
            acl: asked.acl.clone(),
        }))
    };
    if operation != AuditOperation::Multi {
        let success = applied.err == 0;
        // A sequential node's name is known once it is there.
        let path = applied.path.clone().filter(|_| success).or_else(|| asked.path.clone());
        return out.push(event(operation, success, path, asked.flags));
    }
    if applied.op != OpCode::Multi || applied.parts.iter().any(|part| part.err != 0) {
        return out.push(event(operation, false, None, None));
    }
    for (part, (path, flags)) in applied.parts.iter().zip(&asked.parts) {
        let Some(operation) = self::operation(part.op) else { continue };
        let path = part.path.clone().or_else(|| path.clone());
        out.push(event(operation, true, path, *flags));
    }
}
