//! What is asked of the tree beyond single nodes.

use std::sync::Arc;

use zk_wire::SessionId;
use zk_wire::acl::Acl;

use super::{NodeRef, Tree};
use crate::owner::Lifetime;
use crate::quota::{QuotaStats, limits_path, stats_path};

impl Tree {
    /// Nodes there are, the root too. Apache counts one more, as the root has two keys there.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes of paths and data, about.
    pub fn data_size(&self) -> i64 {
        self.data_size
    }

    /// Nodes below a node, of all depths; of the root those of the whole tree.
    pub fn descendants(&self, path: &str) -> usize {
        let Some(slot) = self.slot(path) else { return 0 };
        let mut count = 0;
        let mut below = vec![slot];
        while let Some(slot) = below.pop() {
            let children = self.nodes.get(slot).children();
            count += children.len();
            below.extend_from_slice(children);
        }
        count
    }

    /// The nodes of a session, by path.
    pub fn ephemerals(&self, session: SessionId) -> Vec<String> {
        let slots = self.ephemerals.get(&session.0);
        let mut paths: Vec<_> =
            slots.into_iter().flatten().map(|slot| self.path_of(*slot)).collect();
        paths.sort_unstable();
        paths
    }

    /// Sessions that have nodes.
    pub fn sessions_with_ephemerals(&self) -> impl ExactSizeIterator<Item = SessionId> {
        self.ephemerals.keys().map(|session| SessionId(*session))
    }

    /// Nodes that go with a session, all.
    pub fn ephemeral_count(&self) -> usize {
        self.ephemerals.values().map(std::collections::BTreeSet::len).sum()
    }

    /// Containers and TTL nodes whose time is over: without children, and either a container that
    /// had one or (where `never_used_ms` is not 0) was never used for that long, or not changed for
    /// its TTL.
    pub fn expired_containers(&self, now_ms: i64, never_used_ms: i64) -> Vec<String> {
        let mut expired = Vec::new();
        for slot in self.containers.iter().chain(&self.ttls) {
            let node = NodeRef { tree: self, slot: *slot };
            let stat = node.persisted();
            let age = now_ms.saturating_sub(stat.mtime);
            let is_over = match self.options.owners.lifetime(stat.ephemeral_owner) {
                Lifetime::Container if stat.cversion > 0 => true,
                Lifetime::Container => never_used_ms != 0 && age > never_used_ms,
                Lifetime::Ttl(ttl_ms) => ttl_ms != 0 && age > ttl_ms,
                Lifetime::Persistent | Lifetime::Ephemeral(_) => false,
            };
            if is_over && node.child_count() == 0 {
                expired.push(self.path_of(*slot));
            }
        }
        expired
    }

    /// Whether hard limits refuse so many nodes and bytes more at a path. Only what is applied
    /// counts as used.
    pub fn quota_refuses(&self, path: &str, count: i64, bytes: i64) -> bool {
        let Some(limited) = self.quotas.longest(path) else { return false };
        let text = |path: String| self.find(&path).map(|node| node.data().unwrap_or_default());
        match (text(limits_path(limited)), text(stats_path(limited))) {
            (Some(limits), Some(used)) => {
                QuotaStats::parse(limits).refuse(&QuotaStats::parse(used), count, bytes)
            }
            _ => false,
        }
    }

    /// Numbers and lists of the ACLs, for a snapshot's head.
    pub fn acls(&self) -> Vec<(i64, Arc<[Acl]>)> {
        self.acls.iter().map(|(number, list)| (number, list.clone())).collect()
    }
}
