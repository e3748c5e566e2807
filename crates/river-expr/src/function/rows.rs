//! Row-wise kernels between Arrow columns and the few lines that a function is: typed access to an
//! argument whatever its shape (column or constant), and builders of result columns.
//!
//! Used by the kernels of every function group. A row closure returns `None` for NULL, so that
//! `?` on its arguments gives SQL's "NULL if any argument is NULL".

use std::sync::Arc;

use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{
    ArrayAccessor, ArrayRef, ArrowPrimitiveType, BinaryViewArray, BooleanArray, PrimitiveArray,
    StringViewArray,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, NullBufferBuilder, ScalarBuffer};
use arrow_data::{ByteView, MAX_INLINE_VIEW_LEN};

use super::Call;
use crate::{EvalError, Result};

/// One argument: an array, or an array of length one that stands for all rows.
#[derive(Clone, Copy)]
pub struct Arg<A> {
    array: A,
    scalar: bool,
}

impl<A: ArrayAccessor + Copy> Arg<A> {
    /// The value of a row, `None` for NULL.
    #[inline]
    pub fn get(&self, row: usize) -> Option<A::Item> {
        let index = if self.scalar { 0 } else { row };
        if self.array.is_null(index) { None } else { Some(self.array.value(index)) }
    }

    /// The array itself.
    pub fn array(&self) -> A {
        self.array
    }

    /// The value, if it is one constant for all rows and not NULL.
    pub fn constant(&self) -> Option<A::Item> {
        if self.scalar { self.get(0) } else { None }
    }

    /// Whether it is one constant for all rows.
    pub fn is_constant(&self) -> bool {
        self.scalar
    }
}

fn wrong_type(call: &Call, index: usize) -> EvalError {
    let ty = call.types.get(index).map(|t| t.to_string()).unwrap_or_default();
    EvalError::new(format!("argument {} of type {ty} has an unexpected layout", index + 1))
}

/// A character argument.
pub fn text<'a>(call: &Call<'a>, index: usize) -> Result<Arg<&'a StringViewArray>> {
    let column = call.args.get(index).ok_or_else(|| wrong_type(call, index))?;
    let array = column.array().as_string_view_opt().ok_or_else(|| wrong_type(call, index))?;
    Ok(Arg { array, scalar: column.is_scalar() })
}

/// A binary argument.
pub fn bytes<'a>(call: &Call<'a>, index: usize) -> Result<Arg<&'a BinaryViewArray>> {
    let column = call.args.get(index).ok_or_else(|| wrong_type(call, index))?;
    let array = column.array().as_binary_view_opt().ok_or_else(|| wrong_type(call, index))?;
    Ok(Arg { array, scalar: column.is_scalar() })
}

/// A boolean argument.
pub fn boolean<'a>(call: &Call<'a>, index: usize) -> Result<Arg<&'a BooleanArray>> {
    let column = call.args.get(index).ok_or_else(|| wrong_type(call, index))?;
    let array = column.array().as_boolean_opt().ok_or_else(|| wrong_type(call, index))?;
    Ok(Arg { array, scalar: column.is_scalar() })
}

/// An argument of a primitive type.
pub fn primitive<'a, T: ArrowPrimitiveType>(
    call: &Call<'a>,
    index: usize,
) -> Result<Arg<&'a PrimitiveArray<T>>> {
    let column = call.args.get(index).ok_or_else(|| wrong_type(call, index))?;
    let array = column.array().as_primitive_opt().ok_or_else(|| wrong_type(call, index))?;
    Ok(Arg { array, scalar: column.is_scalar() })
}

/// A text column; the closure appends a row's text to the empty buffer.
pub fn build_text(rows: usize, mut f: impl FnMut(usize, &mut String) -> Option<()>) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(rows);
    let mut buffer = String::new();
    for row in 0..rows {
        buffer.clear();
        match f(row, &mut buffer) {
            Some(()) => builder.append_value(&buffer),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

/// As [`build_text`] where a row can fail.
pub fn try_build_text(
    rows: usize,
    mut f: impl FnMut(usize, &mut String) -> Result<Option<()>>,
) -> Result<ArrayRef> {
    let mut builder = StringViewBuilder::with_capacity(rows);
    let mut buffer = String::new();
    for row in 0..rows {
        buffer.clear();
        match f(row, &mut buffer)? {
            Some(()) => builder.append_value(&buffer),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// A binary column; the closure appends a row's bytes to the empty buffer.
pub fn try_build_bytes(
    rows: usize,
    mut f: impl FnMut(usize, &mut Vec<u8>) -> Result<Option<()>>,
) -> Result<ArrayRef> {
    let mut builder = BinaryViewBuilder::with_capacity(rows);
    let mut buffer = Vec::new();
    for row in 0..rows {
        buffer.clear();
        match f(row, &mut buffer)? {
            Some(()) => builder.append_value(&buffer),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// A primitive column.
pub fn build_primitive<T: ArrowPrimitiveType>(
    rows: usize,
    mut f: impl FnMut(usize) -> Option<T::Native>,
) -> ArrayRef {
    let mut nulls = NullBufferBuilder::new(rows);
    let mut values = Vec::with_capacity(rows);
    for row in 0..rows {
        let value = f(row);
        nulls.append(value.is_some());
        values.push(value.unwrap_or_default());
    }
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls.finish()))
}

/// As [`build_primitive`] where a row can fail.
pub fn try_build_primitive<T: ArrowPrimitiveType>(
    rows: usize,
    mut f: impl FnMut(usize) -> Result<Option<T::Native>>,
) -> Result<ArrayRef> {
    let mut failure = None;
    let array = build_primitive::<T>(rows, |row| {
        if failure.is_some() {
            return None;
        }
        f(row).unwrap_or_else(|error| {
            failure = Some(error);
            None
        })
    });
    failure.map_or(Ok(array), Err)
}

/// A boolean column.
pub fn build_boolean(rows: usize, mut f: impl FnMut(usize) -> Option<bool>) -> ArrayRef {
    let mut nulls = NullBufferBuilder::new(rows);
    let mut values = BooleanBufferBuilder::new(rows);
    for row in 0..rows {
        let value = f(row);
        nulls.append(value.is_some());
        values.append(value.unwrap_or(false));
    }
    Arc::new(BooleanArray::new(values.finish(), nulls.finish()))
}

/// A text column whose values are parts of the source's values: a long part is a view into the
/// source's buffers, nothing is copied. The closure must return a part of the text it is given
/// (or a constant text of at most 12 bytes).
pub fn build_parts<'a>(
    source: &Arg<&'a StringViewArray>,
    rows: usize,
    mut f: impl FnMut(usize, &'a str) -> Option<&'a str>,
) -> ArrayRef {
    let mut views: Vec<u128> = Vec::with_capacity(rows);
    let mut nulls = NullBufferBuilder::new(rows);
    let all_views = source.array.views();
    for row in 0..rows {
        let part = source.get(row).and_then(|text| Some((text, f(row, text)?)));
        nulls.append(part.is_some());
        let view = part.map(|(text, part)| {
            let index = if source.scalar { 0 } else { row };
            part_view(all_views[index], text.as_bytes(), part.as_bytes())
        });
        views.push(view.unwrap_or(0));
    }
    let (views, nulls): (ScalarBuffer<u128>, Option<NullBuffer>) = (views.into(), nulls.finish());
    let buffers = source.array.data_buffers().to_vec();
    // SAFETY: each view is inline text taken from a `&str`, or lies within the view of a valid
    // source value and starts and ends at character borders, both being ends of a `&str`.
    Arc::new(unsafe { StringViewArray::new_unchecked(views, buffers, nulls) })
}

/// The view of `part`, which lies within `text`, whose view is `view`.
fn part_view(view: u128, text: &[u8], part: &[u8]) -> u128 {
    if part.len() as u32 <= MAX_INLINE_VIEW_LEN {
        let mut bytes = [0u8; 16];
        bytes[..4].copy_from_slice(&(part.len() as u32).to_le_bytes());
        bytes[4..4 + part.len()].copy_from_slice(part);
        return u128::from_le_bytes(bytes);
    }
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    assert!(start + part.len() <= text.len(), "a part lies within its text");
    let whole = ByteView::from(view);
    ByteView {
        length: part.len() as u32,
        prefix: u32::from_le_bytes([part[0], part[1], part[2], part[3]]),
        buffer_index: whole.buffer_index,
        offset: whole.offset + start as u32,
    }
    .into()
}
