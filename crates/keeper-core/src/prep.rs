//! Preparation: what a write will do, decided once, by the leader or a server alone.
//!
//! Called for every request that changes something, in the order they come; what comes out is the
//! transaction that all servers write down and apply. A request that is refused becomes a
//! transaction, too: an error, which takes its number like any other. The tree is not changed.
//!
//! Rules: `PrepRequestProcessor`; the order of its checks is part of what clients see.

mod create;
mod outstanding;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use zk_wire::acl::{Acl, Id, perms};
use zk_wire::error_code::ErrorCode;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::op_code::OpCode;
use zk_wire::request::{
    CheckVersionRequest, DeleteRequest, Request, SetAclRequest, SetDataRequest,
};
use zk_wire::txn::{
    CheckVersionTxn, CloseSessionTxn, CreateSessionTxn, DeleteTxn, ErrorTxn, MultiTxn, SetAclTxn,
    SetDataTxn, SubTxn, Txn, TxnDigest, TxnHeader,
};
use zk_wire::{SessionId, Text, Zxid, path};

use crate::acl::AclOptions;
use crate::digest::DIGEST_VERSION;
use crate::owner::Lifetime;
use crate::quota::QUOTA;
use crate::session::Sessions;
use crate::tree::{CONFIG, Tree, ZOOKEEPER};
use outstanding::{Data, Known, Outstanding};

/// Settings of preparation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrepOptions {
    /// Who may do what.
    pub acl: AclOptions,
    /// `enforceQuota`: hard limits refuse.
    pub enforce_quota: bool,
    /// `reconfigEnabled`
    pub reconfig: bool,
}

/// Who asks, and what the transaction's header will say.
#[derive(Debug, Clone, Copy)]
pub struct Call<'c> {
    /// The session.
    pub session: SessionId,
    /// Its number for the request.
    pub cxid: i32,
    /// The identities of its connection.
    pub ids: &'c [Id],
    /// The server it is connected to.
    pub owner: u64,
    /// The transaction's number.
    pub zxid: Zxid,
    /// Milliseconds since 1970.
    pub time: i64,
}

/// A transaction, ready to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Who, when, which.
    pub header: TxnHeader,
    /// What.
    pub txn: Txn,
    /// The tree's digest afterwards; not of what fails, and not where digests are off.
    pub digest: Option<TxnDigest>,
    /// Why it fails; of a multi, why its first failing part does.
    pub error: Option<ErrorCode>,
}

/// Decides writes.
pub struct Prep {
    options: PrepOptions,
    outstanding: Outstanding,
}

/// One write being decided.
struct Writer<'p> {
    options: &'p PrepOptions,
    outstanding: &'p mut Outstanding,
    tree: &'p Tree,
    sessions: &'p mut Sessions,
    call: &'p Call<'p>,
}

impl Prep {
    /// Begins with nothing outstanding.
    pub fn new(options: PrepOptions, hash_seed: u64) -> Self {
        Self { options, outstanding: Outstanding::new(hash_seed) }
    }

    /// The settings.
    pub fn options(&self) -> &PrepOptions {
        &self.options
    }

    /// Changes that are decided and not applied.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// A transaction is applied, and all before it.
    pub fn applied(&mut self, zxid: Zxid) {
        self.outstanding.applied(zxid);
    }

    /// Decides a write. What is no write is UNIMPLEMENTED.
    pub fn prepare(
        &mut self,
        tree: &Tree,
        sessions: &mut Sessions,
        call: &Call<'_>,
        request: &Request,
    ) -> Prepared {
        let Self { options, outstanding } = self;
        let mut writer = Writer { options, outstanding, tree, sessions, call };
        if let Request::Multi(multi) = request {
            return writer.multi(multi);
        }
        let result = writer.write(request);
        if result.is_err() {
            self.outstanding.roll_back(call.zxid);
        }
        self.finish(tree, call, result)
    }

    /// What becomes of a write whose bytes cannot be read.
    pub fn prepare_malformed(&mut self, call: &Call<'_>) -> Prepared {
        refused(call, ErrorCode::MarshallingError)
    }

    fn finish(&self, tree: &Tree, call: &Call<'_>, result: Result<Txn, ErrorCode>) -> Prepared {
        match result {
            Ok(txn) => {
                let digest = digest(tree, self.outstanding.digest(tree));
                Prepared { header: header(call, txn.op()), txn, digest, error: None }
            }
            Err(error) => refused(call, error),
        }
    }
}

fn header(call: &Call<'_>, op: OpCode) -> TxnHeader {
    TxnHeader {
        client_id: call.session,
        cxid: call.cxid,
        zxid: call.zxid,
        time: call.time,
        op: op.code(),
    }
}

fn digest(tree: &Tree, tree_digest: i64) -> Option<TxnDigest> {
    tree.options().digest.then_some(TxnDigest { version: DIGEST_VERSION, tree_digest })
}

fn refused(call: &Call<'_>, error: ErrorCode) -> Prepared {
    let txn = Txn::Error(ErrorTxn { err: error.code() });
    Prepared { header: header(call, OpCode::Error), txn, digest: None, error: Some(error) }
}

/// A path that must be there.
fn given(path: &Option<Text>) -> Result<&Text, ErrorCode> {
    path.as_ref().ok_or(ErrorCode::MarshallingError)
}

fn validated(given: &str) -> Result<(), ErrorCode> {
    path::validate(given).map_err(|_| ErrorCode::BadArguments)
}

/// The parent of a node to be deleted; the servers' own nodes cannot be.
fn deletable(path: &str) -> Result<&str, ErrorCode> {
    if path.contains('\0') || ["/", ZOOKEEPER, QUOTA, CONFIG].contains(&path) {
        return Err(ErrorCode::BadArguments);
    }
    path.rsplit_once('/').map(|(parent, _)| parent).ok_or(ErrorCode::BadArguments)
}

/// The version after a change, if the version before is as expected; -1 expects any.
fn next_version(current: i32, expected: i32) -> Result<i32, ErrorCode> {
    match expected == -1 || expected == current {
        true => Ok(current.wrapping_add(1)),
        false => Err(ErrorCode::BadVersion),
    }
}

impl Writer<'_> {
    fn node(&self, path: &str) -> Result<Known, ErrorCode> {
        self.outstanding.node(self.tree, path)
    }

    fn put(&mut self, path: &str, node: Known) {
        self.outstanding.put(self.tree, self.call.zxid, path, node);
    }

    fn check_session(&mut self) -> Result<(), ErrorCode> {
        self.sessions.check(self.call.session, self.call.owner)
    }

    fn check_acl(&self, acl: &[Acl], perms: i32) -> Result<(), ErrorCode> {
        self.options.acl.check(acl, perms, self.call.ids)
    }

    fn check_quota(&self, path: &str, count: i64, bytes: i64) -> Result<(), ErrorCode> {
        match self.options.enforce_quota && self.tree.quota_refuses(path, count, bytes) {
            true => Err(ErrorCode::QuotaExceeded),
            false => Ok(()),
        }
    }

    /// Decides what is no multi.
    fn write(&mut self, request: &Request) -> Result<Txn, ErrorCode> {
        match request {
            Request::Create(body) => self.create(&body.into()).map(Txn::Create),
            Request::Create2(body) => self.create(&body.into()).map(Txn::Create2),
            Request::CreateContainer(body) => {
                self.create_container(&body.into()).map(Txn::CreateContainer)
            }
            Request::CreateTtl(body) => self.create_ttl(&body.into()).map(Txn::CreateTtl),
            Request::Delete(body) => self.delete(body),
            Request::DeleteContainer(body) => self.delete_container(given(&body.path)?),
            Request::SetData(body) => self.set_data(body),
            Request::SetAcl(body) => self.set_acl(body),
            Request::Check(body) => self.check(body),
            Request::Reconfig(_) if !self.options.reconfig => Err(ErrorCode::ReconfigDisabled),
            Request::Reconfig(_) => {
                self.check_session()?;
                Err(ErrorCode::Unimplemented)
            }
            Request::CreateSession(body) => {
                self.sessions.set_owner(self.call.session, self.call.owner)?;
                Ok(Txn::CreateSession(CreateSessionTxn { timeout_ms: body.timeout_ms }))
            }
            Request::CloseSession => self.close_session(),
            _ => Err(ErrorCode::Unimplemented),
        }
    }

    /// All parts have one number. From the first that is refused on, all are errors.
    fn multi(&mut self, multi: &MultiRequest) -> Prepared {
        let mut parts = Vec::with_capacity(multi.ops.len());
        let mut failed = None;
        for op in &multi.ops {
            let result = match failed {
                Some(_) => Err(ErrorCode::RuntimeInconsistency),
                None => self.part(op),
            };
            let txn = result.unwrap_or_else(|error| {
                if failed.is_none() {
                    failed = Some(error);
                    self.outstanding.roll_back(self.call.zxid);
                }
                Txn::Error(ErrorTxn { err: error.code() })
            });
            parts.push(SubTxn::new(&txn));
        }
        if failed == Some(ErrorCode::MarshallingError) {
            return refused(self.call, ErrorCode::MarshallingError);
        }
        Prepared {
            header: header(self.call, OpCode::Multi),
            txn: Txn::Multi(MultiTxn { txns: Some(parts) }),
            digest: digest(self.tree, self.outstanding.digest(self.tree)),
            error: failed,
        }
    }

    fn part(&mut self, op: &MultiOp) -> Result<Txn, ErrorCode> {
        match op {
            MultiOp::Create(body) => self.create(&body.into()).map(Txn::Create),
            MultiOp::Create2(body) => self.create(&body.into()).map(Txn::Create2),
            MultiOp::CreateContainer(body) => {
                self.create_container(&body.into()).map(Txn::CreateContainer)
            }
            MultiOp::CreateTtl(body) => self.create_ttl(&body.into()).map(Txn::CreateTtl),
            MultiOp::Delete(body) => self.delete(body),
            MultiOp::SetData(body) => self.set_data(body),
            MultiOp::Check(body) => self.check(body),
            MultiOp::GetChildren(_) | MultiOp::GetData(_) => Err(ErrorCode::MarshallingError),
        }
    }

    fn delete(&mut self, body: &DeleteRequest) -> Result<Txn, ErrorCode> {
        self.check_session()?;
        let path = given(&body.path)?;
        let parent_path = deletable(path)?;
        let parent = self.node(parent_path)?;
        self.check_acl(&parent.acl, perms::DELETE)?;
        let node = self.node(path)?;
        next_version(node.stat.version, body.version)?;
        if node.child_count > 0 {
            return Err(ErrorCode::NotEmpty);
        }
        self.record_delete(path, node.digest, parent_path, parent);
        Ok(Txn::Delete(DeleteTxn { path: body.path.clone() }))
    }

    /// Removes a container or TTL node whose time is over, unless it is in use again.
    fn delete_container(&mut self, path: &Text) -> Result<Txn, ErrorCode> {
        let parent_path = deletable(path)?;
        let node = self.node(path)?;
        if node.child_count > 0 {
            return Err(ErrorCode::NotEmpty);
        }
        if matches!(self.lifetime(&node), Lifetime::Ephemeral(_)) {
            return Err(ErrorCode::BadVersion);
        }
        let parent = self.node(parent_path)?;
        self.record_delete(path, node.digest, parent_path, parent);
        Ok(Txn::DeleteContainer(DeleteTxn { path: Some(path.clone()) }))
    }

    fn lifetime(&self, node: &Known) -> Lifetime {
        self.tree.options().owners.lifetime(node.stat.ephemeral_owner)
    }

    fn record_delete(&mut self, path: &str, digest: u32, parent_path: &str, mut parent: Known) {
        parent.child_count -= 1;
        parent.stat.pzxid = self.call.zxid;
        self.put(parent_path, parent);
        self.outstanding.remove(self.tree, self.call.zxid, path, digest);
    }

    fn set_data(&mut self, body: &SetDataRequest) -> Result<Txn, ErrorCode> {
        self.check_session()?;
        let path = given(&body.path)?;
        validated(path)?;
        let mut node = self.node(path)?;
        self.check_acl(&node.acl, perms::WRITE)?;
        let len = body.data.as_ref().map_or(0, bytes::Bytes::len) as i64;
        if self.options.enforce_quota {
            let before = Outstanding::data_len(self.tree, path, &node.data) as i64;
            self.check_quota(path, 0, len - before)?;
        }
        let version = next_version(node.stat.version, body.version)?;
        node.stat.version = version;
        node.stat.mtime = self.call.time;
        node.stat.mzxid = self.call.zxid;
        node.data = Data::New(body.data.clone());
        self.put(path, node);
        let (path, data) = (body.path.clone(), body.data.clone());
        Ok(Txn::SetData(SetDataTxn { path, data, version }))
    }

    fn set_acl(&mut self, body: &SetAclRequest) -> Result<Txn, ErrorCode> {
        self.check_session()?;
        let path = given(&body.path)?;
        validated(path)?;
        let acl = self.options.acl.fixed_up(body.acl.as_deref(), self.call.ids)?;
        let mut node = self.node(path)?;
        self.check_acl(&node.acl, perms::ADMIN)?;
        let version = next_version(node.stat.aversion, body.version)?;
        node.stat.aversion = version;
        // Apache's record keeps the list before, so that requests already on their way are checked
        // against it; what follows in the same session is checked against the new one here.
        node.acl = acl.as_slice().into();
        self.put(path, node);
        Ok(Txn::SetAcl(SetAclTxn { path: body.path.clone(), acl: Some(acl), version }))
    }

    fn check(&mut self, body: &CheckVersionRequest) -> Result<Txn, ErrorCode> {
        self.check_session()?;
        let path = given(&body.path)?;
        validated(path)?;
        let node = self.node(path)?;
        self.check_acl(&node.acl, perms::READ)?;
        let version = next_version(node.stat.version, body.version)?;
        Ok(Txn::Check(CheckVersionTxn { path: body.path.clone(), version }))
    }

    /// All nodes of the session go with it: those of the tree, and those on their way.
    fn close_session(&mut self) -> Result<Txn, ErrorCode> {
        let session = self.call.session;
        let of_tree = self.tree.ephemerals(session);
        let mut paths: BTreeSet<Text> = of_tree.into_iter().map(Text::from).collect();
        for (path, owner) in self.outstanding.owners() {
            match owner {
                None => drop(paths.remove(path)),
                Some(owner) if owner == session.0 => drop(paths.insert(path.clone())),
                Some(_) => {}
            }
        }
        for path in &paths {
            let parent_path = deletable(path)?;
            let (node, parent) = (self.node(path)?, self.node(parent_path)?);
            self.record_delete(path, node.digest, parent_path, parent);
        }
        self.sessions.set_closing(session);
        let paths_to_delete = Some(paths.into_iter().collect());
        Ok(Txn::CloseSession(Some(CloseSessionTxn { paths_to_delete })))
    }
}
