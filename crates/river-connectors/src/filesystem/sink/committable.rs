//! What a writer hands over at a barrier: the whole durable state of the sink. Kept in
//! checkpoints, as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use river_runtime::{Error, Result};
use serde::{Deserialize, Serialize};

/// What a writer has done up to a barrier, and what it knows there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committable {
    /// The sink, in all lives of its job.
    pub sink: String,
    /// The life.
    pub run: String,
    /// The writer's subtask.
    pub subtask: u32,
    /// Number of this barrier among the writer's, from 0.
    pub barrier: u64,
    /// Files to become visible: those finished since the barrier before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FinishedFile>,
    /// Number of the run's next file: the writer's files from there on are of later checkpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_file: Option<u64>,
    /// The writer's watermark in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<i64>,
    /// Partitions with rows that are not marked complete, with the wall-clock time in
    /// milliseconds of their first row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pending: BTreeMap<String, i64>,
    /// By subtask, how many barriers of this run were committed by then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub committed: BTreeMap<u32, u64>,
    /// Runs of which all that counts was committed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub settled: BTreeSet<String>,
}

/// A file that is whole and durable, under its hidden name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedFile {
    /// The visible name, below the table's path.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

impl FinishedFile {
    /// Where it is before the commit, and where after it.
    pub fn paths(&self, table: &Path) -> (PathBuf, PathBuf) {
        let visible = table.join(&self.name);
        (hidden_path(&visible), visible)
    }
}

/// Where a file is until it is committed.
pub fn hidden_path(visible: &Path) -> PathBuf {
    let name = visible.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    visible.with_file_name(format!(".{name}.inprogress"))
}

impl Committable {
    /// For a checkpoint.
    pub fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|error| Error::internal(format!("filesystem sink: prepared output: {error}")))
    }

    /// Of a checkpoint.
    pub fn decode_all(prepared: &[Vec<u8>]) -> Result<Vec<Committable>> {
        let decode = |bytes: &Vec<u8>| serde_json::from_slice(bytes);
        prepared.iter().map(decode).collect::<std::result::Result<_, _>>().map_err(|error| {
            Error::internal(format!("filesystem sink: prepared output is damaged: {error}"))
        })
    }

    /// Whether `later`, of the same checkpoint, tells that this was committed before. A subtask
    /// that has ended hands over for the last time, but checkpoints go on telling of it; by now
    /// its files may have been taken away.
    pub fn is_settled_by(&self, later: &Committable) -> bool {
        let barriers = later.committed.get(&self.subtask);
        later.settled.contains(&self.run)
            || later.run == self.run && barriers.is_some_and(|count| self.barrier < *count)
    }
}
