//! `currentEpoch` and `acceptedEpoch` (Apache's `QuorumPeer`, `AtomicFileOutputStream`).
//!
//! Decimal text, replaced as a whole: written beside as `.tmp`, made durable, renamed.

use std::path::Path;

use crate::disk::{Disk, read_full};
use crate::{Error, Result, Zxid};

const CURRENT: &str = "currentEpoch";
const ACCEPTED: &str = "acceptedEpoch";
/// More digits than a number has.
const TEXT_MAX: usize = 64;

/// What a server has promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epochs {
    /// Epoch of the last leader it has followed or been (NEWLEADER).
    pub current: i64,
    /// Epoch of the last leader it has accepted (NEWEPOCH); at least `current`.
    pub accepted: i64,
}

impl Epochs {
    /// Reads both for a server whose log ends with `last`; what is missing is that one's epoch, and
    /// is written.
    pub fn load(disk: &dyn Disk, folder: &Path, last: Zxid) -> Result<Epochs> {
        let of_log = i64::from(last.epoch());
        let mut current = match read(disk, folder, CURRENT)? {
            Some(current) => current,
            None => {
                write(disk, folder, CURRENT, of_log)?;
                of_log
            }
        };
        if of_log > current {
            // Apache writes the log before it renames the file; a crash between leaves this.
            let beside = format!("{CURRENT}.tmp");
            match read(disk, folder, &beside)? {
                Some(epoch) if epoch == of_log => {
                    write(disk, folder, CURRENT, epoch)?;
                    current = epoch;
                }
                _ => return Err(behind(folder, CURRENT, current, "the log's last zxid", of_log)),
            }
        }
        let accepted = match read(disk, folder, ACCEPTED)? {
            Some(accepted) => accepted,
            None => {
                write(disk, folder, ACCEPTED, of_log)?;
                of_log
            }
        };
        if accepted < current {
            return Err(behind(folder, ACCEPTED, accepted, CURRENT, current));
        }
        Ok(Epochs { current, accepted })
    }

    /// Makes a new current epoch durable.
    pub fn write_current(disk: &dyn Disk, folder: &Path, epoch: i64) -> Result<()> {
        write(disk, folder, CURRENT, epoch)
    }

    /// Makes a new accepted epoch durable.
    pub fn write_accepted(disk: &dyn Disk, folder: &Path, epoch: i64) -> Result<()> {
        write(disk, folder, ACCEPTED, epoch)
    }
}

fn behind(folder: &Path, file: &str, epoch: i64, other: &str, other_epoch: i64) -> Error {
    let file = folder.join(file);
    Error::Refused(format!(
        "{} says epoch {epoch}, but {other} is of epoch {other_epoch}: files of different servers \
         or times are mixed. In an ensemble, move {} away and start: the leader sends a snapshot",
        file.display(),
        folder.display()
    ))
}

fn read(disk: &dyn Disk, folder: &Path, name: &str) -> Result<Option<i64>> {
    let path = folder.join(name);
    if !disk.exists(&path) {
        return Ok(None);
    }
    let file = disk.open_for_reading(&path).map_err(Error::io("open", &path))?;
    let mut text = [0; TEXT_MAX];
    let len = read_full(&*file, &mut text, 0).map_err(Error::io("read", &path))?;
    let line = text[..len].split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    let number = std::str::from_utf8(line).ok().and_then(|line| line.trim().parse().ok());
    match number {
        Some(epoch) if epoch >= 0 => Ok(Some(epoch)),
        _ if name.ends_with(".tmp") => Ok(None),
        _ => Err(Error::Refused(format!(
            "{} holds no epoch but {:?}: in an ensemble, move {} away and start; the leader sends \
             a snapshot",
            path.display(),
            String::from_utf8_lossy(line),
            folder.display()
        ))),
    }
}

fn write(disk: &dyn Disk, folder: &Path, name: &str, epoch: i64) -> Result<()> {
    let path = folder.join(name);
    let beside = folder.join(format!("{name}.tmp"));
    let file = disk.create(&beside).map_err(Error::io("create", &beside))?;
    file.write_all_at(epoch.to_string().as_bytes(), 0).map_err(Error::io("write to", &beside))?;
    file.sync_data().map_err(Error::sync(&beside))?;
    disk.rename(&beside, &path).map_err(Error::io("rename to", &path))?;
    disk.sync_dir(folder).map_err(Error::sync(folder))
}
