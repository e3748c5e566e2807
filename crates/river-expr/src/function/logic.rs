//! `AND`, `OR`, `NOT` and the truth tests, in three-valued logic (`ScalarOperatorGens`).

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_buffer::BooleanBuffer;
use river_core::{DataType, Expr, LogicalType};

use super::{Call, Function, Kernel};
use crate::{BindError, Result, Session, bind};

fn bind_junction(
    name: &'static str,
    args: &mut Vec<Expr>,
) -> std::result::Result<DataType, BindError> {
    if args.len() < 2 {
        return Err(BindError::wrong_count(name, args.len(), "at least 2"));
    }
    if !args.iter().all(|a| crate::program::is_boolean(&a.ty)) {
        return Err(BindError::cannot_apply(name, args, &format!("'<BOOLEAN> {name} <BOOLEAN>'")));
    }
    (0..args.len()).for_each(|i| bind::coerce_arg(args, i, &LogicalType::Boolean));
    Ok(LogicalType::Boolean.with_nullable(bind::any_nullable(args)))
}

fn bind_and(_: &Session, args: &mut Vec<Expr>) -> std::result::Result<DataType, BindError> {
    bind_junction("AND", args)
}

fn bind_or(_: &Session, args: &mut Vec<Expr>) -> std::result::Result<DataType, BindError> {
    bind_junction("OR", args)
}

fn bind_not(_: &Session, args: &mut Vec<Expr>) -> std::result::Result<DataType, BindError> {
    bind_test("NOT", args)?;
    Ok(LogicalType::Boolean.with_nullable(bind::any_nullable(args)))
}

fn bind_is(_: &Session, args: &mut Vec<Expr>) -> std::result::Result<DataType, BindError> {
    bind_test("IS TRUE", args)?;
    Ok(LogicalType::Boolean.not_null())
}

fn bind_test(name: &str, args: &mut [Expr]) -> std::result::Result<(), BindError> {
    if args.len() != 1 {
        return Err(BindError::wrong_count(name, args.len(), "1"));
    }
    if !crate::program::is_boolean(&args[0].ty) {
        return Err(BindError::cannot_apply(name, args, &format!("'{name} <BOOLEAN>'")));
    }
    bind::coerce_arg(args, 0, &LogicalType::Boolean);
    Ok(())
}

fn not(call: &Call) -> Result<ArrayRef> {
    let array = call.args[0].clone().into_array(call.rows);
    Ok(Arc::new(arrow_arith::boolean::not(array.as_boolean())?))
}

/// True where the argument is valid and equal to `wanted`; `inverted` turns the answer round.
fn test(call: &Call, wanted: bool, inverted: bool) -> Result<ArrayRef> {
    let array = call.args[0].clone().into_array(call.rows);
    let booleans = array.as_boolean();
    let values = booleans.values();
    let mut truth = if wanted { values.clone() } else { !values };
    if let Some(nulls) = booleans.nulls() {
        truth = &truth & nulls.inner();
    }
    Ok(Arc::new(BooleanArray::new(if inverted { !&truth } else { truth }, None)))
}

/// Rows where the column of any type is NULL.
fn null_mask(call: &Call) -> BooleanBuffer {
    let array = call.args[0].clone().into_array(call.rows);
    match array.logical_nulls() {
        None => BooleanBuffer::new_unset(call.rows),
        Some(nulls) => !nulls.inner(),
    }
}

fn bind_null_test(_: &Session, args: &mut Vec<Expr>) -> std::result::Result<DataType, BindError> {
    if args.len() != 1 {
        return Err(BindError::wrong_count("IS NULL", args.len(), "1"));
    }
    Ok(LogicalType::Boolean.not_null())
}

fn is_null(call: &Call) -> Result<ArrayRef> {
    Ok(Arc::new(BooleanArray::new(null_mask(call), None)))
}

fn is_not_null(call: &Call) -> Result<ArrayRef> {
    Ok(Arc::new(BooleanArray::new(!&null_mask(call), None)))
}

const fn operator(
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    bind: fn(&Session, &mut Vec<Expr>) -> std::result::Result<DataType, BindError>,
    kernel: Kernel,
) -> Function {
    Function {
        name,
        aliases: &[],
        signature,
        doc,
        bind,
        kernel,
        deterministic: true,
        fallible: false,
    }
}

/// This group.
pub const FUNCTIONS: &[Function] = &[
    operator(
        "AND",
        "a BOOLEAN AND b BOOLEAN -> BOOLEAN",
        "True if both are; false if either is false, whatever the other; else NULL.",
        bind_and,
        Kernel::Lazy,
    ),
    operator(
        "OR",
        "a BOOLEAN OR b BOOLEAN -> BOOLEAN",
        "True if either is, whatever the other; false if both are false; else NULL.",
        bind_or,
        Kernel::Lazy,
    ),
    operator(
        "NOT",
        "NOT a BOOLEAN -> BOOLEAN",
        "The opposite; NULL for NULL.",
        bind_not,
        Kernel::Columns(not),
    ),
    operator(
        "IS TRUE",
        "a BOOLEAN IS TRUE -> BOOLEAN",
        "Whether it is true; never NULL.",
        bind_is,
        Kernel::Columns(|call| test(call, true, false)),
    ),
    operator(
        "IS NOT TRUE",
        "a BOOLEAN IS NOT TRUE -> BOOLEAN",
        "Whether it is false or NULL.",
        bind_is,
        Kernel::Columns(|call| test(call, true, true)),
    ),
    operator(
        "IS FALSE",
        "a BOOLEAN IS FALSE -> BOOLEAN",
        "Whether it is false; never NULL.",
        bind_is,
        Kernel::Columns(|call| test(call, false, false)),
    ),
    operator(
        "IS NOT FALSE",
        "a BOOLEAN IS NOT FALSE -> BOOLEAN",
        "Whether it is true or NULL.",
        bind_is,
        Kernel::Columns(|call| test(call, false, true)),
    ),
    operator(
        "IS UNKNOWN",
        "a BOOLEAN IS UNKNOWN -> BOOLEAN",
        "Whether it is NULL.",
        bind_is,
        Kernel::Columns(is_null),
    ),
    operator(
        "IS NOT UNKNOWN",
        "a BOOLEAN IS NOT UNKNOWN -> BOOLEAN",
        "Whether it is not NULL.",
        bind_is,
        Kernel::Columns(is_not_null),
    ),
    operator(
        "IS NULL",
        "a IS NULL -> BOOLEAN",
        "Whether it is NULL.",
        bind_null_test,
        Kernel::Columns(is_null),
    ),
    operator(
        "IS NOT NULL",
        "a IS NOT NULL -> BOOLEAN",
        "Whether it is not NULL.",
        bind_null_test,
        Kernel::Columns(is_not_null),
    ),
];
