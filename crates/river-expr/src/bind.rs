//! What the binder asks: the typed expression for an operator, function call, `CASE` or cast, with
//! Flink's coercions made explicit.

use river_core::{DataType, Expr};

use crate::{BindError, Session, cast, function};

/// A call of the function or operator `name`.
pub fn call(session: &Session, name: &str, mut args: Vec<Expr>) -> Result<Expr, BindError> {
    let Some(function) = function::lookup(name) else {
        let known = river_core::options::nearest(name, function::names());
        let error = BindError::new(format!("No match found for function {name}"));
        return Err(match known {
            Some(known) => error.with_help(format!("did you mean {known}?")),
            None => error,
        });
    };
    let ty = (function.bind)(session, &mut args)?;
    Ok(Expr::call(function.name, args, ty))
}

/// `CAST(input AS ty)` or, `lenient`, `TRY_CAST`. The result is nullable where the input is, and
/// always for `TRY_CAST`.
pub fn cast(input: Expr, to: &DataType, lenient: bool) -> Result<Expr, BindError> {
    cast::check_explicit(&input.ty, to)?;
    let ty = to.with_nullable(lenient || input.ty.nullable);
    Ok(Expr { kind: river_core::expr::ExprKind::Cast { input: Box::new(input), lenient }, ty })
}

/// The type that all of the types can be converted to without loss (`LogicalTypeMerging
/// .findCommonType`, Calcite's `leastRestrictive`): for `CASE`, `COALESCE`, `UNION`, `VALUES`, `IN`.
pub fn common_type(types: &[&DataType]) -> Option<DataType> {
    let (first, rest) = types.split_first()?;
    rest.iter()
        .all(|t| t.logical == first.logical)
        .then(|| first.with_nullable(types.iter().any(|t| t.nullable)))
}
