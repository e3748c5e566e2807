//! Any value as text: the one place that writes what `CAST AS STRING` gives. Tables, the `print`
//! sink and CSV show values this way too.

use std::sync::Arc;

use arrow_array::builder::StringViewBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use river_core::types::ticks_per_second;
use river_core::{LogicalType, Value};

use crate::calendar::{self, Zone};
use crate::column::value_at;
use crate::function::bitmap;
use crate::{Session, decimal};

/// The value as `CAST(value AS STRING)` writes it; `NULL` for NULL.
pub fn render(value: &Value, ty: &LogicalType, session: &Session) -> String {
    let mut text = String::new();
    push(&mut text, value, ty, Zone::from(session.zone));
    text
}

/// As [`render`], appended to `into`.
pub fn push_value(into: &mut String, value: &Value, ty: &LogicalType, session: &Session) {
    push(into, value, ty, Zone::from(session.zone));
}

fn push(into: &mut String, value: &Value, ty: &LogicalType, zone: Zone) {
    use std::fmt::Write;
    // Writing to a string cannot fail.
    let _ = match (value, ty) {
        (Value::Null, _) => into.write_str("NULL"),
        (Value::Boolean(v), _) => into.write_str(if *v { "TRUE" } else { "FALSE" }),
        (Value::Int32(v), LogicalType::Date) => {
            calendar::push_date(into, i64::from(*v));
            Ok(())
        }
        (Value::Int32(v), LogicalType::Time(p)) => {
            calendar::push_time(into, i64::from(*v), *p);
            Ok(())
        }
        (Value::Int32(v), LogicalType::IntervalYearMonth) => {
            calendar::push_interval_year_month(into, *v);
            Ok(())
        }
        (Value::Int64(v), LogicalType::IntervalDayTime) => {
            calendar::push_interval_day_time(into, *v);
            Ok(())
        }
        (Value::Int64(v), LogicalType::Timestamp(p, _)) => {
            calendar::push_timestamp(into, *v, *p);
            Ok(())
        }
        (Value::Int64(v), LogicalType::TimestampLtz(p, _)) => {
            let local = calendar::to_local_ticks(zone, *v, ticks_per_second(*p));
            calendar::push_timestamp(into, local, *p);
            Ok(())
        }
        (Value::Int8(v), _) => write!(into, "{v}"),
        (Value::Int16(v), _) => write!(into, "{v}"),
        (Value::Int32(v), _) => write!(into, "{v}"),
        (Value::Int64(v), _) => write!(into, "{v}"),
        (Value::Float32(v), _) => into.write_str(&java_float(*v)),
        (Value::Float64(v), _) => into.write_str(&java_double(*v)),
        (Value::Decimal(v), ty) => {
            let scale = if let LogicalType::Decimal(_, s) = ty { *s } else { 0 };
            decimal::write(into, *v, scale);
            Ok(())
        }
        (Value::String(v), _) => into.write_str(v),
        (Value::Bytes(v), LogicalType::Bitmap) => into.write_str(&bitmap::rendered(v)),
        (Value::Bytes(v), _) => into.write_str(&String::from_utf8_lossy(v)),
        (Value::List(items), ty) => {
            push_list(into, items, ty, zone);
            Ok(())
        }
        (Value::Map(entries), ty) => {
            push_map(into, entries, ty, zone);
            Ok(())
        }
    };
}

/// `[1, NULL]` for arrays, `(1, x)` for rows.
fn push_list(into: &mut String, items: &[Value], ty: &LogicalType, zone: Zone) {
    let (open, close) = match ty {
        LogicalType::Row(_) => ('(', ')'),
        _ => ('[', ']'),
    };
    into.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            into.push_str(", ");
        }
        let item_type = match ty {
            LogicalType::Array(t) => &t.logical,
            LogicalType::Row(fields) => fields.get(i).map_or(&LogicalType::Null, |f| &f.ty.logical),
            _ => &LogicalType::Null,
        };
        push(into, item, item_type, zone);
    }
    into.push(close);
}

/// `{a=1, b=NULL}`
fn push_map(into: &mut String, entries: &[(Value, Value)], ty: &LogicalType, zone: Zone) {
    let (key_type, value_type) = match ty {
        LogicalType::Map(k, v) => (&k.logical, &v.logical),
        LogicalType::Multiset(t) => (&t.logical, &LogicalType::Int),
        _ => (&LogicalType::Null, &LogicalType::Null),
    };
    into.push('{');
    for (i, (key, value)) in entries.iter().enumerate() {
        if i > 0 {
            into.push_str(", ");
        }
        push(into, key, key_type, zone);
        into.push('=');
        push(into, value, value_type, zone);
    }
    into.push('}');
}

/// A column of any type as unbounded text.
pub fn column(array: &ArrayRef, from: &LogicalType, session: &Session) -> ArrayRef {
    match from {
        LogicalType::TinyInt => integers::<Int8Type>(array),
        LogicalType::SmallInt => integers::<Int16Type>(array),
        LogicalType::Int => integers::<Int32Type>(array),
        LogicalType::BigInt => integers::<Int64Type>(array),
        _ => {
            let zone = Zone::from(session.zone);
            let nulls = array.logical_nulls();
            strings(array.len(), |row, text| {
                if nulls.as_ref().is_some_and(|n| n.is_null(row)) {
                    return false;
                }
                push(text, &value_at(array, from, row), from, zone);
                true
            })
        }
    }
}

fn integers<T: ArrowPrimitiveType>(array: &ArrayRef) -> ArrayRef
where
    T::Native: std::fmt::Display,
{
    use std::fmt::Write;
    let values = array.as_primitive::<T>();
    strings(values.len(), |row, text| {
        // Writing to a string cannot fail.
        values.is_valid(row) && write!(text, "{}", values.value(row)).is_ok()
    })
}

/// Builds a string column: `f` writes the text of a row, or says that it is NULL.
fn strings(rows: usize, mut f: impl FnMut(usize, &mut String) -> bool) -> ArrayRef {
    let mut builder = StringViewBuilder::with_capacity(rows);
    let mut text = String::new();
    for row in 0..rows {
        text.clear();
        if f(row, &mut text) {
            builder.append_value(&text);
        } else {
            builder.append_null();
        }
    }
    Arc::new(builder.finish())
}

/// A text column brought to the length of `CHAR(n)` (cut, padded with blanks) or `VARCHAR(n)`
/// (cut). Lengths count code points.
pub fn fit(array: &ArrayRef, from: &LogicalType, to: &LogicalType) -> ArrayRef {
    let (length, padded) = match to {
        LogicalType::Char(n) => (*n as usize, true),
        LogicalType::VarChar(n) => (*n as usize, false),
        _ => return array.clone(),
    };
    let shorter = match from {
        LogicalType::Char(m) | LogicalType::VarChar(m) => *m as usize <= length,
        _ => false,
    };
    if !padded && shorter {
        return array.clone();
    }
    let texts = array.as_string_view();
    // No text has more code points than bytes.
    if !padded && texts.iter().flatten().all(|t| t.len() <= length) {
        return array.clone();
    }
    strings(texts.len(), |row, text| {
        if texts.is_null(row) {
            return false;
        }
        let value = texts.value(row);
        match value.char_indices().nth(length) {
            Some((end, _)) => text.push_str(&value[..end]),
            None => {
                text.push_str(value);
                if padded {
                    let missing = length - value.chars().count();
                    text.extend(std::iter::repeat_n(' ', missing));
                }
            }
        }
        true
    })
}

/// `Double.toString`: shortest digits, plain between 1e-3 and 1e7, else with an exponent.
pub fn java_double(value: f64) -> String {
    if !value.is_finite() {
        return non_finite(value);
    }
    if value != 0.0 && value.abs() < 1e-300 {
        return smallest(ryu::Buffer::new().format_finite(value), value);
    }
    java_notation(ryu::Buffer::new().format_finite(value))
}

/// Java writes two digits at least, so where one digit is enough to tell a tiny number from its
/// neighbours the second is the nearest: `4.9E-324`.
fn smallest(shortest: &str, value: impl std::fmt::LowerExp) -> String {
    let mantissa = shortest.trim_start_matches('-').split('e').next().unwrap_or_default();
    if mantissa.len() > 1 && !mantissa.ends_with(".0") {
        return java_notation(shortest);
    }
    java_notation(&format!("{value:.1e}"))
}

/// `Float.toString`
pub fn java_float(value: f32) -> String {
    if !value.is_finite() {
        return non_finite(value.into());
    }
    if value != 0.0 && value.abs() < 1e-37 {
        return smallest(ryu::Buffer::new().format_finite(value), value);
    }
    java_notation(ryu::Buffer::new().format_finite(value))
}

fn non_finite(value: f64) -> String {
    let text = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    text.into()
}

/// Rewrites digits with point and exponent (`1.5e16`, `1e-7`, `123.0`) in Java's form.
fn java_notation(text: &str) -> String {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.bytes().take_while(|b| *b == b'0').count();
    let digits = all[leading..].trim_end_matches('0');
    if digits.is_empty() {
        return format!("{sign}0.0");
    }
    // The value is 0.d1d2d3... * 10^point.
    let point = whole.len() as i32 + exponent - leading as i32;
    if (-2..=7).contains(&point) {
        return format!("{sign}{}", plain(digits, point));
    }
    let rest = if digits.len() > 1 { &digits[1..] } else { "0" };
    format!("{sign}{}.{rest}E{}", &digits[..1], point - 1)
}

fn plain(digits: &str, point: i32) -> String {
    if point <= 0 {
        return format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    let point = point as usize;
    if digits.len() > point {
        format!("{}.{}", &digits[..point], &digits[point..])
    } else {
        format!("{digits}{}.0", "0".repeat(point - digits.len()))
    }
}
