//! One block: an Arrow IPC record batch message, padded to a multiple of 64 bytes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::{Schema, SchemaRef};

use super::{ALIGNMENT, columns};
use crate::{Error, Result};

const CONTINUATION: [u8; 4] = [0xff; 4];

/// Makes blocks.
pub(crate) struct BlockEncoder {
    options: IpcWriteOptions,
    context: IpcWriteContext,
    generator: IpcDataGenerator,
}

/// The bytes of a block: the message's head with its padding, and its body.
pub(crate) struct EncodedBlock {
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

impl EncodedBlock {
    pub fn bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }

    pub fn crc32c(&self) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.head), &self.body)
    }
}

impl BlockEncoder {
    /// `compression` is `execution.checkpointing.snapshot-compression`.
    pub fn new(compression: bool) -> Result<BlockEncoder> {
        let codec = compression.then_some(CompressionType::LZ4_FRAME);
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)?
            .try_with_compression(codec)?;
        Ok(BlockEncoder {
            options,
            context: IpcWriteContext::default(),
            generator: IpcDataGenerator::default(),
        })
    }

    /// A block of columns as [`columns::gather`] makes them.
    pub fn encode(
        &mut self,
        schema: SchemaRef,
        columns: Vec<ArrayRef>,
        rows: usize,
    ) -> Result<EncodedBlock> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let mut tracker = DictionaryTracker::new(true);
        let (dictionaries, data) =
            self.generator.encode(&batch, &mut tracker, &self.options, &mut self.context)?;
        if !dictionaries.is_empty() {
            return Err(Error::internal("a column of state is a dictionary"));
        }
        let message = data.ipc_message;
        let padded = message.len() + super::padding(8 + message.len());
        let length = i32::try_from(padded).map_err(|_| Error::internal("a block is too wide"))?;
        let mut head = Vec::with_capacity(8 + padded);
        head.extend_from_slice(&CONTINUATION);
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(&message);
        head.resize(8 + padded, 0);
        let mut body = data.arrow_data;
        body.resize(body.len() + super::padding(body.len()), 0);
        Ok(EncodedBlock { head, body })
    }
}

/// The columns of a block, with the types of `schema`; says what is wrong with it. The checksum of
/// `bytes` has been checked.
pub(crate) fn decode(
    bytes: &Buffer,
    schema: &SchemaRef,
    rows: usize,
) -> std::result::Result<Vec<ArrayRef>, String> {
    // The library's reader may panic on what no writer makes.
    let read = std::panic::AssertUnwindSafe(|| decode_message(bytes, schema));
    let batch = std::panic::catch_unwind(read)
        .unwrap_or_else(|_| Err("a block cannot be read".to_owned()))?;
    if batch.num_rows() != rows {
        return Err("a block has not the number of rows that its index says".to_owned());
    }
    let expand = |(column, field): (&ArrayRef, &arrow_schema::FieldRef)| {
        columns::expand(column, field.data_type()).map_err(|error| error.to_string())
    };
    batch.columns().iter().zip(schema.fields()).map(expand).collect()
}

fn decode_message(bytes: &Buffer, schema: &SchemaRef) -> std::result::Result<RecordBatch, String> {
    let unreadable = |what: &str| format!("a block cannot be read: {what}");
    let head = bytes.get(..8).ok_or_else(|| unreadable("too short"))?;
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    if head[..4] != CONTINUATION || length > bytes.len() - 8 {
        return Err(unreadable("no message"));
    }
    let message = arrow_ipc::root_as_message(&bytes[8..8 + length])
        .map_err(|error| unreadable(&error.to_string()))?;
    let batch = message.header_as_record_batch().ok_or_else(|| unreadable("it holds no rows"))?;
    let body = bytes.slice(8 + length);
    check_sizes(&batch, &body).ok_or_else(|| unreadable("its buffers are of impossible sizes"))?;
    let version = message.version();
    let stored: SchemaRef = Arc::new(Schema::new(columns::stored_fields(schema)));
    arrow_ipc::reader::read_record_batch(&body, batch, stored, &HashMap::new(), None, &version)
        .map_err(|error| unreadable(&error.to_string()))
}

/// Sizes that are read before memory is reserved for them. LZ4 makes at most 255 bytes of one.
fn check_sizes(batch: &arrow_ipc::RecordBatch, body: &Buffer) -> Option<()> {
    let compressed = batch.compression().is_some();
    for buffer in batch.buffers()? {
        let start = usize::try_from(buffer.offset()).ok()?;
        let length = usize::try_from(buffer.length()).ok()?;
        let bytes = body.get(start..start.checked_add(length)?)?;
        let Some(size) = bytes.first_chunk::<8>().filter(|_| compressed) else { continue };
        let size = i64::from_le_bytes(*size);
        // -1 stands for bytes that are not compressed.
        if size < -1 || size > length as i64 * 255 {
            return None;
        }
    }
    Some(())
}
