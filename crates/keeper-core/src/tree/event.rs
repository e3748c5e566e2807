//! What a change of the tree means for those who watch it.

use crate::acl_cache::AclList;

/// What happened to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was created; its parent has a child more.
    Created,
    /// It was deleted; its parent has a child less.
    Deleted,
    /// Its data were replaced.
    DataChanged,
}

/// One change. Whoever may not read the node (or, of children, the parent) is not told.
#[derive(Debug)]
pub struct Change<'c> {
    /// What happened.
    pub kind: ChangeKind,
    /// The node.
    pub path: &'c str,
    /// The node's ACL.
    pub acl: &'c AclList,
    /// The parent's ACL, where children changed.
    pub parent_acl: Option<&'c AclList>,
}

impl Change<'_> {
    /// The parent's path.
    pub fn parent(&self) -> &str {
        match self.path.rsplit_once('/') {
            None | Some(("", _)) => "/",
            Some((parent, _)) => parent,
        }
    }
}

/// Hears of changes, in their order, each as soon as it is made.
pub trait Observer {
    /// A change was made.
    fn observe(&mut self, change: Change<'_>);
}

/// Nobody: for replays.
impl Observer for () {
    fn observe(&mut self, _: Change<'_>) {}
}
