//! Which snapshots and logs may go: `autopurge.snapRetainCount` (Apache's `PurgeTxnLog`).
//!
//! Kept are the newest sound snapshots and every log that any of them needs: the newest log that
//! begins at or before the oldest of them, and all after it. Snapshots that are not sound do not
//! count, and newer ones than the oldest kept stay for whoever wants to look at them.

use std::path::PathBuf;

use crate::disk::Disk;
use crate::layout::Layout;
use crate::name::{self, FileKind};
use crate::snapshot;
use crate::{Error, Result};

/// Apache refuses to keep fewer.
pub const RETAIN_MIN: usize = 3;

/// Removes what is not needed for the `retain` newest sound snapshots; answers with the files
/// removed. With fewer sound ones, only what is older than all of them goes.
pub fn purge(disk: &dyn Disk, layout: &Layout, retain: usize) -> Result<Vec<PathBuf>> {
    let mut oldest = None;
    let mut sound = 0;
    for file in snapshot::list(disk, &layout.snap_dir)? {
        if snapshot::is_valid(disk, &layout.snap_dir.join(&file.name))? {
            sound += 1;
            oldest = Some(file.zxid);
        }
        if sound == retain.max(RETAIN_MIN) {
            break;
        }
    }
    let Some(oldest) = oldest else { return Ok(Vec::new()) };
    let names = disk.list(&layout.log_dir).map_err(Error::io("list", &layout.log_dir))?;
    let logs = name::sorted(&names, FileKind::Log);
    let needed = logs.iter().rposition(|file| file.zxid <= oldest).unwrap_or(0);
    let mut removed: Vec<PathBuf> =
        logs[..needed].iter().map(|file| layout.log_dir.join(&file.name)).collect();
    let names = disk.list(&layout.snap_dir).map_err(Error::io("list", &layout.snap_dir))?;
    let snapshots = name::sorted(&names, FileKind::Snapshot);
    let old = snapshots.iter().filter(|file| file.zxid < oldest);
    removed.extend(old.map(|file| layout.snap_dir.join(&file.name)));
    for path in &removed {
        disk.remove(path).map_err(Error::io("remove", path))?;
    }
    Ok(removed)
}
