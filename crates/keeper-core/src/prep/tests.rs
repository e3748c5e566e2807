mod apache;
mod model;
mod tables;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use zk_wire::acl::{Acl, Id};
use zk_wire::create_mode::CreateMode;
use zk_wire::error_code::ErrorCode;
use zk_wire::op_code::OpCode;
use zk_wire::request::{
    CreateRequest, CreateSessionRequest, DeleteRequest, PathRequest, Request, SetDataRequest,
};
use zk_wire::txn::TxnEntry;
use zk_wire::{Jute, SessionId, Text, Zxid};

use super::{Call, Prep, PrepOptions, Prepared};
use crate::apply::{Applied, DigestCheck};
use crate::session::{SessionOptions, Sessions};
use crate::tree::{Tree, TreeOptions};

pub(super) const A: SessionId = SessionId(0x100);
pub(super) const B: SessionId = SessionId(0x200);

/// A server that prepares, and applies some transactions later.
pub(super) struct World {
    pub(super) tree: Tree,
    pub(super) prep: Prep,
    pub(super) sessions: Sessions,
    pub(super) ids: Vec<Id>,
    pub(super) log: Vec<TxnEntry>,
    waiting: VecDeque<TxnEntry>,
    zxid: i64,
    /// Transactions that are prepared and not applied, at most.
    pub(super) lag: usize,
}

impl World {
    pub(super) fn new(tree: TreeOptions, prep: PrepOptions) -> Self {
        let committed = BTreeMap::from([(A, 6000), (B, 6000)]);
        Self {
            tree: Tree::new(tree),
            prep: Prep::new(prep, 1),
            sessions: Sessions::new(SessionOptions::default(), SessionId(1), committed, 0),
            ids: vec![Id::new("ip", "127.0.0.1")],
            log: Vec::new(),
            waiting: VecDeque::new(),
            zxid: 0,
            lag: 0,
        }
    }

    pub(super) fn prepare(&mut self, session: SessionId, request: &Request) -> Prepared {
        self.zxid += 1;
        let call = Call {
            session,
            cxid: self.zxid as i32,
            ids: &self.ids,
            owner: 1,
            zxid: Zxid(self.zxid),
            time: 1000 + self.zxid,
        };
        let prepared = self.prep.prepare(&self.tree, &mut self.sessions, &call, request);
        let Prepared { header, txn, digest, .. } = prepared.clone();
        let entry = TxnEntry { header, txn, digest };
        // What is applied is what was written down.
        let entry = TxnEntry::from_bytes(&entry.to_bytes()).unwrap();
        self.log.push(entry.clone());
        self.waiting.push_back(entry);
        prepared
    }

    /// Prepares, and applies what is more than the lag.
    pub(super) fn run(&mut self, session: SessionId, request: &Request) -> Option<Applied> {
        self.prepare(session, request);
        let mut last = None;
        while self.waiting.len() > self.lag {
            last = Some(self.apply_next());
        }
        last
    }

    pub(super) fn apply_next(&mut self) -> Applied {
        let entry = self.waiting.pop_front().unwrap();
        let (applied, check) = self.tree.apply_entry(&entry, &mut ()).unwrap();
        let expected = match entry.digest {
            Some(_) => DigestCheck::Same,
            None => DigestCheck::NotCompared,
        };
        assert_eq!(check, expected, "after {entry:?}");
        self.prep.applied(entry.header.zxid);
        applied
    }

    pub(super) fn settle(&mut self) {
        while !self.waiting.is_empty() {
            self.apply_next();
        }
        assert_eq!(self.prep.outstanding(), 0);
    }
}

pub(super) fn create(path: &str, data: &str, mode: CreateMode) -> Request {
    Request::Create(create_body(path, data, mode))
}

pub(super) fn create_body(path: &str, data: &str, mode: CreateMode) -> CreateRequest {
    CreateRequest {
        path: Some(path.into()),
        data: Some(Bytes::copy_from_slice(data.as_bytes())),
        acl: Some(vec![Acl::open()]),
        flags: mode.flags(),
    }
}

pub(super) fn delete(path: &str, version: i32) -> Request {
    Request::Delete(DeleteRequest { path: Some(path.into()), version })
}

pub(super) fn set_data(path: &str, data: &str, version: i32) -> Request {
    let data = Some(Bytes::copy_from_slice(data.as_bytes()));
    Request::SetData(SetDataRequest { path: Some(path.into()), data, version })
}
