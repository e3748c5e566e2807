//! The rule of one field: random within bounds, or a sequence.

use std::time::Duration;

use river_core::options::{OptionError, Options};
use river_core::types::{LogicalType, ticks_per_second};

use crate::format::choice;
use crate::format::column_sink::ColumnSink;

/// Length of random texts and bytes.
const DEFAULT_LENGTH: i64 = 100;
/// Length of random arrays, maps and multisets.
const DEFAULT_COLLECTION: i64 = 3;
/// Longest text or collection made.
const MAX_LENGTH: i64 = 1 << 20;

/// SplitMix64's increment.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A fast generator of pseudo-random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

/// SplitMix64's finaliser.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Random {
    /// The generator of one value: that of a column in a row.
    pub fn of(seed: u64, column: u64, row: u64) -> Random {
        let column = mix(seed.wrapping_add(column.wrapping_add(1).wrapping_mul(GAMMA)));
        Random(mix(column ^ row.wrapping_mul(GAMMA)))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number within bounds, both included.
    pub fn within(&mut self, min: i64, max: i64) -> i64 {
        let span = (max as i128 - min as i128 + 1).max(1) as u128;
        let offset = (u128::from(self.bits()) * span) >> 64;
        (min as i128 + offset as i128) as i64
    }
}

/// Makes the values of one field.
#[derive(Debug, Clone)]
pub struct FieldGenerator {
    /// Type of the field.
    pub ty: LogicalType,
    rule: Rule,
    null_rate: f64,
}

#[derive(Debug, Clone)]
enum Rule {
    /// `start` plus the row's number, up to `end`.
    Sequence {
        start: i64,
        end: i64,
    },
    Boolean,
    Integer {
        min: i64,
        max: i64,
    },
    Float {
        min: f64,
        max: f64,
    },
    Decimal {
        min: f64,
        max: f64,
        precision: u8,
        scale: u8,
    },
    /// Hexadecimal digits; `varying`: any length up to it.
    Text {
        length: i64,
        varying: bool,
    },
    Bytes {
        length: i64,
        varying: bool,
    },
    /// The wall clock, up to that much earlier.
    Past {
        max_past_ms: i64,
        per_second: i64,
    },
    /// The wall clock's date (days) or time of day (milliseconds).
    Today,
    TimeOfDay,
    Array {
        item: Box<FieldGenerator>,
        length: i64,
    },
    Map {
        key: Box<FieldGenerator>,
        value: Box<FieldGenerator>,
        length: i64,
    },
    Row(Vec<FieldGenerator>),
    /// A type that cannot be made up.
    Null,
}

impl FieldGenerator {
    /// The rule for a field; `name` is its path below `fields.`.
    pub fn new(
        name: &str,
        ty: &LogicalType,
        options: &Options,
    ) -> Result<FieldGenerator, OptionError> {
        let key = |suffix: &str| format!("fields.{name}.{suffix}");
        let sequence =
            choice(options, &key("kind"), &[("random", false), ("sequence", true)], false)?;
        let rule = if sequence {
            sequence_rule(name, ty, options)?
        } else {
            random_rule(name, ty, options)?
        };
        let null_rate = options.f64(&key("null-rate"))?.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&null_rate) {
            return Err(wrong(options, &key("null-rate"), "a share from 0 to 1"));
        }
        Ok(FieldGenerator { ty: ty.clone(), rule, null_rate })
    }

    /// Number of rows after which it ends.
    pub fn rows(&self) -> Option<u64> {
        match self.rule {
            Rule::Sequence { start, end } => Some((end as i128 - start as i128 + 1).max(0) as u64),
            _ => None,
        }
    }

    /// Appends the value for the row of that number.
    pub fn push(&self, index: u64, now_ms: i64, random: &mut Random, column: &mut ColumnSink) {
        if self.null_rate > 0.0 && random.unit() < self.null_rate {
            return column.push_null();
        }
        match &self.rule {
            Rule::Sequence { start, .. } => self.push_sequence(*start, index, column),
            Rule::Boolean => column.push_bool(random.bits() & 1 == 1),
            Rule::Integer { min, max } => column.push_int(random.within(*min, *max)),
            Rule::Float { min, max } => column.push_float(min + random.unit() * (max - min)),
            Rule::Decimal { min, max, precision, scale } => {
                let value = min + random.unit() * (max - min);
                let limit = 10f64.powi(i32::from(*precision));
                let unscaled = (value * 10f64.powi(i32::from(*scale))) % limit;
                column.push_decimal(Some(unscaled as i128));
            }
            Rule::Text { length, varying } => {
                let length = if *varying { random.within(1, (*length).max(1)) } else { *length };
                let mut text = String::with_capacity(length as usize + 16);
                while (text.len() as i64) < length {
                    text.push_str(&format!("{:016x}", random.bits()));
                }
                text.truncate(length as usize);
                column.push_str(&text);
            }
            Rule::Bytes { length, varying } => {
                let length = if *varying { random.within(1, (*length).max(1)) } else { *length };
                let bytes: Vec<u8> = (0..length).map(|_| random.bits() as u8).collect();
                column.push_binary(&bytes);
            }
            Rule::Past { max_past_ms, per_second } => {
                let past = if *max_past_ms > 0 { random.within(0, *max_past_ms) } else { 0 };
                column.push_int((now_ms - past).saturating_mul(per_second / 1000));
            }
            Rule::Today => column.push_int(now_ms.div_euclid(86_400_000)),
            Rule::TimeOfDay => column.push_int(now_ms.rem_euclid(86_400_000)),
            Rule::Null => column.push_null(),
            nested => self.push_nested(nested, index, now_ms, random, column),
        }
    }

    fn push_nested(
        &self,
        rule: &Rule,
        index: u64,
        now_ms: i64,
        random: &mut Random,
        column: &mut ColumnSink,
    ) {
        match rule {
            Rule::Array { item, length } => {
                if let Some(items) = column.items() {
                    (0..*length).for_each(|_| item.push(index, now_ms, random, items));
                }
            }
            Rule::Map { key, value, length } => {
                if let Some((keys, values)) = column.entries() {
                    for _ in 0..*length {
                        key.push(index, now_ms, random, keys);
                        value.push(index, now_ms, random, values);
                    }
                }
            }
            Rule::Row(fields) => {
                if let Some(columns) = column.fields() {
                    for (field, column) in fields.iter().zip(columns) {
                        field.push(index, now_ms, random, column);
                    }
                }
            }
            _ => return column.push_null(),
        }
        column.close();
    }

    fn push_sequence(&self, start: i64, index: u64, column: &mut ColumnSink) {
        let value = start.wrapping_add(index as i64);
        match &self.ty {
            LogicalType::Char(_) | LogicalType::VarChar(_) => column.push_str(&value.to_string()),
            LogicalType::Float | LogicalType::Double => column.push_float(value as f64),
            LogicalType::Decimal(_, scale) => {
                let unscaled = i128::from(value).checked_mul(10i128.pow(u32::from(*scale)));
                column.push_decimal(unscaled);
            }
            _ => column.push_int(value),
        }
    }
}

fn wrong(options: &Options, key: &str, expected: &str) -> OptionError {
    OptionError {
        key: key.to_owned(),
        value: options.get(key).unwrap_or("").to_owned(),
        expected: expected.to_owned(),
    }
}

fn sequence_rule(name: &str, ty: &LogicalType, options: &Options) -> Result<Rule, OptionError> {
    let key = |suffix: &str| format!("fields.{name}.{suffix}");
    let made = ty.is_numeric() || ty.is_character();
    if !made {
        return Err(wrong(options, &key("kind"), &format!("available for type {ty}")));
    }
    let bound = |suffix: &str| {
        let key = key(suffix);
        options.i64(&key)?.ok_or_else(|| OptionError {
            value: String::new(),
            expected: "set; a sequence needs 'start' and 'end'".to_owned(),
            key,
        })
    };
    let (start, end) = (bound("start")?, bound("end")?);
    if end < start {
        return Err(wrong(options, &key("end"), "at least the sequence's start"));
    }
    Ok(Rule::Sequence { start, end })
}

fn random_rule(name: &str, ty: &LogicalType, options: &Options) -> Result<Rule, OptionError> {
    let key = |suffix: &str| format!("fields.{name}.{suffix}");
    let nested = |part: &str, ty: &LogicalType| {
        FieldGenerator::new(&format!("{name}.{part}"), ty, options).map(Box::new)
    };
    let integers = |min: i64, max: i64| integer_rule(name, options, min, max);
    Ok(match ty {
        LogicalType::Boolean => Rule::Boolean,
        LogicalType::TinyInt => integers(i8::MIN.into(), i8::MAX.into())?,
        LogicalType::SmallInt => integers(i16::MIN.into(), i16::MAX.into())?,
        LogicalType::Int => integers(i32::MIN.into(), i32::MAX.into())?,
        LogicalType::BigInt | LogicalType::IntervalDayTime => integers(i64::MIN, i64::MAX)?,
        LogicalType::IntervalYearMonth => integers(0, 120_000)?,
        LogicalType::Float => {
            let (min, max) = (f64::from(f32::from_bits(1)), f64::from(f32::MAX));
            let (min, max) = float_bounds(name, options, min, max)?;
            Rule::Float { min, max }
        }
        LogicalType::Double => {
            let (min, max) = float_bounds(name, options, f64::from_bits(1), f64::MAX)?;
            Rule::Float { min, max }
        }
        LogicalType::Decimal(precision, scale) => {
            let limit = 10f64.powi(i32::from(*precision) - i32::from(*scale));
            let (min, max) = float_bounds(name, options, 0.0, limit)?;
            Rule::Decimal { min, max, precision: *precision, scale: *scale }
        }
        LogicalType::Char(_)
        | LogicalType::Binary(_)
        | LogicalType::VarChar(_)
        | LogicalType::VarBinary(_) => text_rule(name, ty, options)?,
        LogicalType::Timestamp(p, _) | LogicalType::TimestampLtz(p, _) => {
            let past: Option<Duration> = options.duration(&key("max-past"))?;
            let max_past_ms = past.map_or(0, |p| p.as_millis().min(i64::MAX as u128) as i64);
            Rule::Past { max_past_ms, per_second: ticks_per_second(*p) }
        }
        LogicalType::Date => Rule::Today,
        LogicalType::Time(_) => Rule::TimeOfDay,
        LogicalType::Array(item) => Rule::Array {
            item: nested("element", &item.logical)?,
            length: length(name, options, DEFAULT_COLLECTION)?,
        },
        LogicalType::Map(k, v) => Rule::Map {
            key: nested("key", &k.logical)?,
            value: nested("value", &v.logical)?,
            length: length(name, options, DEFAULT_COLLECTION)?,
        },
        LogicalType::Multiset(item) => {
            let counts = Rule::Integer { min: 0, max: 10 };
            let value = FieldGenerator { ty: LogicalType::Int, rule: counts, null_rate: 0.0 };
            Rule::Map {
                key: nested("element", &item.logical)?,
                value: Box::new(value),
                length: length(name, options, DEFAULT_COLLECTION)?,
            }
        }
        LogicalType::Row(fields) => {
            let fields = fields.iter().map(|f| {
                FieldGenerator::new(&format!("{name}.{}", f.name), &f.ty.logical, options)
            });
            Rule::Row(fields.collect::<Result<_, _>>()?)
        }
        _ => Rule::Null,
    })
}

/// Text and bytes: fixed lengths as declared, others by `length` and `var-len`.
fn text_rule(name: &str, ty: &LogicalType, options: &Options) -> Result<Rule, OptionError> {
    let varying = options.bool(&format!("fields.{name}.var-len"))?.unwrap_or(false);
    Ok(match ty {
        LogicalType::Char(n) => {
            Rule::Text { length: i64::from(*n).min(MAX_LENGTH), varying: false }
        }
        LogicalType::Binary(n) => {
            Rule::Bytes { length: i64::from(*n).min(MAX_LENGTH), varying: false }
        }
        LogicalType::VarChar(n) => {
            let length = length(name, options, DEFAULT_LENGTH.min((*n).into()))?;
            Rule::Text { length, varying }
        }
        LogicalType::VarBinary(n) => {
            let length = length(name, options, DEFAULT_LENGTH.min((*n).into()))?;
            Rule::Bytes { length, varying }
        }
        _ => Rule::Null,
    })
}

fn integer_rule(name: &str, options: &Options, low: i64, high: i64) -> Result<Rule, OptionError> {
    let min_key = format!("fields.{name}.min");
    let max_key = format!("fields.{name}.max");
    let min = options.i64(&min_key)?.unwrap_or(low);
    let max = options.i64(&max_key)?.unwrap_or(high);
    let range = format!("between {low} and {high}, min below max");
    if min < low || min > high {
        return Err(wrong(options, &min_key, &range));
    }
    if max > high || max < min {
        let key = if options.get(&max_key).is_some() { &max_key } else { &min_key };
        return Err(wrong(options, key, &range));
    }
    Ok(Rule::Integer { min, max })
}

fn float_bounds(
    name: &str,
    options: &Options,
    low: f64,
    high: f64,
) -> Result<(f64, f64), OptionError> {
    let max_key = format!("fields.{name}.max");
    let min = options.f64(&format!("fields.{name}.min"))?.unwrap_or(low);
    let max = options.f64(&max_key)?.unwrap_or(high);
    if max < min || !min.is_finite() || !max.is_finite() {
        return Err(wrong(options, &max_key, "a finite number that is not below the minimum"));
    }
    Ok((min, max))
}

fn length(name: &str, options: &Options, default: i64) -> Result<i64, OptionError> {
    let key = format!("fields.{name}.length");
    let length = options.i64(&key)?.unwrap_or(default);
    if !(0..=MAX_LENGTH).contains(&length) {
        return Err(wrong(options, &key, &format!("a length from 0 to {MAX_LENGTH}")));
    }
    Ok(length)
}
