//! Columns as CSV lines, quoted as Jackson's `CsvEncoder` quotes by default: texts longer than 24
//! characters, or with any character up to the largest of delimiter, quote and line end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use river_core::Field;
use river_runtime::{Batch, Result};

use super::CsvOptions;
use super::decode::check_type;
use crate::format::Encoder;
use crate::format::cells::{Cells, Values, range};
use crate::format::json::encode::write_integer;
use crate::format::number_text::{
    write_double, write_float, write_stripped_decimal, write_stripped_plain_decimal,
};
use crate::format::time_text::{write_date, write_time, write_timestamp};

/// Longest text, in UTF-16 units, that is looked through before it is quoted.
const MAX_QUOTE_CHECK: usize = 24;

/// Encodes rows as CSV lines.
pub struct CsvEncoder {
    options: CsvOptions,
    fields: Vec<Field>,
    /// Characters below need quotes.
    min_safe: char,
    scratch: Vec<u8>,
}

impl CsvEncoder {
    /// An encoder for columns of those types; `Err` names a column that CSV cannot hold.
    pub fn new(options: CsvOptions, fields: &[Field]) -> std::result::Result<CsvEncoder, String> {
        for field in fields {
            check_type(&field.name, &field.ty.logical)?;
        }
        let largest = options.delimiter.max(options.quote.unwrap_or(0)).max(b'\n');
        let fields = fields.to_vec();
        Ok(CsvEncoder { options, fields, min_safe: char::from(largest + 1), scratch: Vec::new() })
    }

    fn column(&mut self, cells: &Cells, row: usize, out: &mut Vec<u8>) {
        if cells.is_null(row) {
            out.extend_from_slice(self.options.null_literal.as_deref().unwrap_or("").as_bytes());
            return;
        }
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let is_text = match &cells.values {
            Values::List(offsets, items) => {
                for (i, item) in range(offsets, row).enumerate() {
                    self.item(i, items, item, &mut text);
                }
                true
            }
            Values::Row(fields) => {
                for (i, field) in fields.iter().enumerate() {
                    self.item(i, field, row, &mut text);
                }
                true
            }
            _ => self.scalar(cells, row, &mut text),
        };
        if is_text && self.needs_quotes(&text) {
            self.quote(&text, out)
        } else {
            out.extend(&text)
        }
        self.scratch = text;
    }

    /// An item of a nested value with the delimiter in front.
    fn item(&self, position: usize, cells: &Cells, row: usize, out: &mut Vec<u8>) {
        if position > 0 {
            out.extend_from_slice(self.options.array_delimiter.as_bytes());
        }
        if cells.is_null(row) {
            out.extend_from_slice(self.options.null_literal.as_deref().unwrap_or("").as_bytes());
        } else {
            self.scalar(cells, row, out);
        }
    }

    /// Writes a value; whether it is text, which may need quotes.
    fn scalar(&self, cells: &Cells, row: usize, out: &mut Vec<u8>) -> bool {
        match &cells.values {
            Values::Boolean(v) => {
                out.extend_from_slice(if v.value(row) { b"true" } else { b"false" });
            }
            Values::Int8(v) => write_integer(v[row].into(), out),
            Values::Int16(v) => write_integer(v[row].into(), out),
            Values::Int32(v) => write_integer(v[row].into(), out),
            Values::Int64(v) => write_integer(v[row], out),
            Values::Float32(v) => write_float(v[row], out),
            Values::Float64(v) => write_double(v[row], out),
            Values::Decimal(v, scale) if self.options.scientific_decimals => {
                write_stripped_decimal(v[row], *scale, out);
            }
            Values::Decimal(v, scale) => write_stripped_plain_decimal(v[row], *scale, out),
            Values::Text(v) => {
                out.extend_from_slice(v.value(row).as_bytes());
                return true;
            }
            Values::Bytes(v) => {
                out.extend_from_slice(STANDARD.encode(v.value(row)).as_bytes());
                return true;
            }
            Values::Date(v) => {
                write_date(v[row].into(), out);
                return true;
            }
            Values::Time(v) => {
                let millis = i64::from(v[row]);
                write_time(millis / 1000, millis % 1000 * 1_000_000, out);
                return true;
            }
            Values::Timestamp { ticks, per_second, zoned } => {
                write_timestamp(ticks[row], *per_second, b' ', *zoned, out);
                return true;
            }
            // Refused when the encoder was made.
            Values::Null | Values::List(..) | Values::Map(..) | Values::Row(_) => {}
        }
        false
    }

    fn needs_quotes(&self, text: &[u8]) -> bool {
        if self.options.quote.is_none() {
            return false;
        }
        let escape = self.options.escape.map(char::from);
        if text.is_ascii() {
            let special = |byte: &u8| {
                let c = char::from(*byte);
                c < self.min_safe || Some(c) == escape
            };
            return text.len() > MAX_QUOTE_CHECK || text.iter().any(special);
        }
        // Lengths are counted in UTF-16 units.
        let text = String::from_utf8_lossy(text);
        text.len() > MAX_QUOTE_CHECK && text.encode_utf16().count() > MAX_QUOTE_CHECK
            || text.chars().any(|c| c < self.min_safe || Some(c) == escape)
    }

    fn quote(&self, text: &[u8], out: &mut Vec<u8>) {
        let quote = self.options.quote.unwrap_or(b'"');
        out.push(quote);
        if !text.iter().any(|byte| *byte == quote || Some(*byte) == self.options.escape) {
            out.extend_from_slice(text);
            out.push(quote);
            return;
        }
        for byte in text {
            if *byte == quote {
                out.push(quote);
            } else if Some(*byte) == self.options.escape {
                out.push(*byte);
            }
            out.push(*byte);
        }
        out.push(quote);
    }
}

impl Encoder for CsvEncoder {
    fn encode(&mut self, batch: &Batch, out: &mut Vec<u8>) -> Result<()> {
        let fields = std::mem::take(&mut self.fields);
        let cells = Cells::of_columns(&batch.columns, &fields);
        for row in 0..batch.rows {
            for (i, cells) in cells.iter().enumerate() {
                if i > 0 {
                    out.push(self.options.delimiter);
                }
                self.column(cells, row, out);
            }
            out.push(b'\n');
        }
        self.fields = fields;
        Ok(())
    }
}
