//! `CASE` and `IF` over numbers and times whose values are at hand: columns, fields and constants.
//!
//! Values that cost nothing need not be restricted to the rows that take them, so the result is
//! merged by bit masks, 64 rows at a time, without an index per row. Called by
//! [`Program`](super::Program) where [`is_cheap`] holds; other branches go the general way.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{Array, ArrayRef, PrimitiveArray, downcast_primitive};
use arrow_buffer::{BooleanBuffer, NullBuffer};

use super::{Node, Step, predicate};
use crate::{Col, EvalContext, EvalError, Result};

/// Whether conditions cannot fail, and values are of one primitive type and need no computing.
pub(super) fn is_cheap(branches: &[(&Node, &Node)], otherwise: &Node) -> bool {
    let ty = otherwise.ty.logical.to_arrow();
    let is_ready = |value: &Node| {
        let leaf = match &value.step {
            Step::Field { input, .. } => &input.step,
            step => step,
        };
        matches!(leaf, Step::Column(_) | Step::Constant(_)) && value.ty.logical.to_arrow() == ty
    };
    ty.is_primitive()
        && is_ready(otherwise)
        && branches.iter().all(|(condition, value)| !condition.fallible && is_ready(value))
}

/// Each row takes the value of the first branch whose condition is true.
pub(super) fn by_masks(
    branches: &[(&Node, &Node)],
    otherwise: &Node,
    input: &[ArrayRef],
    rows: usize,
    context: &EvalContext,
) -> Result<Col> {
    let mut result = otherwise.eval(input, rows, context)?.into_array(rows);
    // Backwards, so that the first true branch has the last word.
    for (condition, value) in branches.iter().rev() {
        let mask = predicate(&condition.eval(input, rows, context)?, rows);
        if mask.count_set_bits() > 0 {
            result = merge(&mask, &value.eval(input, rows, context)?, &result)?;
        }
    }
    Ok(Col::Array(result))
}

/// `value` where the mask is set, `otherwise` elsewhere.
fn merge(mask: &BooleanBuffer, value: &Col, otherwise: &ArrayRef) -> Result<ArrayRef> {
    macro_rules! of_type {
        ($t:ty) => {
            merge_as::<$t>(mask, value, otherwise)
        };
    }
    let merged = downcast_primitive! {
        otherwise.data_type() => (of_type),
        _ => None
    };
    merged.ok_or_else(|| EvalError::new("the branches of a CASE are of different types"))
}

fn merge_as<T: ArrowPrimitiveType>(
    mask: &BooleanBuffer,
    value: &Col,
    otherwise: &ArrayRef,
) -> Option<ArrayRef> {
    let base = otherwise.as_primitive_opt::<T>()?;
    let chosen = value.array().as_primitive_opt::<T>()?;
    let mut values = base.values().to_vec();
    if value.is_scalar() {
        let constant = chosen.value(0);
        for_runs(mask, |start, end| values[start..end].fill(constant));
    } else {
        let chosen = chosen.values();
        for_runs(mask, |start, end| values[start..end].copy_from_slice(&chosen[start..end]));
    }
    let array = PrimitiveArray::<T>::new(values.into(), merge_nulls(mask, value, base.nulls()));
    Some(Arc::new(array.with_data_type(base.data_type().clone())))
}

/// Calls `copy` for runs of set bits: whole words at once, else bit by bit.
fn for_runs(mask: &BooleanBuffer, mut copy: impl FnMut(usize, usize)) {
    let mut start = 0;
    for word in mask.bit_chunks().iter_padded() {
        if word == u64::MAX {
            copy(start, start + 64);
        } else {
            let mut rest = word;
            while rest != 0 {
                let first = rest.trailing_zeros() as usize;
                let length = (rest >> first).trailing_ones() as usize;
                copy(start + first, start + first + length);
                // The carry of an addition clears a run of ones.
                rest &= rest.wrapping_add(1 << first);
            }
        }
        start += 64;
    }
}

fn merge_nulls(mask: &BooleanBuffer, value: &Col, base: Option<&NullBuffer>) -> Option<NullBuffer> {
    let nulls = value.array().nulls();
    if nulls.is_none() && base.is_none() {
        return None;
    }
    let others = match base {
        Some(base) => &!mask & base.inner(),
        None => !mask,
    };
    let chosen = match nulls {
        Some(_) if value.is_scalar() => match value.array().is_null(0) {
            true => BooleanBuffer::new_unset(mask.len()),
            false => mask.clone(),
        },
        Some(nulls) => mask & nulls.inner(),
        None => mask.clone(),
    };
    let nulls = NullBuffer::new(&chosen | &others);
    (nulls.null_count() > 0).then_some(nulls)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array};
    use arrow_buffer::BooleanBuffer;

    use super::*;

    fn check(mask: &BooleanBuffer, value: &Col, base: &Int64Array) {
        let otherwise: ArrayRef = Arc::new(base.clone());
        let merged = merge(mask, value, &otherwise).unwrap();
        let merged: Vec<_> = merged.as_primitive::<Int64Type>().iter().collect();
        let values = value.array().as_primitive::<Int64Type>();
        let wanted: Vec<_> = (0..mask.len())
            .map(|row| {
                let (array, at) = match mask.value(row) {
                    true => (values, value.index(row)),
                    false => (base, row),
                };
                array.is_valid(at).then(|| array.value(at))
            })
            .collect();
        assert_eq!(merged, wanted);
    }

    #[test]
    fn rows_take_values_by_mask() {
        let rows = 300;
        let base = Int64Array::from_iter((0..rows).map(|i| (i % 7 != 0).then_some(i)));
        let values = Int64Array::from_iter((0..rows).map(|i| (i % 5 != 0).then_some(1000 + i)));
        let values = Col::Array(Arc::new(values));
        let masks: [fn(usize) -> bool; 6] = [
            |_| false,
            |_| true,
            |i| i % 3 == 0,
            |i| i % 64 > 40,
            |i| (64..128).contains(&i) || i > 250,
            |i| i % 64 == 63 || i == 0,
        ];
        for mask in masks {
            let mask = BooleanBuffer::collect_bool(rows as usize, mask);
            check(&mask, &values, &base);
            check(&mask, &Col::Scalar(Arc::new(Int64Array::from(vec![9]))), &base);
            check(&mask, &Col::Scalar(Arc::new(Int64Array::from(vec![None]))), &base);
            let full = Int64Array::from_iter_values(0..rows);
            check(&mask, &Col::Scalar(Arc::new(full.slice(3, 1))), &full);
            check(
                &mask.slice(5, 200),
                &Col::Array(values.array().slice(7, 200)),
                &full.slice(1, 200),
            );
        }
    }
}
