//! `zoo.cfg`: what Apache's server takes from it, and what becomes of each key here.
//!
//! Read once at the start. Every key of Apache's is accepted; [`Config::notes`] says which of them
//! do nothing here. Modules with settings of their own (TLS, AdminServer, metrics) read them from
//! [`Config::properties`].
//!
//! Rules: `QuorumPeerConfig`, `ServerConfig`.

mod error;
mod members;
mod notes;
mod properties;
mod read;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keeper_core::node::NodeOptions;
use keeper_core::session::SessionOptions;
use keeper_core::tree::TreeOptions;
use keeper_disk::log::{FlushPolicy, LogOptions};
use keeper_disk::snapshot::Compression;
use keeper_disk::start::StartOptions;

pub use error::{Error, Result};
pub use properties::Properties;

/// A server's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// All keys, for modules that have their own.
    pub properties: Properties,
    /// Where clients connect; `None` without `clientPort`.
    pub client_address: Option<SocketAddr>,
    /// Where clients connect with TLS.
    pub secure_client_address: Option<SocketAddr>,
    /// `clientPortListenBacklog`; `None`: the operating system's.
    pub listen_backlog: Option<u32>,
    /// `dataDir`
    pub data_dir: PathBuf,
    /// `dataLogDir`, where it is another.
    pub data_log_dir: Option<PathBuf>,
    /// `datadir.autocreate`
    pub create_data_dir: bool,
    /// The server's number, from `dataDir/myid`; 1 alone, as Apache has it.
    pub server_id: u8,
    /// Sessions; `tickTime` among it.
    pub sessions: SessionOptions,
    /// How requests are decided and answered.
    pub node: NodeOptions,
    /// How nodes are kept.
    pub tree: TreeOptions,
    /// What a start does with what is on disk.
    pub start: StartOptions,
    /// The transaction log.
    pub log: LogOptions,
    /// Its group commit.
    pub flush: FlushPolicy,
    /// When to take snapshots.
    pub snapshot: SnapshotOptions,
    /// What is removed, and how often.
    pub purge: PurgeOptions,
    /// Limits of connections and requests.
    pub limits: Limits,
    /// `keeper.networkThreads`: threads that read, decode, encode and write.
    pub network_threads: usize,
}

/// Settings of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// `snapCount`: one is taken after half of this many transactions, or up to all of it, by
    /// chance.
    pub count: u64,
    /// `snapSizeLimitInKb`, in bytes of transactions, in the same way; `None`: no limit.
    pub size: Option<u64>,
    /// `snapshot.compression.method`
    pub compression: Compression,
    /// `serializeLastProcessedZxid.enabled`
    pub last_processed_zxid: bool,
}

/// Settings of purging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeOptions {
    /// `autopurge.snapRetainCount`
    pub retain: usize,
    /// `autopurge.purgeInterval`; `None`: nothing is removed.
    pub interval: Option<Duration>,
}

/// Limits of connections and requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// `jute.maxbuffer`: bytes of a request.
    pub frame: usize,
    /// `maxClientCnxns`: connections of one address; 0: no limit.
    pub connections_per_address: usize,
    /// `maxCnxns`: connections in all; 0: no limit.
    pub connections: usize,
    /// `globalOutstandingLimit`: beyond this many unanswered requests, connections that wait for
    /// answers are not read.
    pub outstanding: usize,
    /// `largeRequestThreshold`: requests of more bytes are large; `None`: none is.
    pub large_request: Option<usize>,
    /// `largeRequestMaxBytes`: bytes of large requests that are unanswered.
    pub large_requests: usize,
    /// `nio.sessionlessCnxnTimeout`: the first frame must be there within.
    pub sessionless: Duration,
    /// `request_throttle_max_requests`: requests in the pipeline; 0: no limit.
    pub throttle_requests: usize,
    /// `request_throttle_stall_time`
    pub throttle_stall: Duration,
    /// `throttled_op_wait_time`: who waited longer is answered THROTTLEDOP; `None`: nobody.
    pub throttled_op_wait: Option<Duration>,
    /// `connection_throttle_*`
    pub connection_throttle: ConnectionThrottle,
    /// `clientTcpKeepAlive`
    pub keep_alive: bool,
}

/// Settings of the bucket of tokens that new sessions take from.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionThrottle {
    /// `connection_throttle_tokens`: at most so many; 0: no limit.
    pub tokens: i64,
    /// `connection_throttle_fill_time`, in milliseconds.
    pub fill_time_ms: i64,
    /// `connection_throttle_fill_count`: tokens added each time.
    pub fill_count: i64,
    /// `connection_throttle_freeze_time`, in milliseconds; -1: nobody is dropped by chance.
    pub freeze_time_ms: i64,
    /// `connection_throttle_drop_increase`
    pub drop_increase: f64,
    /// `connection_throttle_drop_decrease`
    pub drop_decrease: f64,
    /// `connection_throttle_decrease_ratio`
    pub decrease_ratio: f64,
    /// Tokens that a new session and a renewed one take; 1 without
    /// `connection_throttle_weight_enabled`.
    pub weights: (i64, i64),
}

impl Config {
    /// Reads a file; what is wrong with it is said with line, key and remedy.
    pub fn load(path: &Path) -> Result<Config> {
        Config::of(Properties::load(path)?)
    }

    /// Takes settings from keys that were read already.
    pub fn of(properties: Properties) -> Result<Config> {
        read::config(properties)
    }

    /// A line for each key that is set and does nothing here.
    pub fn notes(&self) -> Vec<String> {
        notes::notes(&self.properties)
    }
}
