//! Sessions, ephemeral nodes, watches and digests, taken from the core.
//!
//! Rules: `SessionTrackerImpl`, `DataTree.dumpEphemerals`, `WatchManager`, `DataTree.getDigestLog`.

use std::collections::BTreeMap;

use keeper_core::node::Node;
use keeper_core::watch::ConnectionId;
use zk_wire::SessionId;

use super::connection::Connection;

/// Sessions by the time when they end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// Times in milliseconds of the server's own clock, and who ends then if silent.
    pub ends: Vec<(i64, Vec<SessionId>)>,
}

impl Sessions {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.iter().map(|(_, sessions)| sessions.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// Sessions by the time when they end.
pub fn sessions(node: &Node) -> Sessions {
    let ends = node.sessions().ends();
    let ends = ends.map(|(end, ids)| (end, ids.iter().map(|id| SessionId(*id)).collect()));
    Sessions { ends: ends.collect() }
}

/// Sessions and their nodes.
pub type Ephemerals = Vec<(SessionId, Vec<String>)>;

/// Sessions that have nodes which go with them, and these.
pub fn ephemerals(node: &Node) -> Ephemerals {
    let tree = node.tree();
    let of = |session| (session, tree.ephemerals(session));
    tree.sessions_with_ephemerals().map(of).collect()
}

/// Watches on nodes and their data; those on children are in none of these lists, as in Apache's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watches {
    /// Sessions and the paths that they watch.
    pub by_session: Vec<(SessionId, Vec<String>)>,
    /// Paths and who watches them.
    pub by_path: Vec<(String, Vec<SessionId>)>,
}

/// Watches, by path and connection.
pub fn watches(node: &Node, connections: &[Connection]) -> Watches {
    let sessions: BTreeMap<ConnectionId, SessionId> = connections
        .iter()
        .filter_map(|one| Some((one.id, one.statistics.as_ref()?.session)))
        .collect();
    // Of a connection that has gone since the list was made.
    let session = |id: &ConnectionId| sessions.get(id).copied().unwrap_or(SessionId(0));
    let watches = node.watches();
    let paths = |paths: &std::collections::BTreeSet<zk_wire::Text>| -> Vec<String> {
        paths.iter().map(|path| path.as_str().to_owned()).collect()
    };
    Watches {
        by_session: watches
            .by_connection()
            .iter()
            .map(|(connection, of)| (session(connection), paths(of)))
            .collect(),
        by_path: watches
            .by_path()
            .iter()
            .map(|(path, by)| ((*path).to_owned(), by.iter().map(session).collect()))
            .collect(),
    }
}

/// How many watches there are on nodes and their data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WatchSummary {
    /// Connections with watches.
    pub connections: usize,
    /// Paths with watches.
    pub paths: usize,
    /// Watches.
    pub watches: usize,
}

/// How many watches there are.
pub fn watch_summary(node: &Node) -> WatchSummary {
    let by_connection = node.watches().by_connection();
    WatchSummary {
        connections: by_connection.len(),
        paths: node.watches().by_path().len(),
        watches: by_connection.values().map(|paths| paths.len()).sum(),
    }
}

/// The tree's digest after a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The transaction.
    pub zxid: i64,
    /// How it was made.
    pub version: i32,
    /// The digest.
    pub digest: i64,
}

/// Digests of the past, oldest first.
pub fn digests(node: &Node) -> Vec<Digest> {
    let digest = |of: &keeper_core::tree::ZxidDigest| Digest {
        zxid: of.zxid.0,
        version: of.version,
        digest: of.digest,
    };
    node.tree().digest_log().map(digest).collect()
}
