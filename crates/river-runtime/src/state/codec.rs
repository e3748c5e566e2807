//! Keys and rows of a state table as bytes, for disk.
//!
//! A key is the words of its time columns, so that all keys of one time follow each other; then
//! the hash that tells the key group; then the other key columns as `arrow-row` bytes. A value is
//! the time at which it may be forgotten (64 bits, little-endian, [`FOREVER`] for never) and the
//! rows of that key in their order, each as its length (32 bits, little-endian) and `arrow-row`
//! bytes.

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_row::{RowConverter, RowParser, Rows, SortField};
use arrow_schema::FieldRef;

use super::fixed::{self, Words};
use super::hash::{combine, hash_bytes};
use super::table::Saved;
use super::{DiskLayout, Lifetime, hash, hash_columns};
use crate::{Error, Result};

#[cfg(test)]
mod tests;

const WORD: usize = 8;
/// When a value may be forgotten that lives until it is removed.
pub const FOREVER: i64 = i64::MAX;
/// Longer keys are told apart by 128 bits of hash: trees take keys of up to 64 KiB.
const LONGEST_KEY: usize = 1024;

/// Turns keys and rows of one table into bytes and back.
pub struct Codec {
    /// Leading key columns that are times.
    times: usize,
    /// Whether the first of the others is the hash.
    carries_hash: bool,
    keys: RowConverter,
    whole_keys: RowConverter,
    whole_key_parser: RowParser,
    rows: RowConverter,
    parser: RowParser,
    /// Where the key columns stand in a row.
    key_columns: Vec<usize>,
    lifetime: Option<Lifetime>,
}

/// Byte strings, one behind the other.
#[derive(Default)]
pub struct ByteKeys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl ByteKeys {
    /// Key `at`.
    pub fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

impl Codec {
    /// For rows of these columns.
    pub fn new(columns: &[FieldRef], layout: &DiskLayout) -> Result<Codec> {
        let DiskLayout { key_columns, times, carries_hash, lifetime } = layout;
        let field = |column: &FieldRef| SortField::new(column.data_type().clone());
        let rows = RowConverter::new(columns.iter().map(field).collect())?;
        let keys = key_columns[*times..].iter().map(|at| field(&columns[*at])).collect();
        let whole_keys = key_columns.iter().map(|at| field(&columns[*at])).collect();
        let whole_keys = RowConverter::new(whole_keys)?;
        Ok(Codec {
            times: *times,
            carries_hash: *carries_hash,
            whole_key_parser: whole_keys.parser(),
            whole_keys,
            keys: RowConverter::new(keys)?,
            parser: rows.parser(),
            rows,
            key_columns: key_columns.clone(),
            lifetime: *lifetime,
        })
    }

    /// What all keys of these times begin with; `times` may be fewer than the table has.
    pub fn prefix(times: &[i64]) -> Vec<u8> {
        times.iter().flat_map(|time| time_bytes(*time)).collect()
    }

    /// The key columns of saved columns.
    pub fn key_columns(&self, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        self.key_columns.iter().map(|at| columns[*at].clone()).collect()
    }

    /// Keys as bytes.
    pub fn keys(&self, columns: &[ArrayRef], rows: usize) -> Result<ByteKeys> {
        let (times, rest) = columns.split_at(self.times);
        let times: Vec<Words> = times.iter().map(words).collect::<Result<_>>()?;
        let mut hashes = Vec::new();
        match rest.first().filter(|_| self.carries_hash) {
            None => hash_columns(rest, rows, &mut hashes)?,
            Some(carried) => hashes.extend(words(carried)?.iter().map(|hash| *hash as u64)),
        }
        let encoded = if rest.is_empty() { None } else { Some(self.keys.convert_columns(rest)?) };
        let mut keys = ByteKeys::default();
        keys.ends.reserve(rows);
        for row in 0..rows {
            times.iter().for_each(|time| keys.bytes.extend_from_slice(&time_bytes(time[row])));
            keys.bytes.extend_from_slice(&hashes[row].to_be_bytes());
            if let Some(encoded) = &encoded {
                push_key(&mut keys.bytes, encoded.row(row).data());
            }
            keys.ends.push(keys.bytes.len());
        }
        Ok(keys)
    }

    /// Keys in a form from which they can be had again: [`Codec::keys`] shortens long ones.
    pub fn whole_keys(&self, columns: &[ArrayRef]) -> Result<Rows> {
        Ok(self.whole_keys.convert_columns(columns)?)
    }

    /// The columns of such keys.
    pub fn read_whole_keys<'k>(
        &self,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<Vec<ArrayRef>> {
        let keys = keys.map(|key| self.whole_key_parser.parse(key));
        Ok(self.whole_keys.convert_rows(keys)?)
    }

    /// The hash in a key.
    pub fn hash(&self, key: &[u8]) -> u64 {
        let at = self.times * WORD;
        let word = key.get(at..at + WORD).and_then(|bytes| bytes.try_into().ok());
        word.map_or(hash::EMPTY, u64::from_be_bytes)
    }

    /// Gives the key and the value of each run of rows with the same key.
    pub fn values(
        &self,
        saved: &Saved,
        mut give: impl FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        let rows = saved.rows();
        let keys = self.keys(&self.key_columns(&saved.columns), rows)?;
        let encoded = self.rows.convert_columns(&saved.columns)?;
        let ends = self.ends(saved)?;
        let mut value = Vec::new();
        let mut end = i64::MIN;
        for row in 0..rows {
            debug_assert_eq!(self.hash(keys.get(row)), saved.hashes[row], "of another key group");
            if value.is_empty() {
                value.extend_from_slice(&[0; WORD]);
                end = i64::MIN;
            }
            // The last row keeps the others.
            end = end.max(ends.as_ref().map_or(FOREVER, |ends| ends[row]));
            let bytes = encoded.row(row);
            value.extend_from_slice(&(bytes.data().len() as u32).to_le_bytes());
            value.extend_from_slice(bytes.data());
            if row + 1 == rows || keys.get(row) != keys.get(row + 1) {
                value[..WORD].copy_from_slice(&end.to_le_bytes());
                give(keys.get(row), &value)?;
                value.clear();
            }
        }
        Ok(())
    }

    /// When each row may be forgotten, if rows have a time to live.
    fn ends(&self, saved: &Saved) -> Result<Option<Vec<i64>>> {
        let Some(Lifetime { written, ms }) = self.lifetime else { return Ok(None) };
        let written = saved.columns[written].as_primitive_opt::<Int64Type>();
        let written = written.ok_or_else(|| Error::internal("a time of writing is no number"))?;
        let end = |written: Option<i64>| written.map_or(FOREVER, |at| at.saturating_add(ms));
        Ok(Some(written.iter().map(end).collect()))
    }

    /// The rows of values: their columns and number.
    pub fn rows<'a>(
        &self,
        values: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(Vec<ArrayRef>, usize)> {
        let mut rows = Vec::new();
        let cut_off = || Error::environment("a row of state on disk is cut off");
        for value in values {
            let mut value = value.get(WORD..).ok_or_else(cut_off)?;
            while !value.is_empty() {
                let (row, rest) = split_row(value).ok_or_else(cut_off)?;
                rows.push(self.parser.parse(row));
                value = rest;
            }
        }
        let number = rows.len();
        Ok((self.rows.convert_rows(rows)?, number))
    }
}

/// Rows in a value.
pub fn rows_in(value: &[u8]) -> usize {
    let mut rows = 0;
    let mut value = value.get(WORD..).unwrap_or_default();
    while let Some((_, rest)) = split_row(value) {
        value = rest;
        rows += 1;
    }
    rows
}

/// When a value may be forgotten.
pub fn end_of(value: &[u8]) -> i64 {
    value.first_chunk().map_or(FOREVER, |word| i64::from_le_bytes(*word))
}

/// A column of times or hashes.
pub fn words(column: &ArrayRef) -> Result<Words<'_>> {
    let words = fixed::words(column);
    words.ok_or_else(|| Error::internal("a time or hash in a key is no number"))
}

/// Bytes in the order of the numbers.
fn time_bytes(time: i64) -> [u8; WORD] {
    (time ^ i64::MIN).to_be_bytes()
}

fn push_key(bytes: &mut Vec<u8>, key: &[u8]) {
    if key.len() <= LONGEST_KEY {
        bytes.extend_from_slice(key);
        return;
    }
    let mut by_parts = key.len() as u64;
    key.chunks(WORD * WORD).for_each(|part| by_parts = combine(by_parts, hash_bytes(part)));
    bytes.extend_from_slice(&hash_bytes(key).to_be_bytes());
    bytes.extend_from_slice(&by_parts.to_be_bytes());
}

fn split_row(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = value.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
