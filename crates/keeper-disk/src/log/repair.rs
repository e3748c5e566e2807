//! Keeps what is sound of a damaged log, when somebody has decided to lose the rest.
//!
//! Used by `keeper log repair`, never by a server by itself.

use std::path::{Path, PathBuf};

use super::file_reader::LogFileReader;
use crate::disk::{Disk, read_full};
use crate::{Error, Result, Zxid};

/// Bytes copied at once.
const CHUNK: usize = 1 << 20;

/// What was kept and where the damaged file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The last transaction kept; `None` if none was sound, and then there is no new file.
    pub last: Option<Zxid>,
    /// Bytes of the old file that are not in the new one, zeros included.
    pub dropped: u64,
    /// The old file, under another name.
    pub damaged: PathBuf,
}

/// Moves a log aside (`damaged.log.5`) and puts its entries before the first damage in its place.
/// Newer logs, which do not follow any more, are left alone: reading refuses them until they are
/// moved away.
pub fn repair(disk: &dyn Disk, path: &Path) -> Result<Repaired> {
    let mut reader = LogFileReader::open(disk, path)?;
    let mut last = None;
    while reader.advance()? {
        last = reader.head().map(|header| header.zxid);
    }
    let end = if last.is_some() { reader.offset() } else { 0 };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let damaged = path.with_file_name(format!("damaged.{name}"));
    if disk.exists(&damaged) {
        let damaged = damaged.display();
        return Err(Error::Refused(format!("{damaged} is there already: move it away")));
    }
    let dropped = reader.file_len() - end;
    let partial = path.with_file_name(format!("{}{name}", crate::snapshot::PARTIAL));
    if last.is_some() {
        copy(disk, &reader, end, &partial)?;
    }
    // Between the two there is no file of that name, and starting is refused for the gap.
    disk.rename(path, &damaged).map_err(Error::io("rename", path))?;
    if last.is_some() {
        disk.rename(&partial, path).map_err(Error::io("rename to", path))?;
    }
    let folder = path.parent().unwrap_or(path);
    disk.sync_dir(folder).map_err(Error::sync(folder))?;
    Ok(Repaired { last, dropped, damaged })
}

fn copy(disk: &dyn Disk, reader: &LogFileReader, end: u64, to: &Path) -> Result<()> {
    let file = disk.create(to).map_err(Error::io("create", to))?;
    let mut chunk = vec![0; CHUNK];
    let mut at = 0;
    while at < end {
        let wanted = chunk.len().min((end - at) as usize);
        let read = read_full(reader.file(), &mut chunk[..wanted], at)
            .map_err(Error::io("read", reader.path()))?;
        if read == 0 {
            break;
        }
        file.write_all_at(&chunk[..read], at).map_err(Error::io("write to", to))?;
        at += read as u64;
    }
    file.sync_data().map_err(Error::sync(to))
}
