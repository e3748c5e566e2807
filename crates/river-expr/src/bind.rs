//! What the binder asks: the typed expression for an operator, function call, `CASE` or cast, with
//! Flink's coercions made explicit.
//!
//! Rules are those of Calcite's validator as Flink sets it up (operators, `CASE`, `IN`) and of
//! Flink's own type inference (`LogicalTypeMerging`, for built-in functions of the new stack).

mod common;
mod conditional;
mod describe;

pub use common::{common_type, find_common_type};
pub use conditional::{between, case, in_list};
pub use describe::{signature, sql_name};

use river_core::expr::ExprKind;
use river_core::{DataType, Expr, LogicalType, Value};

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
    if input.ty.logical == LogicalType::Null || input.as_literal().is_some_and(Value::is_null) {
        return Ok(Expr::literal(Value::Null, ty.with_nullable(true)));
    }
    Ok(Expr { kind: ExprKind::Cast { input: Box::new(input), lenient }, ty })
}

/// The expression as a value of that type, its nullability kept: an implicit cast, or nothing if it
/// has the type already. A bare `NULL` becomes a typed one.
pub fn coerce(expr: Expr, to: &LogicalType) -> Expr {
    if expr.ty.logical == *to {
        return expr;
    }
    let ty = to.clone().with_nullable(expr.ty.nullable);
    if expr.ty.logical == LogicalType::Null {
        return Expr::literal(Value::Null, ty.with_nullable(true));
    }
    Expr { kind: ExprKind::Cast { input: Box::new(expr), lenient: false }, ty }
}

/// As [`coerce`], in place.
pub fn coerce_arg(args: &mut [Expr], index: usize, to: &LogicalType) {
    if let Some(arg) = args.get_mut(index) {
        let taken =
            std::mem::replace(arg, Expr::literal(Value::Null, LogicalType::Null.nullable()));
        *arg = coerce(taken, to);
    }
}

/// Whether any of the arguments may be NULL.
pub fn any_nullable(args: &[Expr]) -> bool {
    args.iter().any(|a| a.ty.nullable)
}
