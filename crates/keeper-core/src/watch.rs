//! Watches: who is to be told what happens to which node.
//!
//! They belong to a connection and go with it. There are two tables, as in Apache's server: one for
//! nodes and their data, one for children. Where no watch is set a change costs nothing.
//!
//! Rules: `WatchManager`, `WatchStats`, `DataTree.addWatch`, `DataTree.setWatches`.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use zk_wire::Text;
use zk_wire::event::{EventType, WatcherType};

use crate::tree::{Change, ChangeKind};

/// A client's connection, numbered by whoever accepts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// How long a watch lasts and how far it reaches; a connection may have all of them on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum WatchMode {
    /// Once.
    Standard = 1,
    /// Until it is removed.
    Persistent = 2,
    /// As that, for all nodes below, too.
    PersistentRecursive = 4,
}

/// Watches by path.
#[derive(Default)]
struct Table {
    by_path: HashMap<Text, Vec<(ConnectionId, u8)>, FixedState>,
    by_connection: HashMap<ConnectionId, BTreeSet<Text>, FixedState>,
    /// Watches that reach below their path.
    recursive: usize,
}

const RECURSIVE: u8 = WatchMode::PersistentRecursive as u8;

impl Table {
    fn add(&mut self, path: &str, connection: ConnectionId, mode: WatchMode) {
        let mode = mode as u8;
        if let Some(watchers) = self.by_path.get_mut(path)
            && let Some((_, modes)) = watchers.iter_mut().find(|(of, _)| *of == connection)
        {
            self.recursive += usize::from(mode == RECURSIVE && *modes & RECURSIVE == 0);
            *modes |= mode;
            return;
        }
        let path = Text::from(path);
        self.by_connection.entry(connection).or_default().insert(path.clone());
        self.by_path.entry(path).or_default().push((connection, mode));
        self.recursive += usize::from(mode == RECURSIVE);
    }

    fn modes(&self, path: &str, connection: ConnectionId) -> u8 {
        let watchers = self.by_path.get(path).into_iter().flatten();
        watchers.filter(|(of, _)| *of == connection).map(|(_, modes)| *modes).next().unwrap_or(0)
    }

    /// Removes modes; false if none of them was there.
    fn remove(&mut self, path: &str, connection: ConnectionId, modes: u8) -> bool {
        let Some(watchers) = self.by_path.get_mut(path) else { return false };
        let Some(at) = watchers.iter().position(|(of, _)| *of == connection) else { return false };
        let before = watchers[at].1;
        watchers[at].1 &= !modes;
        let after = watchers[at].1;
        self.recursive -= usize::from(before & !after & RECURSIVE != 0);
        if after == 0 {
            watchers.remove(at);
            if watchers.is_empty() {
                self.by_path.remove(path);
            }
            self.forget(path, connection);
        }
        before != after
    }

    fn forget(&mut self, path: &str, connection: ConnectionId) {
        if let Some(paths) = self.by_connection.get_mut(&connection) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
    }

    fn remove_connection(&mut self, connection: ConnectionId) {
        for path in self.by_connection.remove(&connection).into_iter().flatten() {
            let Some(watchers) = self.by_path.get_mut(&path) else { continue };
            watchers.retain(|(of, modes)| {
                let other = *of != connection;
                self.recursive -= usize::from(!other && modes & RECURSIVE != 0);
                other
            });
            if watchers.is_empty() {
                self.by_path.remove(&path);
            }
        }
    }

    /// Who is to be told, each once; watches that last once are gone.
    fn fire(&mut self, path: &str, told: &mut Vec<ConnectionId>) {
        if self.by_path.is_empty() {
            return;
        }
        if let Some(watchers) = self.by_path.get_mut(path) {
            told.extend(watchers.iter().map(|(connection, _)| *connection));
            let standard = WatchMode::Standard as u8;
            let once: Vec<_> =
                watchers.iter().filter(|(_, modes)| modes & standard != 0).copied().collect();
            for (connection, _) in once {
                self.remove(path, connection, standard);
            }
        }
        let mut above = path;
        while self.recursive > 0 && above != "/" {
            above = match above.rsplit_once('/') {
                None | Some(("", _)) => "/",
                Some((parent, _)) => parent,
            };
            for (connection, modes) in self.by_path.get(above).into_iter().flatten() {
                if modes & RECURSIVE != 0 && !told.contains(connection) {
                    told.push(*connection);
                }
            }
        }
    }
}

/// All watches of a server.
#[derive(Default)]
pub struct Watches {
    data: Table,
    children: Table,
}

impl Watches {
    /// Sets a watch of getData or exists.
    pub fn add_data(&mut self, path: &str, connection: ConnectionId) {
        self.data.add(path, connection, WatchMode::Standard);
    }

    /// Sets a watch of getChildren.
    pub fn add_children(&mut self, path: &str, connection: ConnectionId) {
        self.children.add(path, connection, WatchMode::Standard);
    }

    /// Sets a watch of addWatch.
    pub fn add(&mut self, path: &str, connection: ConnectionId, mode: WatchMode) {
        self.data.add(path, connection, mode);
        if mode != WatchMode::PersistentRecursive {
            self.children.add(path, connection, mode);
        }
    }

    /// Whether a connection has a watch.
    pub fn contains(&self, path: &str, kind: WatcherType, connection: ConnectionId) -> bool {
        let (data, children) = modes_of(kind);
        self.data.modes(path, connection) & data != 0
            || self.children.modes(path, connection) & children != 0
    }

    /// Removes a connection's watches; false if there was none.
    pub fn remove(&mut self, path: &str, kind: WatcherType, connection: ConnectionId) -> bool {
        let (data, children) = modes_of(kind);
        let of_children = self.children.remove(path, connection, children);
        self.data.remove(path, connection, data) || of_children
    }

    /// A connection is gone.
    pub fn remove_connection(&mut self, connection: ConnectionId) {
        self.data.remove_connection(connection);
        self.children.remove_connection(connection);
    }

    /// Calls `tell` for everyone who is to hear of a change: who, what, which node, and by whose
    /// ACL it is decided whether they may.
    pub fn fire<'c>(
        &mut self,
        change: &Change<'c>,
        mut tell: impl FnMut(ConnectionId, EventType, &str, &'c crate::AclList),
    ) {
        if self.data.by_path.is_empty() && self.children.by_path.is_empty() {
            return;
        }
        let kind = match change.kind {
            ChangeKind::Created => EventType::NodeCreated,
            ChangeKind::Deleted => EventType::NodeDeleted,
            ChangeKind::DataChanged => EventType::NodeDataChanged,
        };
        // Whoever asks for the root says `/`.
        let path = if change.path.is_empty() { "/" } else { change.path };
        let mut told = Vec::new();
        self.data.fire(path, &mut told);
        for connection in &told {
            tell(*connection, kind, path, change.acl);
        }
        if change.kind == ChangeKind::Deleted {
            let mut of_children = Vec::new();
            self.children.fire(path, &mut of_children);
            for connection in of_children.into_iter().filter(|other| !told.contains(other)) {
                tell(connection, kind, path, change.acl);
            }
        }
        if let Some(acl) = change.parent_acl {
            told.clear();
            self.children.fire(change.parent(), &mut told);
            for connection in told {
                tell(connection, EventType::NodeChildrenChanged, change.parent(), acl);
            }
        }
    }

    /// Watches there are, by path and connection.
    pub fn len(&self) -> usize {
        let count = |table: &Table| table.by_connection.values().map(BTreeSet::len).sum::<usize>();
        count(&self.data) + count(&self.children)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which modes of the two tables are meant.
fn modes_of(kind: WatcherType) -> (u8, u8) {
    let (standard, persistent) = (WatchMode::Standard as u8, WatchMode::Persistent as u8);
    match kind {
        WatcherType::Children => (0, standard),
        WatcherType::Data => (standard, 0),
        WatcherType::Any => (u8::MAX, u8::MAX),
        WatcherType::Persistent => (persistent, persistent),
        WatcherType::PersistentRecursive => (RECURSIVE, 0),
    }
}
