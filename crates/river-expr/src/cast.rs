//! `CAST` and `TRY_CAST` between all pairs of types, with Flink's rules (`CastRuleProvider`).

use river_core::DataType;

use crate::{BindError, Col, EvalContext, EvalError, Result};

/// Casts a column. A value that does not fit is an error, or NULL where `lenient`.
pub fn cast(
    _column: &Col,
    from: &DataType,
    to: &DataType,
    _lenient: bool,
    _rows: usize,
    _context: &EvalContext,
) -> Result<Col> {
    Err(EvalError::new(format!("cannot cast {from} to {to}")))
}

/// Whether an explicit cast between the types exists (`LogicalTypeCasts.supportsExplicitCast`).
pub fn check_explicit(from: &DataType, to: &DataType) -> std::result::Result<(), BindError> {
    let _ = to;
    Err(BindError::new(format!("Cast function cannot convert value of type {from} to type {to}")))
}

/// Whether values may be stored in a column of type `to` without an explicit cast
/// (`LogicalTypeCasts.supportsImplicitCast`; the rule for sink columns).
pub fn supports_implicit(_from: &DataType, _to: &DataType) -> bool {
    false
}
