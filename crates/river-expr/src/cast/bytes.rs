//! To `BINARY(n)` and `VARBINARY(n)`: text as UTF-8, cut to the length; `BINARY` is padded with
//! zero bytes.

use std::sync::Arc;

use arrow_array::builder::BinaryViewBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use river_core::LogicalType;

use crate::{EvalError, Result};

/// A string or binary column as binary.
pub fn column(array: &ArrayRef, from: &LogicalType, to: &LogicalType) -> Result<ArrayRef> {
    let source: ArrayRef = if from.is_character() {
        Arc::new(array.as_string_view().clone().to_binary_view())
    } else if from.is_binary() {
        array.clone()
    } else {
        return Err(EvalError::new(format!("Unsupported cast from '{from}' to '{to}'.")));
    };
    let (length, padded) = match to {
        LogicalType::Binary(n) => (*n as usize, true),
        LogicalType::VarBinary(n) => (*n as usize, false),
        _ => return Ok(source),
    };
    let bytes = source.as_binary_view();
    let fits = |value: &[u8]| value.len() == length || (!padded && value.len() < length);
    if bytes.iter().flatten().all(fits) {
        return Ok(source);
    }
    let mut builder = BinaryViewBuilder::with_capacity(bytes.len());
    let mut buffer = Vec::new();
    for value in bytes {
        match value {
            None => builder.append_null(),
            Some(value) if value.len() >= length => builder.append_value(&value[..length]),
            Some(value) if padded => {
                buffer.clear();
                buffer.extend_from_slice(value);
                buffer.resize(length, 0);
                builder.append_value(&buffer);
            }
            Some(value) => builder.append_value(value),
        }
    }
    Ok(Arc::new(builder.finish()))
}
