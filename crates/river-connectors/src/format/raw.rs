//! The `raw` format: each line is the value of a table's only column
//! (`RawFormatDeserializationSchema`).

use river_core::options::{OptionError, Options};
use river_core::types::{Field, LogicalType};
use river_runtime::{Batch, Error, Result};

use super::cells::{Cells, Values};
use super::column_sink::ColumnSink;
use super::{DecodeSpec, Decoder, Encoder, Fail, Rows, choice, decode_lines};

/// Keys after `raw.`.
pub const OPTION_KEYS: &[&str] = &["charset", "endianness"];

/// Character sets that text is read and written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    Utf8,
    Latin1,
}

/// Options of the format.
#[derive(Debug, Clone)]
pub struct RawOptions {
    charset: Charset,
    big_endian: bool,
}

impl RawOptions {
    /// Reads the options that start with `raw.`.
    pub fn new(options: &Options) -> std::result::Result<RawOptions, OptionError> {
        let charsets = [
            ("UTF-8", Charset::Utf8),
            ("US-ASCII", Charset::Utf8),
            ("ISO-8859-1", Charset::Latin1),
        ];
        let orders = [("big-endian", true), ("little-endian", false)];
        Ok(RawOptions {
            charset: choice(options, "raw.charset", &charsets, Charset::Utf8)?,
            big_endian: choice(options, "raw.endianness", &orders, true)?,
        })
    }
}

/// Checks that there is one column of a type that is a value of bytes.
fn check(fields: &[Field]) -> std::result::Result<(), String> {
    use LogicalType::*;
    let [field] = fields else {
        return Err(format!("the raw format takes a single column, found {}", fields.len()));
    };
    match field.ty.logical {
        Boolean | TinyInt | SmallInt | Int | BigInt | Float | Double | Char(_) | VarChar(_)
        | Binary(_) | VarBinary(_) => Ok(()),
        _ => Err(format!(
            "column '{}': type {} is not supported by raw",
            field.name, field.ty.logical
        )),
    }
}

/// Decodes lines as values.
pub struct RawDecoder {
    options: RawOptions,
    /// The column, unless it is not wanted.
    column: Option<ColumnSink>,
    rows: usize,
}

impl RawDecoder {
    /// A decoder for the table's column.
    pub fn new(options: RawOptions, spec: &DecodeSpec) -> std::result::Result<RawDecoder, String> {
        check(&spec.schema)?;
        let column = spec.wanted.first().map(|w| ColumnSink::new(&w.field.ty.logical));
        Ok(RawDecoder { options, column, rows: 0 })
    }

    fn line(&mut self, line: &[u8]) -> std::result::Result<(), Fail> {
        self.value(line)?;
        self.rows += 1;
        Ok(())
    }

    fn value(&mut self, line: &[u8]) -> std::result::Result<(), Fail> {
        let Some(column) = &mut self.column else { return Ok(()) };
        let ty = column.ty().clone();
        let size = match ty {
            LogicalType::Char(_) | LogicalType::VarChar(_) => {
                match self.options.charset {
                    Charset::Utf8 => column.push_str(&String::from_utf8_lossy(line)),
                    Charset::Latin1 => {
                        column.push_str(&line.iter().map(|b| char::from(*b)).collect::<String>());
                    }
                }
                return Ok(());
            }
            LogicalType::Binary(_) | LogicalType::VarBinary(_) => {
                column.push_binary(line);
                return Ok(());
            }
            LogicalType::Boolean | LogicalType::TinyInt => 1,
            LogicalType::SmallInt => 2,
            LogicalType::Int | LogicalType::Float => 4,
            _ => 8,
        };
        if line.len() != size {
            let message = format!("{ty} takes {size} bytes, found {}", line.len());
            return Err(Fail::at(0, message));
        }
        let mut bytes = [0u8; 8];
        if self.options.big_endian {
            bytes[8 - size..].copy_from_slice(line);
        } else {
            bytes[8 - size..].copy_from_slice(line);
            bytes[8 - size..].reverse();
        }
        let unsigned = u64::from_be_bytes(bytes);
        let shift = 64 - 8 * size as u32;
        match ty {
            LogicalType::Boolean => column.push_bool(unsigned != 0),
            LogicalType::Float => column.push_float(f32::from_bits(unsigned as u32).into()),
            LogicalType::Double => column.push_float(f64::from_bits(unsigned)),
            _ => column.push_int(((unsigned << shift) as i64) >> shift),
        }
        Ok(())
    }
}

impl Decoder for RawDecoder {
    fn decode(
        &mut self,
        data: &[u8],
        last: bool,
        max_rows: usize,
    ) -> std::result::Result<usize, Fail> {
        decode_lines(self, data, last, max_rows, Self::line)
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn take(&mut self) -> std::result::Result<Rows, Fail> {
        let rows = std::mem::take(&mut self.rows);
        let columns = self.column.iter_mut().map(ColumnSink::finish).collect();
        Ok(Rows { columns, rows, kinds: None })
    }
}

/// Encodes values as lines.
pub struct RawEncoder {
    options: RawOptions,
    fields: Vec<Field>,
}

impl RawEncoder {
    /// An encoder for the table's column.
    pub fn new(options: RawOptions, fields: &[Field]) -> std::result::Result<RawEncoder, String> {
        check(fields)?;
        Ok(RawEncoder { options, fields: fields.to_vec() })
    }

    fn number(&self, big_endian: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(big_endian);
        if !self.options.big_endian {
            out[start..].reverse();
        }
    }
}

impl Encoder for RawEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        for cells in Cells::of_columns(&batch.columns, &self.fields) {
            for row in 0..batch.rows {
                if cells.is_null(row) {
                    // Flink hands on no bytes at all.
                    out.push(b'\n');
                    continue;
                }
                match &cells.values {
                    Values::Boolean(v) => out.push(u8::from(v.value(row))),
                    Values::Int8(v) => self.number(&v[row].to_be_bytes(), out),
                    Values::Int16(v) => self.number(&v[row].to_be_bytes(), out),
                    Values::Int32(v) => self.number(&v[row].to_be_bytes(), out),
                    Values::Int64(v) => self.number(&v[row].to_be_bytes(), out),
                    Values::Float32(v) => self.number(&v[row].to_be_bytes(), out),
                    Values::Float64(v) => self.number(&v[row].to_be_bytes(), out),
                    Values::Bytes(v) => out.extend_from_slice(v.value(row)),
                    Values::Text(v) if self.options.charset == Charset::Utf8 => {
                        out.extend_from_slice(v.value(row).as_bytes());
                    }
                    Values::Text(v) => {
                        let byte = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
                        out.extend(v.value(row).chars().map(byte));
                    }
                    _ => return Err(Error::internal("raw: a column of this type was refused")),
                }
                out.push(b'\n');
            }
        }
        Ok(())
    }
}
