//! The tree of nodes: what a server holds, and every server of an ensemble holds the same.
//!
//! Transactions change it ([`crate::apply`]), preparation and reads look at it, snapshots are
//! walked out of it ([`Walk`]) and read back into it ([`TreeBuilder`]). It decides nothing: whether
//! a change is allowed was decided before it became a transaction.
//!
//! What holds between transactions:
//!
//! - Where digests are on, the digest is that of [`Tree::digest_from_scratch`].
//! - A node's parent is there, and has it among its children once.
//! - `zookeeper_stats` beside limits are what [`crate::quota`] says, and outside the digest.
//!
//! Rules: `DataTree`, `DataNode`, `NodeHashMapImpl`.

pub(crate) mod change;
mod event;
mod index;
mod load;
mod query;
mod slab;
mod walk;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use zk_wire::Zxid;
use zk_wire::acl::Acl;
use zk_wire::stat::{Stat, StatPersisted};

use crate::acl_cache::{AclCache, AclList};
use crate::digest::{DIGEST_VERSION, node_digest};
use crate::owner::{Lifetime, OwnerRules};
use crate::quota::QuotaPaths;
use index::NameIndex;
use slab::{Node, ROOT, Slab, Slot};

pub use event::{Change, ChangeKind, Observer};
pub use load::{LoadError, TreeBuilder};
pub use walk::Walk;

/// The node above all that servers keep for themselves.
pub const ZOOKEEPER: &str = "/zookeeper";
/// The ensemble's configuration.
pub const CONFIG: &str = "/zookeeper/config";

/// Transactions between two entries of the digest log.
const DIGEST_LOG_INTERVAL: i64 = 128;
/// Entries of the digest log.
const DIGEST_LOG_MAX: usize = 1024;

/// Settings of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeOptions {
    /// `digest.enabled`
    pub digest: bool,
    /// How owners are read.
    pub owners: OwnerRules,
    /// Spreads names in memory; a number that clients do not know.
    pub hash_seed: u64,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self { digest: true, owners: OwnerRules::default(), hash_seed: 0x6b65_6570_6572 }
    }
}

/// The tree's digest after a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZxidDigest {
    /// The transaction.
    pub zxid: Zxid,
    /// How it was made.
    pub version: i32,
    /// The digest, as two's complement.
    pub digest: i64,
}

/// The tree.
pub struct Tree {
    options: TreeOptions,
    nodes: Slab,
    index: NameIndex,
    acls: AclCache,
    ephemerals: BTreeMap<i64, BTreeSet<Slot>>,
    containers: BTreeSet<Slot>,
    ttls: BTreeSet<Slot>,
    quotas: QuotaPaths,
    digest: u64,
    /// Bytes of paths and data.
    data_size: i64,
    last_zxid: Zxid,
    /// The highest number of a transaction that made a node.
    newest: i64,
    last_digest: Option<ZxidDigest>,
    /// Of a snapshot that was taken while the tree changed: until here digests are not compared.
    fuzzy_until: Option<ZxidDigest>,
    digest_log: VecDeque<ZxidDigest>,
}

/// A node of the tree, to look at.
#[derive(Clone, Copy)]
pub struct NodeRef<'t> {
    tree: &'t Tree,
    slot: Slot,
}

impl<'t> NodeRef<'t> {
    fn node(self) -> &'t Node {
        self.tree.nodes.get(self.slot)
    }

    /// Its data.
    pub fn data(self) -> Option<&'t [u8]> {
        self.node().data()
    }

    /// Its numbers as they are stored.
    pub fn persisted(self) -> StatPersisted {
        self.node().stat()
    }

    /// Its numbers as clients see them.
    pub fn stat(self) -> Stat {
        let node = self.node();
        client_stat(
            self.tree.options.owners,
            &node.stat(),
            node.data_len() as i32,
            node.children().len() as i32,
        )
    }

    /// Who may do what with it.
    pub fn acl(self) -> &'t AclList {
        self.tree.acls.list(self.node().acl)
    }

    /// Its digest, 0 where digests are off.
    pub fn digest(self) -> u32 {
        self.node().digest
    }

    /// How many children it has.
    pub fn child_count(self) -> usize {
        self.node().children().len()
    }

    /// The names of its children, in no order.
    pub fn children(self) -> impl ExactSizeIterator<Item = &'t str> {
        self.node().children().iter().map(move |slot| self.tree.nodes.get(*slot).name())
    }
}

/// Numbers as clients see them: deleted children count as changes, too.
fn client_stat(owners: OwnerRules, stat: &StatPersisted, data_len: i32, children: i32) -> Stat {
    Stat {
        czxid: stat.czxid,
        mzxid: stat.mzxid,
        ctime: stat.ctime,
        mtime: stat.mtime,
        version: stat.version,
        cversion: stat.cversion.wrapping_mul(2).wrapping_sub(children),
        aversion: stat.aversion,
        ephemeral_owner: owners.shown(stat.ephemeral_owner),
        data_length: data_len,
        num_children: children,
        pzxid: stat.pzxid,
    }
}

impl Tree {
    /// A fresh tree: the root and the servers' own nodes.
    pub fn new(options: TreeOptions) -> Self {
        let mut tree = Self::empty(options);
        let stat = StatPersisted::default();
        tree.insert_root(Some(&[]), None, &stat);
        for path in [ZOOKEEPER, crate::quota::QUOTA] {
            tree.insert_own(path, None, &stat);
        }
        tree.ensure_config_node();
        tree
    }

    fn empty(options: TreeOptions) -> Self {
        Self {
            options,
            nodes: Slab::default(),
            index: NameIndex::new(options.hash_seed),
            acls: AclCache::new(),
            ephemerals: BTreeMap::new(),
            containers: BTreeSet::new(),
            ttls: BTreeSet::new(),
            quotas: QuotaPaths::default(),
            digest: 0,
            data_size: 0,
            last_zxid: Zxid(0),
            newest: 0,
            last_digest: None,
            fuzzy_until: None,
            digest_log: VecDeque::new(),
        }
    }

    /// Makes the node of the configuration where a snapshot has none: empty, for all to read.
    pub fn ensure_config_node(&mut self) {
        if self.find(CONFIG).is_none() && self.find(ZOOKEEPER).is_some() {
            let stat = StatPersisted { aversion: -1, ..StatPersisted::default() };
            self.insert_own(CONFIG, Some(&[Acl::read_only()]), &stat);
        }
    }

    /// The settings.
    pub fn options(&self) -> &TreeOptions {
        &self.options
    }

    /// The last transaction applied, failed ones too.
    pub fn last_zxid(&self) -> Zxid {
        self.last_zxid
    }

    /// Sets the last transaction: that of the snapshot that was loaded, or of a new epoch.
    pub fn set_last_zxid(&mut self, zxid: Zxid) {
        self.last_zxid = zxid;
    }

    /// The sum of the nodes' digests, as a transaction has it.
    pub fn digest(&self) -> i64 {
        self.digest as i64
    }

    /// The digest after the last transaction, for a snapshot's end; none in a fresh tree.
    pub fn last_digest(&self) -> Option<ZxidDigest> {
        self.last_digest
    }

    /// Digests of the past: of every 128th transaction.
    pub fn digest_log(&self) -> impl Iterator<Item = &ZxidDigest> {
        self.digest_log.iter()
    }

    /// Finds a node. Its path is taken as it is: what is no path names no node.
    pub fn find(&self, path: &str) -> Option<NodeRef<'_>> {
        self.slot(path).map(|slot| NodeRef { tree: self, slot })
    }

    fn slot(&self, path: &str) -> Option<Slot> {
        if path.is_empty() || path == "/" {
            return (self.nodes.len() > 0).then_some(ROOT);
        }
        let mut slot = ROOT;
        for name in path.strip_prefix('/')?.split('/') {
            if name.is_empty() {
                return None;
            }
            slot = self.index.find(&self.nodes, slot, name.as_bytes())?;
        }
        Some(slot)
    }

    /// The path of a place; the root's is empty.
    fn path_of(&self, slot: Slot) -> String {
        let mut names = Vec::new();
        let mut at = slot;
        while at != ROOT {
            let node = self.nodes.get(at);
            names.push(node.name());
            at = node.parent;
        }
        let mut path = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    fn insert_root(&mut self, data: Option<&[u8]>, acl: Option<&[Acl]>, stat: &StatPersisted) {
        let acl = self.acls.take(acl);
        self.nodes.insert(Node::new("", data, acl, stat, ROOT));
        self.data_size += data.map_or(0, |data| data.len() as i64);
        self.refresh_digest(ROOT, "");
    }

    /// A node of the servers' own, with empty data.
    fn insert_own(&mut self, path: &str, acl: Option<&[Acl]>, stat: &StatPersisted) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(parent) = self.slot(parent) else { return };
        let acl = self.acls.take(acl);
        self.attach(Node::new(name, Some(&[]), acl, stat, parent), path);
    }

    /// Puts a node where its parent says, and into every table.
    fn attach(&mut self, node: Node, path: &str) -> Slot {
        let parent = node.parent;
        let owner = node.owner();
        self.newest = self.newest.max(node.czxid());
        self.data_size += (path.len() + node.data_len()) as i64;
        let slot = self.nodes.insert(node);
        self.index.insert(parent, self.nodes.get(slot).name_bytes(), slot);
        self.nodes.link(parent, slot);
        match self.options.owners.lifetime(owner) {
            Lifetime::Persistent => {}
            Lifetime::Container => drop(self.containers.insert(slot)),
            Lifetime::Ttl(_) => drop(self.ttls.insert(slot)),
            Lifetime::Ephemeral(session) => {
                self.ephemerals.entry(session).or_default().insert(slot);
            }
        }
        self.refresh_digest(slot, path);
        slot
    }

    /// Takes a node without children out of every table.
    fn detach(&mut self, slot: Slot, path: &str) {
        let node = self.nodes.get(slot);
        let (parent, owner, acl) = (node.parent, node.owner(), node.acl);
        self.data_size -= (path.len() + node.data_len()) as i64;
        self.digest = self.digest.wrapping_sub(u64::from(node.digest));
        self.index.remove(parent, node.name_bytes(), slot);
        self.acls.give_back(acl);
        self.nodes.unlink(slot);
        self.nodes.remove(slot);
        match self.options.owners.lifetime(owner) {
            Lifetime::Persistent => {}
            Lifetime::Container => drop(self.containers.remove(&slot)),
            Lifetime::Ttl(_) => drop(self.ttls.remove(&slot)),
            Lifetime::Ephemeral(session) => self.forget_ephemeral(session, slot),
        }
    }

    fn forget_ephemeral(&mut self, session: i64, slot: Slot) {
        if let Some(slots) = self.ephemerals.get_mut(&session) {
            slots.remove(&slot);
            if slots.is_empty() {
                self.ephemerals.remove(&session);
            }
        }
    }

    /// Computes a node's digest anew, and with it the tree's.
    fn refresh_digest(&mut self, slot: Slot, path: &str) {
        if !self.options.digest {
            return;
        }
        let node = self.nodes.get_mut(slot);
        let before = node.digest;
        node.digest = node_digest(path, node.data(), &node.stat());
        let difference = u64::from(node.digest).wrapping_sub(u64::from(before));
        self.digest = self.digest.wrapping_add(difference);
    }

    /// The digest computed from all nodes, for checks.
    pub fn digest_from_scratch(&self) -> i64 {
        let mut sum = 0u64;
        let mut walk = self.walk();
        walk.advance(self, usize::MAX, |path, data, _, stat| {
            sum = sum.wrapping_add(u64::from(node_digest(path, data, stat)));
        });
        sum as i64
    }

    /// Notes the digest after a transaction, unless the snapshot was not whole yet.
    fn log_digest(&mut self, zxid: Zxid) {
        let digest = ZxidDigest { zxid, version: DIGEST_VERSION, digest: self.digest() };
        self.last_digest = Some(digest);
        if zxid.0 % DIGEST_LOG_INTERVAL == 0 {
            self.digest_log.push_back(digest);
            if self.digest_log.len() > DIGEST_LOG_MAX {
                self.digest_log.pop_front();
            }
        }
    }

    /// Says that a transaction is applied whole. False if a snapshot has another digest for it than
    /// the tree.
    pub(crate) fn transaction_done(&mut self, zxid: Zxid) -> bool {
        self.last_zxid = self.last_zxid.max(zxid);
        let Some(expected) = self.fuzzy_until else {
            self.log_digest(zxid);
            return true;
        };
        if expected.zxid != zxid {
            return true;
        }
        self.fuzzy_until = None;
        expected.version != DIGEST_VERSION || expected.digest == self.digest()
    }

    /// Whether digests of transactions can be compared: not before a snapshot taken while the tree
    /// changed is whole again.
    pub(crate) fn is_comparable(&self) -> bool {
        self.options.digest && self.fuzzy_until.is_none()
    }
}
