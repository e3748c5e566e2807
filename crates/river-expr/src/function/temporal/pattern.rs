//! Date patterns of Java's two formatters, and writing by them.
//!
//! `DATE_FORMAT` of timestamps and `TO_TIMESTAMP` follow `java.time.format.DateTimeFormatter`;
//! everything that starts from text or seconds follows `java.text.SimpleDateFormat`, whose letters
//! differ in places. Locale `en_US`: weeks start on Sunday, the week of January 1 is the first.

use crate::calendar::{civil_from_days, day_of_year, days_from_civil, iso_day_of_week};

/// Which of Java's formatters reads the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `DateTimeFormatter`
    Modern,
    /// `SimpleDateFormat`
    Simple,
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Field(char, usize),
    Literal(String),
    /// `[` and `]` of `DateTimeFormatter`.
    OptionalStart,
    OptionalEnd,
}

/// A pattern taken apart.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) tokens: Vec<Token>,
    pub(super) style: Style,
}

const MODERN_LETTERS: &str = "GuyQqMLwWdDFEecahHKkmsSAnNVzOXxZYB";
const SIMPLE_LETTERS: &str = "GyYMLwWdDFEuaHkKhmsSzZX";

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Days of the week from Monday.
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Pattern {
    /// Reads a pattern; the error is Java's.
    pub(super) fn parse(text: &str, style: Style) -> std::result::Result<Pattern, String> {
        let letters = if style == Style::Modern { MODERN_LETTERS } else { SIMPLE_LETTERS };
        let mut tokens: Vec<Token> = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(letter) = chars.next() {
            match letter {
                '\'' => push_literal(&mut tokens, &quoted(&mut chars)?),
                'a'..='z' | 'A'..='Z' => {
                    if !letters.contains(letter) {
                        return Err(match style {
                            Style::Modern => format!("Unknown pattern letter: {letter}"),
                            Style::Simple => format!("Illegal pattern character '{letter}'"),
                        });
                    }
                    let mut count = 1;
                    while chars.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    check_count(letter, count, style)?;
                    tokens.push(Token::Field(letter, count));
                }
                '[' if style == Style::Modern => tokens.push(Token::OptionalStart),
                ']' if style == Style::Modern => tokens.push(Token::OptionalEnd),
                '{' | '}' | '#' if style == Style::Modern => {
                    return Err(format!("Pattern includes reserved character: '{letter}'"));
                }
                other => push_literal(&mut tokens, other.encode_utf8(&mut [0; 4])),
            }
        }
        Ok(Pattern { tokens, style })
    }

    /// Nanoseconds within which the text does not change: times in one such span of the (local)
    /// day are written alike.
    pub(super) fn grain(&self) -> i64 {
        let finest = self.tokens.iter().map(|token| match token {
            Token::Field('S' | 'n' | 'N' | 'A', _) => 1,
            Token::Field('s', _) => 1_000_000_000,
            Token::Field('m', _) => 60_000_000_000,
            Token::Field('H' | 'k' | 'K' | 'h', _) => 3_600_000_000_000,
            Token::Field('a' | 'B', _) => 3_600_000_000_000,
            Token::Field('z' | 'Z' | 'X' | 'x' | 'O' | 'V', _) => 1,
            _ => crate::calendar::NANOS_PER_DAY,
        });
        finest.min().unwrap_or(crate::calendar::NANOS_PER_DAY)
    }
}

/// Most letters in a row that `DateTimeFormatter` takes.
fn check_count(letter: char, count: usize, style: Style) -> std::result::Result<(), String> {
    let most = match letter {
        _ if style == Style::Simple => usize::MAX,
        'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' | 'w' => 2,
        'W' | 'F' | 'a' => 1,
        'D' => 3,
        'S' => 9,
        'M' | 'L' | 'E' | 'e' | 'c' | 'G' | 'Q' | 'q' | 'X' | 'x' | 'Z' => 5,
        _ => 19,
    };
    if count > most { Err(format!("Too many pattern letters: {letter}")) } else { Ok(()) }
}

fn push_literal(tokens: &mut Vec<Token>, text: &str) {
    match tokens.last_mut() {
        Some(Token::Literal(literal)) => literal.push_str(text),
        _ => tokens.push(Token::Literal(text.to_owned())),
    }
}

/// The text after an opening quote up to its end; two quotes stand for one.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars>) -> std::result::Result<String, String> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".to_owned());
    }
    let mut text = String::new();
    while let Some(letter) = chars.next() {
        if letter != '\'' {
            text.push(letter);
        } else if chars.next_if_eq(&'\'').is_some() {
            text.push('\'');
        } else {
            return Ok(text);
        }
    }
    Err("Pattern ends with an incomplete string literal".to_owned())
}

/// A moment to be written, in local time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) days: i64,
    pub(super) nanos: i64,
    /// Seconds that local time is ahead of UTC.
    pub(super) offset: i64,
}

impl Moment {
    /// A local time in ticks, of which a second has `per_second`.
    pub(super) fn of_ticks(ticks: i64, per_second: i64, offset: i64) -> Moment {
        let per_day = per_second * 86_400;
        let nanos = ticks.rem_euclid(per_day) * (1_000_000_000 / per_second);
        Moment { days: ticks.div_euclid(per_day), nanos, offset }
    }
}

/// Week and the year it counts to, American style.
fn us_week(days: i64) -> (i64, i64) {
    let week_start = |days: i64| days - iso_day_of_week(days) % 7;
    let start = week_start(days);
    let (year, ..) = civil_from_days(start + 6);
    (year, (start - week_start(days_from_civil(year, 1, 1))) / 7 + 1)
}

fn push_number(into: &mut String, value: i64, width: usize) {
    let digits = value.unsigned_abs().to_string();
    if value < 0 {
        into.push('-');
    }
    into.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    into.push_str(&digits);
}

fn push_name(into: &mut String, name: &str, count: usize) {
    match count {
        4 => into.push_str(name),
        5 => into.push_str(&name[..1]),
        _ => into.push_str(&name[..3]),
    }
}

fn push_year(into: &mut String, year: i64, count: usize, style: Style) {
    if count == 2 {
        push_number(into, year.rem_euclid(100), 2);
        return;
    }
    if style == Style::Modern && count >= 4 && year >= 10_i64.pow(count.min(18) as u32) {
        into.push('+');
    }
    push_number(into, year, count);
}

fn push_offset(into: &mut String, seconds: i64, colon: bool) {
    into.push(if seconds < 0 { '-' } else { '+' });
    let minutes = seconds.abs() / 60;
    push_number(into, minutes / 60, 2);
    if colon {
        into.push(':');
    }
    push_number(into, minutes % 60, 2);
}

impl Pattern {
    /// Writes a moment; the error names a letter that a time without zone does not have.
    pub(super) fn write(
        &self,
        into: &mut String,
        moment: Moment,
    ) -> std::result::Result<(), String> {
        for token in &self.tokens {
            match token {
                Token::Literal(text) => into.push_str(text),
                Token::Field(letter, count) if "GuyYMLQqdDFEecwW".contains(*letter) => {
                    self.write_date(into, *letter, *count, moment.days);
                }
                Token::Field(letter, count) => self.write_time(into, *letter, *count, moment)?,
                Token::OptionalStart | Token::OptionalEnd => {}
            }
        }
        Ok(())
    }

    fn write_date(&self, into: &mut String, letter: char, count: usize, days: i64) {
        let (year, month, day) = civil_from_days(days);
        let era_year = if year > 0 { year } else { 1 - year };
        let weekday = iso_day_of_week(days);
        let simple = self.style == Style::Simple;
        match letter {
            'G' => into.push_str(match (count, year > 0) {
                (4, true) if !simple => "Anno Domini",
                (4, false) if !simple => "Before Christ",
                (5, true) if !simple => "A",
                (5, false) if !simple => "B",
                (_, true) => "AD",
                (_, false) => "BC",
            }),
            'u' if simple => push_number(into, weekday, count),
            'u' => push_year(into, year, count, self.style),
            'y' => push_year(into, era_year, count, self.style),
            'Y' => push_year(into, us_week(days).0, count, self.style),
            'M' | 'L' if count < 3 => push_number(into, month.into(), count),
            'M' | 'L' => {
                let count = if simple { count.min(4) } else { count };
                push_name(into, MONTHS[month as usize - 1], count);
            }
            'Q' | 'q' => {
                let quarter = i64::from(month + 2) / 3;
                match count {
                    3 => into.push('Q'),
                    4 => {
                        let ending = ["st", "nd", "rd", "th"][quarter as usize - 1];
                        into.push_str(&format!("{quarter}{ending} quarter"));
                        return;
                    }
                    _ => {}
                }
                push_number(into, quarter, if count == 2 { 2 } else { 1 });
            }
            'd' => push_number(into, day.into(), count),
            'D' => push_number(into, day_of_year(days), count),
            'F' if simple => push_number(into, i64::from(day - 1) / 7 + 1, count),
            'F' => push_number(into, i64::from(day - 1) % 7 + 1, count),
            'w' => push_number(into, us_week(days).1, count),
            'W' => {
                let first = days - i64::from(day) + 1;
                let week = (i64::from(day) - 1 + iso_day_of_week(first) % 7) / 7 + 1;
                push_number(into, week, count);
            }
            'e' | 'c' if count < 3 => push_number(into, weekday % 7 + 1, count),
            _ => {
                let count = if simple { count.min(4) } else { count };
                push_name(into, DAYS[weekday as usize - 1], count);
            }
        }
    }

    fn write_time(
        &self,
        into: &mut String,
        letter: char,
        count: usize,
        moment: Moment,
    ) -> std::result::Result<(), String> {
        let simple = self.style == Style::Simple;
        let seconds = moment.nanos / 1_000_000_000;
        let hour = seconds / 3_600;
        let fraction = moment.nanos % 1_000_000_000;
        match letter {
            'a' | 'B' => into.push_str(if hour < 12 { "AM" } else { "PM" }),
            'H' => push_number(into, hour, count),
            'k' => push_number(into, if hour == 0 { 24 } else { hour }, count),
            'K' => push_number(into, hour % 12, count),
            'h' => push_number(into, if hour % 12 == 0 { 12 } else { hour % 12 }, count),
            'm' => push_number(into, seconds / 60 % 60, count),
            's' => push_number(into, seconds % 60, count),
            'S' if simple => push_number(into, fraction / 1_000_000, count),
            'S' => {
                let digits = count.min(9) as u32;
                push_number(into, fraction / 10_i64.pow(9 - digits), count);
            }
            'A' => push_number(into, moment.nanos / 1_000_000, count),
            'n' => push_number(into, fraction, count),
            'N' => push_number(into, moment.nanos, count),
            'Z' if simple => push_offset(into, moment.offset, false),
            'X' if simple && moment.offset == 0 => into.push('Z'),
            'X' if simple => push_offset(into, moment.offset, count == 3),
            'z' if simple && moment.offset == 0 => into.push_str("UTC"),
            'z' if simple => {
                into.push_str("GMT");
                push_offset(into, moment.offset, true);
            }
            other => {
                return Err(format!("Unable to extract zone for pattern letter '{other}'"));
            }
        }
        Ok(())
    }
}
