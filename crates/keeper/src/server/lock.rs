//! Keeps two servers from one folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::Failure;

/// Folders that are this process's as long as it lives.
#[derive(Debug)]
pub(super) struct Locks {
    _folders: Vec<File>,
}

impl Locks {
    /// Locks folders, or says that another process has one. The folders themselves are locked, so
    /// that no file is left in them.
    pub(super) fn take<'p>(folders: impl IntoIterator<Item = &'p Path>) -> Result<Self, Failure> {
        let mut locked = Vec::new();
        for folder in folders {
            let open = File::open(folder);
            let file = open.map_err(|error| {
                let message = format!("cannot read {}: {error}", folder.display());
                Failure::new(Failure::DATA_DIR, message)
            })?;
            match file.try_lock() {
                Ok(()) => locked.push(file),
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
        Ok(Self { _folders: locked })
    }
}
