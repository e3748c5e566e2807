//! What a transaction does to the tree.
//!
//! Called for every transaction in the order of their numbers: at start for those of the log, while
//! serving for those that are durable. A transaction was decided when it was prepared; here nothing
//! is refused but what no server writes. Applying one again, over a snapshot that was taken while
//! the tree changed, gives the same tree.
//!
//! Rules: `DataTree.processTxn`.

use zk_wire::error_code::ErrorCode;
use zk_wire::op_code::OpCode;
use zk_wire::stat::Stat;
use zk_wire::txn::{
    CreateContainerTxn, CreateTtlTxn, CreateTxn, MultiTxn, SubTxn, Txn, TxnDigest, TxnEntry,
    TxnHeader,
};
use zk_wire::{DecodeError, Text, Zxid};

use crate::digest::DIGEST_VERSION;
use crate::owner::{CONTAINER_OWNER, ttl_owner};
use crate::tree::{Observer, Tree};
use change::{Moment, NewNode};

pub(crate) use crate::tree::change;

/// What came of a transaction, or of one part of a multi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What it did; an error for what failed.
    pub op: OpCode,
    /// How it ended; see [`ErrorCode`].
    pub err: i32,
    /// The node.
    pub path: Option<Text>,
    /// The node's numbers afterwards, where it was created or changed.
    pub stat: Option<Stat>,
    /// The parts of a multi.
    pub parts: Vec<Applied>,
}

/// Whether the tree is what the leader's is after the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestCheck {
    /// There is nothing to compare.
    NotCompared,
    /// It is.
    Same,
    /// It is not. Apache's servers log it and go on.
    Differs {
        /// Here.
        actual: i64,
        /// There; none if it was a snapshot's digest that differs.
        expected: Option<i64>,
    },
}

/// A transaction that no server writes. The tree is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// A part of a multi that cannot be read.
    #[error("transaction {zxid}: {source}")]
    Decode {
        /// The transaction.
        zxid: Zxid,
        /// What is wrong.
        source: DecodeError,
    },
    /// A record without a path, with a path that is none, or with a TTL out of range.
    #[error("transaction {zxid}: its {what} is impossible")]
    Impossible {
        /// The transaction.
        zxid: Zxid,
        /// What is wrong.
        what: &'static str,
    },
}

impl Applied {
    fn new(op: OpCode) -> Self {
        Self { op, err: 0, path: None, stat: None, parts: Vec::new() }
    }
}

impl Tree {
    /// Applies an entry of the log, or a transaction just made durable, and compares digests.
    pub fn apply_entry(
        &mut self,
        entry: &TxnEntry,
        observer: &mut dyn Observer,
    ) -> Result<(Applied, DigestCheck), ApplyError> {
        let (applied, is_whole) = self.apply_counted(&entry.header, &entry.txn, observer)?;
        let check = match is_whole {
            true => self.compare(entry.digest.as_ref()),
            false => DigestCheck::Differs { actual: self.digest(), expected: None },
        };
        Ok((applied, check))
    }

    /// Applies a transaction.
    pub fn apply(
        &mut self,
        header: &TxnHeader,
        txn: &Txn,
        observer: &mut dyn Observer,
    ) -> Result<Applied, ApplyError> {
        self.apply_counted(header, txn, observer).map(|(applied, _)| applied)
    }

    fn apply_counted(
        &mut self,
        header: &TxnHeader,
        txn: &Txn,
        observer: &mut dyn Observer,
    ) -> Result<(Applied, bool), ApplyError> {
        let applied = match txn {
            Txn::Multi(multi) => self.apply_multi(header, multi, observer)?,
            txn => {
                check(header.zxid, txn)?;
                self.apply_one(header, txn, observer)
            }
        };
        let is_whole = self.transaction_done(header.zxid);
        Ok((applied, is_whole))
    }

    fn compare(&self, digest: Option<&TxnDigest>) -> DigestCheck {
        match digest {
            Some(digest) if self.is_comparable() && digest.version == DIGEST_VERSION => {
                match digest.tree_digest == self.digest() {
                    true => DigestCheck::Same,
                    false => DigestCheck::Differs {
                        actual: self.digest(),
                        expected: Some(digest.tree_digest),
                    },
                }
            }
            _ => DigestCheck::NotCompared,
        }
    }

    /// A multi of which one part is an error does nothing: parts before it end well, parts behind
    /// it with RUNTIMEINCONSISTENCY.
    fn apply_multi(
        &mut self,
        header: &TxnHeader,
        multi: &MultiTxn,
        observer: &mut dyn Observer,
    ) -> Result<Applied, ApplyError> {
        let zxid = header.zxid;
        let parts = multi.txns.as_deref().unwrap_or_default();
        let decode = |part: &SubTxn| {
            let txn = part.decode().map_err(|source| ApplyError::Decode { zxid, source })?;
            check(zxid, &txn)?;
            Ok(txn)
        };
        let txns = parts.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let failed = txns.iter().position(|txn| matches!(txn, Txn::Error(_)));
        let mut applied = Applied::new(OpCode::Multi);
        for (at, txn) in txns.iter().enumerate() {
            let part = match (txn, failed) {
                (Txn::Error(error), _) => Applied { err: error.err, ..Applied::new(OpCode::Error) },
                (_, Some(failed)) if at < failed => Applied::new(OpCode::Error),
                (_, Some(_)) => Applied {
                    err: ErrorCode::RuntimeInconsistency.code(),
                    ..Applied::new(OpCode::Error)
                },
                (txn, None) => self.apply_one(header, txn, observer),
            };
            if applied.err == 0 {
                applied.err = part.err;
            }
            applied.parts.push(part);
        }
        Ok(applied)
    }

    /// Applies what is no multi, and was checked.
    fn apply_one(&mut self, header: &TxnHeader, txn: &Txn, observer: &mut dyn Observer) -> Applied {
        let at = Moment { zxid: header.zxid, time: header.time };
        let mut applied = Applied::new(txn.op());
        let result = match txn {
            Txn::Create(create) => {
                applied.path = create.path.clone();
                let new = of_create(header, create);
                let result = self.create(&new, at, observer);
                if result == Err(ErrorCode::NodeExists) {
                    self.raise_parent(new.path, create.parent_cversion, at.zxid);
                }
                result.map(|_| None)
            }
            Txn::Create2(create) => {
                applied.path = create.path.clone();
                self.create(&of_create(header, create), at, observer).map(Some)
            }
            Txn::CreateContainer(create) => {
                applied.path = create.path.clone();
                self.create(&of_create_container(create), at, observer).map(Some)
            }
            Txn::CreateTtl(create) => {
                applied.path = create.path.clone();
                self.create(&of_create_ttl(create), at, observer).map(Some)
            }
            Txn::Delete(delete) | Txn::DeleteContainer(delete) => {
                applied.path = delete.path.clone();
                self.delete(text(&delete.path), at.zxid, observer).map(|()| None)
            }
            Txn::SetData(set) | Txn::Reconfig(set) => {
                applied.path = set.path.clone();
                let data = set.data.as_deref();
                self.set_data(text(&set.path), data, set.version, at, observer).map(Some)
            }
            Txn::SetAcl(set) => {
                applied.path = set.path.clone();
                self.set_acl(text(&set.path), set.acl.as_deref(), set.version).map(Some)
            }
            Txn::Check(check) => {
                applied.path = check.path.clone();
                Ok(None)
            }
            Txn::CloseSession(close) => {
                let named = close.as_ref().and_then(|close| close.paths_to_delete.as_deref());
                self.end_session(header.client_id.0, named.unwrap_or_default(), at.zxid, observer);
                Ok(None)
            }
            Txn::Error(error) => {
                applied.err = error.err;
                Ok(None)
            }
            Txn::CreateSession(_) | Txn::Multi(_) => Ok(None),
        };
        match result {
            Ok(stat) => applied.stat = stat,
            Err(error) => applied.err = error.code(),
        }
        applied
    }
}

fn of_create<'t>(header: &TxnHeader, create: &'t CreateTxn) -> NewNode<'t> {
    NewNode {
        path: text(&create.path),
        data: create.data.as_deref(),
        acl: create.acl.as_deref(),
        owner: if create.ephemeral { header.client_id.0 } else { 0 },
        parent_cversion: create.parent_cversion,
    }
}

fn of_create_container(create: &CreateContainerTxn) -> NewNode<'_> {
    NewNode {
        path: text(&create.path),
        data: create.data.as_deref(),
        acl: create.acl.as_deref(),
        owner: CONTAINER_OWNER,
        parent_cversion: create.parent_cversion,
    }
}

fn of_create_ttl(create: &CreateTtlTxn) -> NewNode<'_> {
    NewNode {
        path: text(&create.path),
        data: create.data.as_deref(),
        acl: create.acl.as_deref(),
        owner: ttl_owner(create.ttl_ms).unwrap_or_default(),
        parent_cversion: create.parent_cversion,
    }
}

/// A path that was checked to be there.
fn text(path: &Option<Text>) -> &str {
    path.as_ref().map_or("", Text::as_str)
}

/// Refuses what no server writes, before anything is changed.
fn check(zxid: Zxid, txn: &Txn) -> Result<(), ApplyError> {
    let impossible = |what| Err(ApplyError::Impossible { zxid, what });
    let path = match txn {
        Txn::Create(txn) | Txn::Create2(txn) => &txn.path,
        Txn::CreateContainer(txn) => &txn.path,
        Txn::CreateTtl(txn) if ttl_owner(txn.ttl_ms).is_none() => return impossible("TTL"),
        Txn::CreateTtl(txn) => &txn.path,
        Txn::Delete(txn) | Txn::DeleteContainer(txn) => &txn.path,
        Txn::SetData(txn) | Txn::Reconfig(txn) => &txn.path,
        Txn::SetAcl(txn) => &txn.path,
        _ => return Ok(()),
    };
    let is_path = |path: &Text| path.starts_with('/') && (path.len() == 1 || !path.ends_with('/'));
    match path {
        Some(path) if is_path(path) => Ok(()),
        _ => impossible("path"),
    }
}
