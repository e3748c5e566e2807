//! Written types to Flink's types: defaults and ranges (`LogicalType` classes' constructors).

use river_core::types::{DataType, Field, LogicalType, MAX_DECIMAL_PRECISION, MAX_LENGTH};

use super::ast::{Span, TimeUnit, TypeName, TypeNameKind};
use super::error::{ParseError, Result};

/// The type that was written, with Flink's defaults. Unsaid nullability means nullable.
///
/// # Errors
/// A length, precision or scale out of range; a type that SQL can write and Flink cannot use; a
/// name that is no built-in type.
pub fn to_data_type(ty: &TypeName) -> Result<DataType> {
    let logical = to_logical_type(ty)?;
    Ok(logical.with_nullable(ty.nullable.unwrap_or(true)))
}

fn to_logical_type(ty: &TypeName) -> Result<LogicalType> {
    let span = ty.span;
    Ok(match &ty.kind {
        TypeNameKind::Boolean => LogicalType::Boolean,
        TypeNameKind::TinyInt => LogicalType::TinyInt,
        TypeNameKind::SmallInt => LogicalType::SmallInt,
        TypeNameKind::Int => LogicalType::Int,
        TypeNameKind::BigInt => LogicalType::BigInt,
        TypeNameKind::Float => LogicalType::Float,
        TypeNameKind::Double => LogicalType::Double,
        TypeNameKind::Decimal { precision, scale } => decimal(*precision, *scale, span)?,
        TypeNameKind::Char(n) => LogicalType::Char(length("CHAR", *n, span)?),
        TypeNameKind::VarChar(n) => LogicalType::VarChar(length("VARCHAR", n.or(LONGEST), span)?),
        TypeNameKind::String => LogicalType::STRING,
        TypeNameKind::Binary(n) => LogicalType::Binary(length("BINARY", *n, span)?),
        TypeNameKind::VarBinary(n) => {
            LogicalType::VarBinary(length("VARBINARY", n.or(LONGEST), span)?)
        }
        TypeNameKind::Bytes => LogicalType::BYTES,
        TypeNameKind::Date => LogicalType::Date,
        TypeNameKind::Time(p) => LogicalType::Time(precision("TIME", *p, 0, span)?),
        TypeNameKind::Timestamp(p) => LogicalType::timestamp(precision("TIMESTAMP", *p, 6, span)?),
        TypeNameKind::TimestampLtz(p) => {
            LogicalType::timestamp_ltz(precision("TIMESTAMP_LTZ", *p, 6, span)?)
        }
        TypeNameKind::TimeLocalZone(_) => {
            return Err(unusable("TIME WITH LOCAL TIME ZONE", span).with_hint("use TIME"));
        }
        TypeNameKind::TimestampTz(_) => {
            let hint = "use TIMESTAMP or TIMESTAMP_LTZ";
            return Err(unusable("TIMESTAMP WITH TIME ZONE", span).with_hint(hint));
        }
        TypeNameKind::Interval(qualifier) => match qualifier.from {
            TimeUnit::Year | TimeUnit::Quarter | TimeUnit::Month => LogicalType::IntervalYearMonth,
            _ => LogicalType::IntervalDayTime,
        },
        TypeNameKind::Array(item) => LogicalType::Array(Box::new(to_data_type(item)?)),
        TypeNameKind::Multiset(item) => LogicalType::Multiset(Box::new(to_data_type(item)?)),
        TypeNameKind::Map(key, value) => {
            LogicalType::Map(Box::new(to_data_type(key)?), Box::new(to_data_type(value)?))
        }
        TypeNameKind::Row(fields) => {
            let field = |f: &super::ast::RowField| {
                Ok(Field::new(f.name.value.clone(), to_data_type(&f.ty)?))
            };
            LogicalType::Row(fields.iter().map(field).collect::<Result<_>>()?)
        }
        TypeNameKind::Variant => LogicalType::Variant,
        TypeNameKind::Bitmap => LogicalType::Bitmap,
        TypeNameKind::Null => LogicalType::Null,
        TypeNameKind::Structured { .. } => return Err(unusable("STRUCTURED", span)),
        TypeNameKind::Raw { .. } => return Err(unusable("RAW", span)),
        TypeNameKind::Named(name) => return Err(unknown_type(&name.to_string(), span)),
    })
}

fn decimal(precision: Option<u64>, scale: Option<i64>, span: Span) -> Result<LogicalType> {
    let max = MAX_DECIMAL_PRECISION;
    let precision = match u8::try_from(precision.unwrap_or(10)) {
        Ok(p) if (1..=max).contains(&p) => p,
        _ => {
            let message = format!("the precision of DECIMAL must be between 1 and {max}");
            return Err(ParseError::new(message, span));
        }
    };
    match u8::try_from(scale.unwrap_or(0)) {
        Ok(scale) if scale <= precision => Ok(LogicalType::Decimal(precision, scale)),
        _ => {
            let message =
                format!("the scale of DECIMAL must be between 0 and its precision {precision}");
            Err(ParseError::new(message, span))
        }
    }
}

/// Length of `VARCHAR` and `VARBINARY` without one (`FlinkTypeSystem.getDefaultPrecision`).
const LONGEST: Option<u64> = Some(MAX_LENGTH as u64);

fn length(what: &str, written: Option<u64>, span: Span) -> Result<u32> {
    match u32::try_from(written.unwrap_or(1)) {
        Ok(n) if (1..=MAX_LENGTH).contains(&n) => Ok(n),
        _ => {
            let message = format!("the length of {what} must be between 1 and {MAX_LENGTH}");
            Err(ParseError::new(message, span))
        }
    }
}

fn precision(what: &str, written: Option<u64>, default: u8, span: Span) -> Result<u8> {
    match u8::try_from(written.unwrap_or(u64::from(default))) {
        Ok(p) if p <= 9 => Ok(p),
        _ => {
            let message = format!("the precision of {what} must be between 0 and 9");
            Err(ParseError::new(message, span))
        }
    }
}

fn unusable(what: &str, span: Span) -> ParseError {
    ParseError::new(format!("the type {what} is not supported"), span)
}

fn unknown_type(name: &str, span: Span) -> ParseError {
    let known = [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INT",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL",
        "CHAR",
        "VARCHAR",
        "STRING",
        "BINARY",
        "VARBINARY",
        "BYTES",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP_LTZ",
        "INTERVAL",
        "ARRAY",
        "MULTISET",
        "MAP",
        "ROW",
        "VARIANT",
        "BITMAP",
    ];
    let foreign = match name.to_ascii_uppercase().as_str() {
        "TEXT" | "NVARCHAR" | "VARCHAR2" => Some("STRING"),
        "LONG" | "INT8" => Some("BIGINT"),
        "BOOL" => Some("BOOLEAN"),
        "DATETIME" => Some("TIMESTAMP"),
        "TIMESTAMPTZ" => Some("TIMESTAMP_LTZ"),
        "BLOB" | "BYTEA" => Some("BYTES"),
        _ => None,
    };
    let error = ParseError::new(format!("there is no type `{name}`"), span);
    match foreign.or_else(|| super::error::nearest(name, known)) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error,
    }
}
