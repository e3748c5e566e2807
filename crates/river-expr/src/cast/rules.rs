//! Which casts exist: explicit ones (`SqlCastFunction` with Flink's rules and `CastRuleProvider`),
//! implicit ones (`LogicalTypeCasts`), and which of them can fail for some value.

use river_core::{DataType, LogicalType};

use crate::BindError;

/// Whether an explicit cast between the types exists (`LogicalTypeCasts.supportsExplicitCast`).
pub fn check_explicit(from: &DataType, to: &DataType) -> Result<(), BindError> {
    if explicit(&from.logical, &to.logical) {
        return Ok(());
    }
    let local = |t: &LogicalType| {
        if matches!(t, LogicalType::TimestampLtz(..)) { "TIMESTAMP_LTZ" } else { "TIMESTAMP" }
    };
    if from.logical.is_numeric() && to.logical.is_timestamp() {
        let kind = local(&to.logical);
        let help = match kind {
            "TIMESTAMP" => "use TO_TIMESTAMP(FROM_UNIXTIME(numeric_col))",
            _ => "use TO_TIMESTAMP_LTZ(numeric_col, precision)",
        };
        return Err(BindError::new(format!(
            "The cast from NUMERIC type to {kind} type is not allowed."
        ))
        .with_help(help));
    }
    if from.logical.is_timestamp() && to.logical.is_numeric() {
        let kind = local(&from.logical);
        return Err(BindError::new(format!(
            "The cast from {kind} type to NUMERIC type is not allowed."
        ))
        .with_help("use UNIX_TIMESTAMP(CAST(timestamp_col AS STRING))"));
    }
    Err(BindError::new(format!("Cast function cannot convert value of type {from} to type {to}")))
}

fn explicit(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType::*;
    match (from, to) {
        (Null, _) => true,
        (a, b) if a == b => true,
        (Descriptor, _) | (_, Descriptor | Null) => false,
        (Bitmap, Char(_) | VarChar(_)) => true,
        (Variant | Bitmap, _) | (_, Variant | Bitmap) => false,
        (_, Char(_) | VarChar(_)) => true,
        (from, Boolean) => from.is_character() || from.is_numeric(),
        (from, to) if to.is_numeric() => {
            from.is_character() || from.is_numeric() || *from == Boolean
        }
        (from, to) if to.is_binary() => from.is_character() || from.is_binary(),
        (Time(_), Date) | (Date, Time(_)) => false,
        (from, to) if to.is_datetime() => from.is_character() || from.is_datetime(),
        (Array(a), Array(b)) | (Multiset(a), Multiset(b)) => explicit(&a.logical, &b.logical),
        (Map(k1, v1), Map(k2, v2)) => {
            explicit(&k1.logical, &k2.logical) && explicit(&v1.logical, &v2.logical)
        }
        (Row(a), Row(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(f, g)| explicit(&f.ty.logical, &g.ty.logical))
        }
        _ => false,
    }
}

/// Whether values may be stored in a column of type `to` without an explicit cast
/// (`LogicalTypeCasts.supportsImplicitCast`; the rule for sink columns). Nullability is not looked
/// at: that is the business of the sink's constraint enforcer.
pub fn supports_implicit(from: &DataType, to: &DataType) -> bool {
    implicit(&from.logical, &to.logical)
}

fn implicit(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType::*;
    match (from, to) {
        (Null, _) => true,
        (a, b) if a == b => true,
        (Char(_), Char(_)) | (Char(_) | VarChar(_), VarChar(_)) => true,
        (Binary(_), Binary(_)) | (Binary(_) | VarBinary(_), VarBinary(_)) => true,
        (from, Decimal(..) | Double) => from.is_numeric(),
        (from, Float) => from.is_integer() || from.is_decimal(),
        (TinyInt, SmallInt | Int | BigInt) | (SmallInt, Int | BigInt) | (Int, BigInt) => true,
        (Timestamp(..), Date | Time(_)) => true,
        (Time(_), Time(_)) => true,
        (from, to) if to.is_timestamp() => from.is_timestamp(),
        (Array(a), Array(b)) | (Multiset(a), Multiset(b)) => implicit(&a.logical, &b.logical),
        (Map(k1, v1), Map(k2, v2)) => {
            implicit(&k1.logical, &k2.logical) && implicit(&v1.logical, &v2.logical)
        }
        (Row(a), Row(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(f, g)| implicit(&f.ty.logical, &g.ty.logical))
        }
        _ => false,
    }
}

/// Whether a strict cast can fail for some value, so that it must not be evaluated for rows that do
/// not need it.
pub fn can_fail(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType::*;
    match (from, to) {
        (_, Char(_) | VarChar(_)) => false,
        (_, to) if to.is_binary() => false,
        (Char(_) | VarChar(_), _) => true,
        // NaN and the infinities are no decimals.
        (from, Decimal(..)) => from.is_approximate(),
        (from, _) if from.is_numeric() || *from == Boolean => false,
        (from, to) if from.is_datetime() => to.time_precision() > 6,
        (from, to) => from != to,
    }
}
