//! What is inside a checkpoint or savepoint, for people ([`Description`] prints itself) and for
//! programs (it serialises itself). Reads metadata and indexes, no rows. What is missing or damaged
//! is said in its place; the rest is described all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use river_runtime::checkpoint::OperatorId;
use river_runtime::graph::node_name;
use river_storage::{Storage, parent};
use serde::Serialize;

use crate::file::{Content, Part, Stream};
use crate::metadata::{FileHandle, Kind, StateFile};
use crate::reader::SubtaskFile;
use crate::{CheckpointMetadata, Result, SubtaskHandle, VertexState, layout, locate};

#[cfg(test)]
mod tests;
mod text;

/// What is inside a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// Checkpoint or savepoint.
    pub kind: Kind,
    /// Full URI of its `_metadata`.
    pub path: String,
    /// Its number.
    pub checkpoint: u64,
    /// Id of the job.
    pub job_id: String,
    /// Name of the job.
    pub job_name: String,
    /// When it was triggered, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Version of the program that made it.
    pub river_version: String,
    /// Epoch of the leader that made it.
    pub leader_epoch: u64,
    /// Number of its files beside `_metadata`.
    pub files: usize,
    /// Bytes in these files.
    pub file_bytes: u64,
    /// Bytes of state, in files or in `_metadata`.
    pub state_bytes: u64,
    /// How many of its files other checkpoints of the job may refer to as well.
    pub shared_files: usize,
    /// Full URI of the folder of these.
    pub shared_folder: String,
    /// Bytes of state that were written for this checkpoint.
    pub written_bytes: u64,
    /// The job's vertices.
    pub vertices: Vec<VertexDescription>,
}

/// What is kept of a vertex.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VertexDescription {
    /// Names of its operators.
    pub name: String,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Number of key groups.
    pub max_parallelism: u32,
    /// Subtasks that had ended.
    pub finished: usize,
    /// Bytes of state of each subtask.
    pub subtask_bytes: Vec<u64>,
    /// Operators that keep something.
    pub operators: Vec<OperatorDescription>,
    /// Splits of its source.
    pub splits: Vec<SplitDescription>,
    /// Output that its sink had prepared.
    pub prepared: Vec<PreparedDescription>,
    /// Batches in flight.
    pub in_flight: InFlightDescription,
    /// What is wrong with its files.
    pub problems: Vec<String>,
}

/// What is kept of an operator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatorDescription {
    /// Node of the plan.
    pub node: usize,
    /// Position among the operators of the node.
    pub part: usize,
    /// Its name.
    pub name: String,
    /// Its tables.
    pub tables: Vec<TableDescription>,
    /// Bytes that its subtasks remember beside tables.
    pub local_bytes: u64,
}

/// A state table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableDescription {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<ColumnDescription>,
    /// Rows of all subtasks; in incremental checkpoints also those that later files replace.
    pub rows: u64,
    /// Keys whose earlier rows do not count, in incremental checkpoints.
    pub replaced_keys: u64,
    /// Rows of each subtask.
    pub subtask_rows: Vec<u64>,
    /// Bytes in files, of all subtasks.
    pub bytes: u64,
    /// Key groups that have rows.
    pub key_groups: usize,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDescription {
    /// Its name.
    pub name: String,
    /// Its Arrow type.
    pub data_type: String,
}

/// A split of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitDescription {
    /// The subtask that read it.
    pub subtask: usize,
    /// The split.
    pub split: String,
    /// How far it was read: text, or hexadecimal digits behind `0x`.
    pub position: String,
}

/// Prepared output of a subtask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreparedDescription {
    /// The subtask.
    pub subtask: usize,
    /// What it had prepared: text, or hexadecimal digits behind `0x`.
    pub items: Vec<String>,
}

/// Batches in flight of a vertex.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InFlightDescription {
    /// Number of batches.
    pub batches: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in files.
    pub bytes: u64,
}

/// Describes the checkpoint that `uri` means ([`locate::locate`]).
///
/// # Errors
/// There is none, or its metadata cannot be read.
pub fn describe(uri: &str, options: &BTreeMap<String, String>) -> Result<Description> {
    let located = locate::locate(uri, options)?;
    describe_at(&located.storage, &located.path)
}

/// Describes the checkpoint whose `_metadata` is at `path`.
///
/// # Errors
/// The metadata cannot be read.
pub fn describe_at(storage: &Arc<dyn Storage>, path: &str) -> Result<Description> {
    let metadata = layout::read(storage.as_ref(), path)?;
    let folder = parent(path).unwrap_or_default();
    let vertex = |vertex| describe_vertex(storage, folder, &metadata, vertex);
    Ok(Description {
        kind: metadata.kind,
        path: storage.display(path),
        checkpoint: metadata.checkpoint,
        job_id: metadata.job_id.clone(),
        job_name: metadata.job_name.clone(),
        timestamp_ms: metadata.timestamp_ms,
        river_version: metadata.river_version.clone(),
        leader_epoch: metadata.leader_epoch,
        files: metadata.files().count(),
        file_bytes: metadata.files().map(|file: &FileHandle| file.bytes).sum(),
        state_bytes: metadata.state_bytes(),
        shared_files: metadata.shared_files().count(),
        shared_folder: storage.display(&layout::shared_folder(folder)),
        written_bytes: metadata.written_bytes(),
        vertices: metadata.vertices.iter().map(vertex).collect(),
    })
}

fn describe_vertex(
    storage: &Arc<dyn Storage>,
    folder: &str,
    metadata: &CheckpointMetadata,
    vertex: &VertexState,
) -> VertexDescription {
    let subtasks = || vertex.subtasks.iter().enumerate();
    let splits = subtasks().flat_map(|(subtask, state)| {
        state.splits.iter().map(move |split| SplitDescription {
            subtask,
            split: split.split.clone(),
            position: text::readable(&split.position),
        })
    });
    let prepared = subtasks().filter(|(_, state)| !state.prepared.is_empty());
    let prepared = prepared.map(|(subtask, state)| PreparedDescription {
        subtask,
        items: state.prepared.iter().map(|item| text::readable(item)).collect(),
    });
    let mut rows = Rows::default();
    for (subtask, state) in subtasks() {
        rows.add(storage, folder, subtask, state);
    }
    VertexDescription {
        name: vertex.name.clone(),
        parallelism: vertex.parallelism,
        max_parallelism: vertex.max_parallelism,
        finished: vertex.subtasks.iter().filter(|subtask| subtask.finished).count(),
        subtask_bytes: vertex.subtasks.iter().map(SubtaskHandle::state_bytes).collect(),
        splits: splits.collect(),
        prepared: prepared.collect(),
        in_flight: rows.in_flight.clone(),
        problems: std::mem::take(&mut rows.problems),
        operators: rows.operators(metadata, vertex),
    }
}

/// What the files of a vertex hold.
#[derive(Default)]
struct Rows {
    tables: BTreeMap<(OperatorId, String), Table>,
    in_flight: InFlightDescription,
    problems: Vec<String>,
}

struct Table {
    stream: Stream,
    subtask_rows: BTreeMap<usize, u64>,
    removed_keys: BTreeMap<usize, u64>,
    bytes: u64,
    groups: BTreeSet<u32>,
}

impl Rows {
    fn add(
        &mut self,
        storage: &Arc<dyn Storage>,
        folder: &str,
        subtask: usize,
        state: &SubtaskHandle,
    ) {
        let files: Vec<&StateFile> = state.files().collect();
        for (number, file) in files.iter().enumerate() {
            let is_newest = number + 1 == files.len();
            match SubtaskFile::open(storage, folder, file) {
                Ok(file) => self.add_file(&file, subtask, is_newest && state.in_flight),
                Err(error) => self.problems.push(error.to_string()),
            }
        }
    }

    /// Adds what is in one of a subtask's files, oldest first.
    fn add_file(&mut self, file: &SubtaskFile, subtask: usize, in_flight: bool) {
        for stream in &file.index().streams {
            // What older files hold of it does not count.
            if let Content::Table { operator, name, part: Part::Whole } = &stream.content
                && let Some(table) = self.tables.get_mut(&(*operator, name.clone()))
            {
                table.subtask_rows.remove(&subtask);
                table.removed_keys.remove(&subtask);
            }
        }
        for block in &file.index().blocks {
            let stream = &file.index().streams[block.stream];
            let bytes = block.bytes.end - block.bytes.start;
            match &stream.content {
                Content::Table { operator, name, part: Part::Removed } => {
                    let key = (*operator, name.clone());
                    if let Some(table) = self.tables.get_mut(&key) {
                        *table.removed_keys.entry(subtask).or_default() += block.rows as u64;
                        table.bytes += bytes;
                    }
                }
                Content::Table { operator, name, .. } => {
                    let key = (*operator, name.clone());
                    let table = self.tables.entry(key).or_insert_with(|| Table {
                        stream: stream.clone(),
                        subtask_rows: BTreeMap::new(),
                        removed_keys: BTreeMap::new(),
                        bytes: 0,
                        groups: BTreeSet::new(),
                    });
                    *table.subtask_rows.entry(subtask).or_default() += block.rows as u64;
                    table.bytes += bytes;
                    table.groups.extend(block.runs.iter().map(|run| run.group));
                }
                Content::InFlight { .. } if !in_flight => {}
                Content::InFlight { .. } => {
                    self.in_flight.batches += 1;
                    self.in_flight.rows += block.rows as u64;
                    self.in_flight.bytes += bytes;
                }
            }
        }
    }

    fn operators(
        self,
        metadata: &CheckpointMetadata,
        vertex: &VertexState,
    ) -> Vec<OperatorDescription> {
        let mut operators: BTreeMap<OperatorId, OperatorDescription> = BTreeMap::new();
        let new = |operator: OperatorId| {
            let node = metadata.plan.nodes.get(operator.node);
            OperatorDescription {
                node: operator.node,
                part: operator.part,
                name: node.map_or_else(|| format!("node {}", operator.node), node_name),
                tables: Vec::new(),
                local_bytes: 0,
            }
        };
        for ((operator, name), table) in self.tables {
            let columns = table.stream.columns().iter().map(|field| ColumnDescription {
                name: field.name().clone(),
                data_type: field.data_type().to_string(),
            });
            let rows_of = |subtask| table.subtask_rows.get(&subtask).copied().unwrap_or(0);
            let table = TableDescription {
                name,
                columns: columns.collect(),
                rows: table.subtask_rows.values().sum(),
                subtask_rows: (0..vertex.subtasks.len()).map(rows_of).collect(),
                replaced_keys: table.removed_keys.values().sum(),
                bytes: table.bytes,
                key_groups: table.groups.len(),
            };
            operators.entry(operator).or_insert_with(|| new(operator)).tables.push(table);
        }
        for (operator, local) in vertex.subtasks.iter().flat_map(|subtask| &subtask.locals) {
            let description = operators.entry(*operator).or_insert_with(|| new(*operator));
            description.local_bytes += local.len() as u64;
        }
        operators.into_values().collect()
    }
}
