//! Formats: bytes to columns and back, with Flink's option keys, coercions and text forms.
//!
//! The `filesystem` connector is the caller. A [`Decoder`] takes whole records from the front of
//! the bytes it is given; an [`Encoder`] appends the records of a batch. `parquet` is a file of its
//! own kind and has its own reader and writer. Decoders never panic, whatever the bytes: what is
//! wrong comes back as a [`Fail`] with its place, and the caller adds file, line and column.

pub mod cells;
pub mod column_sink;
pub mod csv;
pub mod debezium_json;
pub mod json;
pub mod number_text;
pub mod parquet;
pub mod raw;
pub mod time_text;

use arrow_array::ArrayRef;
use river_core::options::{OptionError, Options};
use river_core::{ChangelogMode, Field};
use river_runtime::Batch;

/// Why a record could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// Byte in the data given to the decoder.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

impl Fail {
    /// A failure at that byte.
    pub fn at(offset: usize, message: impl Into<String>) -> Fail {
        Fail { offset, message: message.into() }
    }

    /// The failure with the field's name in front.
    pub fn of_field(self, name: &str) -> Fail {
        Fail { offset: self.offset, message: format!("field '{name}': {}", self.message) }
    }
}

/// A column that a decoder is to produce.
#[derive(Debug, Clone)]
pub struct WantedColumn {
    /// Position among the columns of the format.
    pub position: usize,
    /// Its name and type.
    pub field: Field,
    /// For a row of which not all fields are read: positions of those that are.
    pub used_fields: Option<Vec<usize>>,
}

/// What a decoder is to make of a file.
#[derive(Debug, Clone)]
pub struct DecodeSpec {
    /// All columns of the format, in order: the table's physical ones without partition columns.
    pub schema: Vec<Field>,
    /// The columns wanted, in output order.
    pub wanted: Vec<WantedColumn>,
}

/// Decoded rows.
#[derive(Debug, Default)]
pub struct Rows {
    /// One array a wanted column.
    pub columns: Vec<ArrayRef>,
    /// Number of rows.
    pub rows: usize,
    /// Row kinds (`RowKind as u8`); `None`: all are `+I`.
    pub kinds: Option<Vec<u8>>,
}

/// Turns records into columns.
pub trait Decoder: Send {
    /// Decodes records from the front of `data` until `max_rows` rows are gathered or no whole
    /// record is left; gives the bytes used up. `last`: the data ends here, so a last record needs
    /// no line end.
    fn decode(&mut self, data: &[u8], last: bool, max_rows: usize) -> Result<usize, Fail>;

    /// Rows gathered.
    fn rows(&self) -> usize;

    /// The rows gathered; none are left. Fails only if a column outgrows Arrow's offsets.
    fn take(&mut self) -> Result<Rows, Fail>;
}

/// Turns columns into records.
pub trait Encoder: Send {
    /// Appends the batch's rows to `out`.
    ///
    /// # Errors
    /// A value that the format cannot express.
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> river_runtime::Result<()>;
}

/// A format with its options.
#[derive(Debug, Clone)]
pub enum Format {
    /// `csv`
    Csv(csv::CsvOptions),
    /// `json`
    Json(json::JsonOptions),
    /// `debezium-json`
    DebeziumJson(debezium_json::DebeziumOptions),
    /// `raw`
    Raw(raw::RawOptions),
    /// `parquet`
    Parquet(parquet::ParquetOptions),
}

/// Names of the formats.
pub const FORMATS: &[&str] = &["csv", "debezium-json", "json", "parquet", "raw"];

impl Format {
    /// The option keys of a format, without its prefix; `None` for an unknown format.
    pub fn option_keys(name: &str) -> Option<&'static [&'static str]> {
        match name {
            "csv" => Some(csv::OPTION_KEYS),
            "json" => Some(json::OPTION_KEYS),
            "debezium-json" => Some(debezium_json::OPTION_KEYS),
            "raw" => Some(raw::OPTION_KEYS),
            "parquet" => Some(parquet::OPTION_KEYS),
            _ => None,
        }
    }

    /// The format of that name with its options, which carry the name as prefix; `None` for an
    /// unknown format.
    pub fn new(name: &str, options: &Options) -> Result<Option<Format>, OptionError> {
        Ok(Some(match name {
            "csv" => Format::Csv(csv::CsvOptions::new(options)?),
            "json" => Format::Json(json::JsonOptions::new("json", options)?),
            "debezium-json" => Format::DebeziumJson(debezium_json::DebeziumOptions::new(options)?),
            "raw" => Format::Raw(raw::RawOptions::new(options)?),
            "parquet" => Format::Parquet(parquet::ParquetOptions::new(options)?),
            _ => return Ok(None),
        }))
    }

    /// Row kinds that it can express.
    pub fn changelog_mode(&self) -> ChangelogMode {
        match self {
            Format::DebeziumJson(_) => ChangelogMode::RETRACT,
            _ => ChangelogMode::APPEND,
        }
    }

    /// Whether a file can be read from any line on.
    pub fn is_splittable(&self) -> bool {
        match self {
            Format::Json(_) | Format::DebeziumJson(_) | Format::Raw(_) => true,
            Format::Csv(options) => options.lines_are_records(),
            Format::Parquet(_) => false,
        }
    }

    /// A decoder; `Err` says which column the format cannot read.
    pub fn decoder(&self, spec: &DecodeSpec) -> Result<Box<dyn Decoder>, String> {
        Ok(match self {
            Format::Csv(options) => Box::new(csv::CsvDecoder::new(options.clone(), spec)?),
            Format::Json(options) => Box::new(json::JsonDecoder::new(options.clone(), spec)?),
            Format::DebeziumJson(options) => {
                Box::new(debezium_json::DebeziumDecoder::new(options.clone(), spec)?)
            }
            Format::Raw(options) => Box::new(raw::RawDecoder::new(options.clone(), spec)?),
            Format::Parquet(_) => return Err("parquet files are not read as records".to_owned()),
        })
    }

    /// An encoder for columns of those types; `Err` says which column the format cannot write.
    pub fn encoder(&self, fields: &[Field]) -> Result<Box<dyn Encoder>, String> {
        Ok(match self {
            Format::Csv(options) => Box::new(csv::CsvEncoder::new(options.clone(), fields)?),
            Format::Json(options) => Box::new(json::JsonEncoder::new(options.clone(), fields)?),
            Format::DebeziumJson(options) => {
                Box::new(debezium_json::DebeziumEncoder::new(options.clone(), fields)?)
            }
            Format::Raw(options) => Box::new(raw::RawEncoder::new(options.clone(), fields)?),
            Format::Parquet(_) => return Err("parquet files are not written as records".to_owned()),
        })
    }
}

/// An option that takes one of a few words, in any case (Flink enums).
pub fn choice<T: Copy>(
    options: &Options,
    key: &str,
    choices: &[(&str, T)],
    default: T,
) -> Result<T, OptionError> {
    let Some(text) = options.get(key) else { return Ok(default) };
    let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        OptionError {
            key: key.to_owned(),
            value: text.to_owned(),
            expected: format!("one of {}", names.join(", ")),
        }
    })
}

/// The first line of `data` without its end (`\n` or `\r\n`), and the bytes it takes; `None` if
/// there is no whole line.
fn next_line(data: &[u8], last: bool) -> Option<(&[u8], usize)> {
    match memchr::memchr(b'\n', data) {
        Some(end) => {
            let line = &data[..end];
            Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
        }
        None if last && !data.is_empty() => Some((data, data.len())),
        None => None,
    }
}

/// [`Decoder::decode`] of a format whose records are lines: each whole line goes to `decode_line`.
pub fn decode_lines<D: Decoder>(
    decoder: &mut D,
    data: &[u8],
    last: bool,
    max_rows: usize,
    decode_line: impl Fn(&mut D, &[u8]) -> Result<(), Fail>,
) -> Result<usize, Fail> {
    let mut used = 0;
    while decoder.rows() < max_rows {
        let Some((line, length)) = next_line(&data[used..], last) else { break };
        decode_line(decoder, line).map_err(|fail| Fail { offset: fail.offset + used, ..fail })?;
        used += length;
    }
    Ok(used)
}
