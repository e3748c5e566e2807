//! The thread that removes old snapshots and logs: at the start, and every
//! `autopurge.purgeInterval`.
//!
//! Rules: `DatadirCleanupManager`.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use keeper_disk::disk::Disk;
use keeper_disk::layout::Layout;
use keeper_disk::purge::purge;

/// Starts the thread; it ends when the sender of `end` is gone.
pub(super) fn start(
    disk: Arc<dyn Disk>,
    layout: Layout,
    retain: usize,
    interval: Duration,
    end: Receiver<()>,
) -> io::Result<()> {
    let named = thread::Builder::new().name("purge".to_owned());
    named.spawn(move || {
        loop {
            match purge(&*disk, &layout, retain) {
                Ok(removed) => {
                    for path in &removed {
                        tracing::info!(
                            "{} removed: {retain} newer snapshots are sound",
                            path.display()
                        );
                    }
                }
                Err(error) => tracing::warn!("nothing is purged: {error}"),
            }
            if end.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    })?;
    Ok(())
}
