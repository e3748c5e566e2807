//! Reads all of a checkpoint and checks all there is to check: frames, sizes, checksums, rows that
//! can be decoded, key groups that can be. Changes nothing.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::sync::Arc;

use river_storage::{Storage, parent};
use serde::Serialize;

use crate::file::{Block, Content, Index};
use crate::metadata::StateFile;
use crate::read_ahead::{self, Piece};
use crate::reader::SubtaskFile;
use crate::units::{bytes, counted};
use crate::{CheckpointMetadata, Error, Result, VertexState, layout, locate};

#[cfg(test)]
mod tests;

/// What was checked, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Full URI of the metadata.
    pub path: String,
    /// Files that were read, beside the metadata.
    pub files: u64,
    /// Bytes that were read from files and of state inside the metadata.
    pub bytes: u64,
    /// Rows that were decoded.
    pub rows: u64,
    /// What is wrong; each names its file. Empty: nothing.
    pub problems: Vec<String>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Display for Verification {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (files, rows) = (counted(self.files, "file"), counted(self.rows, "row"));
        writeln!(f, "{}", self.path)?;
        writeln!(f, "read {files}, {}, {rows}", bytes(self.bytes))?;
        match self.problems.len() as u64 {
            0 => writeln!(f, "everything is whole"),
            count => {
                writeln!(f, "{}:", counted(count, "problem"))?;
                self.problems.iter().try_for_each(|problem| writeln!(f, "  {problem}"))
            }
        }
    }
}

/// Checks the checkpoint that `uri` means ([`locate::locate`]).
///
/// # Errors
/// There is none, or its metadata cannot be read. What is wrong with its files is no error, but in
/// [`Verification::problems`].
pub fn verify(uri: &str, options: &BTreeMap<String, String>) -> Result<Verification> {
    let located = locate::locate(uri, options)?;
    verify_at(&located.storage, &located.path)
}

/// Checks the checkpoint whose `_metadata` is at `path`.
///
/// # Errors
/// The metadata cannot be read.
pub fn verify_at(storage: &Arc<dyn Storage>, path: &str) -> Result<Verification> {
    let metadata = layout::read(storage.as_ref(), path)?;
    let folder = parent(path).unwrap_or_default();
    let mut found = Verification {
        path: storage.display(path),
        files: 0,
        bytes: 0,
        rows: 0,
        problems: Vec::new(),
    };
    for (vertex, number, file) in files(&metadata) {
        found.files += u64::from(matches!(file, StateFile::Stored(_)));
        found.bytes += file.bytes();
        match verify_file(storage, folder, file, vertex) {
            Ok(rows) => found.rows += rows,
            Err(error) => {
                found.problems.push(format!("subtask {number} of {}: {error}", vertex.name))
            }
        }
    }
    Ok(found)
}

/// Every file of every subtask with its vertex and the subtask's number.
pub(crate) fn files(
    metadata: &CheckpointMetadata,
) -> impl Iterator<Item = (&VertexState, usize, &StateFile)> {
    metadata.vertices.iter().flat_map(|vertex| {
        let subtasks = vertex.subtasks.iter().enumerate();
        subtasks
            .flat_map(move |(number, part)| part.files().map(move |file| (vertex, number, file)))
    })
}

/// Number of rows of a file, all of which were read.
pub(crate) fn verify_file(
    storage: &Arc<dyn Storage>,
    folder: &str,
    file: &StateFile,
    vertex: &VertexState,
) -> Result<u64> {
    let file = SubtaskFile::open(storage, folder, file)?;
    check_index(file.index(), vertex).map_err(|reason| Error::damaged(file.uri(), reason))?;
    let blocks = file.index().blocks.iter();
    let piece = |block| Piece::whole(&file, block);
    let pieces: Vec<Piece> = blocks.map(piece).collect();
    let mut rows = 0;
    read_ahead::read(&pieces, |_, _, count| {
        rows += count as u64;
        Ok::<(), Error>(())
    })?;
    Ok(rows)
}

/// Checks a file without decoding its rows: its frame, its index and the checksum of each block.
pub(crate) fn check_file(
    storage: &Arc<dyn Storage>,
    folder: &str,
    file: &StateFile,
    vertex: &VertexState,
) -> Result<()> {
    let file = SubtaskFile::open(storage, folder, file)?;
    check_index(file.index(), vertex).map_err(|reason| Error::damaged(file.uri(), reason))?;
    let mut blocks = &file.index().blocks[..];
    while let [first, ..] = blocks {
        let start = first.bytes.start;
        let is_near = |block: &&Block| block.bytes.end - start <= read_ahead::READ_BYTES;
        let count = blocks.iter().take_while(is_near).count().max(1);
        let (run, rest) = blocks.split_at(count);
        let bytes = file.read(start..run[count - 1].bytes.end)?;
        for block in run {
            let Range { start: from, end } = block.bytes;
            file.check(block, &bytes[(from - start) as usize..(end - start) as usize])?;
        }
        blocks = rest;
    }
    Ok(())
}

/// What an index says must fit the vertex.
fn check_index(index: &Index, vertex: &VertexState) -> std::result::Result<(), String> {
    let channels: usize = vertex.channels.iter().sum();
    for stream in &index.streams {
        match &stream.content {
            Content::Table { operator, .. } if !vertex.nodes.contains(&operator.node) => {
                return Err(format!("node {} does not run in {}", operator.node, vertex.name));
            }
            Content::InFlight { channel, .. } if *channel >= channels => {
                return Err(format!("the task had no channel {channel}"));
            }
            _ => {}
        }
    }
    let impossible =
        |block: &&Block| block.runs.last().is_some_and(|run| run.group >= vertex.max_parallelism);
    match index.blocks.iter().find(impossible) {
        Some(block) => Err(format!("bytes {:?} hold an impossible key group", block.bytes)),
        None => Ok(()),
    }
}
