//! `PRINTF`: the part of `java.util.Formatter` that SQL values can reach.
//!
//! Flink passes its internal values: a DATE is the number of its day, a DECIMAL has only a text.
//! Any misfit of format and values is an exception there and `None` here.

use river_core::{DataType, LogicalType, Value};

use crate::{EvalError, Result};

/// Longest text that a function makes out of shorter ones, in bytes. Java's strings may be longer,
/// but a heap of the default size cannot hold many that are.
const MAX_BYTES: usize = 128 << 20;

/// Refuses a result that is too long before memory is taken for it.
pub fn check_length(function: &str, bytes: usize) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    Err(EvalError::new(format!("{function}: a text of {bytes} bytes is too long")))
}

/// One `%` directive.
#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    group: bool,
    paren: bool,
    alternate: bool,
    width: Option<usize>,
    precision: Option<usize>,
    upper: bool,
}

/// `String.format(pattern, values)`.
pub fn java_format(pattern: &str, values: &[Value], types: &[DataType]) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    let mut ordinary = 0;
    let mut last: Option<usize> = None;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let (index, mut spec, conversion, tail) = parse_spec(&rest[at + 1..])?;
        rest = tail;
        match conversion {
            '%' => pad(&mut out, "%", &spec),
            'n' => out.push('\n'),
            _ => {
                let position = match index {
                    Index::Ordinary => {
                        ordinary += 1;
                        ordinary - 1
                    }
                    Index::Explicit(n) => n.checked_sub(1)?,
                    Index::Previous => last?,
                };
                last = Some(position);
                spec.upper = conversion.is_ascii_uppercase();
                let (value, ty) = (values.get(position)?, types.get(position)?);
                directive(&mut out, &spec, conversion.to_ascii_lowercase(), value, ty)?;
                if out.len() > MAX_BYTES {
                    return None;
                }
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

enum Index {
    Ordinary,
    Explicit(usize),
    Previous,
}

/// Reads `[index$][flags][width][.precision]conversion`.
fn parse_spec(text: &str) -> Option<(Index, Spec, char, &str)> {
    let mut rest = text;
    let mut index = Index::Ordinary;
    if let Some(tail) = rest.strip_prefix('<') {
        (index, rest) = (Index::Previous, tail);
    } else if let Some((number, tail)) = rest.split_once('$')
        && let Ok(n) = number.parse::<usize>()
    {
        (index, rest) = (Index::Explicit(n), tail);
    }
    let mut spec = Spec::default();
    loop {
        let flag = match rest.as_bytes().first()? {
            b'-' => &mut spec.left,
            b'+' => &mut spec.plus,
            b' ' => &mut spec.space,
            b'0' => &mut spec.zero,
            b',' => &mut spec.group,
            b'(' => &mut spec.paren,
            b'#' => &mut spec.alternate,
            _ => break,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
        rest = &rest[1..];
    }
    (spec.width, rest) = digits(rest)?;
    if let Some(tail) = rest.strip_prefix('.') {
        (spec.precision, rest) = digits(tail)?;
        spec.precision?;
    }
    if spec.width.is_none() && (spec.left || spec.zero) || spec.left && spec.zero {
        return None;
    }
    let conversion = rest.chars().next()?;
    Some((index, spec, conversion, &rest[conversion.len_utf8()..]))
}

/// A number of up to nine digits at the start of the text, if there is one.
fn digits(text: &str) -> Option<(Option<usize>, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    match end {
        0 => Some((None, text)),
        1..=6 => Some((text[..end].parse().ok(), &text[end..])),
        _ => None,
    }
}

fn pad(out: &mut String, text: &str, spec: &Spec) {
    let missing = spec.width.unwrap_or(0).saturating_sub(text.chars().count());
    let blanks = std::iter::repeat_n(' ', missing);
    let text = if spec.upper { text.to_uppercase() } else { text.to_string() };
    if spec.left {
        out.push_str(&text);
        out.extend(blanks);
    } else {
        out.extend(blanks);
        out.push_str(&text);
    }
}

fn directive(
    out: &mut String,
    spec: &Spec,
    conversion: char,
    value: &Value,
    ty: &DataType,
) -> Option<()> {
    let general = |text: &str| {
        let cut: String = text.chars().take(spec.precision.unwrap_or(usize::MAX)).collect();
        cut
    };
    let text = match (conversion, value) {
        ('b', Value::Null) => general("false"),
        ('b', Value::Boolean(b)) => general(if *b { "true" } else { "false" }),
        ('b', _) => general("true"),
        ('s' | 'h', Value::Null) => general("null"),
        ('s', _) => general(&java_to_string(value, &ty.logical)?),
        ('c' | 'd' | 'o' | 'x' | 'e' | 'f' | 'g', Value::Null) => "null".to_string(),
        ('c', _) => {
            let code = integer(value)?;
            char::from_u32(u32::try_from(code).ok()?)?.to_string()
        }
        ('d', _) => {
            let number = integer(value)?;
            let digits = number.unsigned_abs().to_string();
            signed(number < 0, digits, spec)
        }
        ('x' | 'o', _) => unsigned(value, conversion, spec)?,
        ('e' | 'f' | 'g', Value::Float64(v)) => floating(*v, conversion, spec)?,
        ('e' | 'f' | 'g', Value::Float32(v)) => {
            // Java formats a float by the digits of its own shortest form.
            floating(v.to_string().parse().ok()?, conversion, spec)?
        }
        _ => return None,
    };
    pad(out, &text, spec);
    Some(())
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64()
}

/// `%x` and `%o`: two's complement in the width of the type.
fn unsigned(value: &Value, conversion: char, spec: &Spec) -> Option<String> {
    let bits = match value {
        Value::Int8(v) => u64::from(*v as u8),
        Value::Int16(v) => u64::from(*v as u16),
        Value::Int32(v) => u64::from(*v as u32),
        Value::Int64(v) => *v as u64,
        _ => return None,
    };
    let (prefix, digits) = match conversion {
        'x' => ("0x", format!("{bits:x}")),
        _ => ("0", format!("{bits:o}")),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    let width = spec.width.unwrap_or(0).saturating_sub(prefix.len());
    let zeros = if spec.zero { width.saturating_sub(digits.len()) } else { 0 };
    Some(format!("{prefix}{}{digits}", "0".repeat(zeros)))
}

/// Sign, grouping and zero padding of a decimal number.
fn signed(negative: bool, digits: String, spec: &Spec) -> String {
    let (whole, fraction) = match digits.find('.') {
        Some(at) => digits.split_at(at),
        None => (digits.as_str(), ""),
    };
    let mut grouped = String::new();
    for (i, c) in whole.chars().enumerate() {
        if spec.group && i > 0 && (whole.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(c);
    }
    let (before, after) = match (negative, spec) {
        (true, s) if s.paren => ("(", ")"),
        (true, _) => ("-", ""),
        (false, s) if s.plus => ("+", ""),
        (false, s) if s.space => (" ", ""),
        _ => ("", ""),
    };
    let used = before.len() + grouped.len() + fraction.len() + after.len();
    let zeros = if spec.zero { spec.width.unwrap_or(0).saturating_sub(used) } else { 0 };
    format!("{before}{}{grouped}{fraction}{after}", "0".repeat(zeros))
}

fn floating(value: f64, conversion: char, spec: &Spec) -> Option<String> {
    if !value.is_finite() {
        let text = if value.is_nan() { "NaN" } else { "Infinity" };
        let unpadded = Spec { plus: spec.plus, paren: spec.paren, ..Spec::default() };
        let sign = value < 0.0;
        return Some(if value.is_nan() {
            text.into()
        } else {
            signed(sign, text.into(), &unpadded)
        });
    }
    let precision = spec.precision.unwrap_or(6);
    let magnitude = value.abs();
    let text = match conversion {
        'f' => fixed(magnitude, precision),
        'e' => scientific(magnitude, precision),
        _ => {
            let precision = precision.max(1);
            let (_, exponent) = rounded_digits(magnitude, Place::Significant(precision));
            let plain = magnitude == 0.0 || (-4..precision as i32).contains(&exponent);
            match plain {
                true => fixed(magnitude, (precision as i32 - 1 - exponent).max(0) as usize),
                false => scientific(magnitude, precision - 1),
            }
        }
    };
    Some(match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let tail = exponent.len() + 1;
            let inner = Spec { width: spec.width.map(|w| w.saturating_sub(tail)), ..copy(spec) };
            format!("{}e{exponent}", signed(value.is_sign_negative(), mantissa.to_string(), &inner))
        }
        None => signed(value.is_sign_negative(), text, spec),
    })
}

fn copy(spec: &Spec) -> Spec {
    Spec { precision: spec.precision, width: spec.width, ..*spec }
}

/// Where a decimal number is rounded, half up.
enum Place {
    Significant(usize),
    Fraction(usize),
}

/// The shortest digits of `value`, rounded, and the power of ten of the first.
fn rounded_digits(value: f64, place: Place) -> (Vec<u8>, i32) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let mut digits: Vec<u8> =
        mantissa.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    if value == 0.0 {
        return (vec![0], 0);
    }
    let keep = match place {
        Place::Significant(n) => n as i32,
        Place::Fraction(n) => exponent + 1 + n as i32,
    };
    if keep < 0 {
        return (vec![0], 0);
    }
    if (keep as usize) < digits.len() {
        let up = digits[keep as usize] >= 5;
        digits.truncate(keep as usize);
        if up {
            match digits.iter().rposition(|d| *d < 9) {
                Some(at) => {
                    digits.truncate(at + 1);
                    digits[at] += 1;
                }
                None => {
                    digits = vec![1];
                    exponent += 1;
                }
            }
        }
    }
    if digits.is_empty() { (vec![0], 0) } else { (digits, exponent) }
}

fn fixed(value: f64, precision: usize) -> String {
    let (digits, exponent) = rounded_digits(value, Place::Fraction(precision));
    let digit = |power: i32| {
        let index = exponent - power;
        let known = usize::try_from(index).ok().and_then(|i| digits.get(i));
        char::from(b'0' + known.copied().unwrap_or(0))
    };
    let mut out: String = (0..=exponent.max(0)).rev().map(digit).collect();
    if precision > 0 {
        out.push('.');
        out.extend((1..=precision as i32).map(|p| digit(-p)));
    }
    out
}

fn scientific(value: f64, precision: usize) -> String {
    let (digits, exponent) = rounded_digits(value, Place::Significant(precision + 1));
    let digit = |i: usize| char::from(b'0' + digits.get(i).copied().unwrap_or(0));
    let mut out = String::from(digit(0));
    if precision > 0 {
        out.push('.');
        out.extend((1..=precision).map(digit));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{out}e{sign}{:02}", exponent.abs())
}

/// `toString` of Flink's internal value.
fn java_to_string(value: &Value, ty: &LogicalType) -> Option<String> {
    Some(match value {
        Value::Boolean(b) => b.to_string(),
        Value::Int8(_) | Value::Int16(_) | Value::Int32(_) => value.as_i64()?.to_string(),
        Value::Int64(ticks) if ty.is_timestamp() => {
            let per_second = river_core::types::ticks_per_second(ty.time_precision());
            let nanos = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
            let seconds = ticks.div_euclid(per_second);
            crate::function::java_text::iso_local(seconds, nanos as u32)?
        }
        Value::Int64(v) => v.to_string(),
        Value::Float32(v) => crate::function::java_text::float(*v),
        Value::Float64(v) => crate::function::java_text::double(*v),
        Value::Decimal(v) => {
            let LogicalType::Decimal(_, scale) = ty else { return None };
            crate::function::java_text::decimal_plain(*v, *scale)
        }
        Value::String(s) => s.to_string(),
        _ => return None,
    })
}
