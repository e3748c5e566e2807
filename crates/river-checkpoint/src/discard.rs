//! Removes checkpoints and savepoints, and shared files that none of them needs any more.
//! `_metadata` goes first, so that what is left of a removal that was interrupted is an incomplete
//! checkpoint or a shared file that nobody names, which [`crate::fsck`](mod@crate::fsck) finds.

use std::collections::{BTreeMap, BTreeSet};

use river_storage::{Storage, join, parent};

use crate::layout::{self, METADATA};
use crate::{CheckpointMetadata, Error, ErrorKind, Result, locate};

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

/// Removes files, by name, from a folder of shared files.
///
/// # Errors
/// The storage's.
pub fn remove_shared<'n>(
    storage: &dyn Storage,
    shared: &str,
    names: impl IntoIterator<Item = &'n String>,
) -> Result<()> {
    names.into_iter().try_for_each(|name| Ok(storage.delete(&join(shared, name))?))
}

/// Removes the shared files that a job has written for a checkpoint that was given up: no other one
/// refers to them.
///
/// # Errors
/// The storage's.
pub fn remove_shared_of(
    storage: &dyn Storage,
    shared: &str,
    job_id: &str,
    checkpoint: u64,
) -> Result<()> {
    for entry in storage.list(shared, false)? {
        let origin = layout::shared_origin(entry.name());
        if origin.is_some_and(|(job, made)| job_id.starts_with(job) && made == checkpoint) {
            storage.delete(&entry.path)?;
        }
    }
    Ok(())
}

/// Which shared files the checkpoints in the folder of a job name, but for the one in the folder
/// `except`; `None` if metadata cannot be read, so that nobody knows.
///
/// # Errors
/// The storage's.
pub fn named_shared(
    storage: &dyn Storage,
    job_folder: &str,
    except: &str,
) -> Result<Option<BTreeSet<String>>> {
    let mut named = BTreeSet::new();
    for entry in storage.list(job_folder, false)? {
        let is_other = entry.is_dir && entry.path.trim_end_matches('/') != except;
        if !is_other || layout::checkpoint_number(entry.name()).is_none() {
            continue;
        }
        match layout::read(storage, &join(&entry.path, METADATA)) {
            Ok(metadata) => named.extend(metadata.shared_files().map(str::to_owned)),
            // Never completed.
            Err(error) if error.kind() == ErrorKind::Path => {}
            Err(error) => {
                tracing::warn!(%error, "shared files stay, as it may need them");
                return Ok(None);
            }
        }
    }
    Ok(Some(named))
}

/// Removes the shared files in the folder of a job that no metadata names: what was left by a
/// process that was killed. Nobody else may write there. With a job's id only files of that job.
///
/// # Errors
/// The storage's.
pub fn sweep_shared(
    storage: &dyn Storage,
    job_folder: &str,
    job_id: Option<&str>,
) -> Result<usize> {
    let files = storage.list(&join(job_folder, layout::SHARED), false)?;
    if files.is_empty() {
        return Ok(0);
    }
    let Some(named) = named_shared(storage, job_folder, "")? else { return Ok(0) };
    let is_left = |name: &str| {
        let origin = layout::shared_origin(name).filter(|_| !named.contains(name));
        origin.is_some_and(|(job, _)| job_id.is_none_or(|id| id.starts_with(job)))
    };
    let left: Vec<_> = files.iter().filter(|entry| is_left(entry.name())).collect();
    left.iter().try_for_each(|entry| storage.delete(&entry.path))?;
    Ok(left.len())
}

/// Removes the shared files that only the checkpoint in `folder` names; its metadata may be gone.
///
/// # Errors
/// The storage's.
pub fn remove_shared_by_last(
    storage: &dyn Storage,
    folder: &str,
    mut names: BTreeSet<String>,
) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let job_folder = parent(folder).unwrap_or_default();
    let Some(others) = named_shared(storage, job_folder, folder)? else { return Ok(()) };
    names.retain(|name| !others.contains(name));
    remove_shared(storage, &layout::shared_folder(folder), &names)
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
    let metadata = layout::read(storage, &path);
    if is_own(folder) {
        discard(storage, folder)?;
        // What is damaged does not tell its files; `fsck` finds those.
        let shared = metadata.iter().flat_map(CheckpointMetadata::shared_files);
        remove_shared_by_last(storage, folder, shared.map(str::to_owned).collect())?;
        return Ok(storage.display(folder));
    }
    // Someone has moved it: other things may lie beside it.
    let metadata = metadata?;
    storage.delete(&path)?;
    for file in metadata.files().filter(|file| !file.shared) {
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
