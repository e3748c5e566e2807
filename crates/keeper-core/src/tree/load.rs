//! Reads the tree back from a snapshot: lists of ACLs, then nodes, parents first.
//!
//! Rules: `DataTree.deserialize`.

use std::collections::BTreeMap;

use zk_wire::Zxid;
use zk_wire::acl::Acl;
use zk_wire::stat::StatPersisted;

use super::slab::{Node, Slot};
use super::{Tree, TreeOptions, ZxidDigest};
use crate::acl_cache::AclSlot;
use crate::quota::{LIMITS, QUOTA};

/// Why a snapshot's nodes are no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The first node must be the root.
    #[error("the first node is {0:?}, not the root")]
    NoRoot(String),
    /// Parents must come before their children.
    #[error("the node {0:?} comes without its parent")]
    NoParent(String),
    /// A path that comes twice, or is none.
    #[error("the node {0:?} comes twice, or its path is malformed")]
    Twice(String),
}

/// A tree on its way from a snapshot.
pub struct TreeBuilder {
    tree: Tree,
    acls: BTreeMap<i64, AclSlot>,
    /// The parent of the last node: its siblings often follow.
    last_parent: Option<(String, Slot)>,
}

impl TreeBuilder {
    /// Begins with the lists of ACLs.
    pub fn new<'a>(options: TreeOptions, acls: impl IntoIterator<Item = (i64, &'a [Acl])>) -> Self {
        let mut tree = Tree::empty(options);
        for (number, list) in acls {
            tree.acls.load(number, list);
        }
        let acls = tree.acls.numbers();
        Self { tree, acls, last_parent: None }
    }

    /// Adds a node; the root, whose path is empty, comes first.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: i64,
        stat: &StatPersisted,
    ) -> Result<(), LoadError> {
        let tree = &mut self.tree;
        if tree.node_count() == 0 {
            if !path.is_empty() {
                return Err(LoadError::NoRoot(path.to_owned()));
            }
            tree.insert_root(data, None, stat);
            let acl = tree.acls.take_number(&self.acls, acl);
            tree.nodes.get_mut(super::ROOT).acl = acl;
            return Ok(());
        }
        let Some((parent_path, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())
        else {
            return Err(LoadError::Twice(path.to_owned()));
        };
        let parent = match &self.last_parent {
            Some((last, slot)) if last == parent_path => *slot,
            _ => {
                let slot = tree.slot(parent_path);
                let slot = slot.ok_or_else(|| LoadError::NoParent(path.to_owned()))?;
                self.last_parent = Some((parent_path.to_owned(), slot));
                slot
            }
        };
        if tree.index.find(&tree.nodes, parent, name.as_bytes()).is_some() {
            return Err(LoadError::Twice(path.to_owned()));
        }
        let acl = tree.acls.take_number(&self.acls, acl);
        tree.attach(Node::new(name, data, acl, stat, parent), path);
        Ok(())
    }

    /// The tree, and the last transaction that the snapshot's name says. `digest` is what the
    /// snapshot says of a later one: until that is applied, digests are not compared.
    pub fn finish(mut self, zxid: Zxid, digest: Option<ZxidDigest>) -> Result<Tree, LoadError> {
        if self.tree.node_count() == 0 {
            return Err(LoadError::NoRoot(String::new()));
        }
        self.tree.acls.purge_unused();
        self.tree.last_zxid = zxid;
        let known = digest.filter(|digest| digest.zxid.0 > 0 && digest.zxid >= zxid);
        self.tree.fuzzy_until = known.filter(|digest| digest.zxid > zxid);
        if let Some(digest) = known.filter(|digest| digest.zxid == zxid) {
            self.tree.last_digest = Some(digest);
        }
        self.tree.set_up_quotas();
        self.tree.ensure_config_node();
        Ok(self.tree)
    }
}

impl Tree {
    /// Finds the limits below `/zookeeper/quota`, and counts what their paths use.
    fn set_up_quotas(&mut self) {
        let mut limited = Vec::new();
        let mut below: Vec<_> = self.slot(QUOTA).into_iter().collect();
        while let Some(slot) = below.pop() {
            let node = self.nodes.get(slot);
            if node.children().is_empty() && node.name() == LIMITS {
                limited.push(self.path_of(node.parent));
            }
            below.extend_from_slice(node.children());
        }
        for path in limited {
            let path = &path[QUOTA.len()..];
            self.recount(path);
            self.quotas.insert(path);
        }
    }
}
