//! Numbers from and to text as Java does it: `Integer.parseInt`, `Double.parseDouble`,
//! `BigDecimal`, `Double.toString`. Used by the JSON and CSV formats.

use std::io::Write;

/// Blanks that `String.trim` removes: all characters up to the space.
pub fn java_trim(text: &str) -> &str {
    text.trim_matches(|c: char| c <= ' ')
}

/// `Long.parseLong` within `min..=max`: an optional sign and digits only.
pub fn parse_integer(text: &str, min: i64, max: i64) -> Option<i64> {
    let bytes = text.as_bytes();
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        b'+' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64; // kept negative: its range is larger by one
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
    }
    let value = if negative { value } else { value.checked_neg()? };
    (min..=max).contains(&value).then_some(value)
}

/// `Double.parseDouble` without surrounding blanks; hexadecimal forms are not read.
pub fn parse_double(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let value = match unsigned {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let digits = unsigned.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(unsigned);
            if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                return None;
            }
            digits.parse::<f64>().ok()?
        }
    };
    Some(if text.starts_with('-') { -value } else { value })
}

/// As [`parse_double`] but rounded once, to 32 bits (`Float.parseFloat`).
pub fn parse_float(text: &str) -> Option<f32> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(unsigned);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return parse_double(text).map(|v| v as f32);
    }
    let value = digits.parse::<f32>().ok()?;
    Some(if text.starts_with('-') { -value } else { value })
}

/// A number that does not read as a `BigDecimal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADecimal;

/// The unscaled value of a `DECIMAL(precision, scale)` read as `new BigDecimal(text)`, rounded
/// half up; `None` if it has too many digits (`DecimalData.fromBigDecimal` gives NULL).
pub fn parse_decimal(text: &str, precision: u8, scale: u8) -> Result<Option<i128>, NotADecimal> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => {
            let exponent = parse_integer(&rest[at + 1..], i32::MIN.into(), i32::MAX.into());
            (&rest[..at], exponent.ok_or(NotADecimal)?)
        }
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return Err(NotADecimal);
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let leading_zeros = digits.clone().take_while(|b| *b == b'0').count();
    let count = whole.len() + fraction.len() - leading_zeros;
    // Digits kept: those before the point, shifted by the exponent, and `scale` after it.
    let kept = whole.len() as i64 - leading_zeros as i64 + exponent + i64::from(scale);
    if count == 0 || kept < 0 {
        return Ok(Some(0));
    }
    if kept > 39 {
        return Ok(None);
    }
    let mut significant = digits.skip(leading_zeros).map(|b| i128::from(b - b'0'));
    let mut value = 0i128;
    for _ in 0..kept {
        let Some(next) = value.checked_mul(10) else { return Ok(None) };
        let Some(next) = next.checked_add(significant.next().unwrap_or(0)) else {
            return Ok(None);
        };
        value = next;
    }
    if significant.next().is_some_and(|digit| digit >= 5) {
        value = value.saturating_add(1); // of 39 digits: refused below
    }
    if value >= 10i128.pow(u32::from(precision.min(38))) {
        return Ok(None);
    }
    Ok(Some(if negative { -value } else { value }))
}

/// Appends `BigDecimal.toString` of the value with trailing zeros stripped, as Jackson writes it:
/// `250.00` is `2.5E+2`, `1.50` is `1.5`, zero is `0`.
pub fn write_stripped_decimal(unscaled: i128, scale: u8, out: &mut Vec<u8>) {
    let (digits, scale) = strip_zeros(unscaled, i32::from(scale));
    let text = digits.unsigned_abs().to_string();
    let adjusted = text.len() as i32 - 1 - scale;
    if digits < 0 {
        out.push(b'-');
    }
    if scale == 0 {
        out.extend_from_slice(text.as_bytes());
    } else if scale > 0 && adjusted >= -6 {
        write_plain(&text, scale, out);
    } else {
        out.push(text.as_bytes()[0]);
        if text.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&text.as_bytes()[1..]);
        }
        if adjusted != 0 {
            let sign = if adjusted > 0 { '+' } else { '-' };
            // Writing to memory does not fail.
            let _ = write!(out, "E{sign}{}", adjusted.unsigned_abs());
        }
    }
}

/// Appends `BigDecimal.toPlainString` with all digits of the scale.
pub fn write_plain_decimal(unscaled: i128, scale: u8, out: &mut Vec<u8>) {
    if unscaled < 0 {
        out.push(b'-');
    }
    write_plain(&unscaled.unsigned_abs().to_string(), i32::from(scale), out);
}

/// Appends the plain form after trailing zeros are stripped: `652.00` is `652`.
pub fn write_stripped_plain_decimal(unscaled: i128, scale: u8, out: &mut Vec<u8>) {
    let (digits, scale) = strip_zeros(unscaled, i32::from(scale));
    if digits < 0 {
        out.push(b'-');
    }
    let mut text = digits.unsigned_abs().to_string();
    text.extend((scale..0).map(|_| '0'));
    write_plain(&text, scale.max(0), out);
}

fn strip_zeros(mut digits: i128, mut scale: i32) -> (i128, i32) {
    if digits == 0 {
        return (0, 0);
    }
    while digits % 10 == 0 {
        digits /= 10;
        scale -= 1;
    }
    (digits, scale)
}

fn write_plain(digits: &str, scale: i32, out: &mut Vec<u8>) {
    let scale = scale as usize;
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(whole.as_bytes());
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction.as_bytes());
        }
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + scale - digits.len(), b'0');
        out.extend_from_slice(digits.as_bytes());
    }
}

/// Appends `Double.toString`: at least one digit after the point, exponent form below 1e-3 and
/// from 1e7 on.
pub fn write_double(value: f64, out: &mut Vec<u8>) {
    write_floating(value.is_nan(), value.is_infinite(), value < 0.0, format!("{value:e}"), out);
}

/// Appends `Float.toString`.
pub fn write_float(value: f32, out: &mut Vec<u8>) {
    write_floating(value.is_nan(), value.is_infinite(), value < 0.0, format!("{value:e}"), out);
}

/// `scientific` is Rust's shortest form: `-1.25e-7`.
fn write_floating(
    nan: bool,
    infinite: bool,
    negative: bool,
    scientific: String,
    out: &mut Vec<u8>,
) {
    if nan {
        return out.extend_from_slice(b"NaN");
    }
    if infinite {
        return out.extend_from_slice(if negative { b"-Infinity" } else { b"Infinity" });
    }
    let unsigned = match scientific.strip_prefix('-') {
        Some(rest) => {
            out.push(b'-');
            rest
        }
        None => &scientific,
    };
    let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    if digits == "0" {
        return out.extend_from_slice(b"0.0");
    }
    if (-3..7).contains(&exponent) {
        if exponent < 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-exponent - 1) as usize, b'0');
            out.extend_from_slice(digits.as_bytes());
            return;
        }
        let whole = exponent as usize + 1;
        let padded = format!("{digits:0<whole$}");
        let (whole, fraction) = padded.split_at(whole);
        out.extend_from_slice(whole.as_bytes());
        out.push(b'.');
        out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction.as_bytes() });
        return;
    }
    out.extend_from_slice(&digits.as_bytes()[..1]);
    out.push(b'.');
    out.extend_from_slice(if digits.len() > 1 { &digits.as_bytes()[1..] } else { b"0" });
    // Writing to memory does not fail.
    let _ = write!(out, "E{exponent}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_print_as_in_java() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (1e-3, "0.001"),
            (1e-4, "1.0E-4"),
            (-2.25, "-2.25"),
            (1e10, "1.0E10"),
            (1.25e-7, "1.25E-7"),
            (123456.789, "123456.789"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(|out| write_double(value, out)), expected);
        }
        assert_eq!(text(|out| write_float(0.1, out)), "0.1");
    }

    #[test]
    fn decimals_read_half_up_and_overflow_to_null() {
        assert_eq!(parse_decimal("854.19", 4, 1), Ok(Some(8542)));
        assert_eq!(parse_decimal("-113.65", 4, 1), Ok(Some(-1137)));
        assert_eq!(parse_decimal("9999.99", 4, 1), Ok(None));
        assert_eq!(parse_decimal("1e2", 5, 2), Ok(Some(10_000)));
        assert_eq!(parse_decimal("0.00004e3", 5, 2), Ok(Some(4)));
        assert_eq!(parse_decimal(".5", 5, 0), Ok(Some(1)));
        assert_eq!(parse_decimal("1e-100", 5, 2), Ok(Some(0)));
        assert_eq!(parse_decimal("1e100", 5, 2), Ok(None));
        // The largest 128-bit number, rounded up.
        assert_eq!(parse_decimal("170141183460469231731687303715884105727.5", 38, 0), Ok(None));
        for bad in ["", ".", "n/a", "1e", " 1", "--1", "1.2.3"] {
            assert_eq!(parse_decimal(bad, 5, 2), Err(NotADecimal), "{bad}");
        }
    }

    #[test]
    fn decimals_print_as_big_decimals() {
        for (unscaled, scale, stripped, plain) in [
            (25_000, 2, "2.5E+2", "250.00"),
            (150, 2, "1.5", "1.50"),
            (65_200, 2, "652", "652.00"),
            (0, 2, "0", "0.00"),
            (100, 10, "1E-8", "0.0000000100"),
            (-1, 6, "-0.000001", "-0.000001"),
            (-1, 7, "-1E-7", "-0.0000001"),
        ] {
            assert_eq!(text(|out| write_stripped_decimal(unscaled, scale, out)), stripped);
            assert_eq!(text(|out| write_plain_decimal(unscaled, scale, out)), plain);
        }
        assert_eq!(text(|out| write_stripped_plain_decimal(25_000, 2, out)), "250");
    }

    #[test]
    fn integers_and_doubles_read_as_in_java() {
        assert_eq!(parse_integer("+5", -128, 127), Some(5));
        assert_eq!(parse_integer("-128", -128, 127), Some(-128));
        assert_eq!(parse_integer("128", -128, 127), None);
        assert_eq!(parse_integer("", -128, 127), None);
        assert_eq!(parse_integer("-9223372036854775808", i64::MIN, i64::MAX), Some(i64::MIN));
        assert_eq!(parse_double("1d"), Some(1.0));
        assert_eq!(parse_double("-Infinity"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_double("inf"), None);
        assert_eq!(parse_double("nan"), None);
        assert_eq!(parse_float("0.1"), Some(0.1));
    }
}
