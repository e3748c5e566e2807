//! Watches: who is to be told what happens to which node.
//!
//! They belong to a connection and go with it. There are two tables, as in Apache's server: one for
//! nodes and their data, one for children. Where no watch is set a change costs nothing.
//!
//! Rules: `WatchManager`, `WatchStats`, `DataTree.addWatch`, `DataTree.setWatches`.

use std::collections::{BTreeMap, BTreeSet};

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
struct Table {
    /// Connections in order, and their modes.
    by_path: HashMap<Text, Vec<(ConnectionId, u8)>, FixedState>,
    by_connection: HashMap<ConnectionId, BTreeSet<Text>, FixedState>,
    /// Watches that reach below their path.
    recursive: usize,
}

const STANDARD: u8 = WatchMode::Standard as u8;
const PERSISTENT: u8 = WatchMode::Persistent as u8;
const RECURSIVE: u8 = WatchMode::PersistentRecursive as u8;

fn place(watchers: &[(ConnectionId, u8)], connection: ConnectionId) -> Result<usize, usize> {
    watchers.binary_search_by_key(&connection, |(of, _)| *of)
}

impl Table {
    fn new(seed: u64) -> Self {
        let by_path = HashMap::with_hasher(FixedState::with_seed(seed));
        Self { by_path, by_connection: HashMap::default(), recursive: 0 }
    }

    fn add(&mut self, path: &str, connection: ConnectionId, mode: WatchMode) {
        let mode = mode as u8;
        let paths = self.by_connection.entry(connection).or_default();
        let path = match paths.get(path) {
            Some(known) => known.clone(),
            None => {
                let path = Text::from(path);
                paths.insert(path.clone());
                path
            }
        };
        let watchers = self.by_path.entry(path).or_default();
        let at = place(watchers, connection).unwrap_or_else(|at| {
            watchers.insert(at, (connection, 0));
            at
        });
        self.recursive += usize::from(mode & !watchers[at].1 & RECURSIVE != 0);
        watchers[at].1 |= mode;
    }

    fn modes(&self, path: &str, connection: ConnectionId) -> u8 {
        let Some(watchers) = self.by_path.get(path) else { return 0 };
        place(watchers, connection).map_or(0, |at| watchers[at].1)
    }

    /// Removes modes; false if none of them was there.
    fn remove(&mut self, path: &str, connection: ConnectionId, modes: u8) -> bool {
        let Some(watchers) = self.by_path.get_mut(path) else { return false };
        let Ok(at) = place(watchers, connection) else { return false };
        let before = watchers[at].1;
        let after = before & !modes;
        watchers[at].1 = after;
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
            if let Ok(at) = place(watchers, connection) {
                let (_, modes) = watchers.remove(at);
                self.recursive -= usize::from(modes & RECURSIVE != 0);
            }
            if watchers.is_empty() {
                self.by_path.remove(&path);
            }
        }
    }

    /// Who is to be told, each once and in order; watches that last once are gone.
    fn fire(&mut self, path: &str) -> Vec<ConnectionId> {
        let mut told = Vec::new();
        if self.by_path.is_empty() {
            return told;
        }
        if let Some((key, mut watchers)) = self.by_path.remove_entry(path) {
            told.extend(watchers.iter().map(|(connection, _)| *connection));
            watchers.retain_mut(|(connection, modes)| {
                *modes &= !STANDARD;
                if *modes == 0 {
                    self.forget(path, *connection);
                }
                *modes != 0
            });
            if !watchers.is_empty() {
                self.by_path.insert(key, watchers);
            }
        }
        if self.recursive > 0 {
            self.add_recursive(path, &mut told);
            told.sort_unstable();
            told.dedup();
        }
        told
    }

    fn add_recursive(&self, path: &str, told: &mut Vec<ConnectionId>) {
        let mut above = path;
        while above != "/" {
            above = match above.rsplit_once('/') {
                None | Some(("", _)) => "/",
                Some((parent, _)) => parent,
            };
            let watchers = self.by_path.get(above).into_iter().flatten();
            let recursive = watchers.filter(|(_, modes)| modes & RECURSIVE != 0);
            told.extend(recursive.map(|(connection, _)| *connection));
        }
    }
}

/// All watches of a server.
pub struct Watches {
    data: Table,
    children: Table,
}

impl Watches {
    /// None yet. The seed spreads paths in memory, and is not known to clients.
    pub fn new(seed: u64) -> Self {
        Self { data: Table::new(seed), children: Table::new(seed) }
    }

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
        let told = self.data.fire(path);
        for connection in &told {
            tell(*connection, kind, path, change.acl);
        }
        if change.kind == ChangeKind::Deleted {
            for connection in self.children.fire(path) {
                if told.binary_search(&connection).is_err() {
                    tell(connection, kind, path, change.acl);
                }
            }
        }
        if let Some(acl) = change.parent_acl {
            for connection in self.children.fire(change.parent()) {
                tell(connection, EventType::NodeChildrenChanged, change.parent(), acl);
            }
        }
    }

    /// Paths with watches on nodes and their data, and whose they are: what `wchp` shows.
    pub fn by_path(&self) -> BTreeMap<&str, Vec<ConnectionId>> {
        let of = |watchers: &Vec<(ConnectionId, u8)>| watchers.iter().map(|(id, _)| *id).collect();
        self.data.by_path.iter().map(|(path, watchers)| (path.as_str(), of(watchers))).collect()
    }

    /// Connections with watches on nodes and their data, and the paths: what `wchc` shows.
    pub fn by_connection(&self) -> BTreeMap<ConnectionId, &BTreeSet<Text>> {
        self.data.by_connection.iter().map(|(connection, paths)| (*connection, paths)).collect()
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
    match kind {
        WatcherType::Children => (0, STANDARD),
        WatcherType::Data => (STANDARD, 0),
        WatcherType::Any => (u8::MAX, u8::MAX),
        WatcherType::Persistent => (PERSISTENT, PERSISTENT),
        WatcherType::PersistentRecursive => (RECURSIVE, 0),
    }
}
