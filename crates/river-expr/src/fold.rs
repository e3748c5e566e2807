//! Constant folding with our own functions, so that a folded constant is what running it gives.

use river_core::expr::ExprKind;
use river_core::{Expr, Value};

use crate::column::value_at;
use crate::program::{Program, is_constant};
use crate::{EvalContext, Result, Session};

/// The value of a constant expression.
pub fn evaluate_constant(expr: &Expr, session: &Session) -> Result<Value> {
    if let Some(value) = expr.as_literal() {
        return Ok(value.clone());
    }
    // Only deterministic functions are constant, so the clock is never read.
    let context = EvalContext::new(session.clone(), 0);
    let array = Program::compile(expr)?.eval(&[], 1, &context)?;
    Ok(value_at(&array, &expr.ty.logical, 0))
}

/// The expression with every constant part replaced by its value. A part that fails is left to
/// fail when, and only if, a row reaches it.
pub fn fold(expr: Expr, session: &Session) -> Expr {
    if matches!(expr.kind, ExprKind::Literal(_) | ExprKind::Column(_)) {
        return expr;
    }
    if is_constant(&expr) {
        return match evaluate_constant(&expr, session) {
            Ok(value) => Expr::literal(value, expr.ty),
            Err(_) => expr,
        };
    }
    expr.map_children(&mut |child| fold(child, session))
}
