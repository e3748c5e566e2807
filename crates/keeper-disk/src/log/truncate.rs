//! Cuts the log after a transaction: what a learner does when its leader sends TRUNC
//! (Apache's `FileTxnLog.truncate`).
//!
//! Apache leaves snapshots that hold what was cut, and so brings it back at the next start; here
//! they go first. A crash between any two steps leaves a log that ends later than asked, and the
//! leader asks again.

use std::path::Path;
use std::sync::Arc;

use super::Replay;
use super::file_reader::LogFileReader;
use crate::disk::Disk;
use crate::layout::Layout;
use crate::name::{self, FileKind};
use crate::snapshot;
use crate::{Error, Result, Zxid};

/// Cuts everything after `to`, which the log must hold, with the snapshots that hold more; proves
/// by reading that the log ends there, and answers with the snapshot to start from. Nobody may be
/// writing the log.
pub fn truncate(disk: &Arc<dyn Disk>, layout: &Layout, to: Zxid) -> Result<Zxid> {
    let folder = &layout.log_dir;
    let names = disk.list(folder).map_err(Error::io("list", folder))?;
    let files = name::sorted(&names, FileKind::Log);
    let Some(last) = files.iter().rposition(|file| file.zxid <= to) else {
        return Err(Error::NotInLog(to));
    };
    let path = folder.join(&files[last].name);
    let mut reader = LogFileReader::open(&**disk, &path)?;
    if !reader.advance_to(to)? {
        return Err(Error::NotInLog(to));
    }
    let end = reader.end();
    // Without an older snapshot, what remains could not be read.
    let base = snapshot::newest_valid(&**disk, &layout.snap_dir, to)?;
    let Some(base) = base else { return Err(Error::NotInLog(to)) };

    remove_snapshots(&**disk, &layout.snap_dir, to)?;
    for file in files[last + 1..].iter().rev() {
        let path = folder.join(&file.name);
        disk.remove(&path).map_err(Error::io("remove", &path))?;
    }
    disk.sync_dir(folder).map_err(Error::sync(folder))?;
    let file = disk.open(&path).map_err(Error::io("open", &path))?;
    file.set_len(end).map_err(Error::io("cut", &path))?;
    file.sync_data().map_err(Error::sync(&path))?;
    verify(disk, folder, base.zxid, to)?;
    Ok(base.zxid)
}

fn remove_snapshots(disk: &dyn Disk, folder: &Path, above: Zxid) -> Result<()> {
    let names = disk.list(folder).map_err(Error::io("list", folder))?;
    for file in name::sorted(&names, FileKind::Snapshot).iter().filter(|file| file.zxid > above) {
        let path = folder.join(&file.name);
        disk.remove(&path).map_err(Error::io("remove", &path))?;
    }
    disk.sync_dir(folder).map_err(Error::sync(folder))
}

fn verify(disk: &Arc<dyn Disk>, folder: &Path, after: Zxid, to: Zxid) -> Result<()> {
    let end = Replay::open(disk.clone(), folder, after)?.finish()?;
    if end.last == to && end.torn.is_none() {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "the log in {} was cut after zxid {to}, but ends with {}",
        folder.display(),
        end.last
    )))
}
