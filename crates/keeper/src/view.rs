//! What a server shows of itself: plain data of one moment, taken from a running server.
//!
//! Used by [`crate::four_letter`], which makes text of it, and by [`crate::admin`], which makes
//! JSON. What concerns the tree is taken between two steps of the core, so all lists are bounded by
//! what there is, and nothing here waits for the disk but [`Folders`].
//!
//! | module | what |
//! |---|---|
//! | `connection` | a client's connection |
//! | `server` | figures of the server, its settings, its folders |
//! | `state` | sessions, ephemeral nodes, watches, digests |
//! | `gauges` | the numbers of `mntr` that are not counted as they happen |
//! | `environment` | the process and its machine |

mod connection;
mod environment;
mod gauges;
mod server;
mod state;

pub use connection::{Connection, Statistics, connections, java_address};
pub use environment::{Entry, environment, user};
pub use gauges::gauges;
pub use server::{Folders, Server, Settings, folders, newest_snapshot, server, settings};
pub use state::{
    Digest, Ephemerals, Sessions, WatchSummary, Watches, digests, ephemerals, sessions,
    watch_summary, watches,
};

/// The version of Apache ZooKeeper that this server behaves as, and its own behind it, in the shape
/// that tools parse.
pub const VERSION: &str =
    concat!("3.9.4-keeper-", env!("CARGO_PKG_VERSION"), ", built on 2026-11-23 00:00 UTC");
