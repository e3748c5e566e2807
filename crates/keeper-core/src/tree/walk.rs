//! Walks the tree for a snapshot, some nodes at a time, with transactions between.
//!
//! Each node is handed out as it is when the walk comes to it, so that the snapshot is of no one
//! moment: the log from its begin on makes it whole. Parents come before their children, and a
//! node's children are those it has when its turn is. Memory: four bytes for each child of the
//! nodes that the walk is within.
//!
//! A snapshot is named by the last transaction when its walk is begun, and ends with the digest
//! when it is done ([`Tree::last_digest`]).
//!
//! Rules: `DataTree.serializeNode`.

use zk_wire::stat::StatPersisted;

use super::Tree;
use super::slab::{Node, ROOT, Slot};

/// A walk, and how far it is. It belongs to the tree it was begun on.
pub struct Walk {
    frames: Vec<Frame>,
    /// Path of the last frame's node.
    path: String,
    begun: bool,
}

/// A node whose children are walked.
struct Frame {
    slot: Slot,
    /// Tells whether the place still has the same node: no node is made twice by a transaction.
    czxid: i64,
    path_len: usize,
    /// The newest node when its turn was: one made later may be in the place of a node that is
    /// gone, and under a name that was handed out already.
    listed_at: i64,
    /// Children it had, those to come last first.
    children: Vec<Slot>,
}

impl Tree {
    /// Begins a walk.
    pub fn walk(&self) -> Walk {
        Walk { frames: Vec::new(), path: String::new(), begun: false }
    }
}

impl Walk {
    /// Hands out the next nodes, until `bytes` of paths and data are exceeded: path (the root's is
    /// empty), data, number of the ACL list, stat. True when all are done.
    pub fn advance(
        &mut self,
        tree: &Tree,
        bytes: usize,
        mut node: impl FnMut(&str, Option<&[u8]>, i64, &StatPersisted),
    ) -> bool {
        let mut done = 0usize;
        if !self.begun {
            self.begun = true;
            done += self.enter(tree, ROOT, &mut node);
        }
        while let Some(frame) = self.frames.last_mut() {
            if done > bytes {
                return false;
            }
            let (parent, path_len, listed_at) = (frame.slot, frame.path_len, frame.listed_at);
            let same = tree.nodes.living(parent).is_some_and(|node| node.czxid() == frame.czxid);
            let next = if same { frame.children.pop() } else { None };
            self.path.truncate(path_len);
            let Some(child) = next else {
                self.frames.pop();
                continue;
            };
            // The place may be free by now, or another's.
            let listed = |node: &&Node| node.parent == parent && node.czxid() <= listed_at;
            let Some(found) = tree.nodes.living(child).filter(listed) else { continue };
            self.path.push('/');
            self.path.push_str(found.name());
            done += self.enter(tree, child, &mut node);
        }
        true
    }

    /// Hands out the node that the path names, and comes to its children next.
    fn enter(
        &mut self,
        tree: &Tree,
        slot: Slot,
        node: &mut impl FnMut(&str, Option<&[u8]>, i64, &StatPersisted),
    ) -> usize {
        let Some(found) = tree.nodes.living(slot) else { return 0 };
        node(&self.path, found.data(), tree.acls.number(found.acl), &found.stat());
        let size = self.path.len() + found.data_len() + size_of::<StatPersisted>();
        let children = found.children();
        if !children.is_empty() {
            let children = children.iter().rev().copied().collect();
            let path_len = self.path.len();
            let (czxid, listed_at) = (found.czxid(), tree.newest);
            self.frames.push(Frame { slot, czxid, path_len, listed_at, children });
        }
        size
    }
}
