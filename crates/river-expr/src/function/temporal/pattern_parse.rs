//! Reading text by a pattern: leniently as `SimpleDateFormat` (values may run over, text behind is
//! passed over), or strictly as `DateTimeFormatter` in its smart mode.

use super::pattern::{DAYS, MONTHS, Pattern, Style, Token};
use crate::calendar::{
    LocalDateTime, MILLIS_PER_DAY, NANOS_PER_DAY, days_from_civil, days_in_month,
};

/// What was read, with Java's defaults.
#[derive(Debug, Clone, Copy)]
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    /// Day of the year, where it was given.
    year_day: Option<i64>,
    hour: i64,
    /// Hour of the half day with `a`.
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    nanos: i64,
    /// Seconds ahead of UTC, where it was given.
    offset: Option<i64>,
    before_christ: bool,
}

/// Local milliseconds, and the offset if the text has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lenient {
    pub(super) millis: i64,
    pub(super) offset: Option<i64>,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn eat(&mut self, literal: &str) -> Option<()> {
        self.rest().starts_with(literal).then(|| self.at += literal.len())
    }

    /// At least `least` and at most `most` digits, with a sign if allowed.
    fn number(&mut self, least: usize, most: usize, signed: bool) -> Option<(i64, usize)> {
        let rest = self.rest();
        let sign = if signed && rest.starts_with('-') { 1 } else { 0 };
        let digits = rest[sign..].bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits < least.max(1) {
            return None;
        }
        let value: i64 = rest[sign..sign + digits].parse().ok()?;
        self.at += sign + digits;
        Some((if sign == 1 { -value } else { value }, digits))
    }

    /// One of the names, whole or its first three letters; gives its index.
    fn name(&mut self, names: &[&str], ignore_case: bool) -> Option<i64> {
        let rest = self.rest();
        let starts = |name: &str| {
            rest.get(..name.len()).is_some_and(|head| {
                if ignore_case { head.eq_ignore_ascii_case(name) } else { head == name }
            })
        };
        let full = names.iter().position(|name| starts(name)).map(|i| (i, names[i].len()));
        let found = full.or_else(|| names.iter().position(|n| starts(&n[..3])).map(|i| (i, 3)))?;
        self.at += found.1;
        Some(found.0 as i64)
    }

    /// `Z`, `UTC`, `GMT+01:00`, `+0100` or `+01:00` in seconds.
    fn offset(&mut self) -> Option<i64> {
        if self.eat("Z").is_some() {
            return Some(0);
        }
        let named = self.eat("UTC").or_else(|| self.eat("GMT")).is_some();
        let sign = match self.rest().as_bytes().first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return named.then_some(0),
        };
        self.at += 1;
        let (hours, _) = self.number(2, 2, false)?;
        let _ = self.eat(":");
        let minutes = self.number(2, 2, false).map_or(0, |found| found.0);
        Some(sign * (hours * 3_600 + minutes * 60))
    }
}

/// Whether the field is read as digits.
fn is_numeric(token: Option<&Token>, style: Style) -> bool {
    match token {
        Some(Token::Field('M' | 'L', count)) => *count < 3,
        Some(Token::Field('u', _)) => true,
        Some(Token::Field(letter, _)) => {
            "yYdDHhKkmsSwWFAnN".contains(*letter) && (style == Style::Simple || *letter != 'W')
        }
        _ => false,
    }
}

impl Pattern {
    /// Reads as `SimpleDateFormat.parse`; `None` where it throws.
    pub(super) fn read_lenient(&self, text: &str) -> Option<Lenient> {
        let mut reader = Reader { text, at: 0 };
        let mut fields = Fields::start();
        for (index, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Literal(literal) => reader.eat(literal)?,
                Token::Field(letter, count) => {
                    while reader.rest().starts_with([' ', '\t']) {
                        reader.at += 1;
                    }
                    let abutting = is_numeric(self.tokens.get(index + 1), self.style)
                        || (index > 0 && is_numeric(self.tokens.get(index - 1), self.style));
                    let next_abuts = is_numeric(self.tokens.get(index + 1), self.style);
                    let most = if abutting && next_abuts { *count } else { 18 };
                    self.field(&mut reader, &mut fields, *letter, *count, 1, most)?;
                }
                Token::OptionalStart | Token::OptionalEnd => {}
            }
        }
        let days = fields.lenient_days();
        let hours = fields.hour().checked_mul(3_600_000)?;
        let minutes = fields.minute.checked_mul(60_000)?;
        let millis = days
            .checked_mul(MILLIS_PER_DAY)?
            .checked_add(hours)?
            .checked_add(minutes)?
            .checked_add(fields.second.checked_mul(1_000)?)?
            .checked_add(fields.nanos / 1_000_000)?;
        Some(Lenient { millis, offset: fields.offset })
    }

    /// Reads as `DateTimeFormatter.parse`, all of the text; what the pattern lacks is that of
    /// 1970-01-01 00:00.
    pub(super) fn read_strict(&self, text: &str) -> Option<LocalDateTime> {
        let mut reader = Reader { text, at: 0 };
        let mut fields = Fields::start();
        self.read_tokens(&mut reader, &mut fields, 0)?;
        if reader.at != text.len() {
            return None;
        }
        fields.strict()
    }

    /// Reads from a token to the end of the pattern or of the optional part.
    fn read_tokens(&self, reader: &mut Reader, fields: &mut Fields, from: usize) -> Option<usize> {
        let mut index = from;
        while let Some(token) = self.tokens.get(index) {
            match token {
                Token::Literal(literal) => reader.eat(literal)?,
                Token::OptionalStart => {
                    let (at, held) = (reader.at, *fields);
                    index = match self.read_tokens(reader, fields, index + 1) {
                        Some(end) => end,
                        None => {
                            reader.at = at;
                            *fields = held;
                            self.end_of_optional(index)
                        }
                    };
                }
                Token::OptionalEnd => return Some(index),
                Token::Field(letter, count) => {
                    let (least, most) = self.widths(index, *letter, *count);
                    self.field(reader, fields, *letter, *count, least, most)?;
                }
            }
            index += 1;
        }
        Some(index)
    }

    /// The `]` of the `[` at that token.
    fn end_of_optional(&self, start: usize) -> usize {
        let mut depth = 0;
        for (index, token) in self.tokens.iter().enumerate().skip(start) {
            match token {
                Token::OptionalStart => depth += 1,
                Token::OptionalEnd => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return index;
            }
        }
        self.tokens.len()
    }

    /// Least and most digits of a field; a field of open width leaves its neighbours theirs.
    fn widths(&self, index: usize, letter: char, count: usize) -> (usize, usize) {
        let fixed = count == 2 || (letter == 'D' && count == 3) || "SAnN".contains(letter);
        if fixed {
            return (count, count);
        }
        let reserved: usize = self.tokens[index + 1..]
            .iter()
            .map_while(|token| match token {
                Token::Field(letter, count)
                    if is_numeric(Some(token), self.style)
                        && (*count == 2 || "SAnN".contains(*letter)) =>
                {
                    Some(*count)
                }
                _ => None,
            })
            .sum();
        if reserved > 0 {
            // Adjacent values: this one ends where the reserved digits begin.
            return (count, count.max(if "yuY".contains(letter) { 4 } else { 1 }));
        }
        (count, if "yuY".contains(letter) && count >= 4 { count } else { 18 })
    }

    fn field(
        &self,
        reader: &mut Reader,
        fields: &mut Fields,
        letter: char,
        count: usize,
        least: usize,
        most: usize,
    ) -> Option<()> {
        let simple = self.style == Style::Simple;
        match letter {
            'M' | 'L' if count >= 3 && !(simple && starts_with_digit(reader)) => {
                fields.month = reader.name(&MONTHS, simple)? + 1;
                return Some(());
            }
            'E' | 'e' | 'c' => {
                reader.name(&DAYS, simple)?;
                return Some(());
            }
            'a' => {
                let rest = reader.rest();
                let half = rest.get(..2)?;
                let matches =
                    |name: &str| half == name || (simple && half.eq_ignore_ascii_case(name));
                fields.afternoon =
                    Some(if matches("PM") { true } else { matches("AM").then_some(false)? });
                reader.at += 2;
                return Some(());
            }
            'G' => {
                fields.before_christ = reader.eat("BC").is_some();
                return if fields.before_christ { Some(()) } else { reader.eat("AD") };
            }
            'z' | 'Z' | 'X' | 'x' | 'O' | 'V' => {
                fields.offset = Some(reader.offset()?);
                return Some(());
            }
            _ => {}
        }
        let (value, digits) = reader.number(least, most, simple)?;
        match letter {
            'y' | 'u' | 'Y' if count == 2 && digits == 2 => {
                // Java slides a window of a century with the clock; this one stands.
                let modern = !simple || value < 50;
                fields.year = value + if modern { 2_000 } else { 1_900 };
            }
            'y' | 'Y' => fields.year = value,
            'u' if simple => {}
            'u' => fields.year = value,
            'M' | 'L' => fields.month = value,
            'd' => fields.day = value,
            'D' => fields.year_day = Some(value),
            'H' => fields.hour = value,
            'k' => fields.hour = value % 24,
            'K' => fields.half_hour = Some(value),
            'h' => fields.half_hour = Some(value % 12),
            'm' => fields.minute = value,
            's' => fields.second = value,
            'S' if simple => fields.nanos = value.checked_mul(1_000_000)?,
            'S' => fields.nanos = value * 10_i64.pow(9 - digits.min(9) as u32),
            'n' => fields.nanos = value,
            _ => {}
        }
        Some(())
    }
}

fn starts_with_digit(reader: &Reader) -> bool {
    reader.rest().starts_with(|c: char| c.is_ascii_digit())
}

impl Fields {
    fn start() -> Fields {
        Fields {
            year: 1970,
            month: 1,
            day: 1,
            year_day: None,
            hour: 0,
            half_hour: None,
            afternoon: None,
            minute: 0,
            second: 0,
            nanos: 0,
            offset: None,
            before_christ: false,
        }
    }

    fn hour(&self) -> i64 {
        match self.half_hour {
            Some(hour) => hour + if self.afternoon == Some(true) { 12 } else { 0 },
            None => self.hour,
        }
    }

    fn era_year(&self) -> i64 {
        if self.before_christ { 1 - self.year } else { self.year }
    }

    fn lenient_days(&self) -> i64 {
        // Bounded so that nothing overflows; Java's calendar ends there too.
        let bound = |value: i64| value.clamp(-300_000_000, 300_000_000);
        let year = bound(self.era_year());
        if let Some(day) = self.year_day {
            return days_from_civil(year, 1, 1) + bound(day) - 1;
        }
        let months = year * 12 + bound(self.month) - 1;
        let month = months.rem_euclid(12) as u32 + 1;
        days_from_civil(months.div_euclid(12), month, 1) + bound(self.day) - 1
    }

    fn strict(&self) -> Option<LocalDateTime> {
        let year = self.era_year();
        let hour = self.hour();
        let in_range = (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && (0..=23).contains(&hour)
            && (0..=59).contains(&self.minute)
            && (0..=59).contains(&self.second)
            && year.abs() <= 999_999_999;
        if !in_range {
            return None;
        }
        let month = self.month as u32;
        let day = (self.day as u32).min(days_in_month(year, month));
        let days = match self.year_day {
            Some(day) => days_from_civil(year, 1, 1) + day - 1,
            None => days_from_civil(year, month, day),
        };
        let clock = hour * 3_600 + self.minute * 60 + self.second;
        let nanos = clock * 1_000_000_000 + self.nanos;
        (nanos < NANOS_PER_DAY).then_some(LocalDateTime { days, nanos })
    }
}
