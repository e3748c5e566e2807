//! Text and bytes of the length a column has: longer values are cut, and `CHAR` is padded with
//! blanks, `BINARY` with zero bytes (`CharLengthConstraint`, `BinaryLengthConstraint`).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BinaryViewArray, StringViewArray, StructArray};
use river_core::LogicalType;
use river_core::types::MAX_LENGTH;

/// Whether values of the type have a length to keep to, inside rows too.
pub fn has_length(ty: &LogicalType) -> bool {
    match ty {
        LogicalType::Char(n) => *n > 0,
        LogicalType::Binary(_) => true,
        LogicalType::VarChar(n) | LogicalType::VarBinary(n) => *n < MAX_LENGTH,
        LogicalType::Row(fields) => fields.iter().any(|f| has_length(&f.ty.logical)),
        _ => false,
    }
}

/// The column with every value of the right length; `None` if all are.
pub fn fit(array: &ArrayRef, ty: &LogicalType) -> Option<ArrayRef> {
    match ty {
        LogicalType::Char(n) if *n > 0 => fit_text(array.as_string_view_opt()?, *n as usize, true),
        LogicalType::VarChar(n) if *n < MAX_LENGTH => {
            fit_text(array.as_string_view_opt()?, *n as usize, false)
        }
        LogicalType::Binary(n) => fit_bytes(array.as_binary_view_opt()?, *n as usize, true),
        LogicalType::VarBinary(n) if *n < MAX_LENGTH => {
            fit_bytes(array.as_binary_view_opt()?, *n as usize, false)
        }
        LogicalType::Row(fields) => {
            let rows = array.as_struct_opt()?;
            let mut columns = rows.columns().to_vec();
            let mut changed = false;
            for (column, field) in columns.iter_mut().zip(fields) {
                if let Some(fitted) = fit(column, &field.ty.logical) {
                    *column = fitted;
                    changed = true;
                }
            }
            if !changed {
                return None;
            }
            let rows =
                StructArray::try_new(rows.fields().clone(), columns, rows.nulls().cloned()).ok()?;
            Some(Arc::new(rows))
        }
        _ => None,
    }
}

fn fit_text(array: &StringViewArray, length: usize, pad: bool) -> Option<ArrayRef> {
    let fits = |text: &str| {
        if text.len() < length {
            return !pad;
        }
        let count = text.chars().count();
        if pad { count == length } else { count <= length }
    };
    if array.iter().flatten().all(fits) {
        return None;
    }
    let fitted = array.iter().map(|text| {
        text.map(|text| match text.char_indices().nth(length) {
            Some((end, _)) => text[..end].to_owned(),
            None if pad => format!("{text:<length$}"),
            None => text.to_owned(),
        })
    });
    Some(Arc::new(fitted.collect::<StringViewArray>()))
}

fn fit_bytes(array: &BinaryViewArray, length: usize, pad: bool) -> Option<ArrayRef> {
    let fits = |bytes: &[u8]| bytes.len() == length || (bytes.len() < length && !pad);
    if array.iter().flatten().all(fits) {
        return None;
    }
    let fitted = array.iter().map(|bytes| {
        bytes.map(|bytes| {
            let mut bytes = bytes[..bytes.len().min(length)].to_vec();
            if pad {
                bytes.resize(length, 0);
            }
            bytes
        })
    });
    Some(Arc::new(fitted.collect::<BinaryViewArray>()))
}
