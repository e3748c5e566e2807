//! Adaptors from a function on single values to a kernel on columns: constants, NULLs and the
//! types of the result are dealt with once, here.
//!
//! A row where any argument is NULL is NULL. Kernels that cannot fail run over all slots, NULL
//! ones included, which lets the compiler vectorise them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, new_null_array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};

use super::Call;
use crate::{Col, EvalError, Result};

/// Rows where every one of the arguments is valid; `Err(array)` if none is for any row because
/// a constant is NULL.
pub fn valid_rows(call: &Call) -> std::result::Result<Option<NullBuffer>, ArrayRef> {
    let mut nulls: Option<NullBuffer> = None;
    for arg in call.args {
        let these = arg.array().logical_nulls();
        match arg {
            Col::Array(_) => nulls = NullBuffer::union(nulls.as_ref(), these.as_ref()),
            Col::Scalar(_) if these.is_some_and(|n| n.null_count() > 0) => {
                return Err(new_null_array(&call.out.logical.to_arrow(), call.rows));
            }
            Col::Scalar(_) => {}
        }
    }
    Ok(nulls)
}

/// The values of argument `index` as native numbers.
pub fn values<'a, T: ArrowPrimitiveType>(call: &'a Call, index: usize) -> Result<&'a [T::Native]> {
    let column = call.args.get(index).ok_or_else(|| EvalError::new("an argument is missing"))?;
    match column.array().as_primitive_opt::<T>() {
        Some(array) => Ok(array.values()),
        None => Err(EvalError::new(format!(
            "argument {} is {} instead of {}",
            index + 1,
            column.array().data_type(),
            T::DATA_TYPE
        ))),
    }
}

/// A column of the call's result type.
pub fn primitive<T: ArrowPrimitiveType>(
    call: &Call,
    values: Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls);
    Arc::new(array.with_data_type(call.out.logical.to_arrow()))
}

/// `f` of one numeric argument.
pub fn unary<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    call: &Call,
    f: impl Fn(I::Native) -> O::Native,
) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let out = values::<I>(call, 0)?.iter().map(|v| f(*v)).collect();
    Ok(primitive::<O>(call, out, nulls))
}

/// `f` of two numeric arguments.
pub fn binary<L: ArrowPrimitiveType, R: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    call: &Call,
    f: impl Fn(L::Native, R::Native) -> O::Native,
) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let (left, right) = (values::<L>(call, 0)?, values::<R>(call, 1)?);
    let out = zip(call, left, right, f);
    Ok(primitive::<O>(call, out, nulls))
}

/// As [`binary`], for a function that can fail; it sees only rows without NULL.
pub fn try_binary<L: ArrowPrimitiveType, R: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    call: &Call,
    f: impl Fn(L::Native, R::Native) -> Result<O::Native>,
) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let (left, right) = (values::<L>(call, 0)?, values::<R>(call, 1)?);
    let mut out = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        if nulls.as_ref().is_none_or(|n| n.is_valid(row)) {
            out.push(f(left[call.args[0].index(row)], right[call.args[1].index(row)])?);
        } else {
            out.push(O::default_value());
        }
    }
    Ok(primitive::<O>(call, out, nulls))
}

/// `f` of two arguments of values, any of which may be a constant.
pub fn zip<A: Copy, B: Copy, O>(
    call: &Call,
    left: &[A],
    right: &[B],
    f: impl Fn(A, B) -> O,
) -> Vec<O> {
    match (call.args[0].is_scalar(), call.args[1].is_scalar()) {
        (false, false) => left.iter().zip(right).map(|(a, b)| f(*a, *b)).collect(),
        (false, true) => {
            let b = right[0];
            left.iter().map(|a| f(*a, b)).collect()
        }
        (true, false) => {
            let a = left[0];
            right.iter().map(|b| f(a, *b)).collect()
        }
        (true, true) => (0..call.rows).map(|_| f(left[0], right[0])).collect(),
    }
}

/// A condition on two numeric arguments.
pub fn compare<L: ArrowPrimitiveType, R: ArrowPrimitiveType>(
    call: &Call,
    f: impl Fn(L::Native, R::Native) -> bool,
) -> Result<ArrayRef> {
    let nulls = match valid_rows(call) {
        Ok(nulls) => nulls,
        Err(all_null) => return Ok(all_null),
    };
    let (left, right) = (values::<L>(call, 0)?, values::<R>(call, 1)?);
    let (a, b) = (&call.args[0], &call.args[1]);
    let truth =
        BooleanBuffer::collect_bool(call.rows, |row| f(left[a.index(row)], right[b.index(row)]));
    Ok(Arc::new(BooleanArray::new(truth, nulls)))
}
