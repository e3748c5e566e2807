//! Constants: from text to typed values, with Calcite's rules for precision and range.

use river_core::types::MAX_DECIMAL_PRECISION;
use river_core::{DataType, Expr, LogicalType, Value};
use river_expr::{Session, bind, fold};

use crate::error::{Result, SqlError};
use crate::parse::ast::{IntervalQualifier, Literal, Span, Text, TimeUnit};

/// A typed constant.
pub fn bind_literal(session: &Session, literal: &Literal, span: Span) -> Result<Expr> {
    Ok(match literal {
        Literal::Number(text) => number(text, span)?,
        Literal::String(text) => {
            let length = text.encode_utf16().count() as u32;
            Expr::literal(Value::string(text.as_str()), LogicalType::Char(length).not_null())
        }
        Literal::Binary(bytes) => Expr::literal(
            Value::Bytes(bytes.as_slice().into()),
            LogicalType::Binary(bytes.len() as u32).not_null(),
        ),
        Literal::Boolean(value) => {
            Expr::literal(Value::Boolean(*value), LogicalType::Boolean.not_null())
        }
        Literal::Unknown => Expr::literal(Value::Null, LogicalType::Boolean.nullable()),
        Literal::Null => Expr::literal(Value::Null, LogicalType::Null.nullable()),
        Literal::Date(text) => temporal(session, text, LogicalType::Date, "DATE", "yyyy-MM-dd")?,
        Literal::Time(text) => {
            let ty = LogicalType::Time(fraction_digits(&text.value).min(3));
            temporal(session, text, ty, "TIME", "HH:mm:ss")?
        }
        Literal::Timestamp(text) => {
            let ty = LogicalType::timestamp(fraction_digits(&text.value));
            temporal(session, text, ty, "TIMESTAMP", "yyyy-MM-dd HH:mm:ss")?
        }
        Literal::TimestampLtz(text) => {
            let ty = LogicalType::timestamp_ltz(fraction_digits(&text.value));
            let name = "TIMESTAMP WITH LOCAL TIME ZONE";
            temporal(session, text, ty, name, "yyyy-MM-dd HH:mm:ss")?
        }
        Literal::TimestampTz(_) => {
            return Err(SqlError::at(span, "TIMESTAMP WITH TIME ZONE is not supported")
                .with_help("use TIMESTAMP_LTZ"));
        }
        Literal::Interval { value, negative, qualifier } => {
            interval(&value.value, *negative, qualifier, span)?
        }
    })
}

/// `1` is INT or, too large for it, BIGINT; `1.5` a DECIMAL of as many digits as written; `1e0` a
/// DOUBLE.
fn number(text: &str, span: Span) -> Result<Expr> {
    let out_of_range = || SqlError::at(span, format!("Numeric literal '{text}' out of range"));
    if text.contains(['e', 'E']) {
        let value: f64 = text.parse().map_err(|_| out_of_range())?;
        if value.is_infinite() {
            return Err(out_of_range());
        }
        return Ok(Expr::literal(Value::Float64(value), LogicalType::Double.not_null()));
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let unscaled: i64 = format!("{whole}{fraction}").parse().map_err(|_| out_of_range())?;
    if fraction.is_empty() {
        return Ok(match i32::try_from(unscaled) {
            Ok(small) => Expr::literal(Value::Int32(small), LogicalType::Int.not_null()),
            Err(_) => Expr::literal(Value::Int64(unscaled), LogicalType::BigInt.not_null()),
        });
    }
    let precision = u8::try_from(whole.len() + fraction.len()).unwrap_or(u8::MAX);
    if precision > MAX_DECIMAL_PRECISION {
        return Err(out_of_range());
    }
    let ty = LogicalType::Decimal(precision, fraction.len() as u8).not_null();
    Ok(Expr::literal(Value::Decimal(unscaled.into()), ty))
}

/// Digits after the last point, at most 9.
fn fraction_digits(text: &str) -> u8 {
    text.rsplit_once('.').map_or(0, |(_, digits)| digits.len().min(9) as u8)
}

/// `DATE '..'` and its like: read as the cast from text reads it.
fn temporal(
    session: &Session,
    text: &Text,
    ty: LogicalType,
    name: &str,
    format: &str,
) -> Result<Expr> {
    let illegal = || {
        SqlError::at(
            text.span,
            format!("Illegal {name} literal '{}': not in format '{format}'", text.value),
        )
    };
    let digits = text.value.trim();
    if digits.contains(['T', 'Z']) {
        return Err(illegal());
    }
    let source = Expr::literal(Value::string(digits), LogicalType::STRING.not_null());
    let ty: DataType = ty.not_null();
    let cast = bind::cast(source, &ty, false).map_err(|_| illegal())?;
    match fold::evaluate_constant(&cast, session) {
        Ok(Value::Null) | Err(_) => Err(illegal()),
        Ok(value) => Ok(Expr::literal(value, ty)),
    }
}

/// Milliseconds of a unit, for units of fixed length.
pub fn unit_ms(unit: TimeUnit) -> Option<i64> {
    Some(match unit {
        TimeUnit::Millisecond => 1,
        TimeUnit::Second => 1_000,
        TimeUnit::Minute => 60_000,
        TimeUnit::Hour => 3_600_000,
        TimeUnit::Day => 86_400_000,
        TimeUnit::Week => 7 * 86_400_000,
        _ => return None,
    })
}

/// `INTERVAL '1 02:03' DAY TO MINUTE` in milliseconds, `'1-6' YEAR TO MONTH` in months.
fn interval(
    text: &str,
    mut negative: bool,
    qualifier: &IntervalQualifier,
    span: Span,
) -> Result<Expr> {
    let mut digits = text.trim();
    if let Some(rest) = digits.strip_prefix(['-', '+']) {
        negative ^= digits.starts_with('-');
        digits = rest;
    }
    let illegal = || {
        SqlError::at(
            span,
            format!(
                "Illegal interval literal format '{text}' for INTERVAL {}",
                qualifier_text(qualifier)
            ),
        )
    };
    let sign = if negative { -1 } else { 1 };
    let months = match qualifier.from {
        TimeUnit::Year | TimeUnit::Quarter | TimeUnit::Month => {
            Some(year_month(digits, qualifier, span).ok_or_else(illegal)??)
        }
        _ => None,
    };
    if let Some(months) = months {
        let value = Value::Int32(sign as i32 * months);
        return Ok(Expr::literal(value, LogicalType::IntervalYearMonth.not_null()));
    }
    let millis = day_time(digits, qualifier, span).ok_or_else(illegal)??;
    Ok(Expr::literal(Value::Int64(sign * millis), LogicalType::IntervalDayTime.not_null()))
}

fn qualifier_text(qualifier: &IntervalQualifier) -> String {
    let from = format!("{:?}", qualifier.from).to_uppercase();
    match qualifier.to {
        Some(to) => format!("{from} TO {}", format!("{to:?}").to_uppercase()),
        None => from,
    }
}

/// A leading field has at most the digits of the qualifier, 2 if it says none.
fn leading(text: &str, qualifier: &IntervalQualifier, span: Span) -> Option<Result<i64>> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let precision = qualifier.from_precision.unwrap_or(2);
    let value: i64 = text
        .trim_start_matches('0')
        .parse()
        .or_else(|e| if text.bytes().all(|b| b == b'0') { Ok(0) } else { Err(e) })
        .ok()?;
    if value.checked_ilog10().unwrap_or(0) as u64 + 1 > precision {
        let unit = format!("{:?}", qualifier.from).to_uppercase();
        return Some(Err(SqlError::at(
            span,
            format!("Interval field value {value} exceeds precision of {unit}({precision}) field"),
        )
        .with_help(format!("write {unit}({})", text.len()))));
    }
    Some(Ok(value))
}

fn year_month(text: &str, qualifier: &IntervalQualifier, span: Span) -> Option<Result<i32>> {
    let per_unit = match qualifier.from {
        TimeUnit::Year => 12,
        TimeUnit::Quarter => 3,
        _ => 1,
    };
    let (first, second) = match qualifier.to {
        Some(_) => {
            let (years, months) = text.split_once('-')?;
            let months: i64 = months.parse().ok().filter(|m| (0..12).contains(m))?;
            (years, months)
        }
        None => (text, 0),
    };
    let first = match leading(first, qualifier, span)? {
        Ok(value) => value,
        Err(error) => return Some(Err(error)),
    };
    let months = first.checked_mul(per_unit)?.checked_add(second)?;
    i32::try_from(months).ok().map(Ok)
}

fn day_time(text: &str, qualifier: &IntervalQualifier, span: Span) -> Option<Result<i64>> {
    const UNITS: [TimeUnit; 4] =
        [TimeUnit::Day, TimeUnit::Hour, TimeUnit::Minute, TimeUnit::Second];
    if qualifier.from == TimeUnit::Week {
        return match leading(text, qualifier, span)? {
            Ok(weeks) => weeks.checked_mul(7 * 86_400_000).map(Ok),
            Err(error) => Some(Err(error)),
        };
    }
    if qualifier.from == TimeUnit::Millisecond {
        return leading(text, qualifier, span);
    }
    let from = UNITS.iter().position(|u| *u == qualifier.from)?;
    let to = UNITS.iter().position(|u| *u == qualifier.to.unwrap_or(qualifier.from))?;
    let mut rest = text;
    let mut total = 0i64;
    for index in from..=to {
        let separator = if index == to {
            None
        } else if index == 0 {
            Some(' ')
        } else {
            Some(':')
        };
        let field = match separator {
            Some(separator) => {
                let (field, after) = rest.split_once(separator)?;
                rest = after.trim_start();
                field
            }
            None => rest,
        };
        let (whole, fraction) = match (UNITS[index], field.split_once('.')) {
            (TimeUnit::Second, Some((whole, fraction))) => (whole, fraction_ms(fraction)?),
            _ => (field, 0),
        };
        let whole = if index == from {
            match leading(whole, qualifier, span)? {
                Ok(value) => value,
                Err(error) => return Some(Err(error)),
            }
        } else {
            let limit = if UNITS[index] == TimeUnit::Hour { 24 } else { 60 };
            whole.parse().ok().filter(|v| (0..limit).contains(v))?
        };
        let millis = whole.checked_mul(unit_ms(UNITS[index])?)?.checked_add(fraction)?;
        total = total.checked_add(millis)?;
    }
    Some(Ok(total))
}

/// Milliseconds of the digits after the point of seconds.
fn fraction_ms(digits: &str) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let padded: String = digits.chars().chain("000".chars()).take(3).collect();
    padded.parse().ok()
}
