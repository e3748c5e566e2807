//! Columns on their way into a file and out of it.
//!
//! In a task text and bytes are views, 16 bytes a row and buffers shared with others. In a file
//! they are offsets and one buffer with just the rows' bytes (`Utf8`, `Binary`): never larger than
//! views, and nothing of other rows goes along.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, ListArray, StringArray, StringViewArray,
    StructArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};
use arrow_select::interleave::interleave;

use crate::{Error, Result};

/// Longest value that is inside its view.
const INLINE: usize = 12;

/// Type of a column in a file.
pub(crate) fn stored_type(ty: &DataType) -> DataType {
    match ty {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) => DataType::List(stored_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(stored_field).collect()),
        other => other.clone(),
    }
}

fn stored_field(field: &FieldRef) -> FieldRef {
    let ty = stored_type(field.data_type());
    if ty == *field.data_type() {
        return field.clone();
    }
    Arc::new(Field::new(field.name(), ty, field.is_nullable()))
}

/// Columns in a file.
pub(crate) fn stored_fields(schema: &Schema) -> Fields {
    schema.fields().iter().map(stored_field).collect()
}

/// Bytes that rows take in a file, about.
pub(crate) fn stored_bytes(column: &dyn Array) -> usize {
    let views = match column.data_type() {
        DataType::Utf8View => column.as_string_view_opt().map(|array| array.views()),
        DataType::BinaryView => column.as_binary_view_opt().map(|array| array.views()),
        _ => None,
    };
    match views {
        Some(views) => views.iter().map(|view| 4 + length(*view)).sum(),
        // Of a type that has no fixed size of a slice the buffers are an upper bound.
        None => column
            .to_data()
            .get_slice_memory_size()
            .unwrap_or_else(|_| column.get_array_memory_size()),
    }
}

#[inline]
fn length(view: u128) -> usize {
    view as u32 as usize
}

/// The rows of `chunks` in an order (chunk and row of each), as stored in a file.
pub(crate) fn gather(chunks: &[&ArrayRef], order: &[(usize, usize)]) -> Result<ArrayRef> {
    let Some(first) = chunks.first() else {
        return Err(Error::internal("rows without columns"));
    };
    let views: Option<Vec<(&[u128], &[Buffer])>> = match first.data_type() {
        DataType::Utf8View => chunks
            .iter()
            .map(|chunk| chunk.as_string_view_opt().map(|a| (&a.views()[..], a.data_buffers())))
            .collect(),
        DataType::BinaryView => chunks
            .iter()
            .map(|chunk| chunk.as_binary_view_opt().map(|a| (&a.views()[..], a.data_buffers())))
            .collect(),
        _ => None,
    };
    if let Some(views) = views {
        return gather_views(chunks, &views, order, first.data_type());
    }
    let chunks: Vec<&dyn Array> = chunks.iter().map(|chunk| chunk.as_ref()).collect();
    compact(&interleave(&chunks, order)?)
}

fn gather_views(
    chunks: &[&ArrayRef],
    views: &[(&[u128], &[Buffer])],
    order: &[(usize, usize)],
    ty: &DataType,
) -> Result<ArrayRef> {
    let any_null = chunks.iter().any(|chunk| chunk.null_count() > 0);
    let is_null = |(chunk, row): (usize, usize)| any_null && chunks[chunk].is_null(row);
    let mut offsets = Vec::with_capacity(order.len() + 1);
    offsets.push(0i32);
    let mut bytes: Vec<u8> = Vec::with_capacity(order.len() * 8);
    for at in order {
        if !is_null(*at) {
            let (views, buffers) = views[at.0];
            append(views[at.1], buffers, &mut bytes);
        }
        let end = i32::try_from(bytes.len()).map_err(|_| too_long())?;
        offsets.push(end);
    }
    let nulls = any_null.then(|| order.iter().map(|at| !is_null(*at)).collect::<NullBuffer>());
    // Made of monotonic numbers just above.
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let values = Buffer::from_vec(bytes);
    Ok(match ty {
        DataType::Utf8View => Arc::new(StringArray::try_new(offsets, values, nulls)?),
        _ => Arc::new(BinaryArray::try_new(offsets, values, nulls)?),
    })
}

#[inline]
fn append(view: u128, buffers: &[Buffer], into: &mut Vec<u8>) {
    let length = length(view);
    if length <= INLINE {
        into.extend_from_slice(&view.to_le_bytes()[4..4 + length]);
    } else {
        let (buffer, offset) = ((view >> 64) as u32 as usize, (view >> 96) as u32 as usize);
        into.extend_from_slice(&buffers[buffer][offset..offset + length]);
    }
}

fn too_long() -> Error {
    Error::internal("the text of a block is longer than 2 GiB")
}

/// A column as stored in a file.
pub(crate) fn compact(column: &ArrayRef) -> Result<ArrayRef> {
    let ty = column.data_type();
    if stored_type(ty) == *ty {
        return Ok(column.clone());
    }
    match ty {
        DataType::Utf8View | DataType::BinaryView => {
            let order: Vec<(usize, usize)> = (0..column.len()).map(|row| (0, row)).collect();
            gather(&[column], &order)
        }
        DataType::List(item) => {
            let list = column.as_list::<i32>();
            let offsets = list.offsets();
            let (start, end) = (offsets[0], offsets[offsets.len() - 1]);
            let values = list.values().slice(start as usize, (end - start) as usize);
            let offsets: Vec<i32> = offsets.iter().map(|offset| offset - start).collect();
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
            let values = compact(&values)?;
            let nulls = list.nulls().cloned();
            Ok(Arc::new(ListArray::try_new(stored_field(item), offsets, values, nulls)?))
        }
        DataType::Struct(fields) => {
            let row = column.as_struct();
            let columns = row.columns().iter().map(compact).collect::<Result<Vec<_>>>()?;
            let fields = fields.iter().map(stored_field).collect();
            struct_array(fields, columns, row)
        }
        other => Err(Error::internal(format!("a column of type {other} cannot be stored"))),
    }
}

/// A column of a file with type `ty`, of which it has the stored form.
pub(crate) fn expand(column: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    if column.data_type() == ty {
        return Ok(column.clone());
    }
    let wrong =
        || Error::internal(format!("a column of type {} was stored for {ty}", column.data_type()));
    match ty {
        DataType::Utf8View => {
            let text = column.as_string_opt::<i32>().ok_or_else(wrong)?;
            Ok(Arc::new(StringViewArray::from(text)))
        }
        DataType::BinaryView => {
            let bytes = column.as_binary_opt::<i32>().ok_or_else(wrong)?;
            Ok(Arc::new(BinaryViewArray::from(bytes)))
        }
        DataType::List(item) => {
            let list = column.as_list_opt::<i32>().ok_or_else(wrong)?;
            let values = expand(list.values(), item.data_type())?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?))
        }
        DataType::Struct(fields) => {
            let row = column.as_struct_opt().ok_or_else(wrong)?;
            let expand =
                |(column, field): (&ArrayRef, &FieldRef)| expand(column, field.data_type());
            let columns = row.columns().iter().zip(fields).map(expand).collect::<Result<_>>()?;
            struct_array(fields.clone(), columns, row)
        }
        _ => Err(wrong()),
    }
}

fn struct_array(fields: Fields, columns: Vec<ArrayRef>, like: &StructArray) -> Result<ArrayRef> {
    let nulls = like.nulls().cloned();
    Ok(Arc::new(match fields.is_empty() {
        true => StructArray::new_empty_fields(like.len(), nulls),
        false => StructArray::try_new(fields, columns, nulls)?,
    }))
}
