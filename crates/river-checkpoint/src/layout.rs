//! Where things are below a checkpoint directory: Flink's names (`AbstractFsCheckpointStorage`).
//!
//! ```text
//! {checkpoint dir}/{job id}/chk-{n}/_metadata         one checkpoint, complete once this is there
//!                                  /state-{...}       the file of one subtask
//!                          /shared/{...}              files that several checkpoints refer to
//!                          /taskowned                 kept for Flink's layout; nothing is in it
//! {savepoint dir}/savepoint-{6 hex}-{12 hex}/_metadata
//! ```
//!
//! `_metadata` names files in its own folder, so the folder can be moved or copied; and those of
//! incremental checkpoints in the folder `shared` beside its own.

use river_storage::{Storage, join};

use crate::{CheckpointMetadata, Error, Result, metadata};

#[cfg(test)]
mod tests;

/// Name of the file that makes a checkpoint complete.
pub const METADATA: &str = "_metadata";

/// Folder of a job with files that several checkpoints refer to.
pub const SHARED: &str = "shared";

/// Folders of a job that hold no checkpoint of their own.
pub const NO_CHECKPOINTS: [&str; 2] = [SHARED, "taskowned"];

/// Hex digits of a job id.
pub const JOB_ID_DIGITS: usize = 32;

/// Folder of a job's checkpoints in a checkpoint directory. `subfolder` is
/// `execution.checkpointing.create-subdir`; without it several jobs must not share a directory.
pub fn job_folder(checkpoint_dir: &str, job_id: &str, subfolder: bool) -> String {
    if subfolder { join(checkpoint_dir, job_id) } else { checkpoint_dir.to_owned() }
}

/// Folder of a checkpoint below its job's.
pub fn checkpoint_folder(job_folder: &str, checkpoint: u64) -> String {
    join(job_folder, &format!("chk-{checkpoint}"))
}

/// Folder of a new savepoint: different for each call.
pub fn savepoint_folder(savepoint_dir: &str, job_id: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let job: String = job_id.chars().take(6).collect();
    join(savepoint_dir, &format!("savepoint-{job}-{}", &random[..12]))
}

/// A new job id.
pub fn new_job_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Name of a subtask's file in the checkpoint's folder. The leader's epoch keeps a deposed leader's
/// tasks from writing to the same name.
pub fn subtask_file(vertex: usize, subtask: u32, epoch: u64) -> String {
    format!("state-{vertex}-{subtask}-{epoch}")
}

/// The folder of shared files that a checkpoint in `folder` may refer to.
pub fn shared_folder(folder: &str) -> String {
    join(river_storage::parent(folder).unwrap_or_default(), SHARED)
}

/// What the names of a subtask's shared files begin with: also the job's, as jobs may follow each
/// other in the same folder.
pub fn shared_prefix(job_id: &str, vertex: usize, subtask: u32, epoch: u64) -> String {
    let job: String = job_id.chars().take(8).collect();
    format!("{job}-{vertex}-{subtask}-{epoch}")
}

/// Name of a subtask's shared file that a checkpoint writes.
pub fn shared_file(prefix: &str, checkpoint: u64) -> String {
    format!("{prefix}-{checkpoint}")
}

/// The job's prefix and the checkpoint by the name of a shared file.
pub fn shared_origin(name: &str) -> Option<(&str, u64)> {
    let (rest, checkpoint) = name.rsplit_once('-')?;
    Some((rest.split('-').next()?, checkpoint.parse().ok()?))
}

/// Whether a name is that of a job's folder.
pub fn is_job_id(name: &str) -> bool {
    name.len() == JOB_ID_DIGITS && name.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The number of a checkpoint's folder by its name.
pub fn checkpoint_number(name: &str) -> Option<u64> {
    name.strip_prefix("chk-")?.parse().ok()
}

/// Whether a name is that of a savepoint's folder.
pub fn is_savepoint(name: &str) -> bool {
    name.starts_with("savepoint-")
}

/// Makes a checkpoint complete: writes `_metadata` into its folder, durably and only if there is
/// none. Returns the path of that file. All files that it names must be durable already.
///
/// # Errors
/// The storage's; `AlreadyExists` says that someone else has completed this checkpoint.
pub fn complete(
    storage: &dyn Storage,
    folder: &str,
    metadata: &CheckpointMetadata,
) -> Result<String> {
    let path = join(folder, METADATA);
    storage.put_new(&path, &metadata::encode(metadata)?)?;
    Ok(path)
}

/// The metadata at `path`, which is that of the file itself.
///
/// # Errors
/// There is none, it is damaged, or a newer program wrote it.
pub fn read(storage: &dyn Storage, path: &str) -> Result<CheckpointMetadata> {
    let uri = storage.display(path);
    let bytes = storage.read(path).map_err(|error| match error.kind() {
        river_storage::ErrorKind::NotFound => Error::no_metadata(&uri),
        _ => error.into(),
    })?;
    metadata::decode(&bytes, &uri)
}

/// A name in metadata is one name in the checkpoint's folder, and nothing else.
pub(crate) fn check_file_name(name: &str, metadata: &str) -> Result<()> {
    let plain = !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != METADATA;
    if plain && name != "." && name != ".." {
        return Ok(());
    }
    Err(Error::damaged(metadata, format!("'{name}' is no name of a state file")))
}
