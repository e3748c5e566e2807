//! What a writer hands over at a barrier: the whole durable state of the sink. Kept in
//! checkpoints, as JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use river_runtime::{Error, Result};
use serde::{Deserialize, Serialize};

/// An entry of what was prepared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prepared {
    /// A finished file that is to become visible.
    File(FinishedFile),
    /// How far the writer has come; one at every barrier.
    Writer(WriterState),
}

/// A file that is whole and durable, under its hidden name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedFile {
    /// The visible name, below the table's path.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// What a writer knows at a barrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterState {
    /// The sink, in all lives of its job.
    pub sink: String,
    /// The life.
    pub run: String,
    /// The writer's subtask.
    pub subtask: u32,
    /// Number of this barrier among the writer's.
    pub barrier: u64,
    /// The writer's watermark in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<i64>,
    /// Partitions with rows that are not marked complete, with the wall-clock time in
    /// milliseconds of their first row.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pending: BTreeMap<String, i64>,
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

impl Prepared {
    /// For a checkpoint.
    pub fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|error| Error::internal(format!("filesystem sink: prepared output: {error}")))
    }

    /// Of a checkpoint: finished files, and writers.
    pub fn decode_all(prepared: &[Vec<u8>]) -> Result<(Vec<FinishedFile>, Vec<WriterState>)> {
        let (mut files, mut writers) = (Vec::new(), Vec::new());
        for bytes in prepared {
            match serde_json::from_slice(bytes) {
                Ok(Prepared::File(file)) => files.push(file),
                Ok(Prepared::Writer(writer)) => writers.push(writer),
                Err(error) => {
                    return Err(Error::internal(format!(
                        "filesystem sink: prepared output is damaged: {error}"
                    )));
                }
            }
        }
        Ok((files, writers))
    }
}
