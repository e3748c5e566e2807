//! Text to date, time and timestamp, as `CAST` and the text formats read it
//! (`DateTimeUtils.parseDate`, `parseTime`, `parseTimestampData`).

use super::{NANOS_PER_DAY, days_from_civil, days_in_month, is_date};

/// A date and time of day without zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDateTime {
    /// Days since 1970-01-01.
    pub days: i64,
    /// Nanoseconds of the day.
    pub nanos: i64,
}

impl LocalDateTime {
    /// Ticks since the epoch, of which a second has `per_second`; what is finer is cut off. `None`
    /// where 64 bits do not hold it.
    pub fn ticks(self, per_second: i64) -> Option<i64> {
        let whole = self.days.checked_mul(86_400)?.checked_mul(per_second)?;
        whole.checked_add(self.nanos / (1_000_000_000 / per_second))
    }

    /// As [`LocalDateTime::ticks`] with the fraction cut to `precision` digits (0 to 9) first.
    pub fn ticks_at(self, precision: u8) -> Option<i64> {
        let unit = 10_i64.pow(9 - u32::from(precision.min(9)));
        let cut = LocalDateTime { days: self.days, nanos: self.nanos - self.nanos % unit };
        cut.ticks(river_core::types::ticks_per_second(precision))
    }
}

/// An unsigned integer of digits alone, within the range of `INT`.
fn integer(text: &str) -> Option<u32> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok().filter(|n| *n <= i32::MAX as u32) } else { None }
}

/// Days since 1970-01-01 of `2024-02-29`, `2024-2-9`, `2024-02` or `2024`; what follows the first
/// blank (not in front) is passed over.
pub fn parse_date(text: &str) -> Option<i32> {
    let text = match text.find(' ') {
        Some(blank) if blank > 0 => &text[..blank],
        // A blank in front stays, and so does all that follows: the parts are trimmed.
        _ => text,
    };
    let mut parts = text.splitn(3, '-');
    let year = integer(parts.next()?)?;
    let month = parts.next().map_or(Some(1), integer)?;
    let day = parts.next().map_or(Some(1), integer)?;
    is_date(year.into(), month, day).then(|| days_from_civil(year.into(), month, day) as i32)
}

/// Milliseconds of the day of `12:34:56.789`, `12:34` or `12`, with an optional offset `+01:00`
/// that is added; the fraction is rounded to milliseconds.
pub fn parse_time(text: &str) -> Option<i32> {
    let zone = text.find('-').map(|at| (at, -1)).or_else(|| text.find('+').map(|at| (at, 1)));
    let (body, zone_hour, zone_minute) = match zone {
        None => (text, 0, 0),
        Some((at, sign)) => {
            let (hour, minute) = match text[at + 1..].split_once(':') {
                Some((hour, minute)) => (integer(hour)?, integer(minute)?),
                None => (integer(&text[at + 1..])?, 0),
            };
            (&text[..at], sign * i64::from(hour), sign * i64::from(minute))
        }
    };
    let mut parts = body.splitn(3, ':');
    let hour = integer(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), integer)?;
    let (second, millis) = match parts.next() {
        None => (0, 0),
        Some(text) => match text.split_once('.') {
            Some((second, fraction)) => (integer(second)?, millis_of_fraction(fraction.trim())),
            None => (integer(text)?, 0),
        },
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let minutes = (i64::from(hour) + zone_hour) * 60 + i64::from(minute) + zone_minute;
    i32::try_from(minutes * 60_000 + i64::from(second) * 1_000 + millis).ok()
}

/// The first three digits of a fraction, rounded by the fourth; what is no digit counts as 0.
fn millis_of_fraction(text: &str) -> i64 {
    let mut bytes = text.bytes();
    let mut millis = 0;
    for multiplier in [100, 10, 1] {
        let Some(byte) = bytes.next() else { return millis };
        if byte.is_ascii_digit() {
            millis += multiplier * i64::from(byte - b'0');
        }
    }
    millis + i64::from(bytes.next().is_some_and(|b| b >= b'5'))
}

/// A cursor over the bytes of a text.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek(0) == Some(byte)).then(|| self.at += 1)
    }

    fn digit(&self, ahead: usize) -> Option<u32> {
        self.peek(ahead).filter(u8::is_ascii_digit).map(|b| u32::from(b - b'0'))
    }

    /// One or two digits, two where there are two.
    fn one_or_two(&mut self) -> Option<u32> {
        let first = self.digit(0)?;
        let second = self.digit(1);
        self.at += if second.is_some() { 2 } else { 1 };
        Some(second.map_or(first, |second| first * 10 + second))
    }

    fn four(&mut self) -> Option<u32> {
        let year = (0..4).try_fold(0, |year, i| Some(year * 10 + self.digit(i)?))?;
        self.at += 4;
        Some(year)
    }

    /// `[.f{0,9}]` as nanoseconds.
    fn fraction(&mut self) -> i64 {
        if self.eat(b'.').is_none() {
            return 0;
        }
        let mut nanos = 0;
        let mut unit = 100_000_000;
        while let (Some(digit), true) = (self.digit(0), unit > 0) {
            nanos += i64::from(digit) * unit;
            unit /= 10;
            self.at += 1;
        }
        nanos
    }

    /// ` H:m:s[.f]` as hour, minute, second, nanoseconds.
    fn time(&mut self) -> Option<(u32, u32, u32, i64)> {
        self.eat(b' ')?;
        let hour = self.one_or_two()?;
        self.eat(b':')?;
        let minute = self.one_or_two()?;
        self.eat(b':')?;
        let second = self.one_or_two()?;
        Some((hour, minute, second, self.fraction()))
    }
}

/// `yyyy-M-d[ H:m:s[.f]]` with up to 9 digits of fraction. A day past the end of its month is the
/// month's last day (Java's `ResolverStyle.SMART`); `24:00:00` is the next midnight.
pub fn parse_timestamp(text: &str) -> Option<LocalDateTime> {
    let mut cursor = Cursor { bytes: text.as_bytes(), at: 0 };
    let year = cursor.four().filter(|year| *year > 0)?;
    cursor.eat(b'-')?;
    let month = cursor.one_or_two()?;
    cursor.eat(b'-')?;
    let day = cursor.one_or_two()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let day = day.min(days_in_month(year.into(), month));
    let days = days_from_civil(year.into(), month, day);
    let (hour, minute, second, nanos) =
        if cursor.at == text.len() { (0, 0, 0, 0) } else { cursor.time()? };
    if cursor.at != text.len() || minute > 59 || second > 59 {
        return None;
    }
    if (hour, minute, second, nanos) == (24, 0, 0, 0) {
        return Some(LocalDateTime { days: days + 1, nanos: 0 });
    }
    let seconds = i64::from(hour * 3_600 + minute * 60 + second);
    let nanos = seconds * 1_000_000_000 + nanos;
    (hour < 24 && nanos < NANOS_PER_DAY).then_some(LocalDateTime { days, nanos })
}
