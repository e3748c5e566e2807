//! Checks and result types that several aggregate functions share.

use river_core::{DataType, LogicalType};

use super::Bound;
use crate::BindError;

pub(super) type Binding = std::result::Result<Bound, BindError>;

/// Flink's refusal of argument types (Calcite's `SqlOperandTypeChecker`).
pub(super) fn refuse(function: &str, args: &[DataType], form: &str) -> BindError {
    let types: Vec<String> = args.iter().map(|t| format!("<{}>", t.logical)).collect();
    let types = types.join(", ");
    BindError::new(format!(
        "Cannot apply '{function}' to arguments of type '{function}({types})'. \
         Supported form(s): '{function}({form})'"
    ))
}

/// Flink's refusal of a number of arguments.
pub(super) fn refuse_count(function: &str, expected: &str) -> BindError {
    BindError::new(format!(
        "Invalid number of arguments to function '{function}'. Was expecting {expected} arguments"
    ))
}

/// The only argument.
pub(super) fn only<'a>(
    function: &str,
    args: &'a [DataType],
) -> std::result::Result<&'a DataType, BindError> {
    match args {
        [only] => Ok(only),
        _ => Err(refuse_count(function, "1")),
    }
}

/// The only argument, a number.
pub(super) fn number<'a>(
    function: &str,
    args: &'a [DataType],
) -> std::result::Result<&'a DataType, BindError> {
    let arg = only(function, args)?;
    if arg.logical.is_numeric() { Ok(arg) } else { Err(refuse(function, args, "<NUMERIC>")) }
}

/// The type `SUM` gives (`LogicalTypeMerging.findSumAggType`).
pub(super) fn sum_type(arg: &LogicalType) -> LogicalType {
    match arg {
        LogicalType::Decimal(_, scale) => LogicalType::Decimal(38, *scale),
        other => other.clone(),
    }
}

/// The type `AVG` and the variances give (`LogicalTypeMerging.findAvgAggType`).
pub(super) fn average_type(arg: &LogicalType) -> LogicalType {
    match arg {
        LogicalType::Decimal(_, scale) => LogicalType::Decimal(38, (*scale).max(6)),
        other => other.clone(),
    }
}

/// A call of one argument with that result; without grouping keys it is nullable, since there may
/// be no row.
pub(super) fn nullable_if_empty(
    function: &'static str,
    arg: &DataType,
    ty: LogicalType,
    grouped: bool,
) -> Binding {
    let ty = ty.with_nullable(arg.nullable || !grouped);
    Ok(Bound { function, args: vec![arg.clone()], ty })
}

/// A call with its arguments cast to those types, as nullable as they were.
pub(super) fn cast_to(
    function: &'static str,
    args: &[DataType],
    types: &[LogicalType],
    ty: DataType,
) -> Bound {
    let args = args.iter().zip(types);
    let args = args.map(|(arg, to)| to.clone().with_nullable(arg.nullable)).collect();
    Bound { function, args, ty }
}
