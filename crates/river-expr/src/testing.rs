//! For tests of functions: literals, and what a call or cast gives as type and text.

use river_core::{DataType, Expr, LogicalType, Value};

use crate::{Session, bind, cast, fold};

/// A string literal: `CHAR(n) NOT NULL`.
pub fn text(value: &str) -> Expr {
    let length = value.chars().count() as u32;
    Expr::literal(Value::string(value), LogicalType::Char(length).not_null())
}

/// An `INT` literal.
pub fn int(value: i32) -> Expr {
    Expr::literal(Value::Int32(value), LogicalType::Int.not_null())
}

/// A `BIGINT` literal.
pub fn long(value: i64) -> Expr {
    Expr::literal(Value::Int64(value), LogicalType::BigInt.not_null())
}

/// A `DOUBLE` literal.
pub fn double(value: f64) -> Expr {
    Expr::literal(Value::Float64(value), LogicalType::Double.not_null())
}

/// A `BOOLEAN` literal.
pub fn boolean(value: bool) -> Expr {
    Expr::literal(Value::Boolean(value), LogicalType::Boolean.not_null())
}

/// A decimal literal as a script's is typed: `0.50` is `DECIMAL(3, 2)`.
pub fn decimal(value: &str) -> Expr {
    let digits: String = value.chars().filter(|c| c.is_ascii_digit()).collect();
    let scale = value.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as u8;
    let unscaled: i128 = digits.parse().unwrap();
    let unscaled = if value.starts_with('-') { -unscaled } else { unscaled };
    let precision = digits.len() as u8;
    Expr::literal(Value::Decimal(unscaled), LogicalType::Decimal(precision, scale).not_null())
}

/// A typed NULL.
pub fn null(ty: LogicalType) -> Expr {
    Expr::literal(Value::Null, ty.nullable())
}

/// The expression cast to a type.
pub fn cast_as(input: Expr, to: LogicalType) -> Expr {
    let nullable = input.ty.nullable;
    bind::cast(input, &to.with_nullable(nullable), false).unwrap()
}

/// A bound call, which must bind.
pub fn called(name: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
    bind::call(&Session::default(), name, args.into_iter().collect()).unwrap()
}

/// Type and value of a call as `CAST AS STRING` writes it: `INT NOT NULL 3`; or the error.
pub fn eval(name: &str, args: impl IntoIterator<Item = Expr>) -> String {
    match bind::call(&Session::default(), name, args.into_iter().collect()) {
        Ok(expr) => show(&expr),
        Err(error) => format!("plan: {error}"),
    }
}

/// Type and value of an expression.
pub fn show(expr: &Expr) -> String {
    match fold::evaluate_constant(expr, &Session::default()) {
        Ok(value) => format!("{} {}", expr.ty, rendered(&value, &expr.ty)),
        Err(error) => format!("{} run: {error}", expr.ty),
    }
}

fn rendered(value: &Value, ty: &DataType) -> String {
    cast::to_string::render(value, &ty.logical, &Session::default())
}

/// The error of a cast that does not exist, or the value of one that does.
pub fn cast_text(input: Expr, to: LogicalType, lenient: bool) -> String {
    let nullable = input.ty.nullable;
    match bind::cast(input, &to.with_nullable(nullable), lenient) {
        Ok(expr) => show(&expr),
        Err(error) => format!("plan: {error}"),
    }
}
