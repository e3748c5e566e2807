//! Reads the file of one subtask: its index first, then blocks, each checked against its checksum.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::Buffer;
use river_storage::{Storage, join};

use crate::file::{Block, HEADER_BYTES, Index, TRAILER_BYTES, Trailer, block, check_header};
use crate::metadata::StateFile;
use crate::{Error, Result};

/// Read at first from the end of a file: most indexes are shorter.
const TAIL_BYTES: u64 = 64 << 10;

/// The file of one subtask, its index read.
#[derive(Debug)]
pub struct SubtaskFile {
    source: Source,
    /// Full URI of the file, or of the metadata that it is part of.
    uri: String,
    index: Index,
}

#[derive(Debug)]
enum Source {
    Inline(Buffer),
    Object { storage: Arc<dyn Storage>, path: String },
}

impl SubtaskFile {
    /// Opens a file of a checkpoint whose metadata is in `folder`.
    ///
    /// # Errors
    /// It is not there, is not as the metadata says, or its index is damaged.
    pub fn open(storage: &Arc<dyn Storage>, folder: &str, file: &StateFile) -> Result<SubtaskFile> {
        match file {
            StateFile::Inline(bytes) => {
                let uri = storage.display(&join(folder, crate::layout::METADATA));
                let uri = format!("state inside {uri}");
                let size = bytes.len() as u64;
                let index = read_index(&uri, size, None, bytes, |range| {
                    Ok(bytes[range.start as usize..range.end as usize].to_vec())
                })?;
                check_header(bytes, &uri)?;
                let source = Source::Inline(Buffer::from(&bytes[..]));
                Ok(SubtaskFile { source, uri, index })
            }
            StateFile::Stored(handle) => {
                let path = handle.path(folder);
                let uri = storage.display(&path);
                let size = storage.size(&path).map_err(|error| absent(error, &uri))?;
                if size != handle.bytes {
                    let reason = match size < handle.bytes {
                        true => format!("cut off at byte {size} of {}", handle.bytes),
                        false => format!("{} bytes too long", size - handle.bytes),
                    };
                    return Err(Error::damaged(&uri, reason));
                }
                let tail = storage.read_range(&path, size.saturating_sub(TAIL_BYTES)..size)?;
                let read = |range| Ok(storage.read_range(&path, range)?);
                let index = read_index(&uri, size, Some(handle.index_crc32c), &tail, read)?;
                let header = storage.read_range(&path, 0..HEADER_BYTES as u64)?;
                check_header(&header, &uri)?;
                let source = Source::Object { storage: storage.clone(), path };
                Ok(SubtaskFile { source, uri, index })
            }
        }
    }

    /// What is in it.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Full URI, for messages.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Some of its bytes, aligned as blocks are.
    pub(crate) fn read(&self, range: Range<u64>) -> Result<Buffer> {
        match &self.source {
            // Its length was compared with the index.
            Source::Inline(bytes) => {
                let length = (range.end - range.start) as usize;
                Ok(bytes.slice_with_length(range.start as usize, length))
            }
            Source::Object { storage, path } => {
                Ok(Buffer::from_vec(storage.read_range(path, range)?))
            }
        }
    }

    /// Whether these are the bytes of a block.
    pub(crate) fn check(&self, block: &Block, bytes: &[u8]) -> Result<()> {
        if crc32c::crc32c(bytes) == block.crc32c {
            return Ok(());
        }
        let Range { start, end } = block.bytes;
        let reason = format!("the checksum of bytes {start} to {end} does not match");
        Err(Error::damaged(&self.uri, reason))
    }

    /// The columns of a block, of which these are the bytes.
    pub(crate) fn decode(&self, block: &Block, bytes: &Buffer) -> Result<Vec<ArrayRef>> {
        self.check(block, bytes)?;
        let schema = &self.index.streams[block.stream].schema;
        block::decode(bytes, schema, block.rows).map_err(|reason| Error::damaged(&self.uri, reason))
    }
}

/// A file that the metadata names must be there.
fn absent(error: river_storage::Error, uri: &str) -> Error {
    if error.kind() == river_storage::ErrorKind::NotFound {
        return Error::damaged(uri, "the file is missing");
    }
    error.into()
}

/// The index of a file of `size` bytes that ends with `tail`.
fn read_index(
    uri: &str,
    size: u64,
    crc: Option<u32>,
    tail: &[u8],
    read: impl FnOnce(Range<u64>) -> Result<Vec<u8>>,
) -> Result<Index> {
    let trailer = Trailer::decode(tail, uri)?;
    let end = size - TRAILER_BYTES as u64;
    let start = end
        .checked_sub(trailer.index_bytes)
        .filter(|start| *start >= HEADER_BYTES as u64)
        .ok_or_else(|| Error::damaged(uri, "its end says an impossible length of its index"))?;
    let before_tail = size - tail.len() as u64;
    let bytes = match start.checked_sub(before_tail) {
        Some(at) => tail[at as usize..tail.len() - TRAILER_BYTES].to_vec(),
        None => read(start..end)?,
    };
    let found = crc32c::crc32c(&bytes);
    if found != trailer.index_crc32c {
        return Err(Error::damaged(uri, "the checksum of its index does not match"));
    }
    if crc.is_some_and(|crc| crc != found) {
        return Err(Error::damaged(uri, "it is not the file that the metadata means"));
    }
    Index::decode(&bytes, end).map_err(|reason| Error::damaged(uri, reason))
}
