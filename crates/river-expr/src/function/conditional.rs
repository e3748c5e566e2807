//! `COALESCE`, `IF`, `NULLIF`, `GREATEST`, `LEAST`. (`CASE` is a form of its own, see
//! [`crate::bind::case`].)

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray};
use river_core::{DataType, Expr, LogicalType};

use super::comparison::{Comparison, compare_columns};
use super::{Call, Function, Kernel};
use crate::{BindError, Col, EvalError, Result, Session, bind};

type Bound = std::result::Result<DataType, BindError>;

fn bind_coalesce(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.is_empty() {
        return Err(BindError::wrong_count("COALESCE", 0, "at least 1"));
    }
    let nullable = args.iter().all(|a| a.ty.nullable);
    let common = to_common_type("COALESCE", args)?;
    Ok(common.with_nullable(nullable))
}

fn to_common_type(name: &str, args: &mut [Expr]) -> std::result::Result<LogicalType, BindError> {
    let types: Vec<_> = args.iter().map(|a| &a.ty).collect();
    let Some(common) = bind::find_common_type(&types) else {
        return Err(BindError::cannot_apply(name, args, &format!("'{name}(<COMMON>...)'")));
    };
    (0..args.len()).for_each(|i| bind::coerce_arg(args, i, &common.logical));
    Ok(common.logical)
}

fn bind_if(_: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.len() != 3 {
        return Err(BindError::wrong_count("IF", args.len(), "3"));
    }
    let refuse = |args: &[Expr]| {
        let expected = "'IF(<BOOLEAN>, <COMMON_TYPE>, <COMMON_TYPE>)'";
        Err(BindError::cannot_apply("IF", args, expected))
    };
    if !crate::program::is_boolean(&args[0].ty) {
        return refuse(args);
    }
    let Some(common) = bind::common_type(&[&args[1].ty, &args[2].ty]) else {
        return refuse(args);
    };
    let nullable = bind::any_nullable(args);
    bind::coerce_arg(args, 0, &LogicalType::Boolean);
    (1..3).for_each(|i| bind::coerce_arg(args, i, &common.logical));
    Ok(common.logical.with_nullable(nullable))
}

/// The second argument becomes the condition `a = b`.
fn bind_nullif(session: &Session, args: &mut Vec<Expr>) -> Bound {
    if args.len() != 2 {
        return Err(BindError::wrong_count("NULLIF", args.len(), "2"));
    }
    args[1] = bind::call(session, "=", args.clone())?;
    Ok(args[0].ty.with_nullable(true))
}

fn nullif(call: &Call) -> Result<ArrayRef> {
    let values = call.args[0].clone().into_array(call.rows);
    let equal = call.args[1].clone().into_array(call.rows);
    let Some(equal) = equal.as_boolean_opt() else {
        return Err(EvalError::new("NULLIF has no condition"));
    };
    Ok(arrow_select::nullif::nullif(&values, equal)?)
}

fn bind_greatest(_: &Session, args: &mut Vec<Expr>) -> Bound {
    bind_extreme("GREATEST", args)
}

fn bind_least(_: &Session, args: &mut Vec<Expr>) -> Bound {
    bind_extreme("LEAST", args)
}

fn bind_extreme(name: &str, args: &mut [Expr]) -> Bound {
    if args.is_empty() {
        return Err(BindError::wrong_count(name, 0, "at least 1"));
    }
    let nullable = bind::any_nullable(args);
    let common = to_common_type(name, args)?;
    use LogicalType::*;
    if matches!(common, Array(_) | Map(..) | Multiset(_) | Row(_) | Variant | Bitmap) {
        return Err(BindError::cannot_apply(name, args, &format!("'{name}(<COMPARABLE>...)'")));
    }
    Ok(common.with_nullable(nullable))
}

/// The first of the largest (or smallest) arguments; NULL if any is NULL.
fn extreme(call: &Call, comparison: Comparison) -> Result<ArrayRef> {
    let mut best = call.args[0].clone().into_array(call.rows);
    for next in &call.args[1..] {
        let next = next.clone().into_array(call.rows);
        let pair = [Col::Array(next.clone()), Col::Array(best.clone())];
        let better = compare_columns(call, &pair, comparison)?;
        let better = better.as_boolean();
        // A NULL on either side makes the comparison NULL: take whichever side is NULL.
        let take: BooleanArray = (0..call.rows)
            .map(|row| Some(next.is_null(row) || (better.is_valid(row) && better.value(row))))
            .collect();
        best = arrow_select::zip::zip(&take, &next, &best)?;
    }
    Ok(best)
}

/// This group.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "COALESCE",
        aliases: &["IFNULL"],
        signature: "COALESCE(value T, ...) -> T",
        doc: "The first value that is not NULL; later ones are not evaluated.",
        bind: bind_coalesce,
        kernel: Kernel::Lazy,
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "IF",
        aliases: &[],
        signature: "IF(condition BOOLEAN, then T, otherwise T) -> T",
        doc: "The second argument where the condition is true, else the third.",
        bind: bind_if,
        kernel: Kernel::Lazy,
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "NULLIF",
        aliases: &[],
        signature: "NULLIF(a T, b) -> T",
        doc: "NULL where both are equal, else the first.",
        bind: bind_nullif,
        kernel: Kernel::Columns(nullif),
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "GREATEST",
        aliases: &[],
        signature: "GREATEST(value T, ...) -> T",
        doc: "The largest value; NULL if any is NULL.",
        bind: bind_greatest,
        kernel: Kernel::Columns(|call| extreme(call, Comparison::Greater)),
        deterministic: true,
        fallible: false,
    },
    Function {
        name: "LEAST",
        aliases: &[],
        signature: "LEAST(value T, ...) -> T",
        doc: "The smallest value; NULL if any is NULL.",
        bind: bind_least,
        kernel: Kernel::Columns(|call| extreme(call, Comparison::Less)),
        deterministic: true,
        fallible: false,
    },
];
