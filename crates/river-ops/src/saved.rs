//! What operators share to be saved in checkpoints: columns of state tables, and the few numbers
//! that are no keyed state.
//!
//! Names of columns that are no columns of the input begin with `#`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BinaryViewArray, Int64Array, StringViewArray, UInt8Array};
use arrow_schema::{DataType as Arrow, Field as ArrowField, FieldRef};
use river_core::Field;
use river_runtime::{Error, Result};

use crate::stored_rows::row_columns;

/// Version of [`encode_numbers`].
const VERSION: u8 = 1;

/// Views of text may share blocks this many times as large as the text before they are copied.
const MOST_SHARED: usize = 2;

/// The name of a state table that is made of names in the query. Each is kept once, for as long as
/// the process runs.
pub fn table_name(name: String) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name.as_str()) {
        return known;
    }
    let name: &'static str = name.leak();
    names.insert(name);
    name
}

/// A column of a state table.
pub fn column(name: impl Into<String>, ty: Arrow) -> FieldRef {
    Arc::new(ArrowField::new(name, ty, true))
}

/// The columns of a state table that hold those columns of the input.
pub fn input_columns(input: &[Field], columns: &[usize]) -> Vec<FieldRef> {
    let all = row_columns(input);
    columns.iter().map(|at| all[*at].clone()).collect()
}

/// A column of numbers.
pub fn numbers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// A column of numbers that may be absent.
pub fn numbers_or_null(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

/// The numbers of a saved column; 0 at NULLs.
pub fn read_numbers(column: &ArrayRef) -> Result<&[i64]> {
    let numbers = column.as_primitive_opt::<Int64Type>();
    numbers.map(|numbers| &numbers.values()[..]).ok_or_else(wrong_column)
}

/// A column of bytes: row kinds and the like.
pub fn bytes(values: impl Iterator<Item = u8>) -> ArrayRef {
    Arc::new(UInt8Array::from_iter_values(values))
}

/// The bytes of a saved column.
pub fn read_bytes(column: &ArrayRef) -> Result<&[u8]> {
    let bytes = column.as_primitive_opt::<arrow_array::types::UInt8Type>();
    bytes.map(|bytes| &bytes.values()[..]).ok_or_else(wrong_column)
}

fn wrong_column() -> Error {
    Error::internal("a column of a state table is of another type")
}

/// Columns that hold no more memory than their values need: text that is a small part of shared
/// blocks is copied.
pub fn compact(columns: &mut [ArrayRef]) {
    for column in columns {
        let copy: Option<ArrayRef> = if let Some(text) = column.as_string_view_opt() {
            let shares = shares(text.data_buffers(), text.total_buffer_bytes_used());
            shares.then(|| Arc::new(StringViewArray::gc(text)) as ArrayRef)
        } else if let Some(bytes) = column.as_binary_view_opt() {
            let shares = shares(bytes.data_buffers(), bytes.total_buffer_bytes_used());
            shares.then(|| Arc::new(BinaryViewArray::gc(bytes)) as ArrayRef)
        } else {
            None
        };
        if let Some(copy) = copy {
            *column = copy;
        }
    }
}

fn shares(blocks: &[arrow_buffer::Buffer], used: usize) -> bool {
    let held: usize = blocks.iter().map(arrow_buffer::Buffer::len).sum();
    held > used.saturating_mul(MOST_SHARED)
}

/// Numbers that an operator remembers beside its tables, as bytes ([`Operator::save_local`]).
///
/// [`Operator::save_local`]: river_runtime::Operator::save_local
pub fn encode_numbers(numbers: &[i64]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
    bytes
}

/// The numbers of [`encode_numbers`], of which there must be `N`.
pub fn decode_numbers<const N: usize>(bytes: &[u8]) -> Result<[i64; N]> {
    let damaged = |what: String| Error::input(format!("saved state of an operator: {what}"));
    let Some((version, rest)) = bytes.split_first() else {
        return Err(damaged("it is empty".to_owned()));
    };
    if *version != VERSION {
        return Err(damaged(format!("version {version} is not known, only {VERSION}")));
    }
    if rest.len() != N * 8 {
        return Err(damaged(format!("{} bytes where {} are expected", rest.len(), N * 8)));
    }
    let mut numbers = [0; N];
    for (number, bytes) in numbers.iter_mut().zip(rest.chunks_exact(8)) {
        let mut word = [0; 8];
        word.copy_from_slice(bytes);
        *number = i64::from_le_bytes(word);
    }
    Ok(numbers)
}

/// The progress that all old subtasks had reached: the least watermark saved. `None` for a fresh
/// start.
pub fn least_progress(saved: &[Vec<u8>]) -> Result<Option<i64>> {
    let progress: Vec<i64> = saved
        .iter()
        .map(|bytes| decode_numbers::<1>(bytes).map(|[progress]| progress))
        .collect::<Result<_>>()?;
    Ok(progress.into_iter().min())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_damage_is_an_error() {
        let bytes = encode_numbers(&[i64::MIN, 7]);
        assert_eq!(decode_numbers::<2>(&bytes).unwrap(), [i64::MIN, 7]);
        for damaged in [&bytes[..0], &bytes[..5], &[9, 1], &bytes[..9]] {
            assert!(decode_numbers::<2>(damaged).is_err(), "{damaged:?}");
        }
        let saved = [encode_numbers(&[5]), encode_numbers(&[3])];
        assert_eq!(least_progress(&saved).unwrap(), Some(3));
        assert_eq!(least_progress(&[]).unwrap(), None);
        assert!(least_progress(&[vec![1, 2]]).is_err());
    }

    #[test]
    fn text_that_is_part_of_a_large_block_is_copied() {
        let long = "x".repeat(1000);
        let all = StringViewArray::from_iter((0..100).map(|_| Some(long.as_str())));
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(all.slice(3, 2)), numbers([1, 2].into_iter())];
        compact(&mut columns);
        let copy = columns[0].as_string_view();
        assert_eq!((copy.value(1).len(), copy.data_buffers()[0].len() <= 2000), (1000, true));
    }
}
