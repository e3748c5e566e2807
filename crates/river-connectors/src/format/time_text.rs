//! Dates and times from and to text with the formatters of Flink's `TimeFormats`, and with
//! `java.sql.Date`/`Timestamp.valueOf` as its CSV format uses them.
//!
//! Java's builder-made formatters resolve "smartly": 30 February is the last of February, and
//! `24:00:00` is midnight of the next day. The predefined ISO ones are strict.

use std::io::Write;

use river_core::types::ticks_per_second;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// How dates that do not exist are treated (`java.time.format.ResolverStyle`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolve {
    /// An error.
    Strict,
    /// The last day of the month; 24:00 is the next day's midnight.
    Smart,
}

/// A date and time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// Days since 1970-01-01.
    pub days: i64,
    /// Seconds of the day.
    pub seconds: i64,
    /// Nanoseconds of the second.
    pub nanos: i64,
}

impl DateTime {
    /// Ticks since the epoch of a timestamp of that precision; `None` beyond 64 bits.
    pub fn ticks(&self, precision: u8) -> Option<i64> {
        let per_second = ticks_per_second(precision);
        let seconds = self.days.checked_mul(DAY_SECONDS)?.checked_add(self.seconds)?;
        seconds.checked_mul(per_second)?.checked_add(self.nanos / (1_000_000_000 / per_second))
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a day number.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted - era * 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn resolve_date(year: i64, month: i64, day: i64, resolve: Resolve) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let last = days_in_month(year, month);
    if day > last && resolve == Resolve::Strict {
        return None;
    }
    Some(days_from_civil(year, month, day.min(last)))
}

/// Reads from the front of a text.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// A number of `least` to `most` digits.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if digits < least {
            return None;
        }
        let value = self.0[..digits].iter().fold(0i64, |v, b| v * 10 + i64::from(b - b'0'));
        self.0 = &self.0[digits..];
        Some(value)
    }

    fn literal(&mut self, literal: u8) -> Option<()> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        (*first == literal).then_some(())
    }

    fn next_is(&self, literal: u8) -> bool {
        self.0.first() == Some(&literal)
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    /// `ISO_LOCAL_DATE`: four digits of year, more with a sign.
    fn iso_date(&mut self, resolve: Resolve) -> Option<i64> {
        let year = if self.next_is(b'-') {
            self.literal(b'-')?;
            -self.number(4, 9)?
        } else if self.next_is(b'+') {
            self.literal(b'+')?;
            self.number(5, 9)?
        } else {
            self.number(4, 4)?
        };
        self.literal(b'-')?;
        let month = self.number(2, 2)?;
        self.literal(b'-')?;
        let day = self.number(2, 2)?;
        resolve_date(year, month, day, resolve)
    }

    /// `HH:mm:ss` with an optional fraction; with `optional_seconds`, `HH:mm` too. Gives seconds
    /// of the day (86400 for 24:00) and nanoseconds.
    fn time(&mut self, optional_seconds: bool, resolve: Resolve) -> Option<(i64, i64)> {
        let hour = self.number(2, 2)?;
        self.literal(b':')?;
        let minute = self.number(2, 2)?;
        let mut second = 0;
        let mut nanos = 0;
        if !optional_seconds || self.next_is(b':') {
            self.literal(b':')?;
            second = self.number(2, 2)?;
            if self.next_is(b'.') {
                self.literal(b'.')?;
                nanos = self.fraction()?;
            }
        }
        let midnight = hour == 24 && minute == 0 && second == 0 && nanos == 0;
        if minute > 59 || second > 59 || hour > 23 && !(midnight && resolve == Resolve::Smart) {
            return None;
        }
        Some((hour * 3600 + minute * 60 + second, nanos))
    }

    /// One to nine digits as nanoseconds.
    fn fraction(&mut self) -> Option<i64> {
        let before = self.0.len();
        let value = self.number(1, 9)?;
        Some(value * 10i64.pow(9 - (before - self.0.len()) as u32))
    }
}

fn date_time(days: i64, (seconds, nanos): (i64, i64)) -> DateTime {
    DateTime { days: days + seconds / DAY_SECONDS, seconds: seconds % DAY_SECONDS, nanos }
}

/// `ISO_LOCAL_DATE`: days since the epoch.
pub fn parse_iso_date(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.iso_date(Resolve::Strict)?;
    cursor.end()?;
    Some(days)
}

/// `SQL_TIME_FORMAT`, `HH:mm:ss` and an optional fraction: milliseconds of the day.
pub fn parse_sql_time(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let (seconds, nanos) = cursor.time(false, Resolve::Smart)?;
    cursor.end()?;
    Some(seconds % DAY_SECONDS * 1000 + nanos / 1_000_000)
}

/// `LocalTime.parse`, `HH:mm` with optional seconds and fraction: milliseconds of the day.
pub fn parse_local_time(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let (seconds, nanos) = cursor.time(true, Resolve::Strict)?;
    cursor.end()?;
    Some(seconds * 1000 + nanos / 1_000_000)
}

/// `SQL_TIMESTAMP_FORMAT`, `2024-03-01 09:00:00.123`; with `zoned` a `Z` behind.
pub fn parse_sql_timestamp(text: &str, zoned: bool) -> Option<DateTime> {
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.iso_date(Resolve::Smart)?;
    cursor.literal(b' ')?;
    let time = cursor.time(false, Resolve::Smart)?;
    if zoned {
        cursor.literal(b'Z')?;
    }
    cursor.end()?;
    Some(date_time(days, time))
}

/// `ISO8601_TIMESTAMP_FORMAT`, `2024-03-01T09:00`; with `zoned` a `Z` behind.
pub fn parse_iso_timestamp(text: &str, zoned: bool) -> Option<DateTime> {
    let resolve = if zoned { Resolve::Smart } else { Resolve::Strict };
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.iso_date(resolve)?;
    if cursor.next_is(b't') && !zoned {
        cursor.literal(b't')?;
    } else {
        cursor.literal(b'T')?;
    }
    let time = cursor.time(true, resolve)?;
    if zoned {
        cursor.literal(b'Z')?;
    }
    cursor.end()?;
    Some(date_time(days, time))
}

/// `java.sql.Date.valueOf`: month and day of one or two digits.
pub fn parse_jdbc_date(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let days = jdbc_date(&mut cursor)?;
    cursor.end()?;
    Some(days)
}

fn jdbc_date(cursor: &mut Cursor) -> Option<i64> {
    let year = cursor.number(4, 4)?;
    cursor.literal(b'-')?;
    let month = cursor.number(1, 2)?;
    cursor.literal(b'-')?;
    let day = cursor.number(1, 2)?;
    // Days beyond the month's end roll over in java.sql.Date (a lenient calendar).
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days_from_civil(year, month, 1) + day - 1)
}

/// `java.sql.Timestamp.valueOf`: `2024-3-1 9:00:00.5`, blanks around it dropped.
pub fn parse_jdbc_timestamp(text: &str) -> Option<DateTime> {
    let mut cursor = Cursor(text.trim().as_bytes());
    let days = jdbc_date(&mut cursor)?;
    cursor.literal(b' ')?;
    let hour = cursor.number(1, 2)?;
    cursor.literal(b':')?;
    let minute = cursor.number(1, 2)?;
    cursor.literal(b':')?;
    let second = cursor.number(1, 2)?;
    let mut nanos = 0;
    if cursor.next_is(b'.') {
        cursor.literal(b'.')?;
        nanos = cursor.fraction()?;
    }
    cursor.end()?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(date_time(days, (hour * 3600 + minute * 60 + second, nanos)))
}

fn put2(value: i64, out: &mut Vec<u8>) {
    out.push(b'0' + (value / 10 % 10) as u8);
    out.push(b'0' + (value % 10) as u8);
}

/// Appends `2024-02-29`; years beyond 9999 with a plus sign.
pub fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9999).contains(&year) {
        put2(year / 100, out);
        put2(year % 100, out);
    } else {
        let sign = if year < 0 { '-' } else { '+' };
        // Writing to memory does not fail.
        let _ = write!(out, "{sign}{:04}", year.unsigned_abs());
    }
    out.push(b'-');
    put2(month, out);
    out.push(b'-');
    put2(day, out);
}

/// Appends `12:34:56` and as many digits of a fraction as are needed.
pub fn write_time(seconds: i64, nanos: i64, out: &mut Vec<u8>) {
    put2(seconds / 3600, out);
    out.push(b':');
    put2(seconds / 60 % 60, out);
    out.push(b':');
    put2(seconds % 60, out);
    if nanos > 0 {
        out.push(b'.');
        let mut rest = nanos;
        let mut unit = 100_000_000;
        while rest > 0 {
            out.push(b'0' + (rest / unit) as u8);
            rest %= unit;
            unit /= 10;
        }
    }
}

/// Appends a timestamp of `per_second` ticks: date, `separator`, time, and `Z` if `zoned`.
pub fn write_timestamp(ticks: i64, per_second: i64, separator: u8, zoned: bool, out: &mut Vec<u8>) {
    let seconds = ticks.div_euclid(per_second);
    let nanos = ticks.rem_euclid(per_second) * (1_000_000_000 / per_second);
    write_date(seconds.div_euclid(DAY_SECONDS), out);
    out.push(separator);
    write_time(seconds.rem_euclid(DAY_SECONDS), nanos, out);
    if zoned {
        out.push(b'Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_round_trips() {
        let mut expected = days_from_civil(1969, 12, 31);
        assert_eq!(expected, -1);
        for days in -146_097..146_097 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            expected = days;
        }
        assert_eq!(expected, 146_096);
    }

    #[test]
    fn timestamps() {
        let ms = |text| parse_sql_timestamp(text, false).and_then(|t| t.ticks(3));
        assert_eq!(ms("2024-03-01 09:00:00"), Some(1_709_283_600_000));
        assert_eq!(ms("2024-03-01 09:00:00.123456"), Some(1_709_283_600_123));
        assert_eq!(ms("2024-02-30 00:00:00"), ms("2024-02-29 00:00:00"));
        assert_eq!(ms("2024-02-29 24:00:00"), ms("2024-03-01 00:00:00"));
        assert_eq!(ms("1969-12-31 23:59:59.999"), Some(-1));
        for bad in ["2024-03-01", "2024-03-01T09:00:00", "2024-13-01 09:00:00", "24-3-1 09:00:00"] {
            assert_eq!(ms(bad), None, "{bad}");
        }
        let iso = |text| parse_iso_timestamp(text, false).and_then(|t| t.ticks(3));
        assert_eq!(iso("2024-03-01T09:00"), Some(1_709_283_600_000));
        assert_eq!(iso("2024-02-30T09:00"), None);
        assert!(parse_sql_timestamp("2024-03-01 09:00:00Z", true).is_some());
        assert!(parse_sql_timestamp("2024-03-01 09:00:00", true).is_none());
        assert_eq!(
            parse_jdbc_timestamp("2024-3-1 9:0:0.5").and_then(|t| t.ticks(3)),
            Some(1_709_283_600_500)
        );
    }

    #[test]
    fn printing() {
        let print = |ticks, zoned| {
            let mut out = Vec::new();
            write_timestamp(ticks, 1000, b' ', zoned, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(print(1_709_283_600_500, false), "2024-03-01 09:00:00.5");
        assert_eq!(print(0, true), "1970-01-01 00:00:00Z");
        assert_eq!(print(-1, false), "1969-12-31 23:59:59.999");
    }
}
