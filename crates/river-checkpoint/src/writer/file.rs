//! Writes the file of one subtask: blocks as they come, the index at the end. What stays small is
//! kept in memory and becomes part of the metadata.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, UInt8Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use river_core::key_group::key_group;
use river_runtime::Batch;
use river_runtime::state::Saved;
use river_storage::ObjectWriter;

use super::{Place, TableId, WriterOptions};
use crate::file::block::BlockEncoder;
use crate::file::{Block, Content, HEADER_BYTES, Index, Part, Run, Stream, Trailer};
use crate::file::{columns, header};
use crate::metadata::{FileHandle, StateFile};
use crate::{Error, Result};

/// Blocks are not made much larger than this, so that a reader needs little memory.
const BLOCK_BYTES: u64 = 2 << 20;

/// The file of one subtask while it is written. Dropped unfinished, it leaves nothing.
pub(super) struct FileWriter {
    place: Place,
    name: String,
    is_shared: bool,
    max_parallelism: u32,
    inline_bytes: u64,
    encoder: BlockEncoder,
    index: Index,
    /// Positions in the index's streams.
    tables: BTreeMap<(TableId, Part), usize>,
    /// What has not been written yet: everything, while it is small.
    buffer: Vec<u8>,
    object: Option<Box<dyn ObjectWriter>>,
    position: u64,
}

impl FileWriter {
    /// With a name for a shared file it is one.
    pub fn new(
        place: Place,
        shared: Option<String>,
        inline_bytes: u64,
        options: &WriterOptions,
    ) -> Result<FileWriter> {
        Ok(FileWriter {
            place,
            is_shared: shared.is_some(),
            name: shared.unwrap_or_else(|| options.file_name.clone()),
            max_parallelism: options.max_parallelism,
            inline_bytes,
            encoder: BlockEncoder::new(options.compression)?,
            index: Index::default(),
            tables: BTreeMap::new(),
            buffer: header().to_vec(),
            object: None,
            position: HEADER_BYTES as u64,
        })
    }

    /// Whether later checkpoints may refer to it.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// What is in it so far.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Says that there is this of a table, perhaps without rows; gives the number of its stream.
    pub fn declare(&mut self, table: TableId, part: Part, schema: &SchemaRef) -> usize {
        *self.tables.entry((table, part)).or_insert_with(|| {
            let (operator, name) = (table.0, table.1.to_owned());
            let content = Content::Table { operator, name, part };
            self.index.streams.push(Stream { content, schema: schema.clone() });
            self.index.streams.len() - 1
        })
    }

    /// Adds rows of a table, of about so many bytes.
    pub fn table_rows(
        &mut self,
        table: TableId,
        part: Part,
        schema: &SchemaRef,
        rows: &[Saved],
        bytes: u64,
    ) -> Result<()> {
        let columns = schema.fields().len();
        if rows.iter().any(|saved| saved.columns.len() != columns) {
            return Err(Error::internal(format!("rows of state '{}' have other columns", table.1)));
        }
        let stream = self.declare(table, part, schema);
        let (order, groups) = by_key_group(rows, self.max_parallelism);
        let blocks = bytes.div_ceil(BLOCK_BYTES).clamp(1, order.len().max(1) as u64) as usize;
        let block_rows = order.len().div_ceil(blocks).max(1);
        let stored: SchemaRef = Arc::new(Schema::new(columns::stored_fields(schema)));
        for (order, groups) in order.chunks(block_rows).zip(groups.chunks(block_rows)) {
            let gather = |column| {
                let chunks: Vec<&ArrayRef> =
                    rows.iter().map(|saved| &saved.columns[column]).collect();
                columns::gather(&chunks, order)
            };
            let columns = (0..columns).map(gather).collect::<Result<Vec<_>>>()?;
            self.block(stream, stored.clone(), columns, order.len(), |block| {
                block.runs = runs(groups);
            })?;
        }
        Ok(())
    }

    /// Adds a batch in flight. Each has a block of its own, as it has watermarks between its rows.
    pub fn in_flight(&mut self, channel: usize, batch: &Batch) -> Result<()> {
        let mut arrays = batch.columns.clone();
        let mut fields: Vec<Field> = arrays
            .iter()
            .enumerate()
            .map(|(at, c)| Field::new(format!("column{at}"), c.data_type().clone(), true))
            .collect();
        if let Some(kinds) = &batch.kinds {
            fields.push(Field::new("kind", DataType::UInt8, false));
            arrays.push(Arc::new(UInt8Array::new(kinds.clone(), None)));
        }
        let content = Content::InFlight { channel, has_kinds: batch.kinds.is_some() };
        let stream = Stream { content, schema: Arc::new(Schema::new(fields)) };
        let known = self.index.streams.iter().position(|known| *known == stream);
        let stored = Arc::new(Schema::new(columns::stored_fields(&stream.schema)));
        let stream = known.unwrap_or_else(|| {
            self.index.streams.push(stream);
            self.index.streams.len() - 1
        });
        let arrays = arrays.iter().map(columns::compact).collect::<Result<Vec<_>>>()?;
        self.block(stream, stored, arrays, batch.rows, |block| block.marks = batch.marks.clone())
    }

    fn block(
        &mut self,
        stream: usize,
        schema: SchemaRef,
        columns: Vec<ArrayRef>,
        rows: usize,
        describe: impl FnOnce(&mut Block),
    ) -> Result<()> {
        let encoded = self.encoder.encode(schema, columns, rows)?;
        let end = self.position + encoded.bytes() as u64;
        let mut block = Block {
            stream,
            bytes: self.position..end,
            rows,
            crc32c: encoded.crc32c(),
            runs: Vec::new(),
            marks: Vec::new(),
        };
        describe(&mut block);
        self.index.blocks.push(block);
        self.write(&encoded.head)?;
        self.write(&encoded.body)?;
        self.position = end;
        Ok(())
    }

    /// Writes bytes: to memory while they are few, then to the object.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.object.is_none() {
            if (self.buffer.len() + bytes.len()) as u64 <= self.inline_bytes {
                self.buffer.extend_from_slice(bytes);
                return Ok(());
            }
            let mut object = self.place.storage.create(&self.path())?;
            let written = object.write_all(&std::mem::take(&mut self.buffer));
            written.map_err(|error| self.write_error(error))?;
            self.object = Some(object);
        }
        let written = self.object.as_mut().map_or(Ok(()), |object| object.write_all(bytes));
        written.map_err(|error| self.write_error(error))
    }

    fn path(&self) -> String {
        self.handle(0, 0).path(&self.place.folder)
    }

    fn handle(&self, bytes: u64, index_crc32c: u32) -> FileHandle {
        FileHandle { name: self.name.clone(), shared: self.is_shared, bytes, index_crc32c }
    }

    fn write_error(&self, error: std::io::Error) -> Error {
        let uri = self.place.storage.display(&self.path());
        river_storage::Error::from_io(error, "write", uri).into()
    }

    /// Makes the file durable. `None` if nothing was put into it.
    pub fn finish(mut self) -> Result<Option<StateFile>> {
        if self.index.streams.is_empty() {
            return Ok(None);
        }
        let index = self.index.encode();
        let index_crc32c = crc32c::crc32c(&index);
        let trailer = Trailer { index_bytes: index.len() as u64, index_crc32c };
        self.write(&index)?;
        self.write(&trailer.encode())?;
        let Some(object) = self.object.take() else {
            return Ok(Some(StateFile::Inline(self.buffer)));
        };
        let bytes = object.finish()?;
        Ok(Some(StateFile::Stored(self.handle(bytes, index_crc32c))))
    }
}

/// The rows (chunk and row of each) in order of their key groups, rows of one group in the order
/// they came, and the group of each.
fn by_key_group(rows: &[Saved], max_parallelism: u32) -> (Vec<(usize, usize)>, Vec<u32>) {
    let count: usize = rows.iter().map(Saved::rows).sum();
    let mut groups = Vec::with_capacity(count);
    let mut starts = vec![0usize; max_parallelism as usize + 1];
    for saved in rows {
        for hash in &saved.hashes {
            let group = key_group(*hash, max_parallelism);
            starts[group as usize + 1] += 1;
            groups.push(group);
        }
    }
    for group in 1..starts.len() {
        starts[group] += starts[group - 1];
    }
    let mut order = vec![(0, 0); count];
    let mut sorted = vec![0; count];
    let places = rows
        .iter()
        .enumerate()
        .flat_map(|(chunk, saved)| (0..saved.rows()).map(move |row| (chunk, row)));
    for (place, group) in places.zip(groups) {
        let next = &mut starts[group as usize];
        order[*next] = place;
        sorted[*next] = group;
        *next += 1;
    }
    (order, sorted)
}

fn runs(groups: &[u32]) -> Vec<Run> {
    let run = |run: &[u32]| Run { group: run[0], rows: run.len() };
    groups.chunk_by(|a, b| a == b).map(run).collect()
}
