//! The changes that transactions are made of. Each can be done again without harm, as a snapshot
//! that was taken while the tree changed holds some of what the log after it does.

use std::sync::Arc;

use zk_wire::Zxid;
use zk_wire::acl::Acl;
use zk_wire::error_code::ErrorCode;
use zk_wire::stat::{Stat, StatPersisted};

use super::slab::{Node, ROOT, Slot};
use super::{Change, ChangeKind, NodeRef, Observer, Tree};
use crate::quota::{LIMITS, QUOTA, QuotaStats, STATS, stats_path};

/// A node to be made.
pub(crate) struct NewNode<'n> {
    pub(crate) path: &'n str,
    pub(crate) data: Option<&'n [u8]>,
    pub(crate) acl: Option<&'n [Acl]>,
    pub(crate) owner: i64,
    /// The parent's afterwards; -1: one more than now.
    pub(crate) parent_cversion: i32,
}

/// Number and time of a transaction.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) zxid: Zxid,
    pub(crate) time: i64,
}

impl Tree {
    /// Makes a node. Where it is already, it gets the ACL: its list may be lacking in a snapshot.
    pub(crate) fn create(
        &mut self,
        new: &NewNode<'_>,
        at: Moment,
        observer: &mut dyn Observer,
    ) -> Result<Stat, ErrorCode> {
        let (parent_path, name) = new.path.rsplit_once('/').ok_or(ErrorCode::BadArguments)?;
        let parent = self.slot(parent_path).ok_or(ErrorCode::NoNode)?;
        let parent_acl = self.acls.list(self.nodes.get(parent).acl).clone();
        let acl = self.acls.take(new.acl);
        if let Some(existing) = self.slot(new.path) {
            let before = std::mem::replace(&mut self.nodes.get_mut(existing).acl, acl);
            self.acls.give_back(before);
            return Err(ErrorCode::NodeExists);
        }
        self.raise_cversion(parent, parent_path, new.parent_cversion, at.zxid);
        let stat = StatPersisted {
            czxid: at.zxid,
            mzxid: at.zxid,
            pzxid: at.zxid,
            ctime: at.time,
            mtime: at.time,
            ephemeral_owner: new.owner,
            ..StatPersisted::default()
        };
        let slot = self.attach(Node::new(name, new.data, acl, &stat, parent), new.path);
        let stat = NodeRef { tree: self, slot }.stat();
        if let Some(limited) = parent_path.strip_prefix(QUOTA) {
            match name {
                LIMITS => self.quotas.insert(limited),
                STATS => self.recount(limited),
                _ => {}
            }
        }
        self.add_to_quota(new.path, new.data.map_or(0, <[u8]>::len) as i64, 1);
        observer.observe(Change {
            kind: ChangeKind::Created,
            path: new.path,
            acl: &self.acls.list(acl).clone(),
            parent_acl: Some(&parent_acl),
        });
        Ok(stat)
    }

    /// Raises the count of created children and the last change of children, both or none: what was
    /// deleted again after a snapshot began must not lower them.
    fn raise_cversion(&mut self, parent: Slot, path: &str, cversion: i32, zxid: Zxid) {
        let node = self.nodes.get_mut(parent);
        let cversion = match cversion {
            -1 => node.cversion().wrapping_add(1),
            cversion => cversion,
        };
        if cversion > node.cversion() {
            node.set_cversion(cversion);
            node.set_pzxid(zxid.0);
            self.refresh_digest(parent, path);
        }
    }

    /// As [`Tree::create`] of a node that is there already does.
    pub(crate) fn raise_parent(&mut self, path: &str, cversion: i32, zxid: Zxid) {
        let parent_path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if let Some(parent) = self.slot(parent_path) {
            self.raise_cversion(parent, parent_path, cversion, zxid);
        }
    }

    /// Removes a node. Where it is gone already, its parent is still told of the change.
    pub(crate) fn delete(
        &mut self,
        path: &str,
        zxid: Zxid,
        observer: &mut dyn Observer,
    ) -> Result<(), ErrorCode> {
        let (parent_path, name) = path.rsplit_once('/').ok_or(ErrorCode::BadArguments)?;
        let parent = self.slot(parent_path).ok_or(ErrorCode::NoNode)?;
        if zxid.0 > self.nodes.get(parent).pzxid() {
            self.nodes.get_mut(parent).set_pzxid(zxid.0);
            self.refresh_digest(parent, parent_path);
        }
        let slot = self.slot(path).filter(|slot| *slot != ROOT).ok_or(ErrorCode::NoNode)?;
        let acl = self.acls.list(self.nodes.get(slot).acl).clone();
        let bytes = self.nodes.get(slot).data_len() as i64;
        self.remove_below(slot, path);
        self.detach(slot, path);
        if parent_path.starts_with(super::ZOOKEEPER) && name == LIMITS {
            self.quotas.remove(parent_path.strip_prefix(QUOTA).unwrap_or_default());
        }
        self.add_to_quota(path, -bytes, -1);
        let parent_acl = self.acls.list(self.nodes.get(parent).acl);
        observer.observe(Change {
            kind: ChangeKind::Deleted,
            path,
            acl: &acl,
            parent_acl: Some(&parent_acl.clone()),
        });
        Ok(())
    }

    /// Removes what is below a node that goes: nothing, unless a log contradicts itself.
    fn remove_below(&mut self, slot: Slot, path: &str) {
        if self.nodes.get(slot).children().is_empty() {
            return;
        }
        let mut below = vec![(slot, path.to_owned())];
        let mut at = 0;
        while at < below.len() {
            let (slot, path) = below[at].clone();
            for child in self.nodes.get(slot).children() {
                below.push((*child, format!("{path}/{}", self.nodes.get(*child).name())));
            }
            at += 1;
        }
        for (slot, path) in below.into_iter().skip(1).rev() {
            self.detach(slot, &path);
        }
    }

    /// Replaces a node's data.
    pub(crate) fn set_data(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        version: i32,
        at: Moment,
        observer: &mut dyn Observer,
    ) -> Result<Stat, ErrorCode> {
        let slot = self.slot(path).ok_or(ErrorCode::NoNode)?;
        let more = self.replace_data(slot, data);
        self.nodes.get_mut(slot).set_data_changed(at.zxid.0, at.time, version);
        self.refresh_digest(slot, path);
        let stat = NodeRef { tree: self, slot }.stat();
        self.add_to_quota(path, more, 0);
        observer.observe(Change {
            kind: ChangeKind::DataChanged,
            path,
            acl: &Arc::clone(self.acls.list(self.nodes.get(slot).acl)),
            parent_acl: None,
        });
        Ok(stat)
    }

    /// Returns by how many bytes the data grew.
    fn replace_data(&mut self, slot: Slot, data: Option<&[u8]>) -> i64 {
        let node = self.nodes.get_mut(slot);
        let before = node.data_len() as i64;
        node.set_data(data);
        let more = node.data_len() as i64 - before;
        self.data_size += more;
        more
    }

    /// Replaces a node's ACL.
    pub(crate) fn set_acl(
        &mut self,
        path: &str,
        acl: Option<&[Acl]>,
        version: i32,
    ) -> Result<Stat, ErrorCode> {
        let slot = self.slot(path).ok_or(ErrorCode::NoNode)?;
        let acl = self.acls.take(acl);
        let node = self.nodes.get_mut(slot);
        node.set_aversion(version);
        let before = std::mem::replace(&mut node.acl, acl);
        self.acls.give_back(before);
        self.refresh_digest(slot, path);
        Ok(NodeRef { tree: self, slot }.stat())
    }

    /// Ends a session: its nodes that the transaction names go, then those that it does not.
    pub(crate) fn end_session(
        &mut self,
        session: i64,
        named: &[zk_wire::Text],
        zxid: Zxid,
        observer: &mut dyn Observer,
    ) {
        for path in named {
            // Gone already: a snapshot was taken while the tree changed.
            let _ = self.delete(path, zxid, observer);
        }
        let Some(slots) = self.ephemerals.get(&session) else { return };
        let paths: Vec<_> = slots.iter().map(|slot| self.path_of(*slot)).collect();
        for path in paths {
            let _ = self.delete(&path, zxid, observer);
        }
    }

    /// Counts what a path uses, where its `zookeeper_stats` were made.
    pub(super) fn recount(&mut self, path: &str) {
        let Some(stats) = self.slot(&stats_path(path)) else { return };
        let (mut count, mut bytes) = (0, 0);
        let mut below: Vec<Slot> = self.slot(path).into_iter().collect();
        while let Some(slot) = below.pop() {
            let node = self.nodes.get(slot);
            count += 1;
            bytes += node.data_len() as i64;
            below.extend_from_slice(node.children());
        }
        self.replace_data(stats, Some(QuotaStats::new(count, bytes).to_text().as_bytes()));
    }

    /// Adds to what the longest path with limits uses.
    fn add_to_quota(&mut self, path: &str, bytes: i64, count: i64) {
        let Some(limited) = self.quotas.longest(path) else { return };
        let Some(slot) = self.slot(&stats_path(limited)) else { return };
        let mut stats = QuotaStats::parse(self.nodes.get(slot).data().unwrap_or_default());
        stats.count = stats.count.saturating_add(count);
        stats.bytes = stats.bytes.saturating_add(bytes);
        self.replace_data(slot, Some(stats.to_text().as_bytes()));
    }
}
