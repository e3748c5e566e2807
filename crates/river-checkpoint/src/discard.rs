//! Removes checkpoints and savepoints. `_metadata` goes first, so that what is left of a removal
//! that was interrupted is an incomplete checkpoint, which [`crate::fsck`](mod@crate::fsck) finds.

use std::collections::BTreeMap;

use river_storage::{Storage, join, parent};

use crate::layout::{self, METADATA};
use crate::{Error, ErrorKind, Result, locate};

#[cfg(test)]
mod tests;

/// Removes the folder of a checkpoint of the own job, complete or not; one that is not there is
/// fine.
///
/// # Errors
/// The storage's; the name is not that of such a folder.
pub fn discard(storage: &dyn Storage, folder: &str) -> Result<()> {
    if !is_own(folder) {
        return Err(Error::internal(format!("{} is no checkpoint", storage.display(folder))));
    }
    storage.delete(&join(folder, METADATA))?;
    Ok(storage.delete_dir(folder)?)
}

/// Removes the checkpoint or savepoint that `uri` means ([`locate::locate`]), but only if it is
/// named itself: not the newest of a job. Returns the full URI of its folder. Files that it does
/// not name are left where they are, unless the folder's name says that it is a checkpoint's.
///
/// # Errors
/// There is none, or it cannot be removed.
pub fn dispose(uri: &str, options: &BTreeMap<String, String>) -> Result<String> {
    let (storage, given) = river_storage::open(uri, options)?;
    let storage = storage.as_ref();
    let path = locate::latest(storage, &given)?;
    let folder = parent(&path).unwrap_or_default();
    let given = given.trim_end_matches('/');
    if given != folder && given != path {
        let message = format!(
            "{} is not a checkpoint itself; name the one to remove, such as {}",
            storage.display(given),
            storage.display(folder)
        );
        return Err(Error::new(ErrorKind::Path, message));
    }
    if is_own(folder) {
        discard(storage, folder)?;
        return Ok(storage.display(folder));
    }
    // Someone has moved it: other things may lie beside it.
    let metadata = layout::read(storage, &path)?;
    storage.delete(&path)?;
    for file in metadata.files() {
        storage.delete(&join(folder, &file.name))?;
    }
    if storage.list(folder, false)?.is_empty() && !folder.is_empty() {
        storage.delete_dir(folder)?;
    }
    Ok(storage.display(folder))
}

/// Whether a folder's name is one that only checkpoints and savepoints have.
fn is_own(folder: &str) -> bool {
    let name = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    layout::checkpoint_number(name).is_some() || layout::is_savepoint(name)
}
