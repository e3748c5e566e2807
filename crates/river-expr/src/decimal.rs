//! `DECIMAL` arithmetic: result types and exact operations on unscaled 128-bit values.
//!
//! Used by arithmetic, comparison, casts, rounding and the aggregates. Types follow
//! `LogicalTypeMerging.find*DecimalType`, values `DecimalDataUtils`: a result is rounded `HALF_UP`
//! to the scale of its type and is NULL where it has more digits than the precision.

use arrow_buffer::i256;

/// Largest precision.
const MAX: u32 = 38;
/// Fraction digits that the adjustment of a too wide type leaves at least, if there are as many.
const MIN_ADJUSTED_SCALE: i32 = 6;

/// `10^n` for n up to 38.
pub const POW10: [i128; 39] = powers();

const fn powers() -> [i128; 39] {
    let mut table = [1i128; 39];
    let mut n = 1;
    while n < 39 {
        table[n] = table[n - 1] * 10;
        n += 1;
    }
    table
}

/// Precision and scale of `a + b` and `a - b`.
pub fn add_type((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let scale = s1.max(s2) as i32;
    let whole = (p1 as i32 - s1 as i32).max(p2 as i32 - s2 as i32);
    adjust(whole + scale + 1, scale)
}

/// Precision and scale of `a * b`.
pub fn multiply_type((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    adjust(p1 as i32 + p2 as i32 + 1, s1 as i32 + s2 as i32)
}

/// Precision and scale of `a / b`.
pub fn divide_type((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let scale = (s1 as i32 + p2 as i32 + 1).max(6);
    adjust(p1 as i32 - s1 as i32 + s2 as i32 + scale, scale)
}

/// Precision and scale of `a % b`.
pub fn modulo_type((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let scale = s1.max(s2) as i32;
    adjust((p1 as i32 - s1 as i32).min(p2 as i32 - s2 as i32) + scale, scale)
}

/// Precision and scale of `ROUND(a, digits)` (`findRoundDecimalType`).
pub fn round_type((p, s): (u8, u8), digits: i32) -> (u8, u8) {
    if digits >= s as i32 {
        return (p, s);
    }
    if digits < 0 {
        return (38.min(1 + p - s), 0);
    }
    (1 + p - s + digits as u8, digits as u8)
}

/// Precision and scale that hold all values of both (`createCommonExactNumericType`).
pub fn common_type((p1, s1): (u8, u8), (p2, s2): (u8, u8)) -> (u8, u8) {
    let whole = (p1 - s1).max(p2 - s2).min(38);
    let scale = s1.max(s2).min(38 - whole);
    (whole + scale, scale)
}

/// `adjustPrecisionScale`: a type wider than 38 digits gives up fraction digits first.
fn adjust(precision: i32, scale: i32) -> (u8, u8) {
    if precision <= MAX as i32 {
        return (precision as u8, scale as u8);
    }
    let whole = precision - scale;
    let scale = (MAX as i32 - whole).max(scale.min(MIN_ADJUSTED_SCALE));
    (MAX as u8, scale as u8)
}

/// Whether the unscaled value has at most `precision` digits.
pub fn fits(value: i128, precision: u8) -> bool {
    value.unsigned_abs() < POW10[precision.min(38) as usize].unsigned_abs()
}

/// Number of decimal digits; 1 for zero.
pub fn digits(value: i128) -> u32 {
    value.unsigned_abs().checked_ilog10().unwrap_or(0) + 1
}

/// `n / d`, rounded half away from zero.
pub fn divide_half_up(n: i128, d: i128) -> i128 {
    let (q, r) = (n / d, n % d);
    // |r| >= |d| - |r| is 2|r| >= |d| without overflow.
    if r.unsigned_abs() >= d.unsigned_abs() - r.unsigned_abs() {
        q + if (n < 0) == (d < 0) { 1 } else { -1 }
    } else {
        q
    }
}

/// The value at another scale, rounded half up; `None` if 128 bits do not hold it.
pub fn rescale(value: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return value.checked_mul(*POW10.get((to - from) as usize)?);
    }
    Some(match POW10.get((from - to) as usize) {
        Some(power) => divide_half_up(value, *power),
        None => 0,
    })
}

/// The value as `DECIMAL(precision, to)`: rescaled, `None` if it does not fit.
pub fn convert(value: i128, from: u8, (precision, to): (u8, u8)) -> Option<i128> {
    rescale(value, from, to).filter(|v| fits(*v, precision))
}

/// A 256-bit value at another scale, rounded half up, if it has at most `precision` digits.
fn narrow(value: i256, from: u32, (precision, to): (u8, u8)) -> Option<i128> {
    let to = to as u32;
    let value = if to >= from {
        value.checked_mul(power(to - from)?)?
    } else {
        divide_half_up_wide(value, power(from - to)?)
    };
    value.to_i128().filter(|v| fits(*v, precision))
}

fn power(n: u32) -> Option<i256> {
    if n <= MAX {
        return Some(i256::from_i128(POW10[n as usize]));
    }
    let rest = POW10.get((n - MAX) as usize)?;
    i256::from_i128(POW10[MAX as usize]).checked_mul(i256::from_i128(*rest))
}

fn divide_half_up_wide(n: i256, d: i256) -> i256 {
    let (Some(q), Some(r)) = (n.checked_div(d), n.checked_rem(d)) else { return i256::ZERO };
    let (r, whole) = (r.wrapping_abs(), d.wrapping_abs());
    if r >= whole.wrapping_sub(r) {
        let away = if n.is_negative() == d.is_negative() { i256::ONE } else { i256::MINUS_ONE };
        q.wrapping_add(away)
    } else {
        q
    }
}

/// `a + b` of values at scales `s1`, `s2`; subtract by adding the negative.
pub fn add(a: i128, s1: u8, b: i128, s2: u8, out: (u8, u8)) -> Option<i128> {
    let scale = s1.max(s2);
    let (x, y) = (rescale(a, s1, scale), rescale(b, s2, scale));
    if let (Some(x), Some(y)) = (x, y)
        && let Some(sum) = x.checked_add(y)
    {
        return convert(sum, scale, out);
    }
    let x = i256::from_i128(a).checked_mul(power((scale - s1) as u32)?)?;
    let y = i256::from_i128(b).checked_mul(power((scale - s2) as u32)?)?;
    narrow(x.checked_add(y)?, scale as u32, out)
}

/// `a * b` of values at scales `s1`, `s2`.
pub fn multiply(a: i128, s1: u8, b: i128, s2: u8, out: (u8, u8)) -> Option<i128> {
    let scale = s1 + s2;
    match a.checked_mul(b) {
        Some(product) => convert(product, scale, out),
        None => {
            let product = i256::from_i128(a).checked_mul(i256::from_i128(b))?;
            narrow(product, scale as u32, out)
        }
    }
}

/// `a / b` of values at scales `s1`, `s2`, to 38 significant digits and then to the scale of
/// `out`, half up both times (Java's `MathContext(38, HALF_UP)`). `b` must not be zero.
pub fn divide(a: i128, s1: u8, b: i128, s2: u8, out: (u8, u8)) -> Option<i128> {
    if a == 0 {
        return Some(0);
    }
    let shift = out.1 as i32 - s1 as i32 + s2 as i32;
    if (0..=38).contains(&shift)
        && let Some(n) = a.checked_mul(POW10[shift as usize])
    {
        return Some(divide_half_up(n, b)).filter(|v| fits(*v, out.0));
    }
    // Enough digits that the quotient has 38 or 39 of them.
    let shift = MAX + digits(b) - digits(a).min(MAX);
    let n = i256::from_i128(a).checked_mul(power(shift)?)?;
    let mut scale = shift as i32 + s1 as i32 - s2 as i32;
    let mut quotient = divide_half_up_wide(n, i256::from_i128(b));
    if quotient.wrapping_abs() >= power(MAX)? {
        // One digit too many: divide once more from the exact dividend.
        quotient = divide_half_up_wide(n, i256::from_i128(b).checked_mul(power(1)?)?);
        scale -= 1;
    }
    if scale < 0 {
        return narrow(quotient.checked_mul(power(scale.unsigned_abs())?)?, 0, out);
    }
    narrow(quotient, scale as u32, out)
}

/// `a % b` with the sign of `a`. `b` must not be zero.
pub fn modulo(a: i128, s1: u8, b: i128, s2: u8, out: (u8, u8)) -> Option<i128> {
    let scale = s1.max(s2);
    if let (Some(x), Some(y)) = (rescale(a, s1, scale), rescale(b, s2, scale)) {
        return convert(x.checked_rem(y)?, scale, out);
    }
    let x = i256::from_i128(a).checked_mul(power((scale - s1) as u32)?)?;
    let y = i256::from_i128(b).checked_mul(power((scale - s2) as u32)?)?;
    narrow(x.checked_rem(y)?, scale as u32, out)
}

/// Order of two values at their scales.
pub fn compare(a: i128, s1: u8, b: i128, s2: u8) -> std::cmp::Ordering {
    let scale = s1.max(s2);
    match (rescale(a, s1, scale), rescale(b, s2, scale)) {
        (Some(x), Some(y)) => x.cmp(&y),
        // What outgrows 128 bits at the common scale is the larger in size.
        (Some(_), None) if b > 0 => std::cmp::Ordering::Less,
        (Some(_), None) => std::cmp::Ordering::Greater,
        (None, _) if a > 0 => std::cmp::Ordering::Greater,
        (None, _) => std::cmp::Ordering::Less,
    }
}

/// The nearest double.
pub fn to_f64(value: i128, scale: u8) -> f64 {
    const EXACT: u128 = 1 << 53;
    if value.unsigned_abs() <= EXACT && scale <= 22 {
        // Both are exact doubles, so the quotient is correctly rounded.
        return value as f64 / POW10[scale as usize] as f64;
    }
    // A number in digits and an exponent is always a valid float.
    format!("{value}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// Plain notation with exactly `scale` fraction digits.
pub fn render(value: i128, scale: u8) -> String {
    let mut text = String::with_capacity(42);
    write(&mut text, value, scale);
    text
}

/// As [`render`], appended to `text`.
pub fn write(text: &mut String, value: i128, scale: u8) {
    use std::fmt::Write;
    let size = value.unsigned_abs();
    if value < 0 {
        text.push('-');
    }
    // Writing to a string cannot fail.
    let _ = match scale {
        0 => write!(text, "{size}"),
        scale => {
            let power = POW10[scale.min(38) as usize].unsigned_abs();
            write!(text, "{}.{:0width$}", size / power, size % power, width = scale as usize)
        }
    };
}

/// Reads Java's `BigDecimal` notation (`[+-]digits[.digits][e[+-]digits]`) as
/// `DECIMAL(precision, scale)`: `Err` if it is no number, `Ok(None)` if it does not fit.
#[allow(clippy::result_unit_err)] // the caller words the error
pub fn parse(text: &str, out: (u8, u8)) -> Result<Option<i128>, ()> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().map_err(|_| ())?),
        None => (text, 0),
    };
    let (negative, mantissa) = match mantissa.as_bytes().first() {
        Some(b'-') => (true, &mantissa[1..]),
        Some(b'+') => (false, &mantissa[1..]),
        _ => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = whole.bytes().chain(fraction.bytes());
    if (whole.is_empty() && fraction.is_empty()) || !all.clone().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    // The number is 0.d1d2d3... * 10^point; digits beyond the wanted scale decide the rounding.
    let point = whole.len() as i64 + i64::from(exponent);
    let wanted = point + i64::from(out.1);
    let mut value: i128 = 0;
    let mut taken: i64 = 0;
    let mut round_up = false;
    for digit in all {
        if taken >= wanted {
            round_up = taken == wanted && digit >= b'5';
            break;
        }
        let Some(next) = value.checked_mul(10).and_then(|v| v.checked_add((digit - b'0').into()))
        else {
            return Ok(None);
        };
        value = next;
        taken += 1;
    }
    if value != 0 && taken < wanted {
        let Some(power) = POW10.get((wanted - taken) as usize) else { return Ok(None) };
        match value.checked_mul(*power) {
            Some(scaled) => value = scaled,
            None => return Ok(None),
        }
    }
    if round_up {
        value = value.saturating_add(1); // of 39 digits: refused below
    }
    Ok(Some(if negative { -value } else { value }).filter(|v| fits(*v, out.0)))
}

#[cfg(test)]
mod tests;
