//! Rows as JSON text, as Flink's `RowDataToJsonConverters` and Jackson write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use river_core::Field;
use river_core::types::LogicalType;

use super::decode::check_map_key;
use super::{JsonOptions, NullKeyMode, TimestampStandard};
use crate::format::cells::{Cells, Values, range};
use crate::format::number_text::{
    write_double, write_float, write_plain_decimal, write_stripped_decimal,
};
use crate::format::time_text::{write_date, write_time, write_timestamp};

/// Writes rows of one type.
pub struct RowText {
    options: JsonOptions,
    names: Vec<Name>,
}

/// A field's name, already quoted with its colon, and the names within its type.
struct Name {
    quoted: Vec<u8>,
    nested: Vec<Name>,
}

impl RowText {
    /// A writer for rows of those fields; `Err` says which type JSON cannot hold.
    pub fn new(options: JsonOptions, fields: &[Field]) -> Result<RowText, String> {
        Ok(RowText { options, names: names(fields)? })
    }

    /// Appends a row as an object.
    ///
    /// # Errors
    /// A NULL map key where the options do not say what it becomes.
    pub fn write(&self, cells: &[Cells], row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        self.object(&self.names, cells, row, out)
    }

    fn object(
        &self,
        names: &[Name],
        cells: &[Cells],
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        out.push(b'{');
        let mut comma = false;
        for (name, cells) in names.iter().zip(cells) {
            if self.options.ignore_null_fields && cells.is_null(row) {
                continue;
            }
            if comma {
                out.push(b',');
            }
            comma = true;
            out.extend_from_slice(&name.quoted);
            self.value(&name.nested, cells, row, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn value(
        &self,
        nested: &[Name],
        cells: &Cells,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if cells.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match &cells.values {
            Values::Null => out.extend_from_slice(b"null"),
            Values::Boolean(v) => {
                out.extend_from_slice(if v.value(row) { b"true" } else { b"false" });
            }
            Values::Int8(v) => write_integer(v[row].into(), out),
            Values::Int16(v) => write_integer(v[row].into(), out),
            Values::Int32(v) => write_integer(v[row].into(), out),
            Values::Int64(v) => write_integer(v[row], out),
            Values::Float32(v) => {
                quoted_unless(v[row].is_finite(), out, |out| write_float(v[row], out));
            }
            Values::Float64(v) => {
                quoted_unless(v[row].is_finite(), out, |out| write_double(v[row], out));
            }
            Values::Decimal(v, scale) if self.options.plain_decimals => {
                write_plain_decimal(v[row], *scale, out);
            }
            Values::Decimal(v, scale) => write_stripped_decimal(v[row], *scale, out),
            Values::Text(v) => write_string(v.value(row), out),
            Values::Bytes(v) => quoted(out, |out| {
                out.extend_from_slice(STANDARD.encode(v.value(row)).as_bytes());
            }),
            Values::Date(v) => quoted(out, |out| write_date(v[row].into(), out)),
            // The fraction of a TIME is not written.
            Values::Time(v) => quoted(out, |out| write_time((v[row] / 1000).into(), 0, out)),
            Values::Timestamp { ticks, per_second, zoned } => {
                let separator = match self.options.timestamp {
                    TimestampStandard::Sql => b' ',
                    TimestampStandard::Iso8601 => b'T',
                };
                quoted(out, |out| {
                    write_timestamp(ticks[row], *per_second, separator, *zoned, out);
                });
            }
            Values::List(offsets, items) => {
                out.push(b'[');
                for (i, item) in range(offsets, row).enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    self.value(nested, items, item, out)?;
                }
                out.push(b']');
            }
            Values::Map(offsets, entries) => {
                self.map(nested, &entries.0, &entries.1, range(offsets, row), out)?;
            }
            Values::Row(fields) => self.object(nested, fields, row, out)?,
        }
        Ok(())
    }

    fn map(
        &self,
        nested: &[Name],
        keys: &Cells,
        values: &Cells,
        entries: std::ops::Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        out.push(b'{');
        let mut comma = false;
        for entry in entries {
            let key = match &keys.values {
                Values::Text(text) if !keys.is_null(entry) => text.value(entry),
                _ => match self.options.null_key {
                    NullKeyMode::Fail => return Err(NULL_KEY.to_owned()),
                    NullKeyMode::Drop => continue,
                    NullKeyMode::Literal => &self.options.null_key_literal,
                },
            };
            if comma {
                out.push(b',');
            }
            comma = true;
            write_string(key, out);
            out.push(b':');
            self.value(nested, values, entry, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

const NULL_KEY: &str = "JSON format doesn't support to serialize map data with null keys. You can \
     drop null key entries or encode null in literals by specifying map-null-key.mode option.";

fn names(fields: &[Field]) -> Result<Vec<Name>, String> {
    let name = |field: &Field| {
        let mut quoted = Vec::new();
        write_string(&field.name, &mut quoted);
        quoted.push(b':');
        Ok(Name { quoted, nested: nested_names(&field.ty.logical)? })
    };
    fields.iter().map(name).collect()
}

/// The names of the row type inside arrays and maps, if there is one.
fn nested_names(ty: &LogicalType) -> Result<Vec<Name>, String> {
    match ty {
        LogicalType::Row(fields) => names(fields),
        LogicalType::Array(item) => nested_names(&item.logical),
        LogicalType::Map(key, value) => {
            check_map_key(ty, &key.logical)?;
            nested_names(&value.logical)
        }
        LogicalType::Multiset(item) => {
            check_map_key(ty, &item.logical)?;
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    quoted_unless(false, out, write);
}

fn quoted_unless(bare: bool, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if bare {
        return write(out);
    }
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// Appends a whole number.
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends text in quotes with Jackson's escapes: quote, backslash and control characters only.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        plain = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
    out.push(b'"');
}
