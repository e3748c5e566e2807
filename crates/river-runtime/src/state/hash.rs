//! The hash of a key: which key group a row belongs to, and where a key sits in an index.
//!
//! Seedless and the same on every machine and in every process, whatever batch a value comes in:
//! subtasks and snapshots rely on it, so it must never change for a stored job. A value's hash
//! depends on its logical value only: integers, dates, times and timestamps of any width hash as
//! the sign-extended 64-bit word; floats by their bits (as Flink's `BinaryRowData` keys do, so
//! `-0.0` differs from `0.0`); text and bytes by their bytes; decimals by the unscaled 128 bits;
//! nested values by their `arrow-row` bytes; NULL is a constant.

use arrow_array::cast::AsArray;
use arrow_array::types::Decimal128Type;
use arrow_array::{Array, ArrayRef};
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;

use super::fixed;
use crate::Result;

#[cfg(test)]
mod tests;

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xd6e8_feb8_6659_fd93;
const K2: u64 = 0xa076_1d64_78bd_642f;
const NULL: u64 = 0xe703_7ed1_a0b4_28db;

/// Hash of a key without columns.
pub const EMPTY: u64 = K0;

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Hash of a word.
#[inline]
pub fn hash_word(word: i64) -> u64 {
    // Two rounds: a single one leaves short runs of keys in neighbouring buckets.
    let mixed = fold(word as u64 ^ K0, K1);
    fold(mixed ^ K2, K0)
}

/// Adds the hash of a further column.
#[inline]
pub fn combine(so_far: u64, next: u64) -> u64 {
    fold(so_far.rotate_left(23) ^ K1, next ^ K2)
}

/// Hash of NULL.
#[inline]
pub fn hash_null() -> u64 {
    NULL
}

/// Hash of text or bytes.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let (a, b) = match length {
        0 => (0, 0),
        1..=3 => {
            let middle = bytes[length / 2];
            (u64::from(bytes[0]) << 16 | u64::from(middle) << 8 | u64::from(bytes[length - 1]), 0)
        }
        4..=8 => (word32(bytes, 0), word32(bytes, length - 4)),
        9..=16 => (word64(bytes, 0), word64(bytes, length - 8)),
        _ => return hash_long(bytes),
    };
    let mixed = fold(a ^ K0 ^ length as u64, b ^ K1);
    fold(mixed ^ K2, K0 ^ length as u64)
}

fn hash_long(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    let mut state = K0 ^ length as u64;
    let mut at = 0;
    while at + 16 < length {
        state = fold(word64(bytes, at) ^ K1, word64(bytes, at + 8) ^ state);
        at += 16;
    }
    let tail = fold(word64(bytes, length - 16) ^ K2, word64(bytes, length - 8) ^ state);
    fold(tail ^ K2, K0 ^ length as u64)
}

#[inline]
fn word64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[inline]
fn word32(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u64::from(u32::from_le_bytes(word))
}

/// Hashes of the rows of key columns, each of `rows` rows; `hashes` is cleared first.
pub fn hash_columns(columns: &[ArrayRef], rows: usize, hashes: &mut Vec<u64>) -> Result<()> {
    hashes.clear();
    if columns.is_empty() {
        hashes.resize(rows, EMPTY);
        return Ok(());
    }
    for (position, column) in columns.iter().enumerate() {
        if position == 0 {
            hash_column(column, |_, hash| hashes.push(hash))?;
        } else {
            hash_column(column, |row, hash| hashes[row] = combine(hashes[row], hash))?;
        }
    }
    Ok(())
}

/// Calls `sink` with each row's number and hash, in order.
fn hash_column(column: &ArrayRef, mut sink: impl FnMut(usize, u64)) -> Result<()> {
    if let Some(words) = fixed::words(column) {
        visit(column, |row| hash_word(words[row]), sink);
        return Ok(());
    }
    match column.data_type() {
        DataType::Utf8View => {
            let text = column.as_string_view();
            visit(column, |row| hash_bytes(text.value(row).as_bytes()), sink);
        }
        DataType::BinaryView => {
            let bytes = column.as_binary_view();
            visit(column, |row| hash_bytes(bytes.value(row)), sink);
        }
        DataType::Utf8 => {
            let text = column.as_string::<i32>();
            visit(column, |row| hash_bytes(text.value(row).as_bytes()), sink);
        }
        DataType::Decimal128(..) => {
            let values = column.as_primitive::<Decimal128Type>().values();
            let hash = |row: usize| {
                let value = values[row];
                combine(hash_word(value as i64), hash_word((value >> 64) as i64))
            };
            visit(column, hash, sink);
        }
        DataType::Null => (0..column.len()).for_each(|row| sink(row, NULL)),
        ty => {
            let converter = RowConverter::new(vec![SortField::new(ty.clone())])?;
            let encoded = converter.convert_columns(std::slice::from_ref(column))?;
            visit(column, |row| hash_bytes(encoded.row(row).data()), sink);
        }
    }
    Ok(())
}

fn visit(column: &ArrayRef, hash: impl Fn(usize) -> u64, mut sink: impl FnMut(usize, u64)) {
    match column.nulls() {
        None => (0..column.len()).for_each(|row| sink(row, hash(row))),
        Some(nulls) => {
            for row in 0..column.len() {
                sink(row, if nulls.is_valid(row) { hash(row) } else { NULL });
            }
        }
    }
}
