//! `_metadata`: what a checkpoint is made of, complete in itself but for the files it names.
//!
//! A small binary frame around JSON: the frame says whether the file is whole and which version
//! wrote it; the JSON can be read by people. Written once, by the driver, after every file that it
//! names is durable; read by a restore and by the commands that describe and check.
//!
//! It stores [`Plan`] as it ran, so that a restore can match the new plan against it.

use river_core::plan::{PLAN_VERSION, Plan};
use river_runtime::checkpoint::{OperatorId, Timing};
use river_runtime::source::SplitState;
use river_storage::join;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result, layout};

mod base64;
mod frame;
mod json;
#[cfg(test)]
mod tests;

/// Version of the metadata; raised when an older program would read it wrongly. Fields may be added
/// without: older programs pass over them.
pub const VERSION: u32 = 2;

/// What a checkpoint was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// By the job itself, to go on from after a failure; removed when newer ones are there.
    Checkpoint,
    /// By someone, who owns it.
    Savepoint,
}

/// All there is to know of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointMetadata {
    /// What it was made for.
    pub kind: Kind,
    /// Its number within the job; savepoints count too.
    pub checkpoint: u64,
    /// 32 hexadecimal digits.
    pub job_id: String,
    /// [`Plan::name`] when it ran.
    pub job_name: String,
    /// Epoch of the leader that completed it; 0 without high availability.
    pub leader_epoch: u64,
    /// When it was triggered, wall clock in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Version of the program.
    pub river_version: String,
    /// The job's vertices, producers before consumers.
    pub vertices: Vec<VertexState>,
    /// What ran.
    pub plan: Plan,
}

/// The state of a vertex.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VertexState {
    /// Nodes of the plan that run in it, in order.
    pub nodes: Vec<usize>,
    /// Names of its operators.
    pub name: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Number of key groups.
    pub max_parallelism: u32,
    /// Channels that a subtask has for each input of the first node; none for a source.
    pub channels: Vec<usize>,
    /// One for each subtask, in order.
    pub subtasks: Vec<SubtaskHandle>,
}

/// The state of a subtask.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtaskHandle {
    /// What operators remember beside their tables.
    #[serde(with = "base64::locals", default, skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<(OperatorId, Vec<u8>)>,
    /// A source's splits and how far they are read.
    #[serde(with = "base64::splits", default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<SplitState>,
    /// What a sink has prepared to be committed.
    #[serde(with = "base64::items", default, skip_serializing_if = "Vec::is_empty")]
    pub prepared: Vec<Vec<u8>>,
    /// It had ended, and is not to run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
    /// Rows of its tables and batches in flight, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<StateFile>,
    /// What `rows` only changes, oldest first: see [`SubtaskHandle::files`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<StateFile>,
    /// Whether there are batches in flight among them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_flight: bool,
    /// How long its parts took.
    #[serde(default)]
    pub timing: StoredTiming,
}

/// Where the content of a subtask's file is. See [`mod@crate::file`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateFile {
    /// Here: it is small (`execution.checkpointing.data-inline-threshold`).
    Inline(#[serde(with = "base64::bytes")] Vec<u8>),
    /// In a file in the folder of the metadata.
    Stored(FileHandle),
}

/// A file that the metadata names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHandle {
    /// Its name in the folder of the metadata, or in that of shared files.
    pub name: String,
    /// Whether it is in the folder of shared files ([`layout::shared_folder`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Its size.
    pub bytes: u64,
    /// CRC-32C of its index, which in turn holds those of all blocks.
    pub index_crc32c: u32,
}

/// [`Timing`] and the time behind it, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTiming {
    /// From the trigger to the first barrier.
    pub start_delay_us: u64,
    /// From the first barrier to the last one.
    pub alignment_us: u64,
    /// The cut.
    pub sync_us: u64,
    /// From the first row given to the writer until all was durable.
    pub store_us: u64,
}

impl StoredTiming {
    /// A task's times with that of its writer.
    pub fn new(timing: Timing, store_us: u64) -> StoredTiming {
        StoredTiming {
            start_delay_us: timing.start_delay_us,
            alignment_us: timing.alignment_us,
            sync_us: timing.sync_us,
            store_us,
        }
    }
}

impl StateFile {
    /// Bytes it takes.
    pub fn bytes(&self) -> u64 {
        match self {
            StateFile::Inline(bytes) => bytes.len() as u64,
            StateFile::Stored(file) => file.bytes,
        }
    }
}

impl FileHandle {
    /// Its path, for metadata in `folder`.
    pub fn path(&self, folder: &str) -> String {
        match self.shared {
            true => join(&layout::shared_folder(folder), &self.name),
            false => join(folder, &self.name),
        }
    }
}

impl SubtaskHandle {
    /// Its files, oldest first. Rows of a table are those of the newest file that holds the table
    /// as a whole, and the changes in later ones. Batches in flight are in the newest only.
    pub fn files(&self) -> impl Iterator<Item = &StateFile> {
        self.earlier.iter().chain(&self.rows)
    }

    /// Bytes of state, without the frame around them.
    pub fn state_bytes(&self) -> u64 {
        let locals = self.locals.iter().map(|(_, bytes)| bytes.len());
        let splits = self.splits.iter().map(|split| split.split.len() + split.position.len());
        let prepared = self.prepared.iter().map(Vec::len);
        let small: usize = locals.chain(splits).chain(prepared).sum();
        small as u64 + self.files().map(StateFile::bytes).sum::<u64>()
    }

    /// Bytes of state that were written for the checkpoint of that number itself.
    pub fn written_bytes(&self, checkpoint: u64) -> u64 {
        let is_older = |file: &StateFile| match file {
            StateFile::Stored(file) if file.shared => {
                layout::shared_origin(&file.name).is_none_or(|(_, made)| made != checkpoint)
            }
            _ => false,
        };
        let older = self.files().filter(|file| is_older(file)).map(StateFile::bytes);
        self.state_bytes() - older.sum::<u64>()
    }
}

impl VertexState {
    /// Whether all its subtasks had ended.
    pub fn is_finished(&self) -> bool {
        !self.subtasks.is_empty() && self.subtasks.iter().all(|subtask| subtask.finished)
    }

    /// Whether a subtask has rows, so that the number of key groups matters.
    pub fn has_rows(&self) -> bool {
        self.subtasks.iter().any(|subtask| subtask.rows.is_some())
    }
}

impl CheckpointMetadata {
    /// Bytes of state of all subtasks.
    pub fn state_bytes(&self) -> u64 {
        self.subtasks().map(SubtaskHandle::state_bytes).sum()
    }

    /// Bytes of state that were written for this checkpoint: less, if it refers to files of
    /// earlier ones.
    pub fn written_bytes(&self) -> u64 {
        self.subtasks().map(|subtask| subtask.written_bytes(self.checkpoint)).sum()
    }

    /// Names of the shared files that it refers to.
    pub fn shared_files(&self) -> impl Iterator<Item = &str> {
        self.files().filter(|file| file.shared).map(|file| &file.name[..])
    }

    /// The subtasks of all vertices.
    pub fn subtasks(&self) -> impl Iterator<Item = &SubtaskHandle> {
        self.vertices.iter().flat_map(|vertex| &vertex.subtasks)
    }

    /// The files it names.
    pub fn files(&self) -> impl Iterator<Item = &FileHandle> {
        self.subtasks().flat_map(SubtaskHandle::files).filter_map(|file| match file {
            StateFile::Stored(file) => Some(file),
            StateFile::Inline(_) => None,
        })
    }

    /// Whether there are batches in flight in it.
    pub fn has_in_flight(&self) -> bool {
        self.subtasks().any(|subtask| subtask.in_flight)
    }

    /// The vertex that runs a node of the plan.
    pub fn vertex_of(&self, node: usize) -> Option<usize> {
        self.vertices.iter().position(|vertex| vertex.nodes.contains(&node))
    }
}

/// The bytes of `_metadata`.
///
/// # Errors
/// No thread can be started; a bug.
pub fn encode(metadata: &CheckpointMetadata) -> Result<Vec<u8>> {
    let body = json::to_vec(metadata)?;
    Ok(frame::wrap(VERSION, &body))
}

/// Reads `_metadata`; `file` is its full URI, for messages.
///
/// # Errors
/// It is damaged, or a newer program wrote it.
pub fn decode(bytes: &[u8], file: &str) -> Result<CheckpointMetadata> {
    let (version, body) = frame::unwrap(bytes).map_err(|reason| Error::damaged(file, reason))?;
    if version > VERSION {
        return Err(newer(file, "its version", version, VERSION));
    }
    let metadata: CheckpointMetadata = json::from_slice(body, file)?;
    if metadata.plan.version > PLAN_VERSION {
        return Err(newer(file, "the version of its plan", metadata.plan.version, PLAN_VERSION));
    }
    check(&metadata, file)?;
    Ok(metadata)
}

fn newer(file: &str, what: &str, found: u32, known: u32) -> Error {
    let message = format!(
        "{file} was written by a newer version of this program ({what} is {found}, the newest \
         known is {known}); use that version"
    );
    Error::new(ErrorKind::Newer, message)
}

/// What everyone who reads metadata relies on.
fn check(metadata: &CheckpointMetadata, file: &str) -> Result<()> {
    let nodes = metadata.plan.nodes.len();
    for (number, vertex) in metadata.vertices.iter().enumerate() {
        let wrong = |what: &str| Err(Error::damaged(file, format!("vertex {number} {what}")));
        if vertex.nodes.is_empty() || vertex.nodes.iter().any(|node| *node >= nodes) {
            return wrong("names no node of the plan");
        }
        if vertex.parallelism == 0 || vertex.subtasks.len() != vertex.parallelism as usize {
            return wrong("has not as many subtasks as its parallelism");
        }
        let most = river_core::key_group::MAX_MAX_PARALLELISM;
        if vertex.max_parallelism < vertex.parallelism || vertex.max_parallelism > most {
            return wrong("has an impossible number of key groups");
        }
        if vertex.channels.iter().any(|channels| *channels > 1 << 30) {
            return wrong("has an impossible number of channels");
        }
    }
    for handle in metadata.files() {
        crate::layout::check_file_name(&handle.name, file)?;
    }
    Ok(())
}
