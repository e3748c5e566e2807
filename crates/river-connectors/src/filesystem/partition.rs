//! Names of partition directories, `key=value`, with Hive's escapes (`PartitionPathUtils`), and
//! the spreading of a batch over partitions.

use std::collections::HashMap;

use arrow_array::UInt32Array;
use river_core::Field;
use river_runtime::{Batch, Result};

use crate::format::cells::{Cells, Values};
use crate::format::json::encode::write_integer;
use crate::format::number_text::{write_double, write_float, write_plain_decimal};
use crate::format::time_text::write_date;
use crate::print::row_text::{write_local_date_time, write_local_time};

/// Characters that are written as `%XX` in a directory name.
fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == 0x7F || b"\"#%'*/:=?\\{[]^".contains(&byte)
}

/// Escapes a partition key or value for a path.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() && is_escaped(byte) => out += &format!("%{byte:02X}"),
            _ => out.push(c),
        }
    }
    out
}

/// Undoes [`escape`]; what is no escape stays.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Splits batches by partition columns.
pub struct Partitioner {
    /// Position and field of each partition column, in the order of `PARTITIONED BY`.
    keys: Vec<(usize, Field)>,
    /// Positions of the other columns.
    rest: Vec<usize>,
    default_name: String,
}

impl Partitioner {
    /// A partitioner of rows with `columns`; `Err` names a partition key that is no column.
    pub fn new(
        columns: &[Field],
        keys: &[String],
        default_name: &str,
    ) -> std::result::Result<Partitioner, String> {
        let position = |key: &String| {
            columns
                .iter()
                .position(|c| c.name == *key)
                .map(|at| (at, columns[at].clone()))
                .ok_or_else(|| format!("partition column '{key}' is not a column of the table"))
        };
        let keys = keys.iter().map(position).collect::<std::result::Result<Vec<_>, _>>()?;
        let rest = (0..columns.len()).filter(|i| keys.iter().all(|(k, _)| k != i)).collect();
        Ok(Partitioner { keys, rest, default_name: default_name.to_owned() })
    }

    /// The columns that are written into files.
    pub fn written(&self, columns: &[Field]) -> Vec<Field> {
        self.rest.iter().map(|i| columns[*i].clone()).collect()
    }

    /// The rows of each partition, partition columns left out; the path is relative and ends in a
    /// slash, or is empty. In order of first appearance.
    pub fn split(&self, batch: &Batch) -> Result<Vec<(String, Batch)>> {
        let rest = |batch: &Batch| {
            let columns = self.rest.iter().map(|i| batch.columns[*i].clone()).collect();
            Batch { columns, ..batch.clone() }
        };
        if self.keys.is_empty() {
            return Ok(vec![(String::new(), batch.clone())]);
        }
        let cells: Vec<Cells> = self
            .keys
            .iter()
            .map(|(at, field)| Cells::new(&batch.columns[*at], &field.ty.logical))
            .collect();
        let mut found: Vec<(String, Vec<u32>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        // Rows next to each other are mostly of one partition: its path is made once.
        let (mut values, mut last) = (Vec::new(), Vec::new());
        let mut place = 0;
        for row in 0..batch.rows {
            values.clear();
            for cells in &cells {
                let start = values.len();
                if !cells.is_null(row) {
                    write_value(cells, row, &mut values);
                }
                let length = values.len() - start;
                values.extend_from_slice(&length.to_le_bytes());
            }
            if row == 0 || values != last {
                place = *places.entry(self.path(&cells, row)).or_insert_with_key(|path| {
                    found.push((path.clone(), Vec::new()));
                    found.len() - 1
                });
                std::mem::swap(&mut values, &mut last);
            }
            found[place].1.push(row as u32);
        }
        let written = rest(batch);
        found
            .into_iter()
            .map(|(path, rows)| Ok((path, written.take(&UInt32Array::from(rows))?)))
            .collect()
    }

    fn path(&self, cells: &[Cells], row: usize) -> String {
        let mut path = String::new();
        for ((_, field), cells) in self.keys.iter().zip(cells) {
            let mut text = Vec::new();
            if !cells.is_null(row) {
                write_value(cells, row, &mut text);
            }
            let text = String::from_utf8_lossy(&text);
            let text = if text.is_empty() { self.default_name.as_str() } else { &text };
            path += &format!("{}={}/", escape(&field.name), escape(text));
        }
        path
    }
}

/// Java's `toString` of a partition value.
fn write_value(cells: &Cells, row: usize, out: &mut Vec<u8>) {
    match &cells.values {
        Values::Boolean(v) => out.extend_from_slice(v.value(row).to_string().as_bytes()),
        Values::Int8(v) => write_integer(v[row].into(), out),
        Values::Int16(v) => write_integer(v[row].into(), out),
        Values::Int32(v) => write_integer(v[row].into(), out),
        Values::Int64(v) => write_integer(v[row], out),
        Values::Float32(v) => write_float(v[row], out),
        Values::Float64(v) => write_double(v[row], out),
        Values::Decimal(v, scale) => write_plain_decimal(v[row], *scale, out),
        Values::Text(v) => out.extend_from_slice(v.value(row).as_bytes()),
        Values::Date(v) => write_date(v[row].into(), out),
        Values::Time(v) => {
            let millis = i64::from(v[row]);
            write_local_time(millis / 1000, millis % 1000 * 1_000_000, out);
        }
        Values::Timestamp { ticks, per_second, zoned } => {
            write_local_date_time(ticks[row], *per_second, *zoned, out);
        }
        Values::Null | Values::Bytes(_) | Values::List(..) | Values::Map(..) | Values::Row(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in ["EUR", "a=b/c", "100%", "2024-03-01 09:00:00", "日本", "%4"] {
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(escape("a:b"), "a%3Ab");
    }
}
