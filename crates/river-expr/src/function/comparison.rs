//! `= <> < <= > >=` and `IS [NOT] DISTINCT FROM`.
//!
//! What may be compared is Calcite's rule, what a comparison gives is that of Flink's generated
//! code (`ScalarOperatorGens.generateEquals`, `generateComparison`): floats as Java does (`NaN` is
//! unequal to itself, `-0.0` equals `0.0`), strings bytewise, no padding.

mod coercion;
mod kernel;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::{Array, BooleanArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use river_core::{DataType, Expr, LogicalType};
use std::sync::Arc;

use super::{Call, Function, Kernel};
use crate::{BindError, Col, Result, Session};
pub use kernel::Comparison;

type Bound = std::result::Result<DataType, BindError>;

/// Compares two columns of the type of the call's result.
pub fn compare_columns(call: &Call, pair: &[Col; 2], comparison: Comparison) -> Result<ArrayRef> {
    let types = [call.out.clone(), call.out.clone()];
    kernel::compare(&Call { args: pair, types: &types, ..*call }, comparison)
}

fn bind_ordering(name: &'static str, session: &Session, args: &mut Vec<Expr>) -> Bound {
    coercion::coerce(name, session, args)?;
    // Rows compare field by field, so a field that is NULL makes the whole unknown.
    let unknown = args.iter().any(|arg| match &arg.ty.logical {
        LogicalType::Row(fields) => fields.iter().any(|f| f.ty.nullable),
        _ => false,
    });
    Ok(LogicalType::Boolean.with_nullable(unknown || crate::bind::any_nullable(args)))
}

fn bind_distinct(name: &'static str, session: &Session, args: &mut Vec<Expr>) -> Bound {
    coercion::coerce(name, session, args)?;
    Ok(LogicalType::Boolean.not_null())
}

fn distinct(call: &Call, wanted: bool) -> Result<ArrayRef> {
    let equal = kernel::compare(call, Comparison::Equal)?;
    let equal = equal.as_boolean();
    let null = |index: usize| -> BooleanBuffer {
        let array = call.args[index].clone().into_array(call.rows);
        match array.logical_nulls() {
            None => BooleanBuffer::new_unset(call.rows),
            Some(nulls) => !nulls.inner(),
        }
    };
    let both_null = &null(0) & &null(1);
    let equal = match equal.nulls() {
        None => equal.values().clone(),
        Some(nulls) => equal.values() & NullBuffer::inner(nulls),
    };
    let same = &equal | &both_null;
    Ok(Arc::new(BooleanArray::new(if wanted { !&same } else { same }, None)))
}

const fn operator(
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    bind: fn(&Session, &mut Vec<Expr>) -> Bound,
    kernel: fn(&Call) -> Result<ArrayRef>,
) -> Function {
    Function {
        name,
        aliases: &[],
        signature,
        doc,
        bind,
        kernel: Kernel::Columns(kernel),
        deterministic: true,
        fallible: false,
    }
}

/// This group.
pub const FUNCTIONS: &[Function] = &[
    operator(
        "=",
        "a = b -> BOOLEAN",
        "Whether both are equal; NULL if either is NULL. Rows compare field by field.",
        |session, args| bind_ordering("=", session, args),
        |call| kernel::compare(call, Comparison::Equal),
    ),
    operator(
        "<>",
        "a <> b -> BOOLEAN",
        "Whether they differ; NULL if either is NULL.",
        |session, args| bind_ordering("<>", session, args),
        |call| kernel::compare(call, Comparison::NotEqual),
    ),
    operator(
        "<",
        "a < b -> BOOLEAN",
        "Whether a comes before b; NULL if either is NULL.",
        |session, args| bind_ordering("<", session, args),
        |call| kernel::compare(call, Comparison::Less),
    ),
    operator(
        "<=",
        "a <= b -> BOOLEAN",
        "Whether a does not come after b; NULL if either is NULL.",
        |session, args| bind_ordering("<=", session, args),
        |call| kernel::compare(call, Comparison::LessOrEqual),
    ),
    operator(
        ">",
        "a > b -> BOOLEAN",
        "Whether a comes after b; NULL if either is NULL.",
        |session, args| bind_ordering(">", session, args),
        |call| kernel::compare(call, Comparison::Greater),
    ),
    operator(
        ">=",
        "a >= b -> BOOLEAN",
        "Whether a does not come before b; NULL if either is NULL.",
        |session, args| bind_ordering(">=", session, args),
        |call| kernel::compare(call, Comparison::GreaterOrEqual),
    ),
    operator(
        "IS DISTINCT FROM",
        "a IS DISTINCT FROM b -> BOOLEAN",
        "Whether they differ, where NULL equals NULL; never NULL.",
        |session, args| bind_distinct("IS DISTINCT FROM", session, args),
        |call| distinct(call, true),
    ),
    operator(
        "IS NOT DISTINCT FROM",
        "a IS NOT DISTINCT FROM b -> BOOLEAN",
        "Whether they are equal, where NULL equals NULL; never NULL.",
        |session, args| bind_distinct("IS NOT DISTINCT FROM", session, args),
        |call| distinct(call, false),
    ),
];

#[cfg(test)]
mod tests;
