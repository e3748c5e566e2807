//! Which checkpoint a path means: what `-s` takes.
//!
//! Accepted are the file `_metadata`, the folder of a checkpoint or savepoint, the folder of a job
//! (its newest complete checkpoint), and a checkpoint directory in which one job has checkpoints.
//! Nothing is guessed: what could mean several is an error that lists them.

use std::collections::BTreeMap;
use std::sync::Arc;

use river_storage::{Entry, Storage, join, parent};

use crate::layout::{METADATA, checkpoint_number, is_job_id, is_savepoint};
use crate::units::time;
use crate::{Error, ErrorKind, Result};

#[cfg(test)]
mod tests;

/// Candidates that an error lists.
const LISTED: usize = 20;

/// A checkpoint that was found.
#[derive(Debug, Clone)]
pub struct Located {
    /// The storage.
    pub storage: Arc<dyn Storage>,
    /// Path of `_metadata` in it.
    pub path: String,
}

/// The checkpoint that `uri` means. `options` are those of the storage.
///
/// # Errors
/// It means none, or several.
pub fn locate(uri: &str, options: &BTreeMap<String, String>) -> Result<Located> {
    let (storage, path) = river_storage::open(uri, options)?;
    let path = latest(storage.as_ref(), &path)?;
    Ok(Located { storage, path })
}

/// The path of the `_metadata` that `path` means.
///
/// # Errors
/// It means none, or several.
pub fn latest(storage: &dyn Storage, path: &str) -> Result<String> {
    let path = match path.trim_end_matches('/') {
        "" => path,
        trimmed => trimmed,
    };
    if name(path) == METADATA {
        return Ok(path.to_owned());
    }
    let entries = storage.list(path, false)?;
    if entries.iter().any(|entry| !entry.is_dir && entry.name() == METADATA) {
        return Ok(join(path, METADATA));
    }
    if let Some(newest) = newest(storage, &entries)? {
        return Ok(join(&newest.folder, METADATA));
    }
    let mut candidates = Vec::new();
    for entry in entries.iter().filter(|entry| entry.is_dir) {
        if is_job_id(entry.name()) {
            candidates.extend(newest(storage, &storage.list(&entry.path, false)?)?);
        } else if is_savepoint(entry.name()) {
            let content = storage.list(&entry.path, false)?;
            let metadata = content.into_iter().find(|entry| entry.name() == METADATA);
            candidates.extend(metadata.map(|metadata| Candidate {
                folder: entry.path.clone(),
                modified_ms: metadata.modified_ms,
            }));
        }
    }
    match &candidates[..] {
        [one] => Ok(join(&one.folder, METADATA)),
        [] => Err(nothing(storage, path, &entries)),
        _ => Err(several(storage, path, &candidates)),
    }
}

/// Full URI of the newest complete checkpoint of the same job before the one whose `_metadata` is,
/// or was, at `path`. A folder that cannot be listed has none.
pub(crate) fn older(storage: &dyn Storage, path: &str) -> Option<String> {
    let folder = parent(path)?;
    let number = checkpoint_number(name(folder))?;
    let mut entries = storage.list(parent(folder)?, false).ok()?;
    entries.retain(|entry| checkpoint_number(entry.name()).is_some_and(|other| other < number));
    let older = newest(storage, &entries).ok()??;
    Some(storage.display(&older.folder))
}

/// A complete checkpoint.
struct Candidate {
    folder: String,
    modified_ms: i64,
}

/// The newest complete checkpoint among the entries of a job's folder.
fn newest(storage: &dyn Storage, entries: &[Entry]) -> Result<Option<Candidate>> {
    let number = |entry: &Entry| checkpoint_number(entry.name()).filter(|_| entry.is_dir);
    let mut checkpoints: Vec<(u64, &Entry)> =
        entries.iter().filter_map(|entry| Some((number(entry)?, entry))).collect();
    checkpoints.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    for (_, folder) in checkpoints {
        let content = storage.list(&folder.path, false)?;
        if let Some(metadata) = content.iter().find(|entry| entry.name() == METADATA) {
            let modified_ms = metadata.modified_ms;
            return Ok(Some(Candidate { folder: folder.path.clone(), modified_ms }));
        }
    }
    Ok(None)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn nothing(storage: &dyn Storage, path: &str, entries: &[Entry]) -> Error {
    let is_checkpoint = checkpoint_number(name(path)).is_some() || is_savepoint(name(path));
    if is_checkpoint && !entries.is_empty() {
        let metadata = join(path, METADATA);
        let older = older(storage, &metadata);
        return Error::no_metadata(&storage.display(&metadata)).with_older(older.as_deref());
    }
    let reason = if entries.is_empty() {
        "the folder is not there, or empty"
    } else if entries.iter().any(|entry| checkpoint_number(entry.name()).is_some()) {
        "none of its checkpoints was completed"
    } else {
        "no checkpoint or savepoint is in it"
    };
    let message = format!("{} is no checkpoint: {reason}", storage.display(path));
    Error::new(ErrorKind::Path, message)
}

fn several(storage: &dyn Storage, path: &str, candidates: &[Candidate]) -> Error {
    let mut message =
        format!("{} holds checkpoints of several jobs; name one:", storage.display(path));
    for candidate in candidates.iter().take(LISTED) {
        message += &format!("\n  {}", storage.display(&candidate.folder));
        if candidate.modified_ms > 0 {
            message += &format!("  ({})", time(candidate.modified_ms));
        }
    }
    if candidates.len() > LISTED {
        message += &format!("\n  and {} more", candidates.len() - LISTED);
    }
    Error::new(ErrorKind::Path, message)
}
