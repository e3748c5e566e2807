//! `CASE`, `IN` and `BETWEEN`: forms that the parser knows and that are built of others.

use river_core::expr::ExprKind;
use river_core::{Expr, LogicalType, Value};

use super::{call, coerce, common_type};
use crate::{BindError, Session};

/// `CASE WHEN condition THEN value ... ELSE otherwise END`; without `ELSE` pass a NULL literal.
pub fn case(branches: Vec<(Expr, Expr)>, otherwise: Expr) -> Result<Expr, BindError> {
    for (condition, _) in &branches {
        if !crate::program::is_boolean(&condition.ty) {
            return Err(BindError::new(format!(
                "Expected a boolean type for the WHEN condition, found {}",
                condition.ty
            )));
        }
    }
    let mut types: Vec<_> = branches.iter().map(|(_, value)| &value.ty).collect();
    types.push(&otherwise.ty);
    let Some(ty) = common_type(&types) else {
        return Err(BindError::new("Illegal mixing of types in CASE or COALESCE statement"));
    };
    let mut cast = Vec::with_capacity(branches.len());
    for (condition, value) in branches {
        cast.push((coerce(condition, &LogicalType::Boolean), checked(value, &ty.logical)?));
    }
    let otherwise = Box::new(checked(otherwise, &ty.logical)?);
    Ok(Expr { kind: ExprKind::Case { branches: cast, otherwise }, ty })
}

/// An implicit cast that must exist as an explicit one (numbers next to dates have a common type,
/// but no cast).
fn checked(value: Expr, to: &LogicalType) -> Result<Expr, BindError> {
    // An interval beside a date is typed as the date, too; it fails only when it is evaluated.
    let known = value.ty.logical == LogicalType::Null || value.ty.logical.is_interval();
    if value.ty.logical != *to && !known {
        crate::cast::check_explicit(&value.ty, &to.clone().with_nullable(value.ty.nullable))?;
    }
    Ok(coerce(value, to))
}

/// `value IN (items)`: the value and all items are brought to one type, where strings give way to
/// numbers, dates and times.
pub fn in_list(session: &Session, value: Expr, items: Vec<Expr>) -> Result<Expr, BindError> {
    let mut all: Vec<_> = vec![&value.ty];
    all.extend(items.iter().map(|i| &i.ty));
    let target = match common_type(&all) {
        Some(ty) => ty.logical,
        None => in_type(&value, &items)?,
    };
    let value = coerce(value, &target);
    let mut equals = Vec::with_capacity(items.len());
    for item in items {
        equals.push(call(session, "=", vec![value.clone(), coerce(item, &target)])?);
    }
    match equals.len() {
        0 => Ok(Expr::literal(Value::Boolean(false), LogicalType::Boolean.not_null())),
        1 => Ok(equals.remove(0)),
        // One flat OR: a list may be longer than expressions may be deep.
        _ => call(session, "OR", equals),
    }
}

/// The one type that is no string, if strings mix with values of one other type.
fn in_type(value: &Expr, items: &[Expr]) -> Result<LogicalType, BindError> {
    let mut others: Vec<_> = Vec::new();
    for expr in std::iter::once(value).chain(items) {
        if !expr.ty.logical.is_character() {
            others.push(&expr.ty);
        }
    }
    let found = if others.is_empty() { None } else { common_type(&others) };
    match found.map(|ty| ty.logical) {
        Some(ty) if ty.is_numeric() || ty.is_datetime() || ty == LogicalType::Boolean => Ok(ty),
        _ => Err(BindError::new("Values passed to IN operator must have compatible types")),
    }
}

/// `value BETWEEN low AND high`, or `BETWEEN SYMMETRIC`, which takes the bounds in either order.
pub fn between(
    session: &Session,
    value: Expr,
    low: Expr,
    high: Expr,
    symmetric: bool,
) -> Result<Expr, BindError> {
    let range = |low: &Expr, high: &Expr| -> Result<Expr, BindError> {
        let above = call(session, ">=", vec![value.clone(), low.clone()])?;
        let below = call(session, "<=", vec![value.clone(), high.clone()])?;
        call(session, "AND", vec![above, below])
    };
    let straight = range(&low, &high)?;
    if !symmetric {
        return Ok(straight);
    }
    call(session, "OR", vec![straight, range(&high, &low)?])
}
