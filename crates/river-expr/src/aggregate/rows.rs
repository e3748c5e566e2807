//! What all accumulators need of a batch: which rows count, and columns as plain native values.

use arrow_array::{Array, ArrayRef, make_array};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_data::ArrayDataBuilder;
use river_core::LogicalType;

use super::AggregateInput;
use crate::{EvalError, Result};

/// The argument at that position.
pub(super) fn argument<'a>(input: &AggregateInput<'a>, index: usize) -> Result<&'a ArrayRef> {
    input.args.get(index).ok_or_else(|| EvalError::new("an aggregate lacks an argument"))
}

/// The rows that pass the filter and are not NULL in `argument`; `None`: all of them.
pub(super) fn live_rows(
    input: &AggregateInput,
    argument: Option<&ArrayRef>,
) -> Option<BooleanBuffer> {
    let filter = input.filter.map(|filter| match filter.nulls() {
        None => filter.values().clone(),
        Some(nulls) => filter.values() & nulls.inner(),
    });
    let valid = argument.and_then(|array| array.logical_nulls()).filter(|n| n.null_count() > 0);
    match (filter, valid) {
        (Some(filter), Some(valid)) => Some(&filter & valid.inner()),
        (Some(filter), None) => Some(filter),
        (None, Some(valid)) => Some(valid.into_inner()),
        (None, None) => None,
    }
}

/// Whether a row takes away.
pub(super) fn retracts(input: &AggregateInput, row: usize) -> bool {
    input.retract.is_some_and(|retract| retract[row])
}

/// The values of a fixed-width column; those of NULL rows are arbitrary.
pub(super) fn natives<N: ArrowNativeType>(array: &ArrayRef) -> Result<ScalarBuffer<N>> {
    let data = array.to_data();
    if array.data_type().primitive_width() != Some(size_of::<N>()) {
        return Err(EvalError::new(format!(
            "an aggregate got a column of type {}",
            array.data_type()
        )));
    }
    Ok(ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len()))
}

/// A column of a fixed-width type.
pub(super) fn native_array<N: ArrowNativeType>(
    values: Vec<N>,
    nulls: Option<NullBuffer>,
    ty: &LogicalType,
) -> Result<ArrayRef> {
    let builder = ArrayDataBuilder::new(ty.to_arrow())
        .len(values.len())
        .add_buffer(Buffer::from_vec(values))
        .nulls(nulls);
    Ok(make_array(builder.build()?))
}

/// Values and validity of a result column while it grows.
pub(super) struct NativeColumn<N> {
    values: Vec<N>,
    valid: arrow_buffer::BooleanBufferBuilder,
    any_null: bool,
}

impl<N: ArrowNativeType> NativeColumn<N> {
    pub(super) fn new(rows: usize) -> NativeColumn<N> {
        NativeColumn {
            values: Vec::with_capacity(rows),
            valid: arrow_buffer::BooleanBufferBuilder::new(rows),
            any_null: false,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Option<N>) {
        self.values.push(value.unwrap_or_default());
        self.valid.append(value.is_some());
        self.any_null |= value.is_none();
    }

    pub(super) fn finish(mut self, ty: &LogicalType) -> Result<ArrayRef> {
        let nulls = self.any_null.then(|| NullBuffer::new(self.valid.finish()));
        native_array(self.values, nulls, ty)
    }
}
