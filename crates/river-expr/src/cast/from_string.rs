//! From text to everything but binary: the notations Flink reads (`BinaryStringDataUtil`,
//! `DateTimeUtils`) and its error messages.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use river_core::LogicalType;
use river_core::types::{ticks_per_second, time_unit};

use super::Mode;
use crate::calendar::{self, Zone};
use crate::column::timestamp_array;
use crate::{EvalError, Result, decimal};

/// Why a text is not a value of the type.
type Parsed<T> = std::result::Result<T, Refusal>;

/// The wording of a refusal; the text itself is put in by [`Refusal::message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// `For input string: '1x'. Invalid character found.`
    Number(&'static str),
    /// Java's own wording for floats.
    Float,
    Boolean,
    Date,
    Time,
    Timestamp,
    Range,
}

impl Refusal {
    fn message(self, text: &str) -> String {
        match self {
            Refusal::Number(reason) => format!("For input string: '{text}'. {reason}"),
            Refusal::Float if text.is_empty() => "empty String".into(),
            Refusal::Float => format!("For input string: \"{text}\""),
            Refusal::Boolean => format!("Cannot parse '{text}' as BOOLEAN."),
            Refusal::Date => format!("For input string: '{text}'."),
            Refusal::Time => format!(
                "Invalid time format: '{text}'. Expected format: HH:mm:ss[.fff] where HH is 00-23, \
                 mm is 00-59, ss is 00-59"
            ),
            Refusal::Timestamp => format!("Text '{text}' could not be parsed as a timestamp"),
            Refusal::Range => format!("timestamp '{text}' is out of range (years 1677 to 2262)"),
        }
    }
}

/// Casts a string column.
pub fn column(array: &ArrayRef, to: &LogicalType, mode: Mode) -> Result<ArrayRef> {
    use LogicalType::*;
    Ok(match to {
        Boolean => booleans(array, mode)?,
        TinyInt => Arc::new(each::<Int8Type>(array, mode, narrow_integer)?),
        SmallInt => Arc::new(each::<Int16Type>(array, mode, narrow_integer)?),
        Int => Arc::new(each::<Int32Type>(array, mode, narrow_integer)?),
        BigInt => Arc::new(each::<Int64Type>(array, mode, integer)?),
        Float => Arc::new(each::<Float32Type>(array, mode, float)?),
        Double => Arc::new(each::<Float64Type>(array, mode, double)?),
        Decimal(p, s) => {
            let out = (*p, *s);
            let values = each::<Decimal128Type>(array, mode, |text| exact(text, out))?;
            Arc::new(values.with_data_type(to.to_arrow()))
        }
        Date => Arc::new(each::<Date32Type>(array, mode, |text| {
            calendar::parse_date(text).ok_or(Refusal::Date)
        })?),
        Time(_) => Arc::new(each::<Time32MillisecondType>(array, mode, |text| {
            calendar::parse_time(text).ok_or(Refusal::Time)
        })?),
        Timestamp(p, _) => {
            let ticks = each::<Int64Type>(array, mode, |text| timestamp(text, *p))?;
            timestamp_array(ticks, &time_unit(*p), &to.to_arrow())
        }
        TimestampLtz(p, _) => {
            let zone = Zone::from(mode.session.zone);
            let per_second = ticks_per_second(*p);
            let ticks = each::<Int64Type>(array, mode, |text| {
                Ok(calendar::to_utc_ticks(zone, timestamp(text, *p)?, per_second))
            })?;
            timestamp_array(ticks, &time_unit(*p), &to.to_arrow())
        }
        other => {
            return Err(EvalError::new(format!("Unsupported cast from 'STRING' to '{other}'.")));
        }
    })
}

fn each<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    mode: Mode,
    parse: impl Fn(&str) -> Parsed<T::Native>,
) -> Result<PrimitiveArray<T>> {
    let strings = array.as_string_view();
    let mut values = PrimitiveArray::<T>::builder(strings.len());
    for text in strings {
        match text.map(&parse) {
            None => values.append_null(),
            Some(Ok(value)) => values.append_value(value),
            Some(Err(_)) if mode.lenient => values.append_null(),
            Some(Err(why)) => return Err(EvalError::new(why.message(text.unwrap_or_default()))),
        }
    }
    Ok(values.finish())
}

fn booleans(array: &ArrayRef, mode: Mode) -> Result<ArrayRef> {
    let mut values = BooleanArray::builder(array.len());
    for text in array.as_string_view() {
        match text.map(boolean) {
            None => values.append_null(),
            Some(Ok(value)) => values.append_value(value),
            Some(Err(_)) if mode.lenient => values.append_null(),
            Some(Err(why)) => return Err(EvalError::new(why.message(text.unwrap_or_default()))),
        }
    }
    Ok(Arc::new(values.finish()))
}

fn boolean(text: &str) -> Parsed<bool> {
    const TRUE: [&str; 5] = ["t", "true", "y", "yes", "1"];
    const FALSE: [&str; 5] = ["f", "false", "n", "no", "0"];
    let is = |names: [&str; 5]| names.iter().any(|name| text.eq_ignore_ascii_case(name));
    match (is(TRUE), is(FALSE)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Refusal::Boolean),
    }
}

/// `[+-]digits[.digits]`, blanks around it passed over, the fraction cut off.
fn integer(text: &str) -> Parsed<i64> {
    let bytes = text.trim_matches(' ').as_bytes();
    let (negative, digits) = match bytes {
        [] => return Err(Refusal::Number("Input is empty.")),
        [b'+' | b'-'] => {
            return Err(Refusal::Number("Input has only positive or negative symbol."));
        }
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let overflow = Refusal::Number("Overflow.");
    let mut value: i64 = 0;
    let mut fraction = false;
    for byte in digits {
        match byte {
            b'.' if !fraction => fraction = true,
            b'0'..=b'9' if fraction => {}
            b'0'..=b'9' => {
                // Counted downwards: the negative range is the larger one.
                let digit = i64::from(byte - b'0');
                value = value.checked_mul(10).and_then(|v| v.checked_sub(digit)).ok_or(overflow)?;
            }
            _ => return Err(Refusal::Number("Invalid character found.")),
        }
    }
    if negative { Ok(value) } else { value.checked_neg().ok_or(overflow) }
}

fn narrow_integer<T: TryFrom<i64>>(text: &str) -> Parsed<T> {
    T::try_from(integer(text)?).map_err(|_| Refusal::Number("Overflow."))
}

/// A decimal. Up to 18 digits Flink counts leading zeros as digits of the whole part, so `0.3` is
/// no `DECIMAL(18, 18)`.
fn exact(text: &str, out: (u8, u8)) -> Parsed<i128> {
    let trimmed = text.trim_matches([' ', '\n', '\t']);
    let refusal = Refusal::Number("Overflow.");
    if out.0 <= 18 && trimmed.len() <= 18 {
        let unsigned = trimmed.trim_start_matches(['-', '+']);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().unwrap_or(0)),
            None => (unsigned, 0),
        };
        let whole = mantissa.find('.').unwrap_or(mantissa.len()) as i64;
        if whole + exponent.min(40) + i64::from(out.1) > i64::from(out.0) {
            return Err(refusal);
        }
    }
    decimal::parse(trimmed, out).ok().flatten().ok_or(refusal)
}

/// Java's `Double.parseDouble`: blanks around, `NaN`, `Infinity`, a type suffix, hexadecimal.
fn double(text: &str) -> Parsed<f64> {
    parse_float(text, |digits| digits.parse::<f64>().ok()).ok_or(Refusal::Float)
}

fn float(text: &str) -> Parsed<f32> {
    let narrow = |digits: &str| digits.parse::<f32>().ok().map(f64::from);
    parse_float(text, narrow).map(|v| v as f32).ok_or(Refusal::Float)
}

fn parse_float(text: &str, decimal: impl Fn(&str) -> Option<f64>) -> Option<f64> {
    let trimmed = text.trim_matches(|c: char| c <= ' ');
    let (negative, body) = match trimmed.as_bytes().first()? {
        b'-' => (true, &trimmed[1..]),
        b'+' => (false, &trimmed[1..]),
        _ => (false, trimmed),
    };
    let size = match body {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let digits = body.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(body);
            match body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
                Some(hex) => hexadecimal(hex)?,
                // Rust also reads `inf` and `nan`, which Java does not.
                None if digits.bytes().any(|b| matches!(b, b'i' | b'I' | b'n' | b'N')) => {
                    return None;
                }
                None if digits.starts_with(['+', '-']) => return None,
                None => decimal(digits)?,
            }
        }
    };
    Some(if negative { -size } else { size })
}

/// `1.8p3` after the `0x`: hexadecimal digits and a binary exponent, which must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent = exponent.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(exponent);
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let shift = exponent.saturating_sub(4 * i32::try_from(fraction.len()).ok()?);
    Some(value * 2.0_f64.powi(shift))
}

fn timestamp(text: &str, precision: u8) -> Parsed<i64> {
    let local = calendar::parse_timestamp(text).ok_or(Refusal::Timestamp)?;
    local.ticks_at(precision).ok_or(Refusal::Range)
}
