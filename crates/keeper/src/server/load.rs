//! What a server finds on disk when it starts.
//!
//! The newest snapshot that loads, and the log after it. A torn end of the log is cut, with a line
//! that says what; any other damage is refused with the command that helps.
//!
//! Rules: `FileTxnSnapLog.restore`, `ZooKeeperServer.loadData`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use keeper_core::apply::DigestCheck;
use keeper_core::recover::Recovery;
use keeper_core::tree::{Tree, TreeBuilder, TreeOptions, ZxidDigest};
use keeper_disk::disk::Disk;
use keeper_disk::layout::Layout;
use keeper_disk::log::{Replay, cut_tail};
use keeper_disk::snapshot::SnapshotReader;
use keeper_disk::start::{self, Start, StartOptions};
use keeper_disk::{Error, FileName, Zxid};
use zk_wire::txn::TxnEntry;
use zk_wire::{Jute, SessionId};

use super::Failure;

/// The state that a server starts with.
pub(super) struct Loaded {
    pub tree: Tree,
    pub sessions: BTreeMap<SessionId, i32>,
    /// The log ends with it.
    pub last: Zxid,
    /// There was nothing: a snapshot is due before the first transaction.
    pub is_new: bool,
    /// Transactions that were read from the log.
    pub replayed: u64,
    /// Time to read the snapshot.
    pub snapshot_time: Duration,
    /// Time to read the log.
    pub log_time: Duration,
}

/// Reads what is there.
pub(super) fn load(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    options: StartOptions,
    tree_options: TreeOptions,
) -> Result<Loaded, Failure> {
    let started = Instant::now();
    let decided = start::decide(&**disk, layout, options).map_err(|error| failure(&error))?;
    let (tree, sessions, is_new) = match decided {
        Start::Snapshots(files) => {
            let (tree, sessions) = newest(disk, layout, &files, tree_options)?;
            (tree, sessions, false)
        }
        Start::Log => (Tree::new(tree_options), Vec::new(), false),
        Start::New => (Tree::new(tree_options), Vec::new(), true),
        Start::Waiting => {
            return Err(Failure::new(
                Failure::DATA_DIR,
                format!(
                    "{} is empty, and db.autocreate=false: make the file 'initialize' in \
                     dataLogDir if this server is new, or bring its data back",
                    layout.snap_dir.display()
                ),
            ));
        }
    };
    let snapshot_time = started.elapsed();
    let from = tree.last_zxid();
    let mut recovery = Recovery::new(tree, sessions);
    let (last, replayed) = replay(disk, layout, from, &mut recovery)?;
    let (tree, sessions) = recovery.finish();
    tracing::info!(
        "{} nodes, {} sessions, last zxid {last}: snapshot {from} and {replayed} transactions \
         after it read in {} ms",
        tree.node_count(),
        sessions.len(),
        started.elapsed().as_millis()
    );
    let log_time = started.elapsed() - snapshot_time;
    Ok(Loaded { tree, sessions, last, is_new, replayed, snapshot_time, log_time })
}

type Sessions = Vec<(SessionId, i32)>;

/// The first snapshot that loads.
fn newest(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    files: &[FileName],
    options: TreeOptions,
) -> Result<(Tree, Sessions), Failure> {
    for file in files {
        match snapshot(disk, layout, file, options) {
            Ok(loaded) => return Ok(loaded),
            Err(Error::Damaged(damage)) => {
                tracing::warn!("an older snapshot is used: {damage}");
            }
            Err(error) => return Err(failure(&error)),
        }
    }
    let message = format!(
        "none of the {} newest snapshots in {} can be read: see the warnings above. In an \
         ensemble, move the folder away and start: the leader sends a snapshot. Alone, restore a \
         backup",
        files.len(),
        layout.snap_dir.display()
    );
    Err(Failure::new(Failure::UNEXPECTED, message))
}

fn snapshot(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    file: &FileName,
    options: TreeOptions,
) -> Result<(Tree, Sessions), Error> {
    let path = layout.snap_dir.join(&file.name);
    let mut reader = SnapshotReader::open(&**disk, &path)?;
    let damaged = |what: String| {
        Error::Damaged(Box::new(keeper_disk::Damage {
            file: path.clone(),
            offset: 0,
            after: None,
            what,
            remedy: "an older snapshot with the log after it replaces it".to_owned(),
        }))
    };
    let acls = reader.acls().iter().map(|(number, list)| (*number, list.as_slice()));
    let mut builder = TreeBuilder::new(options, acls);
    while reader.advance()? {
        let added = builder.node(reader.path(), reader.data(), reader.acl(), reader.stat());
        added.map_err(|error| damaged(error.to_string()))?;
    }
    let sessions = reader.sessions().to_vec();
    let digest = reader.finish()?.digest.map(|digest| ZxidDigest {
        zxid: digest.zxid,
        version: digest.version,
        digest: digest.digest,
    });
    let tree = builder.finish(file.zxid, digest).map_err(|error| damaged(error.to_string()))?;
    Ok((tree, sessions))
}

/// Applies the log after a snapshot; its last transaction, and how many were applied.
fn replay(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    from: Zxid,
    recovery: &mut Recovery,
) -> Result<(Zxid, u64), Failure> {
    let mut replay = Replay::open(disk.clone(), &layout.log_dir, from).map_err(|e| failure(&e))?;
    let mut mismatches = 0u64;
    while replay.advance().map_err(|error| failure(&error))? {
        let bytes = Bytes::copy_from_slice(replay.txn());
        let entry = TxnEntry::from_bytes(&bytes).map_err(|error| refused(&replay, &error))?;
        let check = recovery.apply(&entry).map_err(|error| refused(&replay, &error))?;
        if matches!(check, DigestCheck::Differs { .. }) {
            mismatches += 1;
            if mismatches == 1 {
                tracing::error!(
                    "the tree's digest after {} differs from the log's",
                    entry.header.zxid
                );
            }
        }
    }
    let end = replay.finish().map_err(|error| failure(&error))?;
    for note in &end.notes {
        tracing::info!(
            "an older log ends in a torn write, and nothing is missing: {}",
            note.file.display()
        );
    }
    if let Some(torn) = &end.torn {
        cut_tail(&**disk, torn).map_err(|error| failure(&error))?;
        tracing::warn!("{torn}");
    }
    Ok((end.last, end.entries))
}

fn refused(replay: &Replay, error: &dyn std::fmt::Display) -> Failure {
    let (file, offset) = match replay.position() {
        Some((file, offset)) => (file.display().to_string(), offset),
        None => (String::new(), 0),
    };
    let message = format!(
        "{file}: the transaction at offset {offset} cannot be applied: {error}. `keeper log dump \
         {file}` shows it; in an ensemble, move the data away and start: the leader sends a \
         snapshot"
    );
    Failure::new(Failure::UNEXPECTED, message)
}

/// Apache's exit codes: folders that cannot be used are 3.
pub(super) fn failure(error: &Error) -> Failure {
    let code = match error {
        Error::Io { .. } | Error::Refused(_) => Failure::DATA_DIR,
        _ => Failure::UNEXPECTED,
    };
    Failure::new(code, error.to_string())
}
