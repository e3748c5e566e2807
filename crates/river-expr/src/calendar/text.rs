//! Dates, times, timestamps and intervals as `CAST AS STRING` writes them
//! (`DateTimeUtils.formatDate`, `formatTimestampMillis`, `formatTimestamp`, `formatInterval..`).

use river_core::types::ticks_per_second;

use super::{MILLIS_PER_DAY, civil_from_days};

fn push_digits(into: &mut String, value: i64, width: u32) {
    let mut unit = 10_i64.pow(width - 1);
    while unit > 0 {
        into.push((b'0' + (value / unit % 10) as u8) as char);
        unit /= 10;
    }
}

fn push_padded(into: &mut String, value: i64, width: u32) {
    if value >= 10_i64.pow(width) {
        into.push_str(&value.to_string());
    } else {
        push_digits(into, value, width);
    }
}

fn push_clock(into: &mut String, seconds: i64) {
    push_digits(into, seconds / 3_600, 2);
    into.push(':');
    push_digits(into, seconds / 60 % 60, 2);
    into.push(':');
    push_digits(into, seconds % 60, 2);
}

/// `2024-02-29`; of the year the last four digits.
pub fn push_date(into: &mut String, days: i64) {
    let (year, month, day) = civil_from_days(days);
    push_digits(into, year.unsigned_abs() as i64, 4);
    into.push('-');
    push_digits(into, month.into(), 2);
    into.push('-');
    push_digits(into, day.into(), 2);
}

/// `12:34:56`, with precision above 0 `12:34:56.7`: at least one digit of fraction and no more
/// than needed.
pub fn push_time(into: &mut String, millis: i64, precision: u8) {
    let millis = millis.rem_euclid(MILLIS_PER_DAY);
    push_clock(into, millis / 1_000);
    if precision == 0 {
        return;
    }
    into.push('.');
    let mut rest = millis % 1_000;
    for _ in 0..precision {
        push_digits(into, rest / 100, 1);
        rest = rest % 100 * 10;
        if rest == 0 {
            break;
        }
    }
}

/// `2024-02-29 12:34:56` and exactly `precision` digits of fraction. `ticks` are those of the
/// precision ([`ticks_per_second`]), in local time.
pub fn push_timestamp(into: &mut String, ticks: i64, precision: u8) {
    let per_second = ticks_per_second(precision);
    let seconds = ticks.div_euclid(per_second);
    push_date(into, seconds.div_euclid(86_400));
    into.push(' ');
    push_clock(into, seconds.rem_euclid(86_400));
    if precision == 0 {
        return;
    }
    into.push('.');
    let nanos = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let precision = u32::from(precision.min(9));
    push_digits(into, nanos / 10_i64.pow(9 - precision), precision);
}

/// `+1-06`: years and months.
pub fn push_interval_year_month(into: &mut String, months: i32) {
    into.push(if months >= 0 { '+' } else { '-' });
    let months = i64::from(months).abs();
    into.push_str(&(months / 12).to_string());
    into.push('-');
    push_digits(into, months % 12, 2);
}

/// `+1 02:03:04.567`: days and time.
pub fn push_interval_day_time(into: &mut String, millis: i64) {
    into.push(if millis >= 0 { '+' } else { '-' });
    // One number has no positive counterpart; saturating loses its last millisecond only.
    let millis = millis.saturating_abs();
    // Java narrows the days to 32 bits.
    into.push_str(&((millis / MILLIS_PER_DAY) as i32).to_string());
    into.push(' ');
    push_padded(into, millis / 3_600_000 % 24, 2);
    into.push(':');
    push_padded(into, millis / 60_000 % 60, 2);
    into.push(':');
    push_padded(into, millis / 1_000 % 60, 2);
    into.push('.');
    push_digits(into, millis % 1_000, 3);
}
