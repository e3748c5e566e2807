//! What transactions that are not applied yet will make of nodes.
//!
//! Preparation decides each write on the tree as it will be when all before it are applied: the
//! newest record of a path, or else the tree. A record goes when its transaction is applied; those
//! of a multi that fails go at once, and what was before them counts again.
//!
//! Rules: `PrepRequestProcessor.getRecordForPath`, `rollbackPendingChanges`,
//! `ZooKeeperServer.ChangeRecord`.

use std::collections::VecDeque;

use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use zk_wire::error_code::ErrorCode;
use zk_wire::stat::StatPersisted;
use zk_wire::{Text, Zxid};

use crate::AclList;
use crate::digest::node_digest;
use crate::tree::Tree;

/// A node's data as they will be.
#[derive(Clone)]
pub(crate) enum Data {
    /// Those of the tree: no transaction between replaces them.
    OfTree,
    /// These.
    New(Option<Bytes>),
}

/// A node as it will be.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) stat: StatPersisted,
    pub(crate) child_count: i64,
    pub(crate) acl: AclList,
    pub(crate) data: Data,
    pub(crate) digest: u32,
}

struct Record {
    zxid: Zxid,
    path: Text,
    /// `None`: it will be gone.
    node: Option<Known>,
    /// The tree's digest with this and all before.
    tree_digest: i64,
    /// The path's record before, by its number.
    before: Option<u64>,
}

/// The records, oldest first.
pub(crate) struct Outstanding {
    records: VecDeque<Record>,
    /// The number of the first record.
    first: u64,
    /// The newest record of a path.
    newest: HashMap<Text, u64, FixedState>,
}

/// The root has two names.
fn key(path: &str) -> &str {
    if path == "/" { "" } else { path }
}

impl Outstanding {
    pub(crate) fn new(seed: u64) -> Self {
        let newest = HashMap::with_hasher(FixedState::with_seed(seed));
        Self { records: VecDeque::new(), first: 0, newest }
    }

    fn record(&self, number: u64) -> Option<&Record> {
        self.records.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// A node as it will be; NONODE if it will not be there.
    pub(crate) fn node(&self, tree: &Tree, path: &str) -> Result<Known, ErrorCode> {
        let newest = self.newest.get(key(path)).and_then(|number| self.record(*number));
        if let Some(record) = newest {
            return record.node.clone().ok_or(ErrorCode::NoNode);
        }
        let node = tree.find(path).ok_or(ErrorCode::NoNode)?;
        Ok(Known {
            stat: node.persisted(),
            child_count: node.child_count() as i64,
            acl: node.acl().clone(),
            data: Data::OfTree,
            digest: node.digest(),
        })
    }

    /// Whether a node will be there.
    pub(crate) fn exists(&self, tree: &Tree, path: &str) -> bool {
        let newest = self.newest.get(key(path)).and_then(|number| self.record(*number));
        newest.map_or_else(|| tree.find(path).is_some(), |record| record.node.is_some())
    }

    /// How many bytes a node's data will have.
    pub(crate) fn data_len(tree: &Tree, path: &str, data: &Data) -> usize {
        match data {
            Data::OfTree => tree.find(path).and_then(|node| node.data()).map_or(0, <[u8]>::len),
            Data::New(data) => data.as_ref().map_or(0, Bytes::len),
        }
    }

    /// The tree's digest when all is applied.
    pub(crate) fn digest(&self, tree: &Tree) -> i64 {
        self.records.back().map_or_else(|| tree.digest(), |record| record.tree_digest)
    }

    /// A node will be as `node` says, but for its digest.
    pub(crate) fn put(&mut self, tree: &Tree, zxid: Zxid, path: &str, mut node: Known) {
        let before = node.digest;
        if tree.options().digest {
            let digest = |data: Option<&[u8]>| node_digest(path, data, &node.stat);
            node.digest = match &node.data {
                Data::OfTree => digest(tree.find(path).and_then(|node| node.data())),
                Data::New(data) => digest(data.as_deref()),
            };
        }
        let tree_digest = self.sum(tree, before, node.digest);
        self.push(zxid, path, Some(node), tree_digest);
    }

    /// A node that has a digest now will be gone.
    pub(crate) fn remove(&mut self, tree: &Tree, zxid: Zxid, path: &str, digest: u32) {
        let tree_digest = self.sum(tree, digest, 0);
        self.push(zxid, path, None, tree_digest);
    }

    fn sum(&self, tree: &Tree, before: u32, after: u32) -> i64 {
        self.digest(tree).wrapping_sub(i64::from(before)).wrapping_add(i64::from(after))
    }

    fn push(&mut self, zxid: Zxid, path: &str, node: Option<Known>, tree_digest: i64) {
        let number = self.first + self.records.len() as u64;
        let path = Text::from(key(path));
        let before = self.newest.insert(path.clone(), number);
        self.records.push_back(Record { zxid, path, node, tree_digest, before });
    }

    /// A multi has failed: what it would have made is forgotten.
    pub(crate) fn roll_back(&mut self, zxid: Zxid) {
        while self.records.back().is_some_and(|record| record.zxid == zxid) {
            let Some(record) = self.records.pop_back() else { return };
            match record.before.filter(|number| *number >= self.first) {
                Some(number) => drop(self.newest.insert(record.path, number)),
                None => drop(self.newest.remove(record.path.as_str())),
            }
        }
    }

    /// A transaction is applied, and all before it.
    pub(crate) fn applied(&mut self, zxid: Zxid) {
        while self.records.front().is_some_and(|record| record.zxid <= zxid) {
            let Some(record) = self.records.pop_front() else { return };
            if self.newest.get(record.path.as_str()) == Some(&self.first) {
                self.newest.remove(record.path.as_str());
            }
            self.first += 1;
        }
    }

    /// Records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Paths that will be made (with their owner) or gone (`None`), in order.
    pub(crate) fn owners(&self) -> impl Iterator<Item = (&Text, Option<i64>)> {
        let owner = |node: &Known| node.stat.ephemeral_owner;
        self.records.iter().map(move |record| (&record.path, record.node.as_ref().map(owner)))
    }
}
