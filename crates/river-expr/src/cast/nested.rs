//! Arrays, maps, multisets and rows element by element.
//!
//! An element that cannot be converted fails the whole value: a lenient cast gives NULL for the
//! array, not for the element.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, StructArray};
use arrow_schema::DataType as Arrow;
use river_core::types::{LogicalType, to_arrow_fields};

use super::{Mode, cast_array};
use crate::{EvalError, Result};

/// Casts each element.
pub fn column(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    mode: Mode,
) -> Result<ArrayRef> {
    let strict = Mode { lenient: false, ..mode };
    match elements(array, from, to, strict) {
        Err(_) if mode.lenient => row_by_row(array, from, to, strict),
        done => done,
    }
}

/// Some row fails: finds out which, and makes those NULL.
fn row_by_row(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    mode: Mode,
) -> Result<ArrayRef> {
    let one = |row: usize| {
        elements(&array.slice(row, 1), from, to, mode)
            .unwrap_or_else(|_| arrow_array::new_null_array(&to.to_arrow(), 1))
    };
    let rows: Vec<ArrayRef> = (0..array.len()).map(one).collect();
    let rows: Vec<&dyn Array> = rows.iter().map(|r| r.as_ref()).collect();
    Ok(arrow_select::concat::concat(&rows)?)
}

fn elements(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    mode: Mode,
) -> Result<ArrayRef> {
    match (from, to) {
        (LogicalType::Array(a), LogicalType::Array(b)) => {
            let list = array.as_list::<i32>();
            let items = cast_array(list.values(), &a.logical, &b.logical, mode)?;
            let Arrow::List(field) = to.to_arrow() else { return Err(mismatch(from, to)) };
            let offsets = list.offsets().clone();
            Ok(Arc::new(ListArray::try_new(field, offsets, items, list.nulls().cloned())?))
        }
        (LogicalType::Map(k1, v1), LogicalType::Map(k2, v2)) => {
            map(array, (&k1.logical, &k2.logical), (&v1.logical, &v2.logical), to, mode)
        }
        (LogicalType::Multiset(a), LogicalType::Multiset(b)) => {
            let count = LogicalType::Int;
            map(array, (&a.logical, &b.logical), (&count, &count), to, mode)
        }
        (LogicalType::Row(a), LogicalType::Row(b)) if a.len() == b.len() => {
            let rows = array.as_struct();
            if a.is_empty() {
                return Ok(array.clone());
            }
            let fields = rows.columns().iter().zip(a).zip(b);
            let columns = fields
                .map(|((c, f), g)| cast_array(c, &f.ty.logical, &g.ty.logical, mode))
                .collect::<Result<Vec<_>>>()?;
            let nulls = rows.nulls().cloned();
            Ok(Arc::new(StructArray::try_new(to_arrow_fields(b), columns, nulls)?))
        }
        _ => Err(mismatch(from, to)),
    }
}

fn map(
    array: &ArrayRef,
    key: (&LogicalType, &LogicalType),
    value: (&LogicalType, &LogicalType),
    to: &LogicalType,
    mode: Mode,
) -> Result<ArrayRef> {
    let maps = array.as_list::<i32>();
    let entries = maps.values().as_struct();
    let keys = cast_array(entries.column(0), key.0, key.1, mode)?;
    let values = cast_array(entries.column(1), value.0, value.1, mode)?;
    let Arrow::List(field) = to.to_arrow() else {
        return Err(EvalError::new(format!("{to} is no map")));
    };
    let Arrow::Struct(fields) = field.data_type().clone() else {
        return Err(EvalError::new(format!("{to} has no entries")));
    };
    let entries = StructArray::try_new(fields, vec![keys, values], None)?;
    let (offsets, nulls) = (maps.offsets().clone(), maps.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(entries), nulls)?))
}

fn mismatch(from: &LogicalType, to: &LogicalType) -> EvalError {
    EvalError::new(format!("Unsupported cast from '{from}' to '{to}'."))
}
