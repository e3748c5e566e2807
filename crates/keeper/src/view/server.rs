//! Figures of the server, its settings and its folders.
//!
//! Rules: `ServerStats`, `ZooKeeperServer.dumpConf`, `ZooKeeperServer.getConf`.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use keeper_core::node::Node;
use keeper_disk::{FileKind, FileName};

use crate::server::Handle;

/// Figures of the server. Times are milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Server {
    /// Shortest time of a request.
    pub min_latency: i64,
    /// Mean time of a request.
    pub avg_latency: f64,
    /// Longest time of a request.
    pub max_latency: i64,
    /// Requests received.
    pub received: i64,
    /// Answers and events sent.
    pub sent: i64,
    /// Connections.
    pub connections: i64,
    /// Requests without an answer.
    pub outstanding: i64,
    /// The last transaction.
    pub zxid: i64,
    /// `standalone`
    pub mode: &'static str,
    /// Nodes.
    pub nodes: i64,
    /// Bytes of replies: last, least, most; -1 before the first.
    pub response_sizes: (i64, i64, i64),
    /// Times the log took longer than `fsync.warningthresholdms`.
    pub slow_syncs: i64,
    /// Time since the start.
    pub uptime: i64,
    /// Connections closed as their credentials were wrong.
    pub auth_failed: i64,
    /// Connections of other machines without a client's certificate.
    pub non_mtls_remote: i64,
    /// Connections of this machine without a client's certificate.
    pub non_mtls_local: i64,
}

/// Apache counts the root twice, as it has two names there.
const ROOT_TWICE: usize = 1;

/// Nodes, as Apache's server counts them.
pub(super) fn node_count(node: &Node) -> i64 {
    (node.tree().node_count() + ROOT_TWICE) as i64
}

/// Figures of the server; `None` if it has ended.
pub async fn server(handle: &Handle) -> Option<Server> {
    let look = |node: &Node| (node.tree().last_zxid().0, node_count(node));
    let (zxid, nodes) = handle.inspect(look).await?;
    let (stats, operations) = (handle.stats(), handle.operations());
    Some(Server {
        min_latency: stats.latency.min_ms() as i64,
        avg_latency: four_decimals(stats.latency.avg_ms()),
        max_latency: stats.latency.max_ms() as i64,
        received: stats.received() as i64,
        sent: stats.sent() as i64,
        connections: handle.connections().len() as i64,
        outstanding: stats.outstanding() as i64,
        zxid,
        mode: "standalone",
        nodes,
        response_sizes: stats.response_sizes(),
        slow_syncs: stats.slow_syncs() as i64,
        uptime: handle.uptime().as_millis() as i64,
        auth_failed: operations.auth_failures.load(Relaxed) as i64,
        non_mtls_remote: operations.without_certificate.remote.load(Relaxed) as i64,
        non_mtls_local: operations.without_certificate.local.load(Relaxed) as i64,
    })
}

/// Half up, as `BigDecimal.setScale(4, HALF_UP)`.
pub(super) fn four_decimals(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

/// The server's settings that `conf` shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Port of clients; -1: none.
    pub client_port: i32,
    /// Port of clients with TLS; -1: none.
    pub secure_client_port: i32,
    /// Folder of snapshots.
    pub data_dir: PathBuf,
    /// Folder of logs.
    pub data_log_dir: PathBuf,
    /// `tickTime` in milliseconds.
    pub tick_ms: i64,
    /// `maxClientCnxns`
    pub max_client_cnxns: i64,
    /// `minSessionTimeout` in milliseconds.
    pub min_session_timeout_ms: i64,
    /// `maxSessionTimeout` in milliseconds.
    pub max_session_timeout_ms: i64,
    /// `clientPortListenBacklog`; -1: the operating system's.
    pub listen_backlog: i64,
    /// The server's number; 0 alone.
    pub server_id: i64,
}

/// Folder of the files of this format within the configured one.
const VERSION_FOLDER: &str = "version-2";

/// The server's settings.
pub fn settings(handle: &Handle) -> Settings {
    let config = handle.config();
    let addresses = handle.operations().addresses();
    let port = |address: Option<std::net::SocketAddr>| {
        address.map_or(-1, |address| i32::from(address.port()))
    };
    let folder = |path: &Path| {
        let path = path.join(VERSION_FOLDER);
        std::path::absolute(&path).unwrap_or(path)
    };
    let log_dir = config.data_log_dir.as_deref().unwrap_or(&config.data_dir);
    Settings {
        client_port: port(addresses.client),
        secure_client_port: port(addresses.secure),
        data_dir: folder(&config.data_dir),
        data_log_dir: folder(log_dir),
        tick_ms: config.sessions.tick_ms,
        max_client_cnxns: config.limits.connections_per_address as i64,
        min_session_timeout_ms: i64::from(config.sessions.min_timeout_ms),
        max_session_timeout_ms: i64::from(config.sessions.max_timeout_ms),
        listen_backlog: config.listen_backlog.map_or(-1, i64::from),
        // A server alone has none there; in session ids it is 1.
        server_id: 0,
    }
}

/// Bytes of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Folders {
    /// In the folder of snapshots.
    pub data: i64,
    /// In the folder of logs.
    pub log: i64,
}

/// Adds up the files. To be called where waiting for the disk does no harm.
pub fn folders(settings: &Settings) -> Folders {
    Folders { data: size(&settings.data_dir), log: size(&settings.data_log_dir) }
}

/// Bytes of the files below a folder; what goes meanwhile is not there.
fn size(folder: &Path) -> i64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(file) if file.is_dir() => size(&entry.path()),
        Ok(file) => file.len() as i64,
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// The transaction that the newest snapshot is named by, and when it was written, in seconds since
/// 1970. To be called where waiting for the disk does no harm.
pub fn newest_snapshot(settings: &Settings) -> Option<(i64, i64)> {
    let entries = std::fs::read_dir(&settings.data_dir).ok()?;
    let snapshot = |entry: std::fs::DirEntry| {
        let name = FileName::parse(entry.file_name().to_str()?)?;
        let written = entry.metadata().ok()?.modified().ok()?;
        let at = written.duration_since(UNIX_EPOCH).ok()?.as_secs() as i64;
        (name.kind == FileKind::Snapshot).then_some((name.zxid.0, at))
    };
    entries.flatten().filter_map(snapshot).max()
}
