//! What the saved rows of state tables are made of: columns of the input, columns that the operator
//! adds (their names begin with `$`, which no column of a query's own does), and text that stands
//! alone.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Field as ArrowField, FieldRef};
use river_core::Field;

/// Time of writing ([`crate::ttl::Ttl::save`]).
pub const WRITTEN: &str = "$written";

/// All columns of an input.
pub fn input_columns(fields: &[Field]) -> Vec<FieldRef> {
    fields.iter().map(|field| column(&field.name, field.ty.logical.to_arrow())).collect()
}

/// A column of a saved row; all may hold NULLs.
pub fn column(name: &str, ty: DataType) -> FieldRef {
    Arc::new(ArrowField::new(name, ty, true))
}

/// The columns with text of their own: what a store gives shares its blocks, which are much larger
/// than the rows asked for.
pub fn compact(mut columns: Vec<ArrayRef>) -> Vec<ArrayRef> {
    for column in &mut columns {
        if let Some(text) = column.as_string_view_opt() {
            *column = Arc::new(text.gc());
        } else if let Some(bytes) = column.as_binary_view_opt() {
            *column = Arc::new(bytes.gc());
        }
    }
    columns
}
