//! `CAST` and `TRY_CAST` between all pairs of types, with Flink's rules (`CastRuleProvider`).
//!
//! One file per kind of target or source; [`rules`] says which pairs exist. A NULL stays NULL. A
//! value that does not fit is an error or, in a lenient cast, NULL; numbers that are too large are
//! no error in Flink: integers wrap, decimals become NULL.

mod bytes;
mod from_string;
mod nested;
mod numeric;
mod rules;
mod time;
pub mod to_string;

use arrow_array::{Array, ArrayRef};
use river_core::{DataType, LogicalType};

use crate::{Col, EvalContext, EvalError, Result, Session};

pub use numeric::decimal_of_double;
pub use rules::{can_fail, check_explicit, supports_implicit};

/// How a cast treats bad values and local time.
#[derive(Clone, Copy)]
struct Mode<'a> {
    /// A value that cannot be converted gives NULL.
    lenient: bool,
    session: &'a Session,
}

/// Casts a column. A value that does not fit is an error, or NULL where `lenient`.
pub fn cast(
    column: &Col,
    from: &DataType,
    to: &DataType,
    lenient: bool,
    _rows: usize,
    context: &EvalContext,
) -> Result<Col> {
    let session = &context.session;
    let mode = Mode { lenient: lenient || session.legacy_cast, session };
    let array = cast_array(column.array(), &from.logical, &to.logical, mode)?;
    Ok(if column.is_scalar() { Col::Scalar(array) } else { Col::Array(array) })
}

fn cast_array(
    array: &ArrayRef,
    from: &LogicalType,
    to: &LogicalType,
    mode: Mode,
) -> Result<ArrayRef> {
    use LogicalType::*;
    if from == to {
        return Ok(array.clone());
    }
    match (from, to) {
        (Null, to) => Ok(arrow_array::new_null_array(&to.to_arrow(), array.len())),
        (from, to) if from.is_character() && to.is_character() => {
            Ok(to_string::fit(array, from, to))
        }
        (from, to) if to.is_character() => {
            Ok(to_string::fit(&to_string::column(array, from, mode.session), &STRING, to))
        }
        (from, to) if from.is_character() && !to.is_binary() => {
            from_string::column(array, to, mode)
        }
        (from, to) if to.is_binary() => bytes::column(array, from, to),
        (Boolean, to) if to.is_numeric() => numeric::from_boolean(array, to),
        (from, Boolean) if from.is_numeric() => numeric::to_boolean(array, from),
        (from, to) if from.is_numeric() && to.is_numeric() => numeric::column(array, from, to),
        (from, to) if from.is_datetime() && to.is_datetime() => {
            time::column(array, from, to, mode.session)
        }
        (Array(_) | Map(..) | Multiset(_) | Row(_), _) => nested::column(array, from, to, mode),
        _ => Err(EvalError::new(format!("Unsupported cast from '{from}' to '{to}'."))),
    }
}

const STRING: LogicalType = LogicalType::STRING;

#[cfg(test)]
mod tests;
