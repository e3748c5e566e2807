//! Which types may be compared, and the casts that bring both sides to one type.
//!
//! Numbers and strings are the odd pair: an ordering casts the string to the number's type, while
//! `=` and `<>` pass validation and then fail (FLIP-154 is not complete in Flink).

use river_core::expr::ExprKind;
use river_core::types::LogicalType;
use river_core::{Expr, Value};

use crate::{BindError, Session, bind};

type Done = std::result::Result<(), BindError>;

/// Checks the two sides and casts them in place.
pub fn coerce(name: &str, _: &Session, args: &mut Vec<Expr>) -> Done {
    if args.len() != 2 {
        return Err(BindError::wrong_count(name, args.len(), "2"));
    }
    for (i, j) in [(0, 1), (1, 0)] {
        if args[i].ty.logical == LogicalType::Null {
            let other = args[j].ty.logical.clone();
            bind::coerce_arg(args, i, &other);
        }
    }
    let (left, right) = (args[0].ty.logical.clone(), args[1].ty.logical.clone());
    let equality = is_equality(name);
    if left.is_character() != right.is_character() {
        return coerce_string(name, equality, args);
    }
    if left.is_character() || left == right {
        return orderable(name, equality, &left);
    }
    if left.is_numeric() && right.is_numeric() {
        coerce_numbers(args, &left, &right);
        return Ok(());
    }
    let comparable = (left.is_binary() && right.is_binary())
        || (left.is_timestamp() && right.is_timestamp())
        || same_kind(&left, &right);
    let common = bind::find_common_type(&[&args[0].ty, &args[1].ty]);
    match common {
        Some(common) if comparable => {
            orderable(name, equality, &common.logical)?;
            if !common.logical.is_binary() {
                (0..2).for_each(|i| bind::coerce_arg(args, i, &common.logical));
            }
            Ok(())
        }
        _ => Err(refuse(name, args)),
    }
}

fn is_equality(name: &str) -> bool {
    !matches!(name, "<" | "<=" | ">" | ">=")
}

fn same_kind(left: &LogicalType, right: &LogicalType) -> bool {
    use LogicalType::*;
    matches!(
        (left, right),
        (Time(_), Time(_))
            | (Array(_), Array(_))
            | (Map(..), Map(..))
            | (Multiset(_), Multiset(_))
            | (Row(_), Row(_))
    )
}

fn refuse(name: &str, args: &[Expr]) -> BindError {
    let expected = format!("'<COMPARABLE_TYPE> {name} <COMPARABLE_TYPE>'");
    BindError::cannot_apply(name, args, &expected)
}

/// Collections and rows can be equal, but have no order.
fn orderable(name: &str, equality: bool, ty: &LogicalType) -> Done {
    use LogicalType::*;
    if !equality && matches!(ty, Array(_) | Map(..) | Multiset(_) | Row(_) | Variant | Bitmap) {
        return Err(BindError::new(format!("Comparable type expected for '{name}', found {ty}")));
    }
    Ok(())
}

/// Java's numeric promotion: integers to the wider, with FLOAT to FLOAT, with DOUBLE to DOUBLE.
/// Decimals stay: the kernel compares them exactly, or with a float as doubles.
fn coerce_numbers(args: &mut [Expr], left: &LogicalType, right: &LogicalType) {
    use LogicalType::*;
    let common = if left.is_decimal() || right.is_decimal() {
        return;
    } else if *left == Double || *right == Double {
        Double
    } else if *left == Float || *right == Float {
        Float
    } else {
        let rank = |t: &LogicalType| t.as_decimal().map_or(0, |(p, _)| p);
        if rank(right) > rank(left) { right.clone() } else { left.clone() }
    };
    (0..2).for_each(|i| bind::coerce_arg(args, i, &common));
}

/// One side is a string, the other is not.
fn coerce_string(name: &str, equality: bool, args: &mut [Expr]) -> Done {
    let text = if args[0].ty.logical.is_character() { 0 } else { 1 };
    let other = args[1 - text].ty.logical.clone();
    let comparable = other.is_numeric()
        || other.is_datetime()
        || other.is_interval()
        || other == LogicalType::Boolean;
    if !comparable {
        return Err(refuse(name, args));
    }
    if other.is_datetime() {
        return coerce_to_datetime(equality, args, text, &other);
    }
    if equality {
        // Left as it is: the kernel says that no such conversion exists, or that a string is never
        // equal to a boolean or an interval.
        return Ok(());
    }
    if other.is_interval() {
        return Err(BindError::new(format!(
            "Cast function cannot convert value of type {} to type {other}",
            args[text].ty
        )));
    }
    bind::coerce_arg(args, text, &other);
    Ok(())
}

/// A string column that is no date or time compares as NULL under `=`; everything else is cast
/// strictly.
fn coerce_to_datetime(equality: bool, args: &mut [Expr], text: usize, other: &LogicalType) -> Done {
    let lenient = equality && args[text].as_literal().is_none();
    if !lenient {
        bind::coerce_arg(args, text, other);
        return Ok(());
    }
    let null = Expr::literal(Value::Null, LogicalType::Null.nullable());
    let input = Box::new(std::mem::replace(&mut args[text], null));
    // Typed as the string is: that a text may be no date does not make the comparison nullable.
    let ty = other.clone().with_nullable(input.ty.nullable);
    args[text] = Expr { kind: ExprKind::Cast { input, lenient }, ty };
    Ok(())
}
