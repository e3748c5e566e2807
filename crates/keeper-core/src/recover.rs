//! What a server has when it starts: the tree and the sessions of a snapshot, and of the log after
//! it.
//!
//! Called by whoever reads the files: begin with the snapshot, apply each entry of the log, finish.
//!
//! Rules: `FileTxnSnapLog.restore`, `FileTxnSnapLog.processTransaction`,
//! `ZooKeeperServer.loadData`.

use std::collections::BTreeMap;

use zk_wire::SessionId;
use zk_wire::txn::{Txn, TxnEntry};

use crate::apply::{ApplyError, DigestCheck};
use crate::tree::Tree;

/// A state on its way from the files.
pub struct Recovery {
    tree: Tree,
    sessions: BTreeMap<SessionId, i32>,
}

impl Recovery {
    /// Begins with a snapshot: its tree, and its sessions with their timeouts in milliseconds.
    pub fn new(tree: Tree, sessions: impl IntoIterator<Item = (SessionId, i32)>) -> Self {
        Self { tree, sessions: sessions.into_iter().collect() }
    }

    /// The tree so far.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Applies an entry of the log.
    pub fn apply(&mut self, entry: &TxnEntry) -> Result<DigestCheck, ApplyError> {
        let (_, check) = self.tree.apply_entry(entry, &mut ())?;
        let session = entry.header.client_id;
        match &entry.txn {
            Txn::CreateSession(txn) => drop(self.sessions.insert(session, txn.timeout_ms)),
            Txn::CloseSession(_) => drop(self.sessions.remove(&session)),
            _ => {}
        }
        Ok(check)
    }

    /// The state. Nodes of sessions that are nowhere are removed, as Apache does when it loads.
    pub fn finish(mut self) -> (Tree, BTreeMap<SessionId, i32>) {
        let with_nodes: Vec<_> = self.tree.sessions_with_ephemerals().collect();
        let zxid = self.tree.last_zxid();
        for session in with_nodes {
            if !self.sessions.contains_key(&session) {
                self.tree.end_session(session.0, &[], zxid, &mut ());
            }
        }
        (self.tree, self.sessions)
    }
}
