//! The `parquet` format: files of row groups, read with projection and written in batches.
//!
//! Columns are matched by name; a column that a file lacks is NULL, as in Flink
//! (`ParquetVectorizedInputFormat`). A column of another type than declared is an error.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType as Arrow, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use river_core::options::{OptionError, Options};
use river_core::types::{Field, to_arrow_fields};
use river_runtime::{Batch, Error, Result};

use super::{DecodeSpec, Rows, choice};

/// Keys after `parquet.`.
pub const OPTION_KEYS: &[&str] = &[
    "utc-timezone",
    "timestamp.time.unit",
    "write.int64.timestamp",
    "compression",
    "block.size",
    "page.size",
    "enable.dictionary",
];

/// Options of the format.
#[derive(Debug, Clone)]
pub struct ParquetOptions {
    compression: Compression,
    dictionary: bool,
}

impl ParquetOptions {
    /// Reads the options that start with `parquet.`.
    pub fn new(options: &Options) -> std::result::Result<ParquetOptions, OptionError> {
        let codecs = [
            ("SNAPPY", Compression::SNAPPY),
            ("UNCOMPRESSED", Compression::UNCOMPRESSED),
            ("GZIP", Compression::GZIP(Default::default())),
            ("LZ4_RAW", Compression::LZ4_RAW),
            ("ZSTD", Compression::ZSTD(Default::default())),
        ];
        options.bool("parquet.utc-timezone")?;
        options.bool("parquet.write.int64.timestamp")?;
        options.memory("parquet.block.size")?;
        options.memory("parquet.page.size")?;
        Ok(ParquetOptions {
            compression: choice(options, "parquet.compression", &codecs, Compression::SNAPPY)?,
            dictionary: options.bool("parquet.enable.dictionary")?.unwrap_or(true),
        })
    }
}

fn problem(error: impl std::fmt::Display) -> Error {
    Error::input(format!("not a readable parquet file: {error}"))
}

/// Reads row groups of one file.
pub struct ParquetReader {
    reader: ParquetRecordBatchReader,
    /// For each wanted column its position in what is read; `None`: the file lacks it.
    sources: Vec<Option<usize>>,
    types: Vec<(String, Arrow)>,
}

impl ParquetReader {
    /// Number of row groups of a file.
    pub fn row_groups(file: File) -> Result<usize> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(problem)?;
        Ok(builder.metadata().num_row_groups())
    }

    /// A reader of all row groups from `first_group` on, in batches of `rows`.
    pub fn new(file: File, spec: &DecodeSpec, first_group: usize, rows: usize) -> Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(problem)?;
        let schema = builder.schema().clone();
        let mut roots = Vec::new();
        let mut types = Vec::new();
        for wanted in &spec.wanted {
            let arrow = wanted.field.ty.logical.to_arrow();
            if let Ok(root) = schema.index_of(&wanted.field.name) {
                let found = schema.field(root).data_type();
                if !is_readable_as(found, &arrow) {
                    return Err(Error::input(format!(
                        "column '{}' is declared {} but the file holds {found}",
                        wanted.field.name, wanted.field.ty.logical
                    )));
                }
                roots.push(root);
            }
            types.push((wanted.field.name.clone(), arrow));
        }
        roots.sort_unstable();
        roots.dedup();
        let sources = spec.wanted.iter().map(|wanted| {
            let root = schema.index_of(&wanted.field.name).ok()?;
            roots.binary_search(&root).ok()
        });
        let sources = sources.collect();
        let groups = (first_group..builder.metadata().num_row_groups()).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
        let reader = builder
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(rows)
            .build()
            .map_err(problem)?;
        Ok(ParquetReader { reader, sources, types })
    }

    /// The next rows; `None` at the end.
    pub fn next_rows(&mut self) -> Result<Option<Rows>> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let batch: RecordBatch = batch.map_err(problem)?;
        let rows = batch.num_rows();
        let columns = self.sources.iter().zip(&self.types).map(|(source, (name, ty))| {
            let Some(source) = source else { return Ok(new_null_array(ty, rows)) };
            let options = CastOptions { safe: false, ..CastOptions::default() };
            cast_with_options(batch.column(*source), ty, &options)
                .map_err(|error| Error::input(format!("column '{name}': {error}")))
        });
        Ok(Some(Rows { columns: columns.collect::<Result<_>>()?, rows, kinds: None }))
    }
}

/// Whether a file's column can be given as the declared type without changing its meaning.
fn is_readable_as(found: &Arrow, wanted: &Arrow) -> bool {
    use Arrow::*;
    match (found, wanted) {
        (Int8 | Int16 | Int32, Int8 | Int16 | Int32)
        | (Utf8 | LargeUtf8 | Utf8View | Binary | BinaryView, Utf8View)
        | (Binary | LargeBinary | BinaryView | FixedSizeBinary(_), BinaryView)
        | (Timestamp(..), Timestamp(..))
        | (Time32(_) | Time64(_), Time32(_))
        | (Decimal32(..) | Decimal64(..) | Decimal128(..), Decimal128(..))
        | (Float32, Float64) => true,
        (List(found) | LargeList(found), List(wanted)) => {
            is_readable_as(found.data_type(), wanted.data_type())
        }
        (Map(found, _), Map(wanted, _)) => is_readable_as(found.data_type(), wanted.data_type()),
        (Struct(found), Struct(wanted)) => {
            found.len() == wanted.len()
                && found
                    .iter()
                    .zip(wanted)
                    .all(|(f, w)| is_readable_as(f.data_type(), w.data_type()))
        }
        _ => found == wanted,
    }
}

/// Writes a file.
pub struct ParquetWriter {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
}

impl ParquetWriter {
    /// Starts a file for columns of those types.
    pub fn new(file: File, fields: &[Field], options: &ParquetOptions) -> Result<ParquetWriter> {
        let schema: SchemaRef = Arc::new(Schema::new(to_arrow_fields(fields)));
        let properties = WriterProperties::builder()
            .set_compression(options.compression)
            .set_dictionary_enabled(options.dictionary)
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))
            .map_err(|error| Error::input(format!("parquet: {error}")))?;
        Ok(ParquetWriter { writer, schema })
    }

    /// Appends rows.
    pub fn write(&mut self, batch: &Batch) -> Result<()> {
        let columns: Vec<ArrayRef> = batch.columns.clone();
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        self.writer.write(&batch).map_err(|error| Error::environment(format!("parquet: {error}")))
    }

    /// Bytes written and buffered.
    pub fn size(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// Ends the file; gives it back to be made durable.
    pub fn finish(self) -> Result<File> {
        self.writer.into_inner().map_err(|error| Error::environment(format!("parquet: {error}")))
    }
}
