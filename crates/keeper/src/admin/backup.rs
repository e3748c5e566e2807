//! `snapshot` copies the whole tree out, `restore` replaces it.
//!
//! Rules: `Commands.SnapshotCommand`, `Commands.RestoreCommand`.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc::Sender;

use super::command::Command;
use super::json::Object;
use super::rate::RateLimit;
use super::{AdminSettings, answered};
use crate::http::{Content, Response};
use crate::server::Handle;
use crate::view::settings;

/// Bytes of a piece of a file.
const PIECE: usize = 64 * 1024;

/// Both commands and their limits.
pub(super) struct Backups {
    snapshot_enabled: bool,
    restore_enabled: bool,
    snapshots: RateLimit,
    restores: RateLimit,
}

impl Backups {
    pub fn new(settings: &AdminSettings) -> Self {
        Self {
            snapshot_enabled: settings.snapshot,
            restore_enabled: settings.restore,
            snapshots: RateLimit::new(settings.rate_interval),
            restores: RateLimit::new(settings.rate_interval),
        }
    }

    /// Takes a snapshot, which stays where snapshots are, and sends it unless `streaming=false`.
    pub async fn snapshot(
        &self,
        arguments: &BTreeMap<String, String>,
        handle: &Handle,
    ) -> Response {
        let refused = |status| answered(status, Command::Snapshot, Object::new());
        if !self.snapshot_enabled {
            tracing::warn!("admin command snapshot: refused by admin.snapshot.enabled");
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
        if !handle.config().snapshot.last_processed_zxid {
            tracing::warn!("admin command snapshot: needs serializeLastProcessedZxid.enabled");
            return refused(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if !self.snapshots.allow(Instant::now()) {
            tracing::warn!("admin command snapshot: the last is too recent for its rate limit");
            handle.metrics().snapshot_rate_limited_count.increment();
            return refused(StatusCode::TOO_MANY_REQUESTS);
        }
        let streaming = arguments.get("streaming").map(String::as_str);
        let streaming = streaming.is_none_or(|value| value.eq_ignore_ascii_case("true"));
        match copy(handle, streaming).await {
            Ok(response) => response,
            Err(error) => {
                tracing::error!("admin command snapshot: {error}");
                handle.metrics().snapshot_error_count.increment();
                refused(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl Backups {
    /// Replacing the tree of a running server is not there yet: said so, and counted.
    pub async fn restore(&self, _body: Incoming, handle: &Handle) -> Response {
        let refused = |status| answered(status, Command::Restore, Object::new());
        if !self.restore_enabled {
            tracing::warn!("admin command restore: refused by admin.restore.enabled");
            return refused(StatusCode::SERVICE_UNAVAILABLE);
        }
        if !self.restores.allow(Instant::now()) {
            tracing::warn!("admin command restore: the last is too recent for its rate limit");
            handle.metrics().restore_rate_limited_count.increment();
            return refused(StatusCode::TOO_MANY_REQUESTS);
        }
        handle.metrics().restore_error_count.increment();
        tracing::warn!(
            "admin command restore: not in this version. Stop the server, put the snapshot into an \
             empty dataDir/version-2, and start it"
        );
        refused(StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// Takes a snapshot; the answer with it, or with its name only.
async fn copy(handle: &Handle, streaming: bool) -> io::Result<Response> {
    let written = handle.snapshot().await.map_err(io::Error::other)?;
    let path = settings(handle).data_dir.join(&written.name);
    let size = tokio::task::spawn_blocking({
        let path = path.clone();
        move || std::fs::metadata(&path).map(|file| file.len())
    });
    let size = size.await.map_err(io::Error::other)??;
    let mut response = if streaming {
        let (sender, content) = Content::pieces(size);
        tokio::task::spawn_blocking(move || send(&path, size, &sender));
        let mut response = Response::new(content);
        let kind = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    } else {
        answered(StatusCode::OK, Command::Snapshot, Object::new())
    };
    let headers = response.headers_mut();
    let zxid = HeaderValue::from_str(&format!("0x{:x}", written.zxid.0));
    headers.insert("last_zxid", zxid.map_err(io::Error::other)?);
    headers.insert("snapshot_size", HeaderValue::from(size));
    Ok(response)
}

/// Reads a file into the body of an answer; ends early if nobody wants it any more.
fn send(path: &Path, size: u64, sender: &Sender<io::Result<Bytes>>) {
    let result = std::fs::File::open(path).and_then(|file| {
        let mut file = file.take(size);
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
            if piece.is_empty() || sender.blocking_send(Ok(piece.into())).is_err() {
                return Ok(());
            }
        }
    });
    if let Err(error) = result {
        tracing::error!("snapshot {}: {error}", path.display());
        // Whoever asks sees that the body is cut off.
        let _ = sender.blocking_send(Err(error));
    }
}
