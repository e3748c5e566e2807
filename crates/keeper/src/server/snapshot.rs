//! The thread that writes snapshots, and what is done with them at a start.
//!
//! It asks the core for the tree, piece by piece, and never holds more than one. A snapshot that
//! cannot be written is given up, with a line in the log: the transaction log is whole without it,
//! and the next one is tried when it is due.
//!
//! Rules: `ZooKeeperServer.takeSnapshot`, `SyncRequestProcessor`.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::Receiver;
use keeper_core::tree::Tree;
use keeper_disk::disk::Disk;
use keeper_disk::snapshot::{Digest, SnapshotWriter, WriteOptions, encode_node};
use keeper_disk::{FileName, Zxid};
use zk_wire::SessionId;
use zk_wire::acl::Acl;

use super::core::{Message, digest};
use super::handle::Handle;

/// What the snapshot's thread is told.
pub(crate) enum SnapshotRequest {
    /// A snapshot begins.
    Begin(Begin),
    /// Nodes, as a snapshot has them; with the last ones, the end.
    Piece(Vec<u8>, Option<End>),
}

/// Hears of a snapshot: its file, or why there is none.
pub(crate) type Waiter = tokio::sync::oneshot::Sender<Result<FileName, String>>;

/// What a snapshot begins with.
pub(crate) struct Begin {
    pub zxid: Zxid,
    pub sessions: Vec<(SessionId, i32)>,
    pub acls: Vec<(i64, Arc<[Acl]>)>,
    pub waiters: Vec<Waiter>,
}

/// What a snapshot ends with.
pub(crate) struct End {
    pub digest: Option<Digest>,
    pub last_zxid: Zxid,
}

/// What the snapshot's thread tells the core.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News {
    /// A snapshot should be taken.
    Wanted,
    /// The next piece may come.
    Next,
    /// The snapshot is there, or given up.
    Finished,
}

/// Where and how snapshots are written.
#[derive(Clone)]
pub(super) struct Writing {
    pub disk: Arc<dyn Disk>,
    pub folder: PathBuf,
    pub options: WriteOptions,
    pub last_processed_zxid: bool,
}

impl Writing {
    fn begin(&self, begin: &Begin) -> keeper_disk::Result<SnapshotWriter> {
        let acls = begin.acls.iter().map(|(number, list)| (*number, &**list));
        let (disk, folder) = (self.disk.clone(), &self.folder);
        SnapshotWriter::begin(disk, folder, begin.zxid, self.options, &begin.sessions, acls)
    }

    fn finish(&self, writer: SnapshotWriter, end: &End) -> keeper_disk::Result<FileName> {
        writer.finish(end.digest, self.last_processed_zxid.then_some(end.last_zxid))
    }

    /// Writes a tree at once: before anybody is served.
    pub(super) fn write(
        &self,
        tree: &Tree,
        sessions: Vec<(SessionId, i32)>,
    ) -> keeper_disk::Result<FileName> {
        let zxid = tree.last_zxid();
        let mut writer =
            self.begin(&Begin { zxid, sessions, acls: tree.acls(), waiters: Vec::new() })?;
        let mut piece = Vec::new();
        tree.walk().advance(tree, usize::MAX, |path, data, acl, stat| {
            encode_node(&mut piece, path, data, acl, stat);
        });
        writer.nodes(&piece)?;
        self.finish(writer, &End { digest: digest(tree), last_zxid: zxid })
    }
}

/// Starts the thread.
pub(super) fn start(
    writing: Writing,
    handle: Handle,
    receiver: Receiver<SnapshotRequest>,
) -> std::io::Result<JoinHandle<()>> {
    let guard = handle.fault_guard("snapshot");
    let mut worker = Worker { writing, handle, open: None, waiters: Vec::new() };
    let named = thread::Builder::new().name("snapshot".to_owned());
    named.spawn(move || {
        let _guard = guard;
        for request in receiver {
            worker.take(request);
        }
    })
}

struct Worker {
    writing: Writing,
    handle: Handle,
    open: Option<(SnapshotWriter, Zxid, Instant)>,
    /// Who has asked for it.
    waiters: Vec<Waiter>,
}

impl Worker {
    fn take(&mut self, request: SnapshotRequest) {
        let result = match request {
            SnapshotRequest::Begin(mut begin) => {
                self.waiters = std::mem::take(&mut begin.waiters);
                self.begin(&begin)
            }
            SnapshotRequest::Piece(piece, end) => self.piece(&piece, end),
        };
        let news = match result {
            Ok(news) => news,
            Err(error) => {
                tracing::error!(
                    "no snapshot was written: {error}. Nothing is lost, the transaction log has \
                     it all; the next snapshot is tried when it is due"
                );
                self.handle.stats().add_snapshot_error();
                self.handle.metrics().snapshot_error_count.increment();
                self.tell(Err(error.to_string()));
                if let Some((writer, ..)) = self.open.take()
                    && let Err(error) = writer.abandon()
                {
                    tracing::warn!("{error}");
                }
                News::Finished
            }
        };
        self.handle.core().send(Message::Snapshot(news));
    }

    fn begin(&mut self, begin: &Begin) -> keeper_disk::Result<News> {
        let started = Instant::now();
        self.open = Some((self.writing.begin(begin)?, begin.zxid, started));
        Ok(News::Next)
    }

    fn piece(&mut self, piece: &[u8], end: Option<End>) -> keeper_disk::Result<News> {
        let Some((writer, ..)) = self.open.as_mut() else { return Ok(News::Finished) };
        writer.nodes(piece)?;
        let Some(end) = end else { return Ok(News::Next) };
        let Some((writer, zxid, started)) = self.open.take() else { return Ok(News::Finished) };
        let file = self.writing.finish(writer, &end)?;
        let elapsed = started.elapsed();
        tracing::info!("snapshot {} written in {} ms", file.name, elapsed.as_millis());
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.handle.stats().add_snapshot(zxid, at.as_secs() as i64, elapsed);
        self.handle.metrics().snapshottime.observe(elapsed.as_millis() as i64);
        self.tell(Ok(file));
        Ok(News::Finished)
    }

    /// Whoever no longer waits is told nothing.
    fn tell(&mut self, result: Result<FileName, String>) {
        for waiter in self.waiters.drain(..) {
            let _ = waiter.send(result.clone());
        }
    }
}
