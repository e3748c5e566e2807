//! Where the files are: `dataDir/version-2` and `dataLogDir/version-2` (Apache's `FileTxnSnapLog`).

use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::name::{FileKind, FileName};
use crate::snapshot::PARTIAL;
use crate::{Error, Result};

/// The folder of the only format there is.
const VERSION: &str = "version-2";
/// Beside `version-2` of the log: a new server with no data may vote.
const INITIALIZE: &str = "initialize";

/// The folders of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Snapshots and epoch files.
    pub snap_dir: PathBuf,
    /// Transaction logs.
    pub log_dir: PathBuf,
}

impl Layout {
    /// For `dataDir` and `dataLogDir`; looks at no disk.
    pub fn new(data_dir: &Path, data_log_dir: Option<&Path>) -> Layout {
        let log_dir = data_log_dir.unwrap_or(data_dir).join(VERSION);
        Layout { snap_dir: data_dir.join(VERSION), log_dir }
    }

    /// Makes the folders, with `create` (`datadir.autocreate`), refuses files in the wrong one of
    /// two, and removes snapshots that were never completed.
    pub fn open(&self, disk: &dyn Disk, create: bool) -> Result<()> {
        for folder in [&self.snap_dir, &self.log_dir] {
            if disk.exists(folder) {
                continue;
            }
            if !create {
                return Err(Error::Refused(format!(
                    "{} does not exist, and datadir.autocreate is false: create it, or correct \
                     dataDir and dataLogDir",
                    folder.display()
                )));
            }
            disk.create_dir_all(folder).map_err(Error::io("create", folder))?;
            if let Some(parent) = folder.parent() {
                disk.sync_dir(parent).map_err(Error::sync(parent))?;
            }
        }
        if self.snap_dir != self.log_dir {
            refuse(disk, &self.log_dir, FileKind::Snapshot, "snapshot", "dataDir")?;
            refuse(disk, &self.snap_dir, FileKind::Log, "log", "dataLogDir")?;
        }
        self.remove_partial(disk)
    }

    /// Whether the operator has said that this server may begin with an empty tree. Removes the
    /// sign: it is good for one start.
    pub fn take_initialize(&self, disk: &dyn Disk) -> Result<bool> {
        let file = self.log_dir.parent().unwrap_or(&self.log_dir).join(INITIALIZE);
        if !disk.exists(&file) {
            return Ok(false);
        }
        disk.remove(&file).map_err(Error::io("remove", &file))?;
        Ok(true)
    }

    fn remove_partial(&self, disk: &dyn Disk) -> Result<()> {
        let names = disk.list(&self.snap_dir).map_err(Error::io("list", &self.snap_dir))?;
        for name in names.iter().filter(|name| name.starts_with(PARTIAL)) {
            let path = self.snap_dir.join(name);
            disk.remove(&path).map_err(Error::io("remove", &path))?;
        }
        Ok(())
    }
}

fn refuse(disk: &dyn Disk, folder: &Path, kind: FileKind, what: &str, option: &str) -> Result<()> {
    let names = disk.list(folder).map_err(Error::io("list", folder))?;
    let wrong = names.iter().find(|name| FileName::parse(name).is_some_and(|f| f.kind == kind));
    match wrong {
        None => Ok(()),
        Some(name) => Err(Error::Refused(format!(
            "{} is a {what} in the folder of the others: dataDir and dataLogDir may be swapped, or \
             one of them was changed; move it to {option}'s {VERSION}",
            folder.join(name).display()
        ))),
    }
}
