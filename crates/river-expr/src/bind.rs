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

use crate::{BindError, Session, cast, fold, function};

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
    if let Some(known) = same_operands(function.name, &args) {
        return Ok(known);
    }
    Ok(Expr::call(function.name, args, ty))
}

/// A comparison of an expression with itself is known without looking at the value, as Calcite
/// simplifies it: so `x = x` is true even for `NaN`.
fn same_operands(name: &str, args: &[Expr]) -> Option<Expr> {
    let truth = match name {
        "=" | "<=" | ">=" => true,
        "<>" | "<" | ">" => false,
        _ => return None,
    };
    let [left, right] = args else { return None };
    if left != right || !left.ty.logical.is_approximate() || !is_stable(left) {
        return None;
    }
    let known = Expr::literal(Value::Boolean(truth), LogicalType::Boolean.not_null());
    if !left.ty.nullable {
        return Some(known);
    }
    let unknown = Expr::literal(Value::Null, LogicalType::Boolean.nullable());
    let is_null = Expr::call("IS NULL", vec![left.clone()], LogicalType::Boolean.not_null());
    conditional::case(vec![(is_null, unknown)], known).ok()
}

/// Whether the expression gives the same value each time for a row.
fn is_stable(expr: &Expr) -> bool {
    let stable = match &expr.kind {
        ExprKind::Call { function, .. } => {
            function::lookup(function).is_some_and(|f| f.deterministic)
        }
        _ => true,
    };
    stable && expr.children().into_iter().all(is_stable)
}

/// `CAST(input AS ty)` or, `lenient`, `TRY_CAST`. The result is nullable where the input is, and
/// always for `TRY_CAST`.
pub fn cast(input: Expr, to: &DataType, lenient: bool) -> Result<Expr, BindError> {
    cast::check_explicit(&input.ty, to)?;
    let ty = to.with_nullable(lenient || input.ty.nullable);
    if input.ty.logical == LogicalType::Null || input.as_literal().is_some_and(Value::is_null) {
        return Ok(Expr::literal(Value::Null, ty.with_nullable(true)));
    }
    if let Some(folded) = constant_float(&input, &ty, lenient)? {
        return Ok(folded);
    }
    Ok(Expr { kind: ExprKind::Cast { input: Box::new(input), lenient }, ty })
}

/// Casts of constants to and from `FLOAT`. Flink folds them by way of a decimal number: `NaN` and
/// the infinities are refused, and a `FLOAT` becomes the `DOUBLE` or `DECIMAL` it prints as.
fn constant_float(input: &Expr, ty: &DataType, lenient: bool) -> Result<Option<Expr>, BindError> {
    let to = &ty.logical;
    let widened = input.ty.logical == LogicalType::Float
        && matches!(to, LogicalType::Double | LogicalType::Decimal(..));
    if !(widened || *to == LogicalType::Float) || !crate::program::is_constant(input) {
        return Ok(None);
    }
    let session = Session::default();
    if widened {
        let Ok(Value::Float32(value)) = fold::evaluate_constant(input, &session) else {
            return Ok(None);
        };
        let Ok(double) = cast::to_string::java_float(value).parse() else { return Ok(None) };
        let double = Expr::literal(Value::Float64(double), LogicalType::Double.not_null());
        let mut widened = coerce(double, to);
        widened.ty = ty.clone();
        return Ok(Some(widened));
    }
    let kind = ExprKind::Cast { input: Box::new(input.clone()), lenient };
    let cast = Expr { kind, ty: ty.clone() };
    match fold::evaluate_constant(&cast, &session) {
        Ok(Value::Float32(value)) if !value.is_finite() => {
            Err(BindError::new("Infinite or NaN: a FLOAT constant must be a finite number"))
        }
        _ => Ok(None),
    }
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
