//! Keeps two servers from one folder, and one from a folder that it cannot write to.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use keeper_disk::disk::Disk;

use super::Failure;

/// What is written to see whether that can be done; removed at a start like any partial file.
const PROBE: &str = "partial.probe";

/// Writes to folders and removes what was written: a disk that is read-only, or full, is known
/// before anybody is served.
pub(super) fn probe(disk: &dyn Disk, folders: &[&Path]) -> Result<(), Failure> {
    for folder in folders {
        let path = folder.join(PROBE);
        let written = disk.create(&path).and_then(|file| {
            file.write_all_at(&[0; 4096], 0)?;
            disk.remove(&path)
        });
        written.map_err(|error| {
            let folder = folder.display();
            let message = format!("cannot write to {folder}: {error}; the server must be able to");
            Failure::new(Failure::DATA_DIR, message)
        })?;
    }
    Ok(())
}

/// Folders that are this process's as long as it lives.
#[derive(Debug, Default)]
pub(super) struct Locks {
    folders: Vec<(PathBuf, File)>,
}

impl Locks {
    /// Locks folders, or says that another process has one. The folders themselves are locked, so
    /// that no file is left in them.
    pub(super) fn take<'p>(
        &mut self,
        folders: impl IntoIterator<Item = &'p Path>,
    ) -> Result<(), Failure> {
        for folder in folders {
            if self.folders.iter().any(|(locked, _)| locked == folder) {
                continue;
            }
            let open = File::open(folder);
            let file = open.map_err(|error| {
                let message = format!("cannot read {}: {error}", folder.display());
                Failure::new(Failure::DATA_DIR, message)
            })?;
            match file.try_lock() {
                Ok(()) => self.folders.push((folder.to_path_buf(), file)),
                Err(TryLockError::WouldBlock) => {
                    let message = format!(
                        "another server runs on {}: stop it, or give this one a dataDir and \
                         dataLogDir of its own",
                        folder.display()
                    );
                    return Err(Failure::new(Failure::DATA_DIR, message));
                }
                // File systems without locks have nothing to say.
                Err(TryLockError::Error(error)) => {
                    tracing::warn!("{} cannot be locked: {error}", folder.display());
                }
            }
        }
        Ok(())
    }
}
