//! The index of a subtask's file: which streams of rows there are, and where their blocks lie.
//!
//! Varints (LEB128) unless said otherwise; signed ones zigzag.
//!
//! ```text
//! streams: count, then each
//!     kind        one byte: 0 rows of a whole state table, 1 batches in flight, 2 rows of changed
//!                 keys of a table, 3 keys of a table that are removed first
//!     kind 0, 2, 3   node, part, name of the table (length, UTF-8)
//!     kind 1      channel of the task; one byte: 1 if the last column is the rows' kinds
//!     schema      length, then an Arrow IPC schema (flatbuffer)
//! blocks: count, then each
//!     stream      position in the list above
//!     offset      in the file, in units of 64 bytes
//!     length      in units of 64 bytes
//!     rows
//!     crc         CRC-32C of the block with its padding, 4 bytes
//!     stream of kind 0, 2 or 3: runs: count, then each: key group less the one before, rows of it
//!     stream of kind 1: marks: count, then each: rows before it, watermark (signed)
//! ```

use std::ops::Range;
use std::sync::Arc;

use arrow_ipc::convert::{IpcSchemaEncoder, fb_to_schema};
use arrow_schema::{FieldRef, Schema, SchemaRef};
use river_runtime::Mark;
use river_runtime::checkpoint::OperatorId;

use super::varint::{Reader, Result, put_bytes, put_i64, put_u64, put_usize};
use super::{ALIGNMENT, HEADER_BYTES};

const TABLE: u8 = 0;
const IN_FLIGHT: u8 = 1;
const CHANGED: u8 = 2;
const REMOVED: u8 = 3;

/// What is in a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    /// The streams of rows.
    pub streams: Vec<Stream>,
    /// The blocks, in the order of the file.
    pub blocks: Vec<Block>,
}

/// Rows of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// What they are.
    pub content: Content,
    /// Their columns, with the types that they have outside of the file.
    pub schema: SchemaRef,
}

/// What the rows of a stream are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// Rows of a state table, or keys of it.
    Table {
        /// The operator that keeps it.
        operator: OperatorId,
        /// Name within the operator.
        name: String,
        /// What of the table.
        part: Part,
    },
    /// Batches that a barrier has overtaken; one block each.
    InFlight {
        /// Channel of the task.
        channel: usize,
        /// Whether the last column holds the kinds of the rows.
        has_kinds: bool,
    },
}

/// Rows that were stored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Position in [`Index::streams`].
    pub stream: usize,
    /// Bytes of the file.
    pub bytes: Range<u64>,
    /// Number of rows.
    pub rows: usize,
    /// CRC-32C of the bytes.
    pub crc32c: u32,
    /// Rows of each key group, in order of the groups; for rows of a table.
    pub runs: Vec<Run>,
    /// Watermarks between the rows; for a batch in flight.
    pub marks: Vec<Mark>,
}

/// Rows of one key group that follow each other in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The key group.
    pub group: u32,
    /// Number of rows.
    pub rows: usize,
}

/// What of a table is in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All rows: what earlier files hold of the table does not count. Such a stream may have no
    /// blocks; then the table is empty.
    Whole,
    /// Rows of keys that have changed.
    Changed,
    /// Keys of which nothing counts that earlier files hold; key columns only.
    Removed,
}

impl Part {
    fn kind(self) -> u8 {
        match self {
            Part::Whole => TABLE,
            Part::Changed => CHANGED,
            Part::Removed => REMOVED,
        }
    }
}

impl Stream {
    /// The columns without that of the kinds.
    pub fn columns(&self) -> &[FieldRef] {
        let fields = self.schema.fields();
        match self.content {
            Content::InFlight { has_kinds: true, .. } => &fields[..fields.len().max(1) - 1],
            _ => fields,
        }
    }
}

impl Block {
    /// The rows of key groups in `groups`: they follow each other.
    pub fn rows_of(&self, groups: &Range<u32>) -> Range<usize> {
        let first = self.runs.partition_point(|run| run.group < groups.start);
        let end = self.runs.partition_point(|run| run.group < groups.end);
        let rows = |runs: &[Run]| runs.iter().map(|run| run.rows).sum::<usize>();
        let start = rows(&self.runs[..first]);
        start..start + rows(&self.runs[first..end.max(first)])
    }
}

impl Index {
    /// The bytes of the index.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_usize(&mut out, self.streams.len());
        for stream in &self.streams {
            match &stream.content {
                Content::Table { operator, name, part } => {
                    out.push(part.kind());
                    put_usize(&mut out, operator.node);
                    put_usize(&mut out, operator.part);
                    put_bytes(&mut out, name.as_bytes());
                }
                Content::InFlight { channel, has_kinds } => {
                    out.push(IN_FLIGHT);
                    put_usize(&mut out, *channel);
                    out.push(u8::from(*has_kinds));
                }
            }
            let schema = IpcSchemaEncoder::new().schema_to_fb(&stream.schema);
            put_bytes(&mut out, schema.finished_data());
        }
        put_usize(&mut out, self.blocks.len());
        for block in &self.blocks {
            self.encode_block(block, &mut out);
        }
        out
    }

    fn encode_block(&self, block: &Block, out: &mut Vec<u8>) {
        put_usize(out, block.stream);
        put_u64(out, block.bytes.start / ALIGNMENT as u64);
        put_u64(out, (block.bytes.end - block.bytes.start) / ALIGNMENT as u64);
        put_usize(out, block.rows);
        out.extend_from_slice(&block.crc32c.to_le_bytes());
        match self.streams[block.stream].content {
            Content::Table { .. } => {
                put_usize(out, block.runs.len());
                let mut last = 0;
                for run in &block.runs {
                    put_u64(out, u64::from(run.group - last));
                    put_usize(out, run.rows);
                    last = run.group;
                }
            }
            Content::InFlight { .. } => {
                put_usize(out, block.marks.len());
                for mark in &block.marks {
                    put_usize(out, mark.offset);
                    put_i64(out, mark.watermark);
                }
            }
        }
    }

    /// Reads an index that ends at byte `end` of its file; says what is wrong with it.
    pub fn decode(bytes: &[u8], end: u64) -> Result<Index> {
        let mut reader = Reader::new(bytes);
        let count = reader.count()?;
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            streams.push(decode_stream(&mut reader)?);
        }
        let count = reader.count()?;
        let mut blocks: Vec<Block> = Vec::with_capacity(count.min(1 << 16));
        let mut at = HEADER_BYTES as u64;
        for _ in 0..count {
            let block = decode_block(&mut reader, &streams)?;
            if block.bytes.start != at {
                return Err("its blocks do not follow each other".to_owned());
            }
            at = block.bytes.end;
            blocks.push(block);
        }
        if !reader.is_empty() || at.checked_add(bytes.len() as u64) != Some(end) {
            return Err("its index does not cover it".to_owned());
        }
        Ok(Index { streams, blocks })
    }
}

fn decode_stream(reader: &mut Reader) -> Result<Stream> {
    let content = match reader.byte()? {
        kind @ (TABLE | CHANGED | REMOVED) => {
            let operator = OperatorId { node: reader.usize()?, part: reader.usize()? };
            let part = match kind {
                CHANGED => Part::Changed,
                REMOVED => Part::Removed,
                _ => Part::Whole,
            };
            Content::Table { operator, name: reader.text()?.to_owned(), part }
        }
        IN_FLIGHT => Content::InFlight { channel: reader.usize()?, has_kinds: reader.byte()? != 0 },
        other => return Err(format!("its index holds rows of an unknown kind ({other})")),
    };
    let schema = decode_schema(reader.bytes()?)?;
    if matches!(content, Content::InFlight { has_kinds: true, .. }) && schema.fields().is_empty() {
        return Err("rows in flight have no column of kinds".to_owned());
    }
    Ok(Stream { content, schema })
}

/// The schema of a flatbuffer. The library's reader panics on what no writer makes: since it was
/// covered by a checksum that takes intent, but a bad file is an error all the same.
fn decode_schema(bytes: &[u8]) -> Result<SchemaRef> {
    // The verifier wants aligned bytes, which a part of an index need not be.
    let aligned = arrow_buffer::Buffer::from(bytes);
    let read = || -> Result<Schema> {
        let flat = arrow_ipc::root_as_schema(&aligned)
            .map_err(|error| format!("a schema in its index cannot be read: {error}"))?;
        if flat.fields().is_none() {
            return Err("a schema in its index has no columns".to_owned());
        }
        Ok(fb_to_schema(flat))
    };
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
    read.unwrap_or_else(|_| Err("a schema in its index cannot be read".to_owned())).map(Arc::new)
}

fn decode_block(reader: &mut Reader, streams: &[Stream]) -> Result<Block> {
    let stream = reader.usize()?;
    let content = &streams.get(stream).ok_or("a block is of no stream")?.content;
    let unit = ALIGNMENT as u64;
    let (offset, length) = (reader.u64()?.checked_mul(unit), reader.u64()?.checked_mul(unit));
    let bytes = offset.zip(length).and_then(|(o, l)| Some(o..o.checked_add(l)?));
    let bytes = bytes.ok_or("a block is too large")?;
    let rows = reader.usize()?;
    let crc32c = reader.u32_fixed()?;
    let mut block = Block { stream, bytes, rows, crc32c, runs: Vec::new(), marks: Vec::new() };
    let count = reader.count()?;
    match content {
        Content::Table { .. } => {
            let mut group = 0u32;
            let mut sum = 0usize;
            for number in 0..count {
                let step = reader.u32()?;
                group = group.checked_add(step).ok_or("a key group is too large")?;
                if step == 0 && number > 0 {
                    return Err("its key groups are out of order".to_owned());
                }
                let run = Run { group, rows: reader.usize()? };
                sum = sum.saturating_add(run.rows);
                block.runs.push(run);
            }
            if sum != rows {
                return Err("its key groups do not add up".to_owned());
            }
        }
        Content::InFlight { .. } => {
            for _ in 0..count {
                let mark = Mark { offset: reader.usize()?, watermark: reader.i64()? };
                let before = block.marks.last().map_or(0, |mark: &Mark| mark.offset);
                if mark.offset > rows || mark.offset < before {
                    return Err("its watermarks are out of order".to_owned());
                }
                block.marks.push(mark);
            }
        }
    }
    Ok(block)
}
