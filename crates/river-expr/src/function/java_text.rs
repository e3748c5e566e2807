//! Values as Java writes them: `Double.toString`, `Float.toString`, `BigDecimal.toString`,
//! `DateTimeFormatter.ISO_LOCAL_DATE_TIME`.
//!
//! For functions whose result holds such a text (JSON, `PRINTF`); `CAST AS STRING` has its own
//! rules in [`crate::cast`].

/// `Double.toString`: plain from 1e-3 to below 1e7, else `1.0E10`.
pub fn double(value: f64) -> String {
    if !value.is_finite() {
        return non_finite(value.is_nan(), value > 0.0);
    }
    java_form(&format!("{value:e}"), (1e-3..1e7).contains(&value.abs()) || value == 0.0)
}

/// `Float.toString`.
pub fn float(value: f32) -> String {
    if !value.is_finite() {
        return non_finite(value.is_nan(), value > 0.0);
    }
    java_form(&format!("{value:e}"), (1e-3..1e7).contains(&value.abs()) || value == 0.0)
}

fn non_finite(nan: bool, positive: bool) -> String {
    let text = if nan {
        "NaN"
    } else if positive {
        "Infinity"
    } else {
        "-Infinity"
    };
    text.to_string()
}

/// Brings Rust's shortest scientific form (`-1.25e7`) to Java's.
fn java_form(scientific: &str, plain: bool) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    if !plain {
        let point = if mantissa.contains('.') { "" } else { ".0" };
        return format!("{mantissa}{point}E{exponent}");
    }
    let (sign, digits) = split_sign(mantissa);
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let point = exponent + 1;
    let body = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if digits.len() as i32 <= point {
        format!("{digits}{}.0", "0".repeat(point as usize - digits.len()))
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    };
    format!("{sign}{body}")
}

fn split_sign(text: &str) -> (&str, &str) {
    match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    }
}

/// `BigDecimal.toPlainString` of an unscaled value.
pub fn decimal_plain(unscaled: i128, scale: u8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    plain_digits(sign, &unscaled.unsigned_abs().to_string(), usize::from(scale))
}

fn plain_digits(sign: &str, digits: &str, scale: usize) -> String {
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// `BigDecimal.toString` of an unscaled value: with an exponent where the scale is negative or
/// the number is below 1e-6.
pub fn big_decimal(sign: &str, digits: &str, scale: i64) -> String {
    let adjusted = -scale + digits.len() as i64 - 1;
    if scale >= 0 && adjusted >= -6 {
        return plain_digits(sign, digits, scale as usize);
    }
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    match adjusted {
        0 => format!("{sign}{first}{point}{rest}"),
        e if e > 0 => format!("{sign}{first}{point}{rest}E+{e}"),
        e => format!("{sign}{first}{point}{rest}E{e}"),
    }
}

/// `new BigDecimal(text).toString()` for a JSON or Java number text; `None` if it is none.
pub fn big_decimal_of(text: &str) -> Option<String> {
    let (sign, digits, scale) = parse_big_decimal(text)?;
    Some(big_decimal(sign, &digits, scale))
}

/// Sign, digits without leading zeros (at least one) and scale of a number's text.
pub fn parse_big_decimal(text: &str) -> Option<(&'static str, String, i64)> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let trimmed = digits.trim_start_matches('0');
    let zero = trimmed.is_empty();
    let digits = if zero { "0".to_string() } else { trimmed.to_string() };
    let sign = if negative && !zero { "-" } else { "" };
    Some((sign, digits, (fraction.len() as i64).checked_sub(exponent)?))
}

/// `2024-02-29T12:34:56.12`: ISO date and time without zone, the fraction as long as it needs to
/// be. `None` outside the years that chrono knows.
pub fn iso_local(epoch_seconds: i64, nanos: u32) -> Option<String> {
    let time = chrono::DateTime::from_timestamp(epoch_seconds, nanos)?.naive_utc();
    let mut text = time.format("%Y-%m-%dT%H:%M:%S").to_string();
    if nanos > 0 {
        let fraction = format!("{nanos:09}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    Some(text)
}
