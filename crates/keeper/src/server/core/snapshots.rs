//! When snapshots are taken, and the walk that hands out the tree for them.
//!
//! The snapshot's thread asks for each piece when it has written the one before: between two
//! pieces the core does everything else.
//!
//! Rules: `SyncRequestProcessor.shouldSnapshot`, `resetSnapshotStats`.

use std::hash::{BuildHasher, Hasher, RandomState};

use crossbeam_channel::Sender;
use keeper_core::digest::DIGEST_VERSION;
use keeper_core::node::Node;
use keeper_core::tree::{Tree, Walk};
use keeper_disk::Zxid;
use keeper_disk::log::LogRequest;
use keeper_disk::snapshot::{Digest, encode_node};

use crate::config::SnapshotOptions;
use crate::server::snapshot::{Begin, End, News, SnapshotRequest, Waiter};

/// Bytes of the tree handed out at once: some tenths of a millisecond.
const PIECE: usize = 256 << 10;

/// The core's side of snapshots.
pub(super) struct Snapshots {
    options: SnapshotOptions,
    sender: Sender<SnapshotRequest>,
    log: Sender<LogRequest>,
    /// The walk of the snapshot that is being written.
    walk: Option<Walk>,
    running: bool,
    wanted: bool,
    /// Who has asked for the next one.
    waiters: Vec<Waiter>,
    txns: u64,
    bytes: u64,
    /// Limits of both for the next one.
    due: (u64, u64),
}

impl Snapshots {
    pub(super) fn new(
        options: SnapshotOptions,
        sender: Sender<SnapshotRequest>,
        log: Sender<LogRequest>,
    ) -> Self {
        let due = due(&options);
        Self {
            options,
            sender,
            log,
            walk: None,
            running: false,
            wanted: false,
            waiters: Vec::new(),
            txns: 0,
            bytes: 0,
            due,
        }
    }

    /// Takes one as soon as none is being written.
    pub(super) fn take(&mut self, waiter: Waiter) {
        self.wanted = true;
        self.waiters.push(waiter);
    }

    /// A transaction goes to the log.
    pub(super) fn count(&mut self, bytes: usize) {
        self.txns += 1;
        self.bytes += bytes as u64;
    }

    /// Begins one if it is time, or if somebody has asked for one.
    pub(super) fn begin_if_due(&mut self, node: &Node) {
        let is_due = self.txns > self.due.0 || self.bytes > self.due.1;
        if !(is_due || self.wanted) || self.running {
            return;
        }
        self.wanted = false;
        (self.txns, self.bytes) = (0, 0);
        self.due = due(&self.options);
        // A log that has failed says so by itself.
        let _ = self.log.send(LogRequest::Roll);
        let tree = node.tree();
        let begin = Begin {
            zxid: tree.last_zxid(),
            sessions: node.sessions().committed().collect(),
            acls: tree.acls(),
            waiters: std::mem::take(&mut self.waiters),
        };
        self.running = self.sender.send(SnapshotRequest::Begin(begin)).is_ok();
        self.walk = self.running.then(|| tree.walk());
    }

    /// The snapshot's thread wants something, or has finished.
    pub(super) fn news(&mut self, node: &Node, news: News) {
        match news {
            News::Wanted => self.wanted = true,
            News::Next => self.advance(node),
            News::Finished => {
                self.walk = None;
                self.running = false;
            }
        }
    }

    fn advance(&mut self, node: &Node) {
        let Some(walk) = self.walk.as_mut() else { return };
        let mut piece = Vec::with_capacity(PIECE + (PIECE >> 2));
        let done = walk.advance(node.tree(), PIECE, |path, data, acl, stat| {
            encode_node(&mut piece, path, data, acl, stat);
        });
        let end =
            done.then(|| End { digest: digest(node.tree()), last_zxid: node.tree().last_zxid() });
        if done {
            self.walk = None;
        }
        // A thread that is gone has ended the server.
        let _ = self.sender.send(SnapshotRequest::Piece(piece, end));
    }
}

/// The tree's digest for a snapshot's end: none where digests are off, and zeros in a fresh tree.
pub(in crate::server) fn digest(tree: &Tree) -> Option<Digest> {
    let known = tree.last_digest().map(|digest| Digest {
        zxid: digest.zxid,
        version: digest.version,
        digest: digest.digest,
    });
    let fresh = Digest { zxid: Zxid(0), version: DIGEST_VERSION, digest: 0 };
    tree.options().digest.then(|| known.unwrap_or(fresh))
}

/// Half of the limits and up to the whole of them, by chance, so that the servers of an ensemble
/// do not all take theirs at once.
fn due(options: &SnapshotOptions) -> (u64, u64) {
    let random = RandomState::new().build_hasher().finish();
    let between = |limit: u64| limit / 2 + random % (limit / 2).max(1);
    (between(options.count), options.size.map_or(u64::MAX, between))
}
