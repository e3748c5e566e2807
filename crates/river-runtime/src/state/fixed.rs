//! Reading columns of fixed-width values of up to 64 bits as `i64`, and back.
//!
//! Integers, dates, times, timestamps, intervals, booleans and floats (by their bits) all take
//! part in keys as one 64-bit word; only here it is known which Arrow type is which.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayData;
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

use crate::{Error, Result};

/// Bits of the values of a type that fits in a word; `None` for all others.
pub fn width(ty: &DataType) -> Option<usize> {
    match ty {
        DataType::Boolean => Some(1),
        DataType::Int8 | DataType::UInt8 => Some(8),
        DataType::Int16 | DataType::UInt16 => Some(16),
        DataType::Int32
        | DataType::UInt32
        | DataType::Date32
        | DataType::Time32(_)
        | DataType::Interval(IntervalUnit::YearMonth)
        | DataType::Float32 => Some(32),
        DataType::Int64
        | DataType::UInt64
        | DataType::Date64
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Duration(_)
        | DataType::Float64 => Some(64),
        _ => None,
    }
}

/// The values of a column as words, integers sign-extended; the value at a NULL is arbitrary.
pub enum Words<'a> {
    /// Borrowed from a 64-bit column.
    Borrowed(&'a [i64]),
    /// Widened.
    Owned(Vec<i64>),
}

impl std::ops::Deref for Words<'_> {
    type Target = [i64];

    fn deref(&self) -> &[i64] {
        match self {
            Words::Borrowed(words) => words,
            Words::Owned(words) => words,
        }
    }
}

/// The words of a column; `None` if its type is not of fixed width up to 64 bits.
pub fn words(array: &dyn Array) -> Option<Words<'_>> {
    match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean().values();
            return Some(Words::Owned(values.iter().map(i64::from).collect()));
        }
        DataType::Int64 => {
            return Some(Words::Borrowed(array.as_primitive::<Int64Type>().values()));
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let array = array.as_primitive::<TimestampMillisecondType>();
            return Some(Words::Borrowed(array.values()));
        }
        _ => {}
    }
    let data = array.to_data();
    let length = array.len();
    Some(Words::Owned(match width(array.data_type())? {
        8 => typed::<i8>(&data, length).iter().map(|v| i64::from(*v)).collect(),
        16 => typed::<i16>(&data, length).iter().map(|v| i64::from(*v)).collect(),
        32 => typed::<i32>(&data, length).iter().map(|v| i64::from(*v)).collect(),
        _ => typed::<i64>(&data, length).to_vec(),
    }))
}

fn typed<T: arrow_buffer::ArrowNativeType>(data: &ArrayData, length: usize) -> &[T] {
    &data.buffer::<T>(0)[..length]
}

/// The column of that type whose values are these words.
pub fn from_words(words: Vec<i64>, nulls: Option<NullBuffer>, ty: &DataType) -> Result<ArrayRef> {
    let nulls = nulls.filter(|n| n.null_count() > 0);
    let rows = words.len();
    let buffer = match width(ty) {
        Some(1) => {
            let values = BooleanBuffer::collect_bool(rows, |row| words[row] != 0);
            return Ok(Arc::new(BooleanArray::new(values, nulls)));
        }
        Some(8) => narrow(&words, |word| word as i8),
        Some(16) => narrow(&words, |word| word as i16),
        Some(32) => narrow(&words, |word| word as i32),
        Some(_) if *ty == DataType::Int64 => {
            return Ok(Arc::new(PrimitiveArray::<Int64Type>::new(words.into(), nulls)));
        }
        Some(_) => ScalarBuffer::<i64>::from(words).into_inner(),
        None => return Err(Error::internal(format!("a value of type {ty} is not one word"))),
    };
    let data = ArrayData::builder(ty.clone()).len(rows).add_buffer(buffer).nulls(nulls);
    Ok(arrow_array::make_array(data.build()?))
}

fn narrow<T: arrow_buffer::ArrowNativeType>(
    words: &[i64],
    cut: impl Fn(i64) -> T,
) -> arrow_buffer::Buffer {
    ScalarBuffer::<T>::from(words.iter().map(|w| cut(*w)).collect::<Vec<T>>()).into_inner()
}
